/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-iommu (VIRTIO 1.4, 5.13) against a fake device: it is told to let devices through, and by nothing else. */
#include "drivers/virtio/device.h"
#include "drivers/virtio/inspect.h"
#include "tests/host/fake/scenario.h"

enum { BYPASS_BIT = 3, BYPASS_CONFIG_BIT = 6, OF_THE_TYPE = 0xffffff, BYPASS_AT = 36 };

static struct fake_device fake;
static unsigned writes;
static bool deaf;

static void config_written(struct fake_device *device, unsigned offset, uint8_t value)
{
	writes++;
	if (offset != BYPASS_AT)
		fake_breach(device, "writes to another field than bypass (5.13.4.1-2)");
	if (value > 1)
		fake_breach(device, "writes neither 0 nor 1 to bypass (5.13.4.1-3)");
	if (!(device->accepted[0] & 1u << BYPASS_CONFIG_BIT))
		fake_breach(device, "writes to bypass without the feature (5.13.4.1-1)");
	if (deaf)
		fake_config_set(device, offset, 1, 0);
}

static void make(uint32_t features, uint8_t bypass)
{
	static struct fake_model model;

	model = (struct fake_model){ .type = VIRTIO_TYPE_IOMMU,
				     .queues = 2,
				     .queue_size = 64,
				     .features = features,
				     .config_written = config_written };
	fake_device_init(&fake, bus, &model, ring);
	fake_config_set(&fake, BYPASS_AT, 1, bypass);
	deaf = false;
	writes = 0;
}

static void told_to(void)
{
	make(1u << BYPASS_CONFIG_BIT, 0);
	CHECK_EQ(fake_probe(&fake), 0);
	CHECK_EQ(fake.config[BYPASS_AT], 1);
	CHECK_EQ(writes, 1);
	CHECK_EQ(fake.accepted[0] & OF_THE_TYPE, 1u << BYPASS_CONFIG_BIT);
	/* And once more after a reset, which may have undone it. */
	fake_config_set(&fake, BYPASS_AT, 1, 0);
	fake.status |= VIRTIO_STATUS_DEVICE_NEEDS_RESET;
	fake_interrupt_config(&fake);
	CHECK(FAKE_WAIT(virtio_first()->resets == 1 && virtio_first()->state == VIRTIO_RUNNING,
			2000));
	CHECK_EQ(fake.config[BYPASS_AT], 1);
	CHECK_TEXT(virtio_first()->name, "iommu0"); /* it keeps its name */
}

static void by_itself(void)
{
	make(1u << BYPASS_CONFIG_BIT, 1);
	CHECK_EQ(fake_probe(&fake), 0);
	CHECK_EQ(writes, 0);
}

/* 5.13.4.1-4: bits that mean nothing. */
static void other_bits(void)
{
	make(1u << BYPASS_CONFIG_BIT, 0xfe);
	CHECK_EQ(fake_probe(&fake), 0);
	CHECK_EQ(fake.config[BYPASS_AT], 1);
}

static void by_the_older_feature(void)
{
	make(1u << BYPASS_BIT | 1u << 2, 0);
	CHECK_EQ(fake_probe(&fake), 0);
	CHECK_EQ(fake.accepted[0] & OF_THE_TYPE, 1u << BYPASS_BIT);
	CHECK_EQ(writes, 0);
}

static void refused(uint32_t features)
{
	make(features, 0);
	deaf = true;
	CHECK_EQ(fake_probe(&fake), ERR_UNSUPPORTED);
	CHECK(fake_logged("it does not let devices through: those behind it reach no memory"));
	CHECK((fake.status & VIRTIO_STATUS_FAILED) != 0);
}

static void not_at_all(void)
{
	refused(1u << 2);
}

static void only_said(void)
{
	refused(1u << BYPASS_CONFIG_BIT);
	CHECK_EQ(writes, 1);
}

/* 33: whether it lets them through cannot be found out, and so it is told nothing. */
static void row33_configuration_never_rests(void)
{
	make(1u << BYPASS_CONFIG_BIT, 0);
	fake.generation_runs = true;
	CHECK_EQ(fake_probe(&fake), ERR_BUSY);
	CHECK_EQ(writes, 0);
	CHECK(fake_logged("it does not let devices through: those behind it reach no memory"));
}

/* The first ten have names, which they keep. */
static void names(void)
{
	struct fake_device *many = calloc(11, sizeof(*many));
	struct virtio_device *device;
	char name[] = "iommu0";

	if (!many)
		abort();
	for (unsigned i = 0; i < 11; i++) {
		make(1u << BYPASS_CONFIG_BIT, 1);
		fake_port_detach(&fake.port);
		fake_device_init(&many[i], bus, fake.model, ring);
		fake_config_set(&many[i], BYPASS_AT, 1, 1);
		CHECK_EQ(fake_probe(&many[i]), 0);
	}
	many[0].status |= VIRTIO_STATUS_DEVICE_NEEDS_RESET;
	fake_interrupt_config(&many[0]);
	CHECK(FAKE_WAIT(virtio_first()->resets == 1 && virtio_first()->state == VIRTIO_RUNNING,
			2000));
	device = virtio_first();
	for (unsigned i = 0; i < 10; i++, device = virtio_next(device)) {
		name[5] = (char)('0' + i);
		CHECK_TEXT(device->name, name);
	}
	CHECK_TEXT(device->name, "");
	CHECK(virtio_next(device) == NULL);
}

static const struct scenario scenarios[] = {
	SCENARIO(told_to, ON_ALL),
	SCENARIO(by_itself, ON_PCI | ON_SPLIT),
	SCENARIO(other_bits, ON_PCI | ON_SPLIT),
	SCENARIO(by_the_older_feature, ON_PCI | ON_SPLIT),
	SCENARIO(not_at_all, ON_PCI | ON_SPLIT),
	SCENARIO(only_said, ON_ALL),
	SCENARIO(row33_configuration_never_rests, ON_BUSES),
	SCENARIO(names, ON_BUSES),
};

int main(void)
{
	return scenarios_run(scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
