/* SPDX-License-Identifier: BSD-2-Clause */
/* Device-specific configuration (drivers/virtio/config.c, VIRTIO 1.4 section 2.5) through both transports: every
 * width, what is too short, and a device that changes its fields while they are read (FAULTS 33, 34). */
#include "drivers/virtio/device.h"
#include "drivers/virtio/inspect.h"
#include "tests/host/fake/scenario.h"

static struct fake_device fake;
static struct fake_disk disk;
static struct virtio_device *device;

/* A running disk with these bytes behind what the driver looks at, which lets all of them be written. */
static void start(void)
{
	static struct fake_model model;

	model = fake_blk;
	model.config_written = NULL;
	fake_device_init(&fake, bus, &model, ring);
	fake_disk_init(&fake, &disk);
	for (unsigned i = 32; i < FAKE_CONFIG_BYTES; i++)
		fake.config[i] = (uint8_t)(0x80 + i);
	CHECK_EQ(fake_probe(&fake), 0);
	device = virtio_first();
	CHECK(device != NULL);
}

static void every_width(void)
{
	uint8_t bytes[3];
	uint16_t halves[2];
	uint32_t words[2];
	uint64_t doubles[2];

	start();
	CHECK_EQ(virtio_config_read(device, 33, 1, 3, bytes), 0);
	CHECK_EQ(bytes[0], 0xa1);
	CHECK_EQ(bytes[2], 0xa3);
	CHECK_EQ(virtio_config_read(device, 34, 2, 2, halves), 0);
	CHECK_EQ(halves[0], 0xa3a2);
	CHECK_EQ(halves[1], 0xa5a4);
	CHECK_EQ(virtio_config_read(device, 36, 4, 2, words), 0);
	CHECK_EQ(words[0], 0xa7a6a5a4);
	CHECK_EQ(words[1], 0xabaaa9a8);
	CHECK_EQ(virtio_config_read(device, 40, 8, 2, doubles), 0);
	CHECK_EQ(doubles[0], 0xafaeadacabaaa9a8);
	CHECK_EQ(doubles[1], 0xb7b6b5b4b3b2b1b0);
	CHECK_EQ(virtio_config_read(device, 44, 8, 1, doubles), 0); /* two halves of 4 are enough */
	CHECK_EQ(doubles[0], 0xb3b2b1b0afaeadac);
}

static void writes(void)
{
	start();
	CHECK_EQ(virtio_config_write(device, 33, 1, 0x11), 0);
	CHECK_EQ(virtio_config_write(device, 34, 2, 0x2233), 0);
	CHECK_EQ(virtio_config_write(device, 36, 4, 0x44556677), 0);
	CHECK_EQ(virtio_config_write(device, 40, 8, 0x8899aabbccddeeff), 0);
	CHECK_EQ(fake_config_get(&fake, 32, 8), 0x44556677223311a0);
	CHECK_EQ(fake_config_get(&fake, 40, 8), 0x8899aabbccddeeff);
}

/* The configuration ends where the device says (PCI), or with the register block (MMIO). */
static void too_short(void)
{
	uint32_t value = 0x12345678;
	unsigned end = bus == FAKE_PCI ? FAKE_CONFIG_BYTES : FAKE_MMIO_BYTES - 0x100;

	start();
	CHECK_EQ(device->config_size, end);
	CHECK_EQ(virtio_config_read(device, end, 4, 1, &value), ERR_RANGE);
	CHECK_EQ(virtio_config_read(device, end - 4, 4, 2, &value), ERR_RANGE);
	CHECK_EQ(virtio_config_read(device, end - 4, 8, 1, &value), ERR_RANGE);
	CHECK_EQ(virtio_config_read(device, UINT32_MAX - 3, 4, 1, &value), ERR_RANGE);
	CHECK_EQ(virtio_config_read(device, 0, 4, 0x40000000, &value), ERR_RANGE);
	CHECK_EQ(virtio_config_read(device, 0, 8, 0x20000001, &value), ERR_RANGE);
	CHECK_EQ(virtio_config_write(device, end, 4, 0), ERR_RANGE);
	CHECK_EQ(virtio_config_write(device, end - 4, 8, 0), ERR_RANGE);
	CHECK_EQ(value, 0x12345678);
	if (bus == FAKE_PCI) {
		CHECK_EQ(virtio_config_read(device, end - 4, 4, 1, &value), 0);
		CHECK_EQ(value, 0xbfbebdbc);
	}
}

/* A disk without room for its own fields. */
static void config_too_short_for_the_driver(void)
{
	fake_device_init(&fake, bus, &fake_blk, ring);
	fake_disk_init(&fake, &disk);
	fake_pci_set(&fake, FAKE_CAP_CONFIG + 12, 4, 16); /* blk_size is at 20 */
	CHECK_EQ(fake_probe(&fake), ERR_RANGE);
	CHECK_NOTHING_LEFT();
	CHECK_EQ(fake.status & VIRTIO_STATUS_FAILED, VIRTIO_STATUS_FAILED);
}

static void no_config_at_all(void)
{
	fake_device_init(&fake, bus, &fake_blk, ring);
	fake_disk_init(&fake, &disk);
	fake_pci_set(&fake, FAKE_CAP_CONFIG + 3, 1, 9); /* a type that is none: the others do */
	CHECK_EQ(fake_probe(&fake), ERR_RANGE);
	CHECK_NOTHING_LEFT();
}

static unsigned reads;

/* Every field of 8 bytes is torn: its upper half changes between the reads, three times over. */
static void tear(struct fake_device *changing)
{
	if (reads++ < 6) {
		changing->generation++;
		for (unsigned i = 48; i < 56; i++)
			changing->config[i]++;
	}
}

static void count_read(struct fake_device *read)
{
	(void)read;
	reads++;
}

static void row34_field_changes_between_two_reads(void)
{
	uint64_t value = 0;

	start();
	fake.before_config_read = tear;
	fake.generation = 255 - 3; /* the 8 bits of PCI wrap around */
	CHECK_EQ(virtio_config_read(device, 48, 8, 1, &value), 0);
	CHECK_EQ(value, fake_config_get(&fake, 48, 8));
	CHECK(reads >= 8);
}

static void row33_generation_never_settles(void)
{
	uint64_t value;

	start();
	fake.generation_runs = true;
	fake.before_config_read = count_read;
	CHECK_EQ(virtio_config_read(device, 0, 8, 1, &value), ERR_BUSY);
	CHECK_EQ(reads, 16 * 2); /* tries, halves */
	fake.generation_runs = false;
	CHECK_EQ(virtio_config_read(device, 0, 8, 1, &value), 0);
	CHECK_EQ(value, FAKE_DISK_SECTORS);
}

static void row33_generation_never_settles_at_probe(void)
{
	fake_device_init(&fake, bus, &fake_blk, ring);
	fake_disk_init(&fake, &disk);
	fake.generation_runs = true;
	CHECK_EQ(fake_probe(&fake), ERR_BUSY);
	CHECK_NOTHING_LEFT();
	CHECK(fake_logged("could not be brought up"));
}

int main(void)
{
	static const struct scenario scenarios[] = {
		SCENARIO(every_width, ON_BUSES),
		SCENARIO(writes, ON_BUSES),
		SCENARIO(too_short, ON_BUSES),
		SCENARIO(config_too_short_for_the_driver, ON_PCI | ON_SPLIT),
		SCENARIO(no_config_at_all, ON_PCI | ON_SPLIT),
		SCENARIO(row34_field_changes_between_two_reads, ON_BUSES),
		SCENARIO(row33_generation_never_settles, ON_BUSES),
		SCENARIO(row33_generation_never_settles_at_probe, ON_BUSES),
	};
	return scenarios_run(scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
