/* SPDX-License-Identifier: BSD-2-Clause */
/* What virtio-scsi makes of each answer of a unit that is looked at: how often it asks again and how long it waits for that, and
 * what a program sees of the unit then. */
#include "drivers/virtio/scsi_host.h"
#include "tests/host/fake/scsi_jobs.h"
#include "tests/host/fake/scsi_odd.h"

/* The commands that are answered in another way, by their operation, and by their page where they have one. */
enum {
	READY = 0x00,
	INQUIRY = 0x12,
	MODE_SENSE = 0x1a,
	START = 0x1b,
	CAPACITY_10 = 0x25,
	CAPACITY_16 = 0x9e,
	LUNS = 0xa0,
};
#define NO_PAGE (-1)

static struct {
	uint8_t operation;
	int page;
	unsigned from, times; /* the first of them is 0 */
	struct odd odd;
	unsigned seen; /* of these */
} rule;
static unsigned seen[256]; /* of each operation */
static bool pinged;

static void by_rule(struct fake_scsi *scsi, struct fake_unit *unit, const uint8_t *cdb,
		    struct fake_answer *answer)
{
	(void)unit;
	if (cdb[0] == READY && !pinged) { /* whether the target is there */
		pinged = true;
		return;
	}
	seen[cdb[0]]++;
	if (cdb[0] != rule.operation || (rule.page >= 0 && cdb[2] != rule.page) ||
	    (cdb[0] == INQUIRY && (rule.page >= 0) != (cdb[1] & 1)))
		return;
	unsigned number = rule.seen++;
	if (number >= rule.from && number - rule.from < rule.times)
		odd_answer(scsi, answer, &rule.odd);
}

/* A look at all units, with that answer to the first so many commands of the kind. */
static int look(uint8_t operation, int page, unsigned times, struct odd odd)
{
	rule.operation = operation;
	rule.page = page;
	rule.from = rule.seen = 0;
	rule.times = times;
	rule.odd = odd;
	memset(seen, 0, sizeof(seen));
	pinged = false;
	fake_log_clear();
	return scsi_scan();
}

#define ALWAYS UINT32_MAX
#define ODD(what) ((struct odd)what)

static struct fake_unit *make_one(void)
{
	make();
	fake_config_set(&fake, 30, 2, 0); /* max_target */
	media.before_answer = by_rule;
	rule.times = 0;
	return &media.units[0];
}

static bool is_usable(void)
{
	struct block_device *disk = block_find("sda");

	return disk && !disk->gone && !disk->empty;
}

/* ---- Once more ------------------------------------------------------------------------------------- */

/* Busy: eight times in all, a tenth of a second apart. Attentions: as often, at once. What is wrong is not asked again. */
static void tried_again(void)
{
	make_one();
	start();
	uint64_t before = vport_now();
	CHECK_EQ(look(READY, NO_PAGE, 7, ODD(STATUS(0x08))), 0);
	CHECK_EQ(rule.seen, 8);
	CHECK(is_usable());
	CHECK(vport_now() - before >= 700000000);
	CHECK(vport_now() - before < 1500000000);
	CHECK_EQ(look(READY, NO_PAGE, ALWAYS, ODD(STATUS(0x08))), 0);
	CHECK_EQ(rule.seen, 8);
	CHECK(!is_usable());
	CHECK(fake_logged("cannot be used"));

	before = vport_now();
	CHECK_EQ(look(READY, NO_PAGE, 7, ODD(SENSE(6, 0x29, 0))), 0);
	CHECK_EQ(rule.seen, 8);
	CHECK(is_usable());
	CHECK(vport_now() - before < 500000000);
	look(READY, NO_PAGE, ALWAYS, ODD(SENSE(11, 0, 0)));
	CHECK_EQ(rule.seen, 8);
	CHECK(!is_usable());

	look(READY, NO_PAGE, ALWAYS, ODD(SENSE(3, 0x11, 0)));
	CHECK_EQ(rule.seen, 1);
	CHECK(!is_usable());
	look(READY, NO_PAGE, 0, ODD(STATUS(0)));
	CHECK(is_usable());
}

static unsigned silent_from, silent_times, asked;

static bool answers_but(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written)
{
	(void)chain;
	(void)written;
	if (queue->index < 2)
		return true;
	unsigned number = asked++;
	return number < silent_from || number - silent_from >= silent_times;
}

/* A command that is lost in a reset is given again, once. */
static void given_again_after_a_reset(void)
{
	fake_setting("deadline_ms", "500");
	make_one();
	start();
	fake.before_use = answers_but;
	for (unsigned times = 1; times <= 2; times++) {
		asked = 0;
		silent_from = 3;
		silent_times = times;
		unsigned resets = virtio_first()->resets;
		look(READY, NO_PAGE, 0, ODD(STATUS(0)));
		CHECK_EQ(virtio_first()->resets, resets + times);
		CHECK_EQ(is_usable(), times == 1);
		silent_times = 0;
		CHECK(FAKE_WAIT(virtio_first()->state == VIRTIO_RUNNING, 5000));
		fake_sleep(1000);
		CHECK_EQ(look(READY, NO_PAGE, 0, ODD(STATUS(0))), 0);
		works("sda", &media.units[0]);
	}
}

/* The list has changed, says one unit to what the driver asks for itself: the list is asked for, once more than otherwise. */
static void list_has_changed(void)
{
	static const struct odd others[] = { SENSE(6, 0x3f, 0x03), SENSE(6, 0x3e, 0x0e),
					     SENSE(5, 0x3f, 0x0e), SENSE(11, 0x3f, 0x0e),
					     SENSE(6, 0x29, 0x0e) };

	make_one();
	start();
	look(READY, NO_PAGE, 0, ODD(STATUS(0)));
	unsigned usual = seen[LUNS];
	CHECK(usual > 0);
	look(READY, NO_PAGE, 1, ODD(SENSE(6, 0x3f, 0x0e)));
	fake_sleep(5000);
	CHECK(seen[LUNS] > usual);
	for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		look(READY, NO_PAGE, 1, others[i]);
		fake_sleep(5000);
		CHECK_EQ(seen[LUNS], usual);
	}
	/* Sense that is not valid says nothing. */
	struct odd odd = SENSE(6, 0x3f, 0x0e);
	odd.no_sense = true;
	look(READY, NO_PAGE, 1, odd);
	fake_sleep(5000);
	CHECK_EQ(seen[LUNS], usual);
}

/* ---- Ready ------------------------------------------------------------------------------------------ */

static void is_started_when_it_says_so(void)
{
	static const struct {
		struct odd odd;
		unsigned starts;
	} says[] = {
		{ SENSE(2, 0x04, 0x02), 1 }, { SENSE(2, 0x04, 0x03), 0 },
		{ SENSE(2, 0x05, 0x02), 0 }, { SENSE(3, 0x04, 0x02), 0 },
		{ SENSE(5, 0x04, 0x02), 0 },
	};

	make_one();
	start();
	for (unsigned i = 0; i < sizeof(says) / sizeof(says[0]); i++) {
		look(READY, NO_PAGE, 1, says[i].odd);
		CHECK_EQ(seen[START], says[i].starts);
		CHECK_EQ(seen[READY], 1 + says[i].starts);
		CHECK_EQ(is_usable(), says[i].starts);
		CHECK_EQ(fake_logged("cannot be used"), !says[i].starts);
	}
	struct odd odd = SENSE(2, 0x04, 0x02);
	odd.no_sense = true;
	look(READY, NO_PAGE, 1, odd);
	CHECK_EQ(seen[START], 0);
	/* What it says is kept, and told. */
	look(READY, NO_PAGE, 1, ODD(SENSE(3, 0x11, 0x05)));
	CHECK(last_sense("sda", "11/05"));
	look(READY, NO_PAGE, 0, ODD(STATUS(0)));
	CHECK_EQ(seen[START], 0);
	CHECK(is_usable());
}

/* ---- Capacity ---------------------------------------------------------------------------------------- */

static void capacity_answers(void)
{
	static const struct {
		uint8_t operation, version;
		struct odd odd;
		bool good;
	} answers[] = {
		{ CAPACITY_16, 5, LENGTH(12), true },
		{ CAPACITY_16, 5, LENGTH(11), false },
		{ CAPACITY_16, 5, RESIDUAL(20), true },
		{ CAPACITY_16, 5, RESIDUAL(21), false },
		{ CAPACITY_16, 5, RESIDUAL(32), false },
		{ CAPACITY_16, 5, RESIDUAL(33), false },
		{ CAPACITY_16, 5, RESIDUAL(0), true },
		{ CAPACITY_16, 5, SENSE(5, 0x20, 0), true }, /* then by the short form */
		{ CAPACITY_16, 5, SENSE(3, 0x11, 0), false },
		{ CAPACITY_10, 4, LENGTH(8), true },
		{ CAPACITY_10, 4, LENGTH(7), false },
		{ CAPACITY_10, 4, RESIDUAL(1), false },
		{ CAPACITY_10, 4, SENSE(5, 0x20, 0), false },
	};
	struct fake_unit *unit = make_one();

	start();
	for (unsigned i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		unit->version = answers[i].version;
		look(answers[i].operation, NO_PAGE, ALWAYS, answers[i].odd);
		CHECK_EQ(is_usable(), answers[i].good);
		if (is_usable() != answers[i].good)
			printf("# answer %u\n", i);
	}
	unit->version = 5;
	CHECK_EQ(look(READY, NO_PAGE, 0, ODD(STATUS(0))), 0);
	CHECK_EQ(seen[CAPACITY_16], 1);
	CHECK_EQ(seen[CAPACITY_10], 0);
	works("sda", unit);
	unit->version = 4;
	CHECK_EQ(look(READY, NO_PAGE, 0, ODD(STATUS(0))), 0);
	CHECK_EQ(seen[CAPACITY_16], 0);
	CHECK_EQ(seen[CAPACITY_10], 1);
}

/* Of a drive for CDs the short form is asked for, whatever its version; of what has no medium there is a size of blocks. */
static void cd_drives(void)
{
	struct fake_unit *unit = make_one();

	unit->type = 5;
	unit->removable = unit->empty = true;
	start();
	struct block_device *disk = block_first();
	CHECK(disk->empty && disk->read_only);
	CHECK_EQ(disk->block_size, 2048);
	CHECK(!fake_logged("cannot be used"));
	unit->empty = false;
	unit->version = 6;
	CHECK_EQ(look(READY, NO_PAGE, 0, ODD(STATUS(0))), 0);
	CHECK_EQ(seen[CAPACITY_16], 0);
	CHECK_EQ(seen[CAPACITY_10], 1);
	CHECK(!disk->empty);
	CHECK_EQ(disk->block_size, unit->block_size);
	/* And it stays what it was. */
	unit->empty = true;
	CHECK_EQ(look(READY, NO_PAGE, 0, ODD(STATUS(0))), 0);
	CHECK(disk->empty);
	CHECK_EQ(disk->block_size, unit->block_size);
	CHECK(fake_logged("its medium is gone"));
	CHECK(!fake_logged("cannot be used"));
}

static void an_empty_disk_drive(void)
{
	struct fake_unit *unit = make_one();

	unit->removable = unit->empty = true;
	start();
	CHECK(disk_named("sda")->empty && !disk_named("sda")->read_only);
	CHECK_EQ(disk_named("sda")->block_size, 512);
}

static void kinds_of_disks(void)
{
	static const uint8_t types[] = { 0, 7, 14 };
	struct fake_unit *unit = make_one();

	start();
	for (unsigned type = 0; type < 32; type++) {
		bool disk = memchr(types, (int)type, sizeof(types)) != NULL;
		if (type == 5)
			continue;
		unit->type = (uint8_t)type;
		look(READY, NO_PAGE, 0, ODD(STATUS(0)));
		CHECK_EQ(seen[READY] > 0, disk);
		if ((seen[READY] > 0) != disk)
			printf("# type %u\n", type);
	}
}

/* The last block is the last one of which each byte has a number of 63 bits; and commands are as long as they need be. */
static void large_capacities(void)
{
	const uint64_t most = INT64_MAX / 512;
	struct fake_unit *unit = make_one();
	struct {
		uint64_t blocks, capacity;
		bool limited, long_form;
	} sizes[] = {
		{ most, most, false, true },
		{ most + 1, most, true, true },
		{ most + 2, most, true, true },
		{ (uint64_t)1 << 32, (uint64_t)1 << 32, false, true },
		{ UINT32_MAX, UINT32_MAX, false, false },
	};

	start();
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		unit->blocks = sizes[i].blocks;
		CHECK_EQ(look(READY, NO_PAGE, 0, ODD(STATUS(0))), 0);
		CHECK_EQ(disk_named("sda")->capacity, sizes[i].capacity);
		CHECK_EQ(fake_logged("impossible last block"), sizes[i].limited);
		/* One that is made ready for any block has a form that reaches each. */
		struct job job;
		job_make(&job, BLOCK_READ, 8, 512);
		CHECK_EQ(block_prepare(disk_named("sda"), &job.request), 0);
		for (unsigned turn = 0; turn < 2; turn++) {
			unit->shorts = unit->longs = 0;
			memset(job.memory, 0, 512);
			CHECK_EQ(job_run(disk_named("sda"), &job), 0);
			CHECK(job_is_right(&job, unit));
			CHECK_EQ(unit->longs + unit->shorts, 1);
		}
		CHECK_EQ(scsi_find("sda")->long_form, sizes[i].long_form);
		block_unprepare(disk_named("sda"), &job.request);
		job_free(&job);
	}
}

/* ---- Pages ------------------------------------------------------------------------------------------- */

static void serial_numbers(void)
{
	static const struct {
		struct odd odd;
		const char *serial;
	} answers[] = {
		{ STATUS(0), "12345678901234567890" },
		{ LENGTH(4), "" },
		{ LENGTH(3), "" },
		{ LENGTH(9), "12345" },
		{ BYTE(3, 7), "1234567" },
		{ BYTE(1, 0x81), "" },
		{ SENSE(5, 0x24, 0), "" },
		{ SENSE(3, 0x11, 0), "" },
		{ RESIDUAL(250), "" },
	};
	struct fake_unit *unit = make_one();

	memcpy(unit->serial, "12345678901234567890", 21);
	start();
	for (unsigned i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		char id[BLOCK_ID_BYTES + 1] = "";
		CHECK_EQ(look(INQUIRY, 0x80, 1, answers[i].odd), 0);
		CHECK_EQ(block_id(disk_named("sda"), id) == 0, answers[i].serial[0] != 0);
		CHECK_TEXT(id, answers[i].serial);
	}
}

/* What the unit says of its limits, cut off at each of them; and the two pages together. */
static void limits_of_pages(void)
{
	struct fake_unit *unit = make_one();
	const struct block_limits *limits;

	unit->transfer_max = 64;
	unit->unmap_max = 77;
	unit->write_same_max = 99;
	unit->write_same_unmaps = true;
	start();
	limits = &disk_named("sda")->limits;
	for (int length = 0; length <= 64; length++) {
		CHECK_EQ(look(INQUIRY, 0xb0, 1, ODD(LENGTH(length))), 0);
		CHECK_EQ(limits->part_bytes_max == 64 * 512, length >= 12);
		CHECK_EQ(limits->discard_sectors_max, length >= 28 ? 77 : 0);
		CHECK_EQ(limits->zeroes_sectors_max == 99, length >= 44);
	}
	/* Nothing is said of a limit, but that it can: there is none. */
	CHECK_EQ(look(INQUIRY, 0xb0, 1, ODD(LENGTH(4))), 0);
	CHECK(limits->zeroes_sectors_max > 99);
	CHECK(limits->zeroes_may_unmap);
	for (int length = 4; length <= 8; length++) {
		CHECK_EQ(look(INQUIRY, 0xb2, 1, ODD(LENGTH(length))), 0);
		CHECK_EQ(limits->discard_sectors_max, length >= 6 ? 77 : 0);
		CHECK_EQ(limits->zeroes_may_unmap, length >= 6);
		CHECK_EQ(limits->zeroes_sectors_max, 99);
	}
	/* It does not unmap, or no ranges of blocks. */
	CHECK_EQ(look(INQUIRY, 0xb2, 1, ODD(BYTE(5, 0x40))), 0);
	CHECK_EQ(limits->discard_sectors_max, 0);
	CHECK_EQ(look(INQUIRY, 0xb2, 1, ODD(BYTE(5, 0x80))), 0);
	CHECK_EQ(limits->discard_sectors_max, 77);
	CHECK(!limits->zeroes_may_unmap);
	CHECK_EQ(look(INQUIRY, 0xb0, 1, ODD(BYTE(27, 0))), 0);
	CHECK_EQ(limits->discard_sectors_max, 0);
	/* Neither a limit nor that it can. */
	unit->write_same_unmaps = false;
	unit->write_same_max = 0;
	CHECK_EQ(look(READY, NO_PAGE, 0, ODD(STATUS(0))), 0);
	CHECK_EQ(limits->zeroes_sectors_max, 0);
	/* Of another page, or none: as if it had none. */
	unit->transfer_max = 64;
	CHECK_EQ(look(INQUIRY, 0x00, 1, ODD(LENGTH(4))), 0);
	CHECK(limits->part_bytes_max > 64 * 512);
	CHECK_EQ(seen[INQUIRY], 2);
	CHECK_EQ(look(INQUIRY, 0x00, 1, ODD(LENGTH(6))), 0);
	CHECK_EQ(seen[INQUIRY], 3);
	CHECK_EQ(look(INQUIRY, 0x00, 1, ODD(BYTE(3, 1))), 0);
	CHECK_EQ(seen[INQUIRY], 2);
}

/* ---- Modes -------------------------------------------------------------------------------------------- */

/* What is said of the cache, cut off anywhere: what says nothing of one has one; protection is asked for where that was not
 * said either. */
static void modes_cut_off(void)
{
	struct fake_unit *unit = make_one();

	unit->caching = 0;
	start();
	for (int length = 0; length <= 32; length++) {
		CHECK_EQ(look(MODE_SENSE, 8, 1, ODD(LENGTH(length))), 0);
		CHECK_EQ(disk_named("sda")->write_back, length < 15);
		CHECK_EQ(disk_named("sda")->can_flush, length < 15);
		CHECK_EQ(seen[MODE_SENSE], length < 4 ? 2 : 1);
	}
	CHECK_EQ(look(MODE_SENSE, 8, 1, ODD(SENSE(5, 0x24, 0))), 0);
	CHECK(disk_named("sda")->write_back);
	CHECK_EQ(seen[MODE_SENSE], 2);
	CHECK_EQ(look(MODE_SENSE, 8, 1, ODD(BYTE(12, 9))), 0);
	CHECK(disk_named("sda")->write_back);
	unit->write_protected = true;
	CHECK_EQ(look(MODE_SENSE, 8, 1, ODD(LENGTH(3))), 0);
	CHECK(disk_named("sda")->read_only);
	CHECK(!disk_named("sda")->write_back);
	CHECK_EQ(look(MODE_SENSE, 8, 1, ODD(LENGTH(4))), 0);
	CHECK(disk_named("sda")->read_only);
	CHECK_EQ(seen[MODE_SENSE], 1);
}

/* Switching asks what can be changed, then the page, and gives that back: whatever is cut off, it says that it could not. */
static void switching_cut_off(void)
{
	struct fake_unit *unit = make_one();

	start();
	for (int length = 0; length <= 32; length++) {
		rule.operation = MODE_SENSE;
		rule.page = 0x48;
		rule.seen = rule.from = 0;
		rule.times = 1;
		rule.odd = ODD(LENGTH(length));
		int error = block_set_write_back(disk_named("sda"), false);
		CHECK_EQ(error, length >= 15 ? 0 : ERR_UNSUPPORTED);
		CHECK_EQ(disk_named("sda")->write_back, length < 15);
		unit->caching = 4;
		rule.times = 0;
		CHECK_EQ(block_set_write_back(disk_named("sda"), true), 0);
		CHECK_EQ(unit->caching, 4);
	}
	for (int length = 0; length <= 32; length++) {
		rule.page = 8;
		rule.seen = 0;
		rule.times = 1;
		rule.odd = ODD(LENGTH(length));
		CHECK_EQ(block_set_write_back(disk_named("sda"), false),
			 length >= 32 ? 0 : ERR_UNSUPPORTED);
		rule.times = 0;
		CHECK_EQ(block_set_write_back(disk_named("sda"), true), 0);
	}
	CHECK_EQ(unit->caching, 4);
}

int main(void)
{
	static const struct scenario scenarios[] = {
		SCENARIO(tried_again, ON_RINGS),
		SCENARIO(given_again_after_a_reset, ON_RINGS),
		SCENARIO(list_has_changed, ON_RINGS),
		SCENARIO(is_started_when_it_says_so, ON_RINGS),
		SCENARIO(capacity_answers, ON_RINGS),
		SCENARIO(cd_drives, ON_RINGS),
		SCENARIO(an_empty_disk_drive, ON_RINGS),
		SCENARIO(kinds_of_disks, ON_RINGS),
		SCENARIO(large_capacities, ON_RINGS),
		SCENARIO(serial_numbers, ON_RINGS),
		SCENARIO(limits_of_pages, ON_RINGS),
		SCENARIO(modes_cut_off, ON_RINGS),
		SCENARIO(switching_cut_off, ON_RINGS),
	};

	return scenarios_run(scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
