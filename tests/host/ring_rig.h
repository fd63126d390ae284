/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A virtqueue and a device at its other end, for tests that need nothing else: the driver's side is
 * drivers/virtio/virtq.c with split.c or packed.c, the device's is ring_device.c. Every piece of memory is
 * exactly as long as the queue says it needs, so that the address sanitizer sees each step outside.
 *
 * A test is a function that takes the format from `format`; ON_SPLIT and ON_PACKED say for which it makes
 * sense, and rig_run runs it for each.
 */
#ifndef TESTS_HOST_RING_RIG_H
#define TESTS_HOST_RING_RIG_H

#include <setjmp.h>
#include <stdlib.h>

#include "drivers/virtio/virtq.h"
#include "tests/host/check.h"
#include "tests/host/ring_device.h"

#define RIG_DATA_BYTES 65536

struct rig {
	struct virtq vq;
	struct virtq_setup setup;
	struct ring_device device;
	struct ring_device_setup device_setup;
	struct dma_arena arena;
	uint8_t *data;
	uint64_t data_address;
};

static enum virtq_format format; /* of the case that runs */

/* ---- Set-up ---------------------------------------------------------------------- */

/* Sanitizers put memory at odd multiples of 16; that is what the queue asks for. */
static inline void *rig_memory(size_t size)
{
	void *memory = calloc(1, size);

	if (!memory)
		abort();
	return memory;
}

/* As after a reset: whatever was in the memory, both sides begin anew. */
static inline void rig_restart(struct rig *rig)
{
	ring_device_stop(&rig->device);
	virtq_init(&rig->vq, &rig->setup);
	ring_device_start(&rig->device, &rig->arena, &rig->device_setup);
}

static inline void rig_make(struct rig *rig, uint16_t size, uint16_t indirect, bool event_idx)
{
	*rig = (struct rig){ 0 };
	struct virtq_setup *setup = &rig->setup;
	*setup = (struct virtq_setup){
		.format = format,
		.size = size,
		.indirect_entries = indirect,
		.event_idx = event_idx,
		.ring = rig_memory(virtq_ring_bytes(format, size)),
		.table = rig_memory(virtq_table_bytes(size)),
	};
	setup->ring_address.bits =
		dma_arena_add(&rig->arena, setup->ring, virtq_ring_bytes(format, size), true);
	if (indirect) {
		size_t bytes = virtq_indirect_bytes(size, indirect);
		setup->indirect = rig_memory(bytes);
		setup->indirect_address.bits =
			dma_arena_add(&rig->arena, setup->indirect, bytes, false);
	}
	rig->data = rig_memory(RIG_DATA_BYTES);
	rig->data_address = dma_arena_add(&rig->arena, rig->data, RIG_DATA_BYTES, true);

	struct virtq_addresses at = virtq_addresses(format, size, setup->ring_address);
	rig->device_setup = (struct ring_device_setup){
		.packed = format == VIRTQ_PACKED,
		.event_idx = event_idx,
		.indirect = indirect != 0,
		.size = size,
		.desc = at.desc,
		.driver = at.driver,
		.device = at.device,
	};
	rig_restart(rig);
}

/* The same, with VIRTIO_F_IN_ORDER. */
static inline void rig_make_in_order(struct rig *rig, uint16_t size, uint16_t indirect)
{
	rig_make(rig, size, indirect, false);
	rig->setup.in_order = true;
	rig_restart(rig);
}

/* The driver has broken no rule of the format, and nothing reached outside. */
static inline void rig_check(const struct rig *rig)
{
	if (rig->device.complaint) {
		check_failures++;
		printf("# the driver broke a rule: %s\n", rig->device.complaint);
	}
	CHECK_EQ(rig->arena.misses, 0);
}

static inline void rig_free(struct rig *rig)
{
	rig_check(rig);
	ring_device_stop(&rig->device);
	dma_arena_clear(&rig->arena);
	free(rig->setup.ring);
	free(rig->setup.table);
	free(rig->setup.indirect);
	free(rig->data);
}

/* ---- Buffers ------------------------------------------------------------------------ */

/* Cookies are numbers that are no NULL. */
static inline void *cookie_of(unsigned long number)
{
	return (void *)(number + 1);
}

static inline unsigned long number_of(const void *cookie)
{
	return (unsigned long)cookie - 1;
}

/* Segment i of any buffer: a length of its own, so that a mix-up shows. */
static inline struct virtq_segment rig_segment(const struct rig *rig, unsigned i)
{
	return (struct virtq_segment){ { rig->data_address + 64 * (i % 1024) }, 1 + i * 7 % 61 };
}

static inline int rig_push(struct rig *rig, unsigned readable, unsigned writable,
			   unsigned long number)
{
	unsigned total = readable + writable;
	struct virtq_segment *segments = rig_memory(total * sizeof(*segments));

	for (unsigned i = 0; i < total; i++)
		segments[i] = rig_segment(rig, i);
	int id = virtq_push(&rig->vq, segments, readable, writable, cookie_of(number));
	free(segments);
	return id;
}

/* Bytes that the device may write into such a buffer. */
static inline uint32_t rig_writable(const struct rig *rig, unsigned readable, unsigned writable)
{
	uint32_t bytes = 0;

	for (unsigned i = readable; i < readable + writable; i++)
		bytes += rig_segment(rig, i).length;
	return bytes;
}

/* Whether the chain is what rig_push made. */
static inline void rig_check_chain(const struct rig *rig, const struct ring_chain *chain,
				   unsigned readable, unsigned writable)
{
	CHECK(chain != NULL);
	if (!chain)
		return;
	CHECK_EQ(chain->count, readable + writable);
	for (unsigned i = 0; i < chain->count; i++) {
		struct virtq_segment expected = rig_segment(rig, i);
		CHECK_EQ(chain->segments[i].address, expected.address.bits);
		CHECK_EQ(chain->segments[i].length, expected.length);
		CHECK_EQ(chain->segments[i].writable, i >= readable);
	}
}

/* Publishes; whether the device is to be notified. */
static inline bool rig_publish(struct rig *rig)
{
	return virtq_publish(&rig->vq);
}

/* Pops one and checks what it is. */
static inline void rig_pop(struct rig *rig, unsigned long number, uint32_t length)
{
	void *cookie = NULL;
	uint32_t written = UINT32_MAX;

	CHECK_EQ(virtq_pop(&rig->vq, &cookie, &written), 1);
	CHECK_EQ(number_of(cookie), number);
	CHECK_EQ(written, length);
}

static inline void rig_pop_nothing(struct rig *rig)
{
	void *cookie = rig;
	uint32_t written = 0x55aa55aa;

	CHECK_EQ(virtq_pop(&rig->vq, &cookie, &written), 0);
	CHECK(cookie == rig && written == 0x55aa55aa); /* nothing is told, then */
}

/* One buffer from the driver to the device and back. */
static inline void rig_round(struct rig *rig, unsigned readable, unsigned writable,
			     unsigned long number)
{
	uint32_t length = rig_writable(rig, readable, writable);

	CHECK(rig_push(rig, readable, writable, number) >= 0);
	rig_publish(rig);
	struct ring_chain *chain = ring_device_take(&rig->device);
	rig_check_chain(rig, chain, readable, writable);
	if (!chain)
		return;
	ring_device_use(&rig->device, chain, length);
	rig_pop(rig, number, length);
}

/* ---- Callers' bugs -------------------------------------------------------------------- */

static jmp_buf rig_panic;
static bool rig_panic_expected;

/* The statement ends in a failed assertion, as a caller's bug must. */
#define CHECK_ASSERTS(statement) \
	do { \
		rig_panic_expected = true; \
		if (setjmp(rig_panic) == 0) { \
			(void)(statement); \
			rig_panic_expected = false; \
			CHECK(!"this asserts: " #statement); \
		} \
	} while (0)

_Noreturn void vport_panic(const char *what, const char *file, int line)
{
	if (rig_panic_expected) {
		rig_panic_expected = false;
		longjmp(rig_panic, 1);
	}
	printf("# %s:%d: assertion failed: %s\n", file, line, what);
	abort();
}

/* ---- Running ---------------------------------------------------------------------------- */

enum { ON_SPLIT = 1, ON_PACKED = 2, ON_BOTH = 3 };

struct rig_test {
	const char *name;
	void (*run)(void);
	unsigned on;
};

#define RIG_TEST(function, formats) \
	{ \
		.name = #function, .run = function, .on = (formats) \
	}

#define RIG_MAX 128
static struct {
	char name[80];
	void (*run)(void);
	enum virtq_format format;
} rig_cases[RIG_MAX];

/* check.h's cases have no argument: it is their number that tells which it is. */
static inline void rig_run_next(void)
{
	format = rig_cases[check_number].format;
	rig_cases[check_number].run();
}

static inline int rig_run(const struct rig_test *tests, unsigned count)
{
	struct check checks[RIG_MAX + 1] = { 0 };
	unsigned n = 0;

	for (unsigned i = 0; i < 2 * count; i++) {
		const struct rig_test *test = &tests[i / 2];
		if (!(test->on & (i % 2 ? ON_PACKED : ON_SPLIT)))
			continue;
		if (n == RIG_MAX)
			abort();
		snprintf(rig_cases[n].name, sizeof(rig_cases[n].name), "%s-%s", test->name,
			 i % 2 ? "packed" : "split");
		rig_cases[n].run = test->run;
		rig_cases[n].format = i % 2 ? VIRTQ_PACKED : VIRTQ_SPLIT;
		checks[n] = (struct check){ .name = rig_cases[n].name, .run = rig_run_next };
		n++;
	}
	return check_run(checks);
}

#endif
