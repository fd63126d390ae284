/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-scsi with a device that keeps the rules (VIRTIO 1.4, 5.6): units that change, come and go, by an event, by a unit
 * attention or by hand, and media. */
#include "tests/host/fake/scsi_jobs.h"

/* ---- Units that change ---------------------------------------------------------------------------- */

enum { HARD = 0, RESCAN = 1, REMOVED = 2 };

/* A unit attention costs the program nothing. */
static void attention_is_tried_again(void)
{
	make();
	start();
	fake_scsi_attention(&media.units[0], 0x29, 0);
	fake_scsi_attention(&media.units[0], 0x2f, 0);
	works("sda", &media.units[0]);
	CHECK(last_sense("sda", "scsi0 0:0 sda UNIT ATTENTION: power on or reset (29/00)"));
}

static void capacity_changes_by_event(void)
{
	make();
	start();
	struct block_device *disk = disk_named("sda");
	media.units[0].blocks = 1000;
	CHECK(fake_scsi_event(&fake, PARAM_CHANGE, 0, 0, 0x092a));
	CHECK(FAKE_WAIT(disk->capacity == 1000, 1000));
	CHECK(fake_logged("scsi0 0:0 sda: now has 1000 sectors"));
	CHECK_EQ(read_at(disk, &media.units[0], 1000, 512), ERR_RANGE);
	works("sda", &media.units[0]);
}

static void capacity_changes_by_attention(void)
{
	make();
	fake_withdraw(&fake, 2);
	start();
	struct block_device *disk = disk_named("sda");
	media.units[0].blocks = 1500;
	fake_scsi_attention(&media.units[0], 0x2a, 0x09);
	works("sda", &media.units[0]);
	CHECK(FAKE_WAIT(disk->capacity == 1500, 1000));
}

static void protection_changes(void)
{
	make();
	start();
	media.units[0].write_protected = true;
	CHECK(fake_scsi_event(&fake, PARAM_CHANGE, 0, 0, 0x012a));
	CHECK(FAKE_WAIT(disk_named("sda")->read_only, 1000));
}

static void plugged(void)
{
	make();
	start();
	struct fake_unit *unit = fake_scsi_add(&media, 5, 300, 512);
	CHECK(fake_scsi_event(&fake, TRANSPORT_RESET, 5, 300, RESCAN));
	CHECK(FAKE_WAIT(count_disks() == 2, 1000));
	CHECK(fake_logged("scsi0 5:300 sdb: added: FAKE UNIT?"));
	works("sdb", unit);
	works("sda", &media.units[0]);
}

/* A whole target: 5.6.6.3.1-4. */
static void target_plugged(void)
{
	make();
	start();
	fake_scsi_add(&media, 6, 0, 512);
	fake_scsi_add(&media, 6, 1, 512);
	CHECK(fake_scsi_event(&fake, TRANSPORT_RESET, 6, 0, RESCAN));
	CHECK(FAKE_WAIT(count_disks() == 3, 1000));
	media.units[1].present = media.units[2].present = false;
	CHECK(fake_scsi_event(&fake, TRANSPORT_RESET, 6, 0, REMOVED));
	CHECK(FAKE_WAIT(count_disks() == 1, 1000));
	works("sda", &media.units[0]);
}

static void unplugged_and_back(void)
{
	make();
	struct fake_unit *unit = fake_scsi_add(&media, 0, 9, 512);
	start();
	struct block_device *disk = disk_named("sdb");
	unit->present = false;
	CHECK(fake_scsi_event(&fake, TRANSPORT_RESET, 0, 9, REMOVED));
	CHECK(FAKE_WAIT(disk->gone, 1000));
	CHECK(fake_logged("scsi0 0:9 sdb: removed"));
	CHECK(described("sdb", "(removed)"));
	CHECK_EQ(read_at(disk, unit, 0, 512), ERR_NODEV);
	CHECK_EQ(scsi_reset(scsi_find("sdb")), ERR_NODEV);
	works("sda", &media.units[0]);
	/* The same place, the same name. */
	unit->present = true;
	CHECK(fake_scsi_event(&fake, TRANSPORT_RESET, 0, 9, RESCAN));
	CHECK(FAKE_WAIT(!disk->gone, 1000));
	works("sdb", unit);
}

/* Nobody told, but a request finds out. */
static void gone_without_a_word(void)
{
	make();
	struct fake_unit *unit = fake_scsi_add(&media, 7, 0, 512);
	start();
	struct block_device *disk = disk_named("sdb");
	unit->present = false;
	CHECK_EQ(read_at(disk, unit, 0, 512), ERR_IO);
	CHECK(FAKE_WAIT(disk->gone, 1000));
	/* And of a target that has others. */
	unit = fake_scsi_add(&media, 0, 3, 512);
	CHECK_EQ(scsi_scan(), 0);
	CHECK_EQ(count_disks(), 2);
	unit->present = false;
	CHECK_EQ(read_at(disk_named("sdc"), unit, 0, 512), ERR_IO);
	CHECK(FAKE_WAIT(disk_named("sdc")->gone, 1000));
	CHECK_EQ(fake_port.mappings, 0);
}

static void list_changes_by_attention(void)
{
	make();
	fake_withdraw(&fake, 1);
	start();
	fake_scsi_add(&media, 0, 44, 512);
	fake_scsi_attention(&media.units[0], 0x3f, 0x0e);
	CHECK_EQ(read_at(disk_named("sda"), &media.units[0], 0, 512), 0);
	CHECK(FAKE_WAIT(count_disks() == 2, 1000));
}

/* What was a disk is a drive: it gets another name, and the old one stays with nothing. */
static void becomes_another_kind(void)
{
	make();
	start();
	media.units[0].type = 5;
	CHECK_EQ(scsi_scan(), 0);
	CHECK(disk_named("sda")->gone);
	CHECK(!disk_named("sra")->gone);
	media.units[0].type = 0;
	CHECK_EQ(scsi_scan(), 0);
	CHECK(disk_named("sra")->gone);
	works("sda", &media.units[0]);
}

static void scan_by_hand(void)
{
	make();
	start();
	fake_scsi_add(&media, 1, 0, 512);
	CHECK_EQ(scsi_scan(), 0);
	CHECK_EQ(count_disks(), 2);
	media.units[0].present = false;
	CHECK_EQ(scsi_scan(), 0);
	CHECK_EQ(count_disks(), 1);
}

/* ---- Media ------------------------------------------------------------------------------------------ */

static struct fake_unit *make_drive(void)
{
	make();
	struct fake_unit *unit = fake_scsi_add(&media, 1, 0, 2048);
	unit->type = 5;
	unit->removable = true;
	return unit;
}

static void with_a_medium(void)
{
	struct fake_unit *unit = make_drive();
	start();
	struct block_device *disk = disk_named("sra");
	CHECK(disk->read_only);
	CHECK_EQ(disk->block_size, 2048);
	CHECK_EQ(disk->capacity, FAKE_SCSI_BLOCKS * 4);
	works("sra", unit);
	CHECK_EQ(block_flush(disk), 0);
	CHECK_EQ(unit->flushes, 0);
}

/* It says nothing by itself, so it is asked from time to time. */
static void medium_comes_and_goes(void)
{
	struct fake_unit *unit = make_drive();
	unit->empty = true;
	start();
	struct block_device *disk = disk_named("sra");
	CHECK_EQ(disk->capacity, 0);
	CHECK(described("sra", "sra no medium"));
	CHECK_EQ(read_at(disk, unit, 0, 2048), ERR_NO_MEDIUM);
	unit->empty = false;
	fake_scsi_attention(unit, 0x28, 0);
	CHECK(FAKE_WAIT(disk->capacity != 0, 5000));
	works("sra", unit);
	/* Another one. */
	unit->blocks = 1000;
	fake_scsi_attention(unit, 0x28, 0);
	CHECK(FAKE_WAIT(disk->capacity == 4000, 5000));
	unit->empty = true;
	CHECK(FAKE_WAIT(disk->capacity == 0, 5000));
	CHECK(fake_logged("scsi0 1:0 sra: its medium is gone"));
}

/* A request finds out first. */
static void medium_is_taken_away(void)
{
	static uint8_t bytes[2048];
	struct fake_unit *unit = make_drive();
	start();
	struct block_device *disk = disk_named("sra");
	unit->empty = true;
	CHECK_EQ(read_at(disk, unit, 0, 2048), ERR_NO_MEDIUM);
	CHECK(FAKE_WAIT(disk->capacity == 0, 1000));
	CHECK_EQ(read_at(disk, unit, 0, 2048), ERR_NO_MEDIUM);
	CHECK_EQ(block_read(disk, 0, bytes, sizeof(bytes)), ERR_NO_MEDIUM);
}

/* What was meant for one medium is not written to another. */
static void medium_is_exchanged(void)
{
	static uint8_t bytes[512];

	make();
	struct fake_unit *unit = fake_scsi_add(&media, 1, 0, 512);
	unit->removable = true;
	media.subscribes = true; /* so that nobody but the program asks */
	start();
	struct block_device *disk = disk_named("sdb");
	works("sdb", unit);
	unsigned writes = unit->writes;
	unsigned generation = disk->generation;
	fake_scsi_attention(unit, 0x28, 0);
	CHECK_EQ(block_write(disk, 0, bytes, 512), ERR_MEDIUM);
	CHECK_EQ(unit->writes, writes);
	CHECK(FAKE_WAIT(disk->generation != generation, 1000));
	works("sdb", unit);
	/* Told by there having been none for a while. */
	writes = unit->writes;
	generation = disk->generation;
	fake_scsi_attention(unit, 0x3a, 0);
	CHECK_EQ(block_write(disk, 0, bytes, 512), ERR_MEDIUM);
	CHECK_EQ(unit->writes, writes);
	CHECK(FAKE_WAIT(disk->generation != generation, 1000));
	works("sdb", unit);
	fake_scsi_attention(unit, 0x29, 0); /* the same medium, but the drive was reset */
	works("sdb", unit);
}

/* 5.6.6.2: one that tells is not asked. */
static void drive_that_tells(void)
{
	struct fake_unit *unit = make_drive();
	media.subscribes = true;
	unit->empty = true;
	start();
	unsigned commands = media.commands;
	fake_sleep(10000);
	CHECK_EQ(media.commands, commands);
	unit->empty = false;
	CHECK(fake_scsi_event(&fake, ASYNC_NOTIFY, 1, 0, 16));
	CHECK(FAKE_WAIT(disk_named("sra")->capacity != 0, 1000));
	works("sra", unit);
}

static const struct scenario scenarios[] = {
	SCENARIO(attention_is_tried_again, ON_RINGS),
	SCENARIO(capacity_changes_by_event, ON_ALL),
	SCENARIO(capacity_changes_by_attention, ON_PCI | ON_SPLIT),
	SCENARIO(protection_changes, ON_PCI | ON_SPLIT),
	SCENARIO(plugged, ON_ALL),
	SCENARIO(target_plugged, ON_PCI | ON_SPLIT),
	SCENARIO(unplugged_and_back, ON_ALL),
	SCENARIO(gone_without_a_word, ON_PCI | ON_SPLIT),
	SCENARIO(list_changes_by_attention, ON_PCI | ON_SPLIT),
	SCENARIO(becomes_another_kind, ON_PCI | ON_SPLIT),
	SCENARIO(scan_by_hand, ON_PCI | ON_SPLIT),
	SCENARIO(with_a_medium, ON_PCI | ON_SPLIT),
	SCENARIO(medium_comes_and_goes, ON_PCI | ON_SPLIT),
	SCENARIO(medium_is_taken_away, ON_PCI | ON_SPLIT),
	SCENARIO(medium_is_exchanged, ON_RINGS),
	SCENARIO(drive_that_tells, ON_PCI | ON_SPLIT),
};

int main(void)
{
	return scenarios_run(scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
