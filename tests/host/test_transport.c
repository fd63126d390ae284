/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How a device comes up, and what happens when it does not, on both transports: VIRTIO 1.4, 2.1, 2.2, 2.4, 3.1,
 * and FAULTS 16, 20 to 22, 29 to 32, 35, 36. The device is an entropy device, which has the least of its own.
 */
#include "drivers/virtio/device.h"
#include "drivers/virtio/inspect.h"
#include "drivers/virtio/rng.h"
#include "tests/host/fake/scenario.h"

static struct fake_device fake;

static void make(void)
{
	fake_device_init(&fake, bus, &fake_rng, ring);
}

/* The driver gets its entropy. */
static void works(void)
{
	uint8_t bytes[40];

	CHECK(virtio_rng_first() != NULL);
	if (!virtio_rng_first())
		return;
	memset(bytes, 0, sizeof(bytes));
	CHECK_EQ(virtio_rng_read(virtio_rng_first(), bytes, sizeof(bytes)), 0);
	for (unsigned i = 1; i < sizeof(bytes); i++)
		CHECK_EQ(bytes[i], (uint8_t)(bytes[0] + i));
}

/* The probe fails so, leaves FAILED behind, and nothing in use. */
static void fails(int error, const char *line)
{
	CHECK_EQ(fake_probe(&fake), error);
	CHECK(fake_logged(line));
	CHECK(virtio_first() == NULL);
	CHECK(virtio_rng_first() == NULL);
	CHECK_EQ(fake.status & VIRTIO_STATUS_FAILED, VIRTIO_STATUS_FAILED);
	CHECK_EQ(fake.status & VIRTIO_STATUS_DRIVER_OK, 0);
	CHECK_NOTHING_LEFT();
	fake_sleep(2000); /* and nothing comes after it */
}

/* ---- The way up ------------------------------------------------------------------------ */

static void status_step_by_step(void)
{
	make();
	CHECK_EQ(fake_probe(&fake), 0);
	CHECK_TEXT(fake.steps, "status=0 status=1 status=3 status=11 queue0=8 status=15");
	CHECK_EQ(fake.status, 15);
	CHECK(fake_accepted(&fake, VIRTIO_F_VERSION_1));
	CHECK(fake_accepted(&fake, VIRTIO_F_EVENT_IDX));
	CHECK_EQ(fake_accepted(&fake, VIRTIO_F_RING_PACKED), ring == FAKE_PACKED);
	CHECK_EQ(fake_log_count(), 0);
	CHECK(virtio_first()->queues[0]->interrupts);
	works();
}

static void trace_tells_each_step(void)
{
	fake_port.trace = true;
	make();
	CHECK_EQ(fake_probe(&fake), 0);
	CHECK(fake_logged("ACKNOWLEDGE"));
	CHECK(fake_logged("FEATURES_OK"));
	CHECK(fake_logged("DRIVER_OK"));
	CHECK(fake_logged("3.1.1-1"));
}

/* A reset takes its time: it is waited for. */
static void reset_that_is_slow(void)
{
	make();
	fake.reset_reads = 100;
	CHECK_EQ(fake_probe(&fake), 0);
	works();
}

static void packed_is_asked_for_and_not_offered(void)
{
	make();
	fake_setting("ring", "packed");
	CHECK_EQ(fake_probe(&fake), 0);
	CHECK(fake_logged("RING_PACKED is not offered"));
	works();
}

static void without_event_idx_and_indirect(void)
{
	make();
	fake_withdraw(&fake, VIRTIO_F_EVENT_IDX);
	fake_withdraw(&fake, VIRTIO_F_INDIRECT_DESC);
	CHECK_EQ(fake_probe(&fake), 0);
	for (unsigned i = 0; i < 50; i++)
		works();
}

static void type_without_a_driver(void)
{
	make();
	if (bus == FAKE_PCI)
		fake_pci_set(&fake, PCI_DEVICE_ID, 2, 0x1040 + 63);
	fake.device_id = 63;
	CHECK_EQ(fake_probe(&fake), ERR_UNSUPPORTED);
	CHECK(fake_logged("no driver for device type 63"));
	CHECK_NOTHING_LEFT();
}

/* ---- Features ------------------------------------------------------------------------------ */

static void row29_features_differ_between_reads(void)
{
	make();
	/* All that the kit knows of is taken at once; what appears later must not be. */
	uint32_t first[VIRTIO_FEATURE_WORDS];
	memcpy(first, fake.offered, sizeof(first));
	fake.offers_differ = true;
	CHECK_EQ(fake_probe(&fake), 0);
	for (unsigned i = 0; i < VIRTIO_FEATURE_WORDS; i++)
		CHECK_EQ(fake.accepted[i] & ~first[i], 0);
	works();
}

/* The second start offers less than what is in use: the device is given up. */
static void row29_features_are_gone_after_a_reset(void)
{
	uint8_t byte;

	make();
	CHECK_EQ(fake_probe(&fake), 0);
	works();
	fake_withdraw(&fake, VIRTIO_F_EVENT_IDX);
	fake.status |= VIRTIO_STATUS_DEVICE_NEEDS_RESET;
	fake_interrupt_config(&fake);
	CHECK(FAKE_WAIT(virtio_first()->state == VIRTIO_FAILED, 2000));
	CHECK(fake_logged("no longer offers"));
	CHECK_EQ(virtio_rng_read(virtio_rng_first(), &byte, 1), ERR_NODEV);
}

static void row30_features_refused(void)
{
	make();
	fake.refuse_features = true;
	fails(ERR_UNSUPPORTED, "refused the features");
	CHECK_TEXT(fake.steps, "status=0 status=1 status=3 status=11 status=0 status=128");
}

static void row31_version_1_not_offered(void)
{
	make();
	fake_withdraw(&fake, VIRTIO_F_VERSION_1);
	fails(ERR_UNSUPPORTED, "disable-legacy=on");
	CHECK_TEXT(fake.steps, "status=0 status=1 status=3 status=0 status=128");
}

/* Every bit is offered: only what the kit and the driver know is taken. */
static void everything_is_offered(void)
{
	make();
	for (unsigned i = 0; i < VIRTIO_FEATURE_WORDS; i++)
		fake.offered[i] = UINT32_MAX;
	/* Those that would change what a notification looks like are another test's. */
	fake_withdraw(&fake, VIRTIO_F_NOTIFICATION_DATA);
	fake_withdraw(&fake, VIRTIO_F_NOTIF_CONFIG_DATA);
	fake_withdraw(&fake, VIRTIO_F_IN_ORDER);
	CHECK_EQ(fake_probe(&fake), 0);
	CHECK_EQ(fake.accepted[0] & ~(VIRTIO_FEATURE(VIRTIO_F_INDIRECT_DESC) |
				      VIRTIO_FEATURE(VIRTIO_F_EVENT_IDX)),
		 0);
	CHECK_EQ(fake_accepted(&fake, VIRTIO_F_RING_PACKED), ring == FAKE_PACKED);
	CHECK(!fake_accepted(&fake, VIRTIO_F_SR_IOV));
	CHECK(!fake_accepted(&fake, VIRTIO_F_ADMIN_VQ));
	CHECK(!fake_accepted(&fake, VIRTIO_F_SUSPEND));
	CHECK_EQ(fake.accepted[2] | fake.accepted[3], 0);
	works();
}

/* ---- Queues ------------------------------------------------------------------------------------ */

static void row21_queue_of_size(uint32_t size, int error)
{
	make();
	fake.queues[0].size_max = fake.queues[0].size = size;
	if (error)
		fails(error, error == ERR_FORMAT ? "impossible size" : "could not be brought up");
	else
		CHECK_EQ(fake_probe(&fake), 0);
	if (!error)
		works();
}

static void row21_queue_size_0(void)
{
	row21_queue_of_size(0, ERR_NODEV);
}

static void row21_queue_size_no_power_of_two(void)
{
	row21_queue_of_size(3, ring == FAKE_SPLIT ? ERR_FORMAT : 0);
}

static void row21_queue_size_32769(void)
{
	row21_queue_of_size(32769, ERR_FORMAT);
}

static void row21_queue_size_65535(void)
{
	row21_queue_of_size(65535, ERR_FORMAT);
}

static void row21_queue_size_of_32_bits(void)
{
	row21_queue_of_size(0x80000000, ERR_FORMAT);
}

static void queue_size_1(void)
{
	row21_queue_of_size(1, 0);
	CHECK_EQ(fake.queues[0].size, 1);
}

static void queue_size_32768(void)
{
	row21_queue_of_size(32768, 0);
	CHECK_EQ(fake.queues[0].size, 8); /* as many as the driver needs */
}

static void row22_no_queues(void)
{
	make();
	fake.queue_count = 0;
	fails(ERR_NODEV, "could not be brought up");
}

static void row22_65535_queues(void)
{
	make();
	fake.queue_count = 65535;
	CHECK_EQ(fake_probe(&fake), 0);
	works();
}

static void queue_that_is_not_enabled(void)
{
	make();
	fake.refuse_queue = true;
	fails(ERR_IO, "queue 0 could not be enabled");
}

static void shrink(struct fake_device *device, const char *step)
{
	if (strcmp(step, "status=11") == 0)
		device->before_config_read = NULL;
	if (strncmp(step, "status=3", 8) == 0 && device->resets > 1)
		device->queues[0].size_max = device->queues[0].size = 4;
}

/* Smaller after the reset than it was: the ring does not fit any more. */
static void queue_shrinks_after_a_reset(void)
{
	make();
	fake.after_step = shrink;
	CHECK_EQ(fake_probe(&fake), 0);
	fake.status |= VIRTIO_STATUS_DEVICE_NEEDS_RESET;
	CHECK(FAKE_WAIT(virtio_first()->state == VIRTIO_FAILED, 2000));
	CHECK(fake_logged("queue 0 could not be enabled"));
}

/* ---- Reset --------------------------------------------------------------------------------------- */

static void row32_reset_never_reads_0(void)
{
	make();
	fake.hang_reset = true;
	fake.status = VIRTIO_STATUS_ACKNOWLEDGE;
	uint64_t start = fake_port.now;
	CHECK_EQ(fake_probe(&fake), ERR_TIMEOUT);
	CHECK(fake_port.now - start < UINT64_C(1500000000)); /* a second, and not once more */
	CHECK(fake_logged("does not finish its reset"));
	CHECK_NOTHING_LEFT();
	if (bus == FAKE_PCI)
		CHECK_EQ(fake_pci_get(&fake, PCI_COMMAND, 2) & PCI_COMMAND_MASTER, 0);
}

/* It had memory already: on PCI it is kept from it and the memory is free again; MMIO has no way to do that,
 * and the memory is given up. */
static void row32_reset_hangs_while_it_is_set_up(void)
{
	make();
	fake.refuse_queue = true;
	fake.hang_reset = true;
	CHECK_EQ(fake_probe(&fake), ERR_IO);
	if (bus == FAKE_PCI) {
		CHECK_EQ(fake_pci_get(&fake, PCI_COMMAND, 2) & PCI_COMMAND_MASTER, 0);
		CHECK_NOTHING_LEFT();
	} else {
		CHECK(fake_port.dma_allocations > 0);
		CHECK_EQ(fake_port.interrupts_requested, 0);
	}
}

static void row32_bus_mastering_stays_on(void)
{
	make();
	fake.refuse_queue = true;
	fake.hang_reset = true;
	fake.master_stays = true;
	CHECK_EQ(fake_probe(&fake), ERR_IO);
	CHECK(fake_port.dma_allocations > 0);
}

/* Asks for a reset when a request has been in flight for a while. */
static void ask_for_reset(struct vport_event *event)
{
	event->check_at = VPORT_NEVER;
	CHECK_EQ(virtio_first()->state, VIRTIO_RUNNING);
	CHECK_EQ(virtio_first()->queues[0]->ring.in_flight, 1);
	fake.status |= VIRTIO_STATUS_DEVICE_NEEDS_RESET;
	fake_interrupt_config(&fake);
}

/* What a read returns that the device has not answered when it asks for a reset. */
static int read_and_need_reset(void)
{
	struct vport_event asking = { .drain = ask_for_reset, .check_at = fake_port.now + 1000000 };
	uint8_t byte;

	fake.deaf = true;
	vport_event_add(&asking);
	int error = virtio_rng_read(virtio_rng_first(), &byte, 1);
	vport_event_remove(&asking);
	fake.deaf = false;
	CHECK_EQ(asking.check_at, VPORT_NEVER);
	return error;
}

/* In the middle of a request. */
static void row32_reset_hangs_in_mid_life(void)
{
	uint8_t byte;

	make();
	CHECK_EQ(fake_probe(&fake), 0);
	works();
	unsigned memory = fake_port.dma_allocations;
	fake.hang_reset = true;
	CHECK_EQ(read_and_need_reset(), ERR_NODEV);
	CHECK_EQ(virtio_first()->state, VIRTIO_FAILED);
	CHECK(fake_logged("given up"));
	CHECK_EQ(virtio_rng_read(virtio_rng_first(), &byte, 1), ERR_NODEV);
	CHECK_EQ(fake_port.dma_allocations, memory); /* a running device's memory stays its own */
	CHECK_EQ(fake_port.interrupts_requested, 0);
	if (bus == FAKE_PCI)
		CHECK_EQ(fake_pci_get(&fake, PCI_COMMAND, 2) & PCI_COMMAND_MASTER, 0);
}

/* What is in flight fails, once; what is asked for meanwhile waits until the device runs again. */
static void row35_needs_reset(void)
{
	make();
	CHECK_EQ(fake_probe(&fake), 0);
	for (unsigned i = 1; i <= 3; i++) {
		CHECK_EQ(read_and_need_reset(), ERR_IO);
		virtio_device_fail(virtio_first(), ERR_IO, "a test says so", i);
		works();
		CHECK_EQ(virtio_first()->resets, 2 * i);
		works();
	}
	CHECK_EQ(fake_logged_times("it needs a reset"), 3);
	CHECK_EQ(fake_logged_times("running again"), 6);
}

/* One fault at a time: the reset mends them all. */
static void row35_two_faults_at_once(void)
{
	make();
	CHECK_EQ(fake_probe(&fake), 0);
	virtio_device_fail(virtio_first(), ERR_IO, "the first fault", 1);
	virtio_device_fail(virtio_first(), ERR_TIMEOUT, "the second fault", 2);
	CHECK(!fake_logged("the second fault"));
	CHECK_EQ(virtio_first()->error, ERR_IO);
	fake_sleep(10);
	CHECK_EQ(virtio_first()->resets, 1);
	works();
}

/* After the reset a queue is still enabled: that was none. */
static void queues_stay_enabled_after_a_reset(void)
{
	make();
	CHECK_EQ(fake_probe(&fake), 0);
	fake.queues_stay_ready = true;
	fake.status |= VIRTIO_STATUS_DEVICE_NEEDS_RESET;
	CHECK(FAKE_WAIT(virtio_first()->state == VIRTIO_FAILED, 1000));
	CHECK(fake_logged("queue 0 could not be enabled"));
}

/* It resets itself without a word. */
static void row35_status_falls_to_0(void)
{
	make();
	CHECK_EQ(fake_probe(&fake), 0);
	fake.status = 0;
	CHECK(FAKE_WAIT(virtio_first()->resets == 1, 1000));
	works();
}

/* ---- Gone -------------------------------------------------------------------------------------------- */

static void row36_gone_before_it_is_found(void)
{
	make();
	fake.gone = true;
	CHECK_EQ(fake_probe(&fake), ERR_NODEV);
	CHECK_NOTHING_LEFT();
}

static void vanish(struct fake_device *device, const char *step)
{
	if (strcmp(step, "status=3") == 0)
		device->gone = true;
}

static void row36_gone_while_it_is_set_up(void)
{
	make();
	fake.after_step = vanish;
	CHECK(fake_probe(&fake) < 0);
	CHECK(virtio_first() == NULL);
	CHECK_EQ(fake_port.interrupts_requested, 0);
}

static void row36_gone_in_mid_life(void)
{
	uint8_t byte;

	make();
	CHECK_EQ(fake_probe(&fake), 0);
	works();
	uint64_t start = fake_port.now;
	fake.gone = true;
	CHECK_EQ(virtio_rng_read(virtio_rng_first(), &byte, 1), ERR_NODEV);
	CHECK(fake_port.now - start < 3 * UINT64_C(1000000000));
	CHECK(fake_logged("it is gone"));
	CHECK_EQ(virtio_rng_read(virtio_rng_first(), &byte, 1), ERR_NODEV);
	fake_sleep(5000);
	CHECK(fake_log_count() <= 3); /* once is enough */
}

/* ---- Interrupts ----------------------------------------------------------------------------------------- */

static void interrupt_early(struct fake_device *device, const char *step)
{
	if (strncmp(step, "queue", 5) == 0 || strncmp(step, "status=", 7) == 0) {
		fake_interrupt_queue(&device->queues[0]);
		fake_interrupt_config(device);
	}
}

static void row16_interrupts_before_driver_ok(void)
{
	make();
	fake.after_step = interrupt_early;
	CHECK_EQ(fake_probe(&fake), 0);
	CHECK(fake_port.interrupts > 0);
	works();
	fake.status |= VIRTIO_STATUS_DEVICE_NEEDS_RESET;
	CHECK(FAKE_WAIT(virtio_first()->resets == 1, 1000));
	works();
	works();
}

/* And then it does not come up: nothing of it may be looked at any more. */
static void row16_interrupts_before_a_failure(void)
{
	make();
	fake.after_step = interrupt_early;
	fake.refuse_queue = true;
	fake.reset_reads = 10; /* the first one takes them all */
	CHECK_EQ(fake_probe(&fake), ERR_IO);
	CHECK_NOTHING_LEFT();
	fake_sleep(1000);
}

static void slow_reset(struct fake_device *device, const char *step)
{
	interrupt_early(device, step);
	if (strncmp(step, "queue", 5) == 0)
		device->reset_reads = 10;
}

static void row16_interrupts_before_a_failure_and_a_slow_reset(void)
{
	make();
	fake.after_step = slow_reset;
	fake.refuse_queue = true;
	CHECK_EQ(fake_probe(&fake), ERR_IO);
	CHECK_NOTHING_LEFT();
	fake_sleep(1000);
}

static void row15_interrupt_storm(void)
{
	make();
	CHECK_EQ(fake_probe(&fake), 0);
	unsigned before = fake_port.interrupts;
	for (unsigned i = 0; i < 20000; i++) {
		fake_interrupt_queue(&fake.queues[0]);
		fake_interrupt_config(&fake);
		if (i % 100 == 0)
			vport_relax(0);
	}
	CHECK(fake_port.interrupts - before >= 20000);
	CHECK_EQ(virtio_first()->resets, 0);
	works();
}

static void row16_interrupts_with_nothing_done(void)
{
	make();
	CHECK_EQ(fake_probe(&fake), 0);
	for (unsigned i = 0; i < 20; i++) {
		fake_interrupt_queue(&fake.queues[0]);
		fake_interrupt_config(&fake);
		fake_sleep(10);
		works();
	}
	CHECK_EQ(virtio_first()->resets, 0);
}

static void row17_lost_interrupts(void)
{
	make();
	CHECK_EQ(fake_probe(&fake), 0);
	fake.silent = true;
	uint64_t start = fake_port.now;
	for (unsigned i = 0; i < 10; i++)
		works();
	CHECK(fake_port.now - start < 10 * UINT64_C(300000000));
	CHECK_EQ(virtio_first()->resets, 0);
}

/* ---- Polling ------------------------------------------------------------------------------------------------ */

static void polled(void)
{
	fake_setting("irq", "poll");
	make();
	CHECK_EQ(fake_probe(&fake), 0);
	CHECK_EQ(virtio_first()->interrupts, VIRTIO_POLLED);
	for (unsigned i = 0; i < 10; i++)
		works();
	CHECK_EQ(fake_port.interrupts, 0);
	CHECK_EQ(fake_port.interrupts_requested, 0);
}

/* A queue that is polled asks for no interrupts: the device is spared them. */
static void polled_asks_for_no_interrupts(void)
{
	fake_setting("irq", "poll");
	make();
	fake_withdraw(&fake, VIRTIO_F_EVENT_IDX);
	CHECK_EQ(fake_probe(&fake), 0);
	works();
	uint32_t event = ring_device_driver_event(&fake.queues[0].ring);
	CHECK_EQ(ring == FAKE_PACKED ? event >> 16 : event, 1);
}

/* ---- Memory ---------------------------------------------------------------------------------------------------- */

/* Every allocation fails once; each time the probe fails cleanly. */
static void out_of_memory(void)
{
	unsigned count = 0;

	do {
		make();
	} while (probe_without_memory(&fake, ++count) && count < 50);
	CHECK(count > 4 && count < 50);
	works();
}

/* ---- Shared memory (2.10) ----------------------------------------------------------------------------------------- */

static void shared_memory(void)
{
	uint64_t address = 0, length = 0;

	make();
	CHECK_EQ(fake_probe(&fake), 0);
	struct virtio_device *device = virtio_first();
	CHECK_EQ(device->transport->shared_memory(device, 1, &address, &length), 0);
	CHECK_EQ(address, bus == FAKE_PCI ? FAKE_BAR4 + 0x4000 : 0x123400000);
	CHECK_EQ(length, 0x3000);
	CHECK_EQ(device->transport->shared_memory(device, 2, &address, &length), ERR_NODEV);
	CHECK_EQ(device->transport->shared_memory(device, 3, &address, &length), ERR_NODEV);
	CHECK_EQ(device->transport->shared_memory(device, 4, &address, &length), ERR_NODEV);
	if (bus == FAKE_PCI) {
		fake_pci_set(&fake, FAKE_CAP_SHM + 16, 4, 1); /* 4 GiB further */
		CHECK_EQ(device->transport->shared_memory(device, 1, &address, &length), ERR_NODEV);
		fake_pci_set(&fake, FAKE_CAP_SHM + 16, 4, 0);
		fake_pci_set(&fake, FAKE_CAP_SHM + 20, 4, UINT32_MAX);
		CHECK_EQ(device->transport->shared_memory(device, 1, &address, &length), ERR_NODEV);
	}
}

int main(void)
{
	static const struct scenario scenarios[] = {
		SCENARIO(status_step_by_step, ON_ALL),
		SCENARIO(trace_tells_each_step, ON_BUSES),
		SCENARIO(reset_that_is_slow, ON_BUSES),
		SCENARIO(packed_is_asked_for_and_not_offered, ON_BUSES),
		SCENARIO(without_event_idx_and_indirect, ON_ALL),
		SCENARIO(type_without_a_driver, ON_BUSES),
		SCENARIO(row29_features_differ_between_reads, ON_BUSES),
		SCENARIO(row29_features_are_gone_after_a_reset, ON_ALL),
		SCENARIO(row30_features_refused, ON_BUSES),
		SCENARIO(row31_version_1_not_offered, ON_BUSES),
		SCENARIO(everything_is_offered, ON_ALL),
		SCENARIO(row21_queue_size_0, ON_ALL),
		SCENARIO(row21_queue_size_no_power_of_two, ON_ALL),
		SCENARIO(row21_queue_size_32769, ON_ALL),
		SCENARIO(row21_queue_size_65535, ON_ALL),
		SCENARIO(row21_queue_size_of_32_bits, ON_MMIO | ON_SPLIT | ON_PACKED),
		SCENARIO(queue_size_1, ON_ALL),
		SCENARIO(queue_size_32768, ON_ALL),
		SCENARIO(row22_no_queues, ON_BUSES),
		SCENARIO(row22_65535_queues, ON_BUSES),
		SCENARIO(queue_that_is_not_enabled, ON_BUSES),
		SCENARIO(queue_shrinks_after_a_reset, ON_BUSES),
		SCENARIO(row32_reset_never_reads_0, ON_BUSES),
		SCENARIO(row32_reset_hangs_while_it_is_set_up, ON_BUSES),
		SCENARIO(row32_bus_mastering_stays_on, ON_PCI | ON_SPLIT),
		SCENARIO(row32_reset_hangs_in_mid_life, ON_ALL),
		SCENARIO(row35_needs_reset, ON_ALL),
		SCENARIO(row35_two_faults_at_once, ON_BUSES),
		SCENARIO(queues_stay_enabled_after_a_reset, ON_BUSES),
		SCENARIO(row35_status_falls_to_0, ON_ALL),
		SCENARIO(row36_gone_before_it_is_found, ON_BUSES),
		SCENARIO(row36_gone_while_it_is_set_up, ON_BUSES),
		SCENARIO(row36_gone_in_mid_life, ON_ALL),
		SCENARIO(row16_interrupts_before_driver_ok, ON_ALL),
		SCENARIO(row16_interrupts_before_a_failure, ON_BUSES),
		SCENARIO(row16_interrupts_before_a_failure_and_a_slow_reset, ON_BUSES),
		SCENARIO(row15_interrupt_storm, ON_ALL),
		SCENARIO(row16_interrupts_with_nothing_done, ON_ALL),
		SCENARIO(row17_lost_interrupts, ON_ALL),
		SCENARIO(polled, ON_ALL),
		SCENARIO(polled_asks_for_no_interrupts, ON_ALL),
		SCENARIO(out_of_memory, ON_ALL),
		SCENARIO(shared_memory, ON_BUSES),
	};
	return scenarios_run(scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
