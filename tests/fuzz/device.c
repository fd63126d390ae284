/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzz target: a whole device, on PCI or MMIO, split or packed, behind the transports, the core, the queues and
 * recovery. The device is the one of tests/host/fake, which keeps to VIRTIO 1.4; the input makes it lie: any
 * read of a register or of configuration space may give something else, its faults go on and off, its rings
 * are scribbled over, its interrupts come when they like. The driver is a small one of our own, for which each
 * buffer must come back exactly once, by pop or by abort, and which must see an end to everything.
 *
 * The sources that keep lists are included, so that each input finds them empty.
 */
#include "kernel/arch.h"

uint64_t slow_arch_now(void);
uint64_t slow_vport_now(void);
void slow_arch_pause(void);
#define devices attached
#define arch_now slow_arch_now
#define vport_now slow_vport_now
#define arch_pause slow_arch_pause
#include "kernel/event.h"
#include "tests/host/fake/port.c"
#undef devices
#undef arch_now
#undef vport_now
#undef arch_pause
#include "drivers/virtio/device.c"
#define add add_piece
#define take take_piece
#include "tests/host/fake/memory.c"
#undef add
#undef take
#include "tests/fuzz/fuzz.h"
#include "tests/host/fake/device.h"

#define BUFFERS 64
#define DATA_BYTES 256
#define MS UINT64_C(1000000)

static struct fake_device fake;
static uint32_t (*honest_read)(struct vport_device *, uint64_t, unsigned);
static uint32_t (*honest_config_read)(struct vport_device *, unsigned, unsigned);
static uint32_t lie_in, lie_times, lie, written_lie; /* reads until then, how often, what */

/* A machine on which every look at the clock takes long: so waits for what never comes end soon. */
static uint64_t look_ns;

uint64_t arch_now(void)
{
	fake_port.now += look_ns;
	return slow_arch_now();
}

uint64_t vport_now(void)
{
	return arch_now();
}

void arch_pause(void)
{
	fake_port.now += look_ns;
	slow_arch_pause();
}

/* ---- The driver ---------------------------------------------------------------------------- */

static bool in_flight[BUFFERS];
static unsigned pushed, returned;
static dma_addr_t data_address;
static void *data_memory;

static void give_back(void *cookie)
{
	size_t number = (size_t)cookie - 1;

	FUZZ_CHECK(number < BUFFERS && in_flight[number]);
	in_flight[number] = false;
	returned++;
}

static int driver_probe(struct virtio_device *device)
{
	struct virtio_queue_options options[2] = {
		{ .size_limit = 8, .has_deadline = true, .indirect_entries = 3 },
		{ .size_limit = 4 },
	};
	uint64_t values[2];

	virtio_config_read(device, 0, 8, 2, values);
	virtio_config_read(device, 4, 2, 3, values);
	int error = virtio_queue_create(device, 0, &options[0]);
	return error ? error : virtio_queue_create(device, 1, &options[1]);
}

static void driver_nothing(struct virtio_device *device)
{
	(void)device;
}

static void driver_drain(struct virtio_queue *queue)
{
	void *cookie;
	uint32_t written;

	while (virtio_queue_pop(queue, &cookie, &written)) {
		FUZZ_CHECK(written <= DATA_BYTES);
		give_back(cookie);
	}
}

static void driver_queue_ready(struct virtio_queue *queue)
{
	FUZZ_CHECK(queue->ring.in_flight == 0);
}

static void driver_abort(struct virtio_queue *queue, void *cookie, int error)
{
	(void)queue;
	FUZZ_CHECK(error < 0);
	give_back(cookie);
}

static const struct virtio_driver driver = {
	.type = VIRTIO_TYPE_ENTROPY,
	.name = "fuzz",
	.probe = driver_probe,
	.remove = driver_nothing,
	.ready = driver_nothing,
	.drain = driver_drain,
	.queue_ready = driver_queue_ready,
	.abort = driver_abort,
	.config_changed = driver_nothing,
	.gone = driver_nothing,
};

const struct virtio_driver *virtio_driver_for(uint32_t type)
{
	return type == driver.type ? &driver : NULL;
}

static void push(struct virtio_queue *queue, unsigned readable, unsigned writable)
{
	struct virtq_segment segments[8];
	unsigned number = 0, total = readable + writable;

	while (number < BUFFERS && in_flight[number])
		number++;
	if (number == BUFFERS || total == 0 || total > virtq_max_segments(&queue->ring))
		return;
	for (unsigned i = 0; i < total; i++)
		segments[i] = (struct virtq_segment){ { data_address.bits + 32 * i }, 32 };
	int id = virtio_queue_push(queue, segments, readable, writable, (void *)(number + 1ul),
				   VIRTIO_ONE_DEADLINE);
	if (id < 0)
		return;
	in_flight[number] = true;
	pushed++;
	virtio_queue_publish(queue);
}

/* ---- The device ------------------------------------------------------------------------------ */

static uint32_t told(uint32_t value, unsigned width)
{
	if (lie_in > 0) {
		lie_in--;
		return value;
	}
	if (lie_times == 0)
		return value;
	lie_times--;
	return lie & (UINT32_MAX >> (32 - 8 * width));
}

static uint32_t lying_read(struct vport_device *device, uint64_t bus, unsigned width)
{
	return told(honest_read(device, bus, width), width);
}

static uint32_t lying_config_read(struct vport_device *device, unsigned offset, unsigned width)
{
	return told(honest_config_read(device, offset, width), width);
}

static bool lie_about_length(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written)
{
	(void)queue;
	(void)chain;
	if (written_lie) {
		*written = written_lie;
		written_lie = 0;
	}
	return true;
}

static bool serve(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written)
{
	(void)chain;
	*written = queue->index;
	return true;
}

static const struct fake_model model = {
	.type = VIRTIO_TYPE_ENTROPY,
	.queues = 2,
	.queue_size = 16,
	.config_bytes = 24,
	.serve = serve,
};

static void set_faults(unsigned bits)
{
	fake.hang_reset = bits & 1;
	fake.refuse_features = bits & 2;
	fake.generation_runs = bits & 4;
	fake.refuse_queue = bits & 8;
	fake.master_stays = bits & 16;
	fake.silent = bits & 32;
	fake.deaf = bits & 64;
	fake.gone = bits & 128;
}

static void make_device(struct input *input)
{
	unsigned options = (unsigned)take(input, 1);

	look_ns = MS / 10;
	fake_device_init(&fake, options & 1 ? FAKE_PCI : FAKE_MMIO, &model,
			 options & 2 ? FAKE_PACKED : FAKE_SPLIT);
	fake.lawless = true;
	fake.before_use = lie_about_length;
	for (unsigned i = 0; i < 16; i++)
		fake.config[i] = (uint8_t)i;
	if (options & 4)
		fake_offer(&fake, VIRTIO_F_RING_RESET);
	if (options & 8)
		fake_offer(&fake, VIRTIO_F_NOTIFICATION_DATA);
	if (options & 16)
		fake_offer(&fake, VIRTIO_F_IN_ORDER);
	if (options & 32)
		fake.port.msi_limit = 1;
	if (options & 64)
		fake.port.unmappable_to = UINT64_MAX;
	fake.vectors_held = options & 128 ? 2 : FAKE_VECTORS;
	set_faults((unsigned)take(input, 1));
	fake.queues[0].size_max = (uint32_t)take(input, 2) + 16;
	lie_in = (uint32_t)take(input, 2);
	lie = (uint32_t)take(input, 4);
	lie_times = (uint32_t)take(input, 1);
	written_lie = 0;
	honest_read = fake.port.read;
	honest_config_read = fake.port.config_read;
	fake.port.read = lying_read;
	fake.port.config_read = lying_config_read;
}

/* ---- The program -------------------------------------------------------------------------------- */

static void step(struct input *input, struct virtio_device *device)
{
	unsigned what = (unsigned)take(input, 1), more = (unsigned)take(input, 1);
	struct virtio_queue *queue = device->queues[what >> 7];
	uint64_t value;

	switch (what % 16) {
	case 0:
	case 1:
	case 2:
		push(queue, more & 3, more >> 2 & 3);
		break;
	case 3:
		vport_relax(fake_port.now);
		break;
	case 4:
		fake_sleep(more);
		break;
	case 5:
		fake_sleep(more * UINT64_C(8));
		break;
	case 6:
		fake_interrupt_queue(&fake.queues[more & 1]);
		break;
	case 7:
		fake_interrupt_config(&fake);
		break;
	case 8:
	case 9:
		lie_in = more;
		lie = (uint32_t)take(input, 4);
		lie_times = (uint32_t)take(input, 1);
		break;
	case 10:
		set_faults(more & (unsigned)take(input, 1));
		break;
	case 11: {
		size_t bytes = virtq_ring_bytes(queue->setup.format, queue->setup.size);
		size_t at = (more | (size_t)take(input, 1) << 8) % bytes;
		((uint8_t *)queue->setup.ring)[at] = (uint8_t)take(input, 1);
		break;
	}
	case 12:
		virtio_queue_resize(queue, (uint16_t)(1 + more));
		break;
	case 13:
		virtio_config_read(device, more & 28, 4, 2, &value);
		virtio_config_write(device, more & 24, 1u << (more >> 6), more);
		break;
	case 14:
		written_lie = more << (more & 7);
		fake.status |= more & 1 ? VIRTIO_STATUS_DEVICE_NEEDS_RESET : 0;
		break;
	case 15:
		virtio_shared_interrupt(device);
		device->transport->shared_memory(device, more, &value, &value);
		break;
	}
	FUZZ_CHECK(pushed - returned <= BUFFERS);
	FUZZ_CHECK(fake_port.complaints == 0);
}

/* The device as it should be, and time enough: then nothing is left in flight that has a deadline. */
static void come_to_rest(struct virtio_device *device)
{
	lie_times = 0;
	look_ns = 10 * MS;
	fake_sleep(30000);
	FUZZ_CHECK(device->state == VIRTIO_RUNNING || device->state == VIRTIO_FAILED);
	FUZZ_CHECK(device->queues[0]->ring.in_flight == 0);
	if (device->state == VIRTIO_FAILED)
		FUZZ_CHECK(pushed == returned);
	if (device->state != VIRTIO_FAILED)
		virtio_device_give_up(device);
	for (unsigned i = 0; i < 2; i++) {
		void *cookie;
		while ((cookie = virtq_drain(&device->queues[i]->ring)) != NULL)
			give_back(cookie);
	}
	FUZZ_CHECK(pushed == returned);
}

/* All that an input leaves behind. */
static void forget(void)
{
	ring_device_stop(&fake.queues[0].ring);
	ring_device_stop(&fake.queues[1].ring);
	while (allocations) {
		struct piece *piece = allocations;
		allocations = piece->next;
		free(piece->memory);
		free(piece);
	}
	dma_arena_clear(&fake_port.arena);
	fake_log_clear();
	memset(in_flight, 0, sizeof(in_flight));
	fake_port = (struct fake_port){ .now = 0 };
	cpu = &cpus[0];
	*cpu = (struct cpu){ .self = cpu };
	event_init(cpu);
	map_count = setting_count = looks = pushed = returned = 0;
	attached = NULL;
	devices = NULL;
	devices_end = &devices;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };

	make_device(&input);
	fake_setting("deadline_ms", "500");
	fake_setting("irq", size & 1 ? "" : "intx");
	data_memory = vport_dma_alloc(&fake.port, DATA_BYTES, 64, &data_address);
	if (fake_probe(&fake) == 0 && devices) {
		while (input.left > 0)
			step(&input, devices);
		come_to_rest(devices);
	}
	FUZZ_CHECK(fake_port.complaints == 0);
	forget();
	return 0;
}
