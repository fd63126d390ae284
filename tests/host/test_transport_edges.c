/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Both transports at the edges of what is accepted (VIRTIO 1.4, 4.1.4 and 4.2.2): each case is a check that
 * `make mutants` found to be missed by the tests of test_transport_bus.c. What the checks are for is told there.
 */
#include "drivers/virtio/device.h"
#include "drivers/virtio/inspect.h"
#include "drivers/virtio/probe.h"
#include "drivers/virtio/rng.h"
#include "tests/host/fake/scenario.h"

static struct fake_device fake;

static void make(void)
{
	fake_device_init(&fake, bus, &fake_rng, ring);
}

static void starts(void)
{
	uint8_t byte;

	CHECK_EQ(fake_probe(&fake), 0);
	CHECK(virtio_rng_first() != NULL);
	if (virtio_rng_first())
		CHECK_EQ(virtio_rng_read(virtio_rng_first(), &byte, 1), 0);
}

/* ---- PCI: what it says of itself ------------------------------------------------------------------- */

/* The first id of a modern device is that of type 0, which is none: its subsystem id means nothing. */
static void the_first_modern_id(void)
{
	make();
	fake_pci_set(&fake, PCI_DEVICE_ID, 2, 0x1040);
	fake_pci_set(&fake, PCI_SUBSYSTEM_ID, 2, VIRTIO_TYPE_ENTROPY);
	CHECK_EQ(fake_probe(&fake), ERR_UNSUPPORTED);
	CHECK(fake_logged("no driver for device type 0"));
}

/* The common configuration ends with the field that a feature needs. */
static void room_for_just_one_field(void)
{
	make();
	fake_offer(&fake, VIRTIO_F_RING_RESET);
	fake_pci_set(&fake, FAKE_CAP_COMMON + 12, 4, 0x3c);
	starts();
	CHECK(fake_accepted(&fake, VIRTIO_F_RING_RESET));
}

/* The notification structure ends in, or with, the queue's doorbell. */
static void make_doorbell(unsigned bytes)
{
	make();
	fake.queues[0].notify_off = 5;
	fake_pci_set(&fake, FAKE_CAP_NOTIFY + 12, 4, 5 * FAKE_MULTIPLIER + bytes);
}

static void a_doorbell_up_to_the_end(void)
{
	make_doorbell(2);
	starts();
}

static void a_wide_doorbell_up_to_the_end(void)
{
	make_doorbell(4);
	fake_offer(&fake, VIRTIO_F_NOTIFICATION_DATA);
	starts();
}

static void a_doorbell_past_the_end(void)
{
	make_doorbell(1);
	CHECK_EQ(fake_probe(&fake), ERR_RANGE);
}

static void a_wide_doorbell_past_the_end(void)
{
	make_doorbell(3);
	fake_offer(&fake, VIRTIO_F_NOTIFICATION_DATA);
	CHECK_EQ(fake_probe(&fake), ERR_RANGE);
}

/* No more of it is mapped than a driver could want. */
static void a_large_configuration(void)
{
	make();
	fake_pci_set(&fake, FAKE_CAP_CONFIG + 12, 4, 0x1001);
	starts();
	CHECK_EQ(virtio_first()->config_size, 0x1000);
}

/* ---- PCI: interrupts ------------------------------------------------------------------------------- */

/* Who does not want vectors does not look for them, and so has nothing to say about their table. */
static void with_a_bad_table(const char *setting, unsigned lines)
{
	make();
	fake_setting("irq", setting);
	fake_pci_set(&fake, FAKE_CAP_MSIX + 4, 4, 0xfff9); /* far behind BAR 1's end */
	starts();
	CHECK_EQ(fake_logged_times("its MSI-X table is not inside its BAR"), lines);
	CHECK_EQ(fake_log_count(), lines);
}

static void a_bad_table_that_nobody_wants(void)
{
	with_a_bad_table("poll", 0);
}

static void a_bad_table_and_no_vectors(void)
{
	with_a_bad_table("intx", 0);
}

static void a_bad_table(void)
{
	with_a_bad_table("any", 1);
}

/* After a reset only the doorbells are looked for once more. */
static void maps_after_a_reset(void)
{
	make();
	starts();
	for (unsigned i = 1; i <= 3; i++) {
		unsigned before = fake_port.register_maps;
		virtio_device_fail(virtio_first(), ERR_IO, "a test says so", i);
		CHECK(FAKE_WAIT(virtio_first()->resets == i &&
					virtio_first()->state == VIRTIO_RUNNING,
				1000));
		CHECK_EQ(fake_port.register_maps - before, 1);
	}
}

/* ---- MMIO ------------------------------------------------------------------------------------------ */

/* What is pending is acknowledged, and no more than is known. */
static void interrupts_are_acknowledged(void)
{
	make();
	starts();
	CHECK_EQ(virtio_first()->interrupts, VIRTIO_LINE);
	CHECK_EQ(fake.isr, 0);
	for (unsigned known = 0; known <= (VIRTIO_ISR_QUEUE | VIRTIO_ISR_CONFIG); known++) {
		virtio_first()->config_interrupted = false;
		fake.isr = (uint8_t)(0x84 | known);
		fake_raise_line(&fake.port);
		CHECK_EQ(fake.isr, 0x84);
		CHECK_EQ(virtio_first()->config_interrupted, (known & VIRTIO_ISR_CONFIG) != 0);
	}
	fake.isr = 0;
}

/* An entropy device has no configuration, and needs no room for one. */
static void registers_without_a_configuration(void)
{
	make();
	CHECK_EQ(virtio_mmio_probe(&fake.port, FAKE_MMIO_BASE, 0xff), ERR_FORMAT);
	CHECK_EQ(virtio_mmio_probe(&fake.port, FAKE_MMIO_BASE, 0x100), 0);
	CHECK_EQ(virtio_first()->config_size, 0);
}

/* ---- PCI: capabilities ----------------------------------------------------------------------------- */

/* Moves a capability, which is linked after the first one. */
static void move(unsigned from, unsigned to, unsigned length)
{
	for (unsigned i = 0; i < length; i++)
		fake_pci_set(&fake, to + i, 1, fake_pci_get(&fake, from + i, 1));
	unsigned before = FAKE_CAP_COMMON;
	while (fake_pci_get(&fake, before + 1, 1) != from)
		before = fake_pci_get(&fake, before + 1, 1);
	fake_pci_set(&fake, before + 1, 1, to);
}

static void a_capability_up_to_the_end(void)
{
	make();
	move(FAKE_CAP_ISR, 0xf0, 16);
	starts();
}

static void shared_memory_up_to_the_end(void)
{
	uint64_t address = 0, length = 0, here = 0;

	make();
	CHECK_EQ(fake_probe(&fake), 0);
	struct virtio_device *device = virtio_first();
	unsigned id = fake_pci_get(&fake, FAKE_CAP_SHM + 5, 1);
	CHECK_EQ(device->transport->shared_memory(device, id, &here, &length), 0);

	make();
	move(FAKE_CAP_SHM, 0xe8, 24);
	CHECK_EQ(fake_probe(&fake), 0);
	device = virtio_next(virtio_first());
	CHECK_EQ(device->transport->shared_memory(device, id, &address, &length), 0);
	CHECK_EQ(address, here);
	fake_pci_set(&fake, 0xe8 + 2, 1, 23); /* one byte less than its fields */
	CHECK_EQ(device->transport->shared_memory(device, id, &address, &length), ERR_NODEV);
}

/* One structure that cannot be mapped, and no window to reach it by. */
static void no_window_for(unsigned from, unsigned to)
{
	make();
	fake.port.unmappable_from = FAKE_BAR4 + from;
	fake.port.unmappable_to = FAKE_BAR4 + to;
	fake_pci_set(&fake, FAKE_CAP_WINDOW + 2, 1, 19); /* no room for its data */
	CHECK_EQ(fake_probe(&fake), ERR_RANGE);
	CHECK(fake_logged("registers cannot be mapped"));
	CHECK(virtio_first() == NULL);
	CHECK_NOTHING_LEFT();
}

static void no_window_for_the_common_configuration(void)
{
	no_window_for(FAKE_COMMON, FAKE_ISR);
}
static void no_window_for_the_isr(void)
{
	no_window_for(FAKE_ISR, FAKE_CONFIG);
}
static void no_window_for_the_configuration(void)
{
	no_window_for(FAKE_CONFIG, FAKE_NOTIFY);
}

/* Neither a window nor a configuration, and no need for them. */
static void no_window_and_no_configuration(void)
{
	make();
	fake_pci_set(&fake, FAKE_CAP_WINDOW + 3, 1, 0);
	fake_pci_set(&fake, FAKE_CAP_CONFIG + 3, 1, 0);
	starts();
}

int main(void)
{
	static const struct scenario scenarios[] = {
		SCENARIO(the_first_modern_id, ON_PCI | ON_SPLIT),
		SCENARIO(room_for_just_one_field, ON_PCI | ON_SPLIT),
		SCENARIO(a_doorbell_up_to_the_end, ON_PCI | ON_SPLIT),
		SCENARIO(a_wide_doorbell_up_to_the_end, ON_PCI | ON_SPLIT),
		SCENARIO(a_doorbell_past_the_end, ON_PCI | ON_SPLIT),
		SCENARIO(a_wide_doorbell_past_the_end, ON_PCI | ON_SPLIT),
		SCENARIO(a_large_configuration, ON_PCI | ON_SPLIT),
		SCENARIO(a_bad_table_that_nobody_wants, ON_PCI | ON_SPLIT),
		SCENARIO(a_bad_table_and_no_vectors, ON_PCI | ON_SPLIT),
		SCENARIO(a_bad_table, ON_PCI | ON_SPLIT),
		SCENARIO(maps_after_a_reset, ON_PCI | ON_SPLIT),
		SCENARIO(interrupts_are_acknowledged, ON_MMIO | ON_SPLIT),
		SCENARIO(registers_without_a_configuration, ON_MMIO | ON_SPLIT),
		SCENARIO(a_capability_up_to_the_end, ON_PCI | ON_SPLIT),
		SCENARIO(shared_memory_up_to_the_end, ON_PCI | ON_SPLIT),
		SCENARIO(no_window_for_the_common_configuration, ON_PCI | ON_SPLIT),
		SCENARIO(no_window_for_the_isr, ON_PCI | ON_SPLIT),
		SCENARIO(no_window_for_the_configuration, ON_PCI | ON_SPLIT),
		SCENARIO(no_window_and_no_configuration, ON_PCI | ON_SPLIT),
	};
	return scenarios_run(scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
