/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzz target for one ring format (FUZZ_FORMAT): the driver's side of a virtqueue with the fuzzer as its
 * device. The input is a program: pushes, publishes, pops, interrupts on and off, resets; and what the
 * device does meanwhile: completions by the rules, writes of anything to anywhere in the shared memory, at
 * any time and between any two loads of the driver.
 *
 * After each step the queue is compared with a model: which buffers are in flight, how many descriptors
 * are free and which, and what the driver put into the ring (VIRTIO 1.4, 2.7.5 and 2.8.6), whatever
 * was scribbled over it. Each cookie comes back once, by pop or by drain. As long as the device kept
 * the rules, it must come back with the right length, and at once. All ways of pushing that virtq.h has are mixed: with any
 * number of segments, of one segment, of one segment many at a time, by a table that is the caller's, and a list of such.
 *
 * Left out: when notifications and interrupts are wanted; tests/host/test_virtq_events.c has that.
 */
#include "drivers/virtio/virtq.h"
#define FUZZ_PORT_PANIC
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/ring_model.h"

#define MAX_ROUNDS 300
#define OWN_TABLE_ADDRESS 0x500000
#define AT_ONCE 6 /* buffers that are pushed together */

/* ---- The driver -------------------------------------------------------------------------------- */

/* What a push is about: a buffer with its segments. */
struct pushed {
	struct virtq_segment segments[MAX_SIZE];
	unsigned readable, writable;
	uint32_t in; /* bytes that the device may write */
	bool table;  /* its owner's, which is one descriptor in the ring */
};

/* All lengths together are at most UINT32_MAX: virtq.h. */
static struct pushed describe(unsigned readable, unsigned writable, uint32_t step)
{
	struct pushed pushed = { .readable = readable, .writable = writable };
	unsigned total = readable + writable;
	uint32_t bytes = 0;

	for (unsigned i = 0; i < total; i++) {
		uint32_t most = UINT32_MAX - bytes - (total - i);
		struct virtq_segment *segment = &pushed.segments[i];
		segment->address.bits = ring.next_number % 4 << 12 | i; /* some come again */
		segment->length = 1 + (step < most ? step : most);
		bytes += segment->length;
		if (i >= readable)
			pushed.in += segment->length;
	}
	return pushed;
}

/* It has been pushed with that id: the model knows of it, and the ring has what it should. */
static void note(const struct pushed *pushed, unsigned id)
{
	unsigned total = pushed->readable + pushed->writable;
	bool own = pushed->table || (total > 1 && total <= ring.setup.indirect_entries);
	unsigned descriptors = own ? 1 : total;
	struct virtq_segment table = table_segment(id, total);

	FUZZ_CHECK(id < ring.setup.size && !ring.buffers[id].in_flight);
	ring.buffers[id] = (struct buffer){
		.in_flight = true,
		.number = ring.next_number++,
		.writable = pushed->in,
		.descriptors = descriptors,
	};
	ring.fifo[ring.in_flight++] = id;
	if (pushed->table)
		table = pushed->segments[0];
	else if (own)
		check_table(id, pushed->segments, pushed->readable, total);
	if (SPLIT)
		check_split(id, own ? &table : pushed->segments, pushed->readable, descriptors,
			    own);
	else
		check_packed(id, own ? &table : pushed->segments, pushed->readable, descriptors,
			     own);
}

static void check_refused(int error, bool room)
{
	FUZZ_CHECK(error == (ring.vq.broken ? ERR_BROKEN : ERR_FULL));
	FUZZ_CHECK(ring.vq.broken || !room);
}

static int push(unsigned readable, unsigned writable, uint32_t step)
{
	struct pushed pushed = describe(readable, writable, step);
	unsigned total = readable + writable;
	bool indirect = total > 1 && total <= ring.setup.indirect_entries;
	bool room = virtq_has_room(&ring.vq, total);
	void *cookie = cookie_of(ring.next_number);

	FUZZ_CHECK(room == ((indirect ? 1 : total) <= ring.vq.free_count));
	int id = total == 1 && ring.next_number % 2
			 ? virtq_push_one(&ring.vq, pushed.segments[0], writable > 0, cookie)
			 : virtq_push(&ring.vq, pushed.segments, readable, writable, cookie);
	if (id < 0) {
		check_refused(id, room);
		return id;
	}
	FUZZ_CHECK(room && !ring.vq.broken);
	note(&pushed, (unsigned)id);
	return id;
}

/* A buffer of several segments by a table that its owner keeps, and writes anew where it is another one. */
static struct virtq_desc own_table[MAX_SIZE];

static void write_own_table(unsigned readable, unsigned writable, uint32_t step)
{
	struct pushed pushed = describe(readable, writable, step);

	virtq_write_table(&ring.vq, own_table, pushed.segments, readable, writable);
	for (unsigned i = 0; i < readable + writable; i++) {
		const uint8_t *at = (const uint8_t *)&own_table[i];
		unsigned flags = i < readable ? 0 : F_WRITE;
		check_descriptor(at, &pushed.segments[i]);
		if (SPLIT && i + 1 < readable + writable) {
			flags |= F_NEXT;
			FUZZ_CHECK(device_read(at + 14, 2) == i + 1);
		}
		FUZZ_CHECK(device_read(at + (SPLIT ? 12 : 14), 2) == flags);
	}
}

static struct pushed describe_table(unsigned entries, uint32_t in)
{
	return (struct pushed){
		.segments = { { { OWN_TABLE_ADDRESS + ring.next_number % 4 * sizeof(own_table) },
				(uint32_t)(entries * sizeof(struct virtq_desc)) } },
		.readable = 1,
		.in = in,
		.table = true,
	};
}

static void push_table(unsigned readable, unsigned writable, uint32_t step)
{
	unsigned total = readable + writable;
	struct pushed pushed = describe_table(total, describe(readable, writable, step).in);
	bool room = virtq_has_room(&ring.vq, 1);

	write_own_table(readable, writable, step);
	int id = virtq_push_table(&ring.vq, pushed.segments[0].address, total, pushed.in,
				  cookie_of(ring.next_number));
	if (id < 0)
		check_refused(id, room);
	else
		note(&pushed, (unsigned)id);
}

/* The ids that buffers of one descriptor each are given next, and how many there is room for. */
static unsigned next_ids(unsigned *ids, unsigned count)
{
	unsigned id = ring.vq.free_head, room = 0;

	for (; room < count && room < ring.vq.free_count; room++) {
		ids[room] = id;
		id = ring.vq.slots[id].next;
	}
	return ring.vq.broken ? 0 : room;
}

/* What such a batch consists of: bit i of `which` says what the i-th one is. */
static struct pushed describe_one(unsigned i, unsigned which, bool tables, uint32_t step)
{
	bool writable = which >> i & 1;

	if (tables && (which >> i & 2) != 0)
		return describe_table(1 + i % ring.setup.size, writable ? step : 0);
	return describe(!writable, writable, step + i);
}

static void push_list(unsigned count, unsigned which, uint32_t step)
{
	struct virtq_buffer buffers[AT_ONCE];
	struct pushed pushed[AT_ONCE];
	unsigned ids[AT_ONCE], room = next_ids(ids, count), before = ring.in_flight;
	unsigned long first = ring.next_number;

	for (unsigned i = 0; i < count; i++) {
		ring.next_number = first + i;
		pushed[i] = describe_one(i, which, true, step);
		const struct virtq_segment *segment = &pushed[i].segments[0];
		buffers[i] = (struct virtq_buffer){
			.next = i + 1 < count ? &buffers[i + 1] : NULL,
			.address = segment->address,
			.length = segment->length,
			.writable = pushed[i].in,
			.flags = pushed[i].table      ? F_INDIRECT
				 : pushed[i].writable ? F_WRITE
						      : 0,
		};
	}
	ring.next_number = first;
	struct virtq_buffer *rest = virtq_push_list(&ring.vq, buffers);
	FUZZ_CHECK(rest == (room < count ? &buffers[room] : NULL));
	for (unsigned i = 0; i < room; i++) {
		note(&pushed[i], ids[i]);
		/* Its address comes back as its cookie: here those are numbers. */
		FUZZ_CHECK(ring.vq.slots[ids[i]].cookie == &buffers[i]);
		ring.vq.slots[ids[i]].cookie = cookie_of(ring.buffers[ids[i]].number);
	}
	FUZZ_CHECK(ring.in_flight == before + room);
}

static void push_singles(unsigned count, bool writable, uint32_t step)
{
	struct virtq_single singles[AT_ONCE];
	struct pushed pushed[AT_ONCE];
	unsigned ids[AT_ONCE], room = next_ids(ids, count);
	unsigned long first = ring.next_number;

	for (unsigned i = 0; i < count; i++) {
		ring.next_number = first + i;
		pushed[i] = describe(!writable, writable, step + i);
		singles[i] =
			(struct virtq_single){ pushed[i].segments[0].address,
					       pushed[i].segments[0].length, cookie_of(first + i) };
	}
	ring.next_number = first;
	FUZZ_CHECK(virtq_push_singles(&ring.vq, singles, count, writable) == room);
	for (unsigned i = 0; i < room; i++)
		note(&pushed[i], ids[i]);
}

static void publish(void)
{
	bool nothing = true;
	for (unsigned i = 0; i < ring.in_flight && !ring.vq.broken; i++)
		nothing &= ring.buffers[ring.fifo[i]].published;
	bool notify = virtq_publish(&ring.vq);
	uint32_t data = virtq_position(&ring.vq);

	FUZZ_CHECK(!(notify && nothing));
	if (nothing)
		return;
	for (unsigned i = 0; i < ring.in_flight; i++)
		ring.buffers[ring.fifo[i]].published = true;
	if (SPLIT) {
		FUZZ_CHECK(device_read(shared(avail_offset() + 2, 2), 2) ==
			   (uint16_t)ring.driver_at);
		FUZZ_CHECK(data == (uint16_t)ring.driver_at);
	} else {
		FUZZ_CHECK(device_read(shared(16 * (size_t)ring.held_at + 14, 2), 2) ==
			   ring.held_flags);
		FUZZ_CHECK(data == (ring.driver_at | (unsigned)ring.driver_wrap << 15));
		ring.held = 0;
	}
}

/* A cookie has come back: of which buffer. */
static unsigned returned(const void *cookie)
{
	unsigned id = MAX_SIZE;

	for (unsigned i = 0; i < ring.in_flight; i++) {
		if (cookie_of(ring.buffers[ring.fifo[i]].number) == cookie)
			id = ring.fifo[i];
	}
	FUZZ_CHECK(id < MAX_SIZE);
	ring.buffers[id].in_flight = false;
	remove_from(ring.fifo, &ring.in_flight, id);
	return id;
}

static int pop(void)
{
	void *cookie = NULL;
	uint32_t written = 0;
	unsigned oldest = ring.fifo[0];

	publish(); /* as virtq.h asks for */
	int got = virtq_pop(&ring.vq, &cookie, &written);
	FUZZ_CHECK(got == 1 || got == 0 || (got == ERR_BROKEN && ring.vq.broken));
	if (ring.clean)
		FUZZ_CHECK(got == (ring.used > 0));
	if (got != 1)
		return got;

	unsigned id = returned(cookie);
	FUZZ_CHECK(ring.buffers[id].published);
	FUZZ_CHECK(written <= ring.buffers[id].writable);
	FUZZ_CHECK(!ring.setup.in_order || id == oldest);
	if (ring.clean) {
		FUZZ_CHECK(id == ring.order[0]);
		FUZZ_CHECK(written == ring.buffers[id].written);
	}
	remove_from(ring.order, &ring.used, id);
	return 1;
}

static void set_interrupts(bool on)
{
	if (!on) {
		virtq_disable_interrupts(&ring.vq);
		return;
	}
	bool more = virtq_enable_interrupts(&ring.vq);
	if (ring.clean)
		FUZZ_CHECK(more == (ring.used > 0));
}

/* The indices of a split queue run to 65535, which no input is long enough for: go on from further up. */
static void skip(void)
{
	struct virtq_split *split = &ring.vq.split;

	ring.driver_at = ring.device_at = ring.gone_before;
	split->avail_idx = split->used_idx = split->used_seen = ring.gone_before;
	device_write(used_offset() + 2, 2, ring.gone_before);
}

static void start(void)
{
	virtq_init(&ring.vq, &ring.setup);
	ring.driver_at = ring.device_at = 0;
	ring.driver_wrap = ring.device_wrap = true;
	if (SPLIT)
		skip();
	ring.held = 0;
	ring.used = 0;
	ring.clean = true;
	ring.ambush_in = 0;
}

/* Every buffer in flight comes back now, once. */
static void drain(void)
{
	void *cookie;

	while ((cookie = virtq_drain(&ring.vq)) != NULL)
		returned(cookie);
	FUZZ_CHECK(ring.in_flight == 0);
	FUZZ_CHECK(virtq_drain(&ring.vq) == NULL);
}

/* ---- The device ---------------------------------------------------------------------------------- */

/* Uses the n-th buffer that it has and has not used yet; in order, all up to it by one entry. */
static void use(unsigned n, uint32_t written)
{
	unsigned waiting[MAX_SIZE], count = 0, descriptors = 0;

	for (unsigned i = 0; i < ring.in_flight; i++) {
		const struct buffer *buffer = &ring.buffers[ring.fifo[i]];
		if (buffer->published && !buffer->used)
			waiting[count++] = ring.fifo[i];
	}
	if (count == 0)
		return;
	n %= count;
	unsigned first = ring.setup.in_order ? 0 : n, id = waiting[n];
	for (unsigned i = first; i <= n; i++) {
		struct buffer *buffer = &ring.buffers[waiting[i]];
		buffer->used = true;
		buffer->written = buffer->writable;
		descriptors += buffer->descriptors;
		ring.order[ring.used++] = waiting[i];
	}
	struct buffer *last = &ring.buffers[id];
	if (written < last->writable)
		last->written = written;

	if (SPLIT) {
		unsigned entry = ring.device_at & (ring.setup.size - 1u);
		device_write(used_offset() + 4 + 8 * (size_t)entry, 4, id);
		device_write(used_offset() + 8 + 8 * (size_t)entry, 4, last->written);
		ring.device_at += n - first + 1;
		device_write(used_offset() + 2, 2, ring.device_at);
		return;
	}
	size_t at = 16 * (size_t)ring.device_at;
	device_write(at + 8, 4, last->written);
	device_write(at + 12, 2, id);
	device_write(at + 14, 2, ring.device_wrap ? F_AVAIL | F_USED : 0);
	ring.device_at += descriptors;
	if (ring.device_at >= ring.setup.size) {
		ring.device_at -= ring.setup.size;
		ring.device_wrap = !ring.device_wrap;
	}
}

/* Writes where the driver will look next. */
static void aim(unsigned what, uint32_t value)
{
	unsigned place = (ring.device_at + (what >> 4)) % ring.setup.size;
	size_t entry = SPLIT ? used_offset() + 4 + 8 * (size_t)place : 16 * (size_t)place;

	ring.clean = false;
	switch (what % 4) {
	case 0: /* an id */
		device_write(SPLIT ? entry : entry + 12, SPLIT ? 4 : 2, value);
		break;
	case 1: /* a length */
		device_write(SPLIT ? entry + 4 : entry + 8, 4, value);
		break;
	case 2: /* how far it is */
		device_write(SPLIT ? used_offset() + 2 : entry + 14, 2, value);
		break;
	case 3: /* event index and flags: the last word but one, or two halves */
		if (SPLIT)
			device_write(what & 4 ? used_offset() : ring.ring_bytes - 2, 2, value);
		else
			device_write(ring.ring_bytes - 4, 4, value);
		/* Whether to notify is its own business. */
		break;
	}
}

static void scribble(uint8_t *memory, size_t bytes, uint32_t offset, uint16_t value)
{
	ring.clean = false;
	if (bytes < 2)
		return;
	memcpy(memory + offset % (bytes - 1), &value, 2);
}

/* What a device says: anything, or a number near the queue's size or near zero. */
static uint32_t take_value(struct input *input, bool near)
{
	if (!near)
		return (uint32_t)take(input, 4);
	int distance = (int8_t)take(input, 1);
	return (uint32_t)(distance & 1 ? distance >> 1 : ring.setup.size + (distance >> 1));
}

/* ---- The program ------------------------------------------------------------------------------------ */

/* Single buffers to the device and back. */
static void rounds(unsigned count)
{
	for (; count > 0 && ring.rounds < MAX_ROUNDS; count--, ring.rounds++) {
		if (push(0, 1, count & 0xff) < 0)
			return;
		publish();
		use(0, count & 0x7f);
		if (pop() != 1)
			return;
	}
}

/* By one of the ways for buffers of one descriptor each. */
static void push_together(unsigned how, unsigned which, uint32_t step)
{
	unsigned count = 1 + which % AT_ONCE, readable = which & 15, writable = which >> 4;

	switch (how % 3) {
	case 0:
		push_list(count, which >> 2, step);
		break;
	case 1:
		push_singles(count, which & 128, step);
		break;
	case 2:
		if (readable > ring.setup.size)
			readable = ring.setup.size;
		if (readable + writable > ring.setup.size)
			writable = ring.setup.size - readable;
		push_table(readable, readable + writable ? writable : 1, step);
		break;
	}
}

static void step(struct input *input)
{
	unsigned what = (unsigned)take(input, 1), a, b;

	switch (what % 16) {
	case 0:
	case 1:
	case 2:
		a = (unsigned)take(input, 1);
		b = a >> 4;
		a &= 15;
		if (what & 128)
			a = ring.setup.size;
		if (a > ring.setup.size)
			a = ring.setup.size;
		if (a + b > ring.setup.size)
			b = ring.setup.size - a;
		push(a, a + b ? b : 1, (uint32_t)take(input, what & 64 ? 4 : 1));
		break;
	case 3:
		a = what >> 4;
		if (a == 0) {
			publish();
			break;
		}
		b = (unsigned)take(input, 1);
		push_together(a, b, (uint32_t)take(input, 1));
		break;
	case 4:
		pop();
		break;
	case 5:
		while (pop() == 1)
			continue;
		break;
	case 6:
	case 7:
		set_interrupts(what & 1);
		break;
	case 8:
	case 9:
		use((unsigned)take(input, 1), (uint32_t)take(input, 2));
		break;
	case 10:
		a = (unsigned)take(input, 1);
		aim(a, take_value(input, what & 128));
		break;
	case 11:
		a = (unsigned)take(input, 2);
		scribble(ring.setup.ring, ring.ring_bytes, a, (uint16_t)take(input, 2));
		break;
	case 12:
		a = (unsigned)take(input, 2);
		if (ring.setup.indirect)
			scribble(ring.setup.indirect, ring.indirect_bytes, a,
				 (uint16_t)take(input, 2));
		break;
	case 13:
		ring.ambush_in = (unsigned)take(input, 1) % 16;
		ring.ambush_value = take_value(input, what & 128);
		break;
	case 14:
		drain();
		start();
		break;
	case 15:
		rounds((unsigned)take(input, 1));
		break;
	}
	check();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t packed_sizes[] = {
		1, 2, 3, 4, 5, 7, 8, 11, 16, 31, 32, 33, 48, 63, 64
	};
	struct input input = { data, size };
	unsigned options = (unsigned)take(&input, 1), choice = (unsigned)take(&input, 1);

	memset(&ring, 0, sizeof(ring));
	struct virtq_setup *setup = &ring.setup;
	*setup = (struct virtq_setup){
		.format = FUZZ_FORMAT,
		.size = SPLIT ? (uint16_t)(1u << choice % 8 % 7)
			      : packed_sizes[choice % sizeof(packed_sizes)],
		.event_idx = options & 1,
		.order_platform = options & 2,
		.in_order = options & 4,
		.ring_address = { RING_ADDRESS },
		.indirect_address = { INDIRECT_ADDRESS },
	};
	if (options & 8)
		setup->indirect_entries = (uint16_t)(1 + (options >> 4) % setup->size);
	if (choice & 128)
		ring.gone_before = (uint16_t) - (int)take(&input, 1);
	ring.ring_bytes = virtq_ring_bytes(setup->format, setup->size);
	ring.indirect_bytes = virtq_indirect_bytes(setup->size, setup->indirect_entries);
	/* Each exactly as long as the queue asks for: the sanitizer sees a step outside. */
	setup->ring = fuzz_alloc(ring.ring_bytes);
	setup->table = fuzz_alloc(virtq_table_bytes(setup->size));
	setup->indirect = ring.indirect_bytes ? fuzz_alloc(ring.indirect_bytes) : NULL;

	start();
	check();
	while (input.left > 0)
		step(&input);
	drain();

	free(setup->ring);
	free(setup->table);
	free(setup->indirect);
	return 0;
}
