/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PCI's capabilities at the edges of what is accepted (VIRTIO 1.4, 4.1.4): each case is a check that
 * `make mutants` found to be missed by the tests of test_transport_bus.c. What the checks are for is told there.
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

static void starts(void)
{
	uint8_t byte;

	CHECK_EQ(fake_probe(&fake), 0);
	CHECK(virtio_rng_first() != NULL);
	if (virtio_rng_first())
		CHECK_EQ(virtio_rng_read(virtio_rng_first(), &byte, 1), 0);
}

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
		SCENARIO(a_capability_up_to_the_end, ON_PCI | ON_SPLIT),
		SCENARIO(shared_memory_up_to_the_end, ON_PCI | ON_SPLIT),
		SCENARIO(no_window_for_the_common_configuration, ON_PCI | ON_SPLIT),
		SCENARIO(no_window_for_the_isr, ON_PCI | ON_SPLIT),
		SCENARIO(no_window_for_the_configuration, ON_PCI | ON_SPLIT),
		SCENARIO(no_window_and_no_configuration, ON_PCI | ON_SPLIT),
	};
	return scenarios_run(scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
