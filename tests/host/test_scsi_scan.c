/* SPDX-License-Identifier: BSD-2-Clause */
/* What virtio-scsi asks when it looks for units, and when it is told of something: no more than it has to, and nobody else. */
#include "drivers/virtio/scsi_host.h"
#include "tests/host/fake/scsi_jobs.h"
#include "tests/host/fake/scsi_odd.h"

enum { READY = 0x00, INQUIRY = 0x12, CAPACITY_16 = 0x9e, READ_10 = 0x28, LUNS = 0xa0 };

static unsigned seen[256];
static uint8_t odd_operation;
static unsigned odd_times;
static struct odd odd;

static void note(struct fake_scsi *scsi, struct fake_unit *unit, const uint8_t *cdb,
		 struct fake_answer *answer)
{
	(void)unit;
	if (cdb[0] != INQUIRY || (cdb[1] & 1) == 0) /* not its pages */
		seen[cdb[0]]++;
	if (cdb[0] == odd_operation && odd_times > 0 && (cdb[0] != INQUIRY || (cdb[1] & 1) == 0)) {
		odd_times--;
		odd_answer(scsi, answer, &odd);
	}
}

/* Targets 0 … last, and one unit, 0:0. */
static struct fake_unit *make_up_to(unsigned last)
{
	make();
	fake_config_set(&fake, 30, 2, last);
	media.before_answer = note;
	return &media.units[0];
}

static void forget(void)
{
	memset(seen, 0, sizeof(seen));
	fake_log_clear();
}

static int scan_oddly(uint8_t operation, unsigned times, struct odd what)
{
	odd_operation = operation;
	odd_times = times;
	odd = what;
	forget();
	int error = scsi_scan();
	odd_times = 0;
	return error;
}
#define ODD(what) ((struct odd)what)

static bool is_there(const char *name)
{
	struct block_device *disk = block_find(name);

	return disk && !disk->gone;
}

/* ---- Lists --------------------------------------------------------------------------------------- */

/* A list that is cut off says so; what it has is looked at, each unit once. */
static void lists_cut_off(void)
{
	make_up_to(0);
	fake_scsi_add(&media, 0, 3, 512);
	fake_scsi_add(&media, 0, 3, 512);
	start();
	CHECK_EQ(count_disks(), 2);
	for (int length = 0; length <= 32; length++) {
		CHECK_EQ(scan_oddly(LUNS, 1, ODD(LENGTH(length))), 0);
		CHECK_EQ(fake_logged("of which"), length >= 8 && length < 32);
		CHECK_EQ(seen[INQUIRY], length < 16 ? 0 : length < 24 ? 1 : 2);
		CHECK_EQ(is_there("sda"), length >= 16);
		CHECK_EQ(is_there("sdb"), length >= 24);
		CHECK_EQ(scan_oddly(0xff, 0, ODD(STATUS(0))), 0);
		CHECK_EQ(seen[INQUIRY], 2);
	}
}

/* By the device's list each target's units are asked, and no others. */
static void one_list_for_all(void)
{
	make_up_to(3);
	media.no_list = true;
	media.host_list = true;
	fake_scsi_add(&media, 1, 5, 512);
	fake_scsi_add(&media, 3, 6, 512);
	start();
	CHECK_EQ(count_disks(), 3);
	forget();
	CHECK_EQ(scsi_scan(), 0);
	CHECK_EQ(seen[INQUIRY], 3);
	CHECK_EQ(seen[LUNS], 9);
}

/* ---- Gone ----------------------------------------------------------------------------------------- */

/* What is gone has been told of once, and is not asked again. */
static void gone_once(void)
{
	make_up_to(1);
	struct fake_unit *other = fake_scsi_add(&media, 1, 0, 512),
			 *third = fake_scsi_add(&media, 0, 9, 512);
	start();
	CHECK_EQ(count_disks(), 3);
	third->present = other->present = false;
	forget();
	for (unsigned i = 0; i < 3; i++)
		CHECK_EQ(scsi_scan(), 0);
	CHECK_EQ(fake_logged_times("removed"), 2);
	CHECK_EQ(count_disks(), 1);
	CHECK_EQ(scsi_reset(scsi_find("sda")), 0);
	struct scsi_lun *gone = NULL;
	for (struct scsi_lun *lun = scsi_first(); lun; lun = scsi_next(lun))
		gone = lun->present ? gone : lun;
	CHECK(gone != NULL);
	if (gone)
		CHECK_EQ(scsi_reset(gone), ERR_NODEV);
}

/* ---- Answers to INQUIRY ----------------------------------------------------------------------------- */

static void inquiries(void)
{
	static const struct {
		struct odd odd;
		unsigned times;
		bool there;
	} answers[] = {
		{ LENGTH(5), 1, true },          { LENGTH(4), 1, false },
		{ SENSE(5, 0x25, 0), 1, false }, { STATUS(0x18), 1, false },
		{ STATUS(0x40), 1, true },       { BYTE(0, 0x20), 1, false },
		{ BYTE(0, 0x60), 1, false },     { BYTE(0, 0x00), 1, true },
		{ RESPONSE(3), 1, false },       { RESPONSE(12), 1, false },
		{ RESIDUAL(31), 1, true },       { RESIDUAL(32), 1, false },
	};

	make_up_to(0);
	start();
	for (unsigned i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		CHECK_EQ(scan_oddly(INQUIRY, answers[i].times, answers[i].odd), 0);
		CHECK_EQ(is_there("sda"), answers[i].there);
		if (is_there("sda") != answers[i].there)
			printf("# answer %u\n", i);
		CHECK_EQ(scan_oddly(0xff, 0, ODD(STATUS(0))), 0);
		CHECK(is_there("sda"));
	}
}

static unsigned silent_from, silent_times, asked;

static bool answers_but(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written)
{
	(void)chain;
	(void)written;
	if (queue->index < SCSI_REQUESTQ)
		return true;
	unsigned number = asked++;
	return number < silent_from || number - silent_from >= silent_times;
}

/* Of the three commands by which a unit is found each is given again after a reset of the device, once; twice is an error of the
 * scan, which is told. */
static void lost_while_scanned(void)
{
	fake_setting("deadline_ms", "500");
	make_up_to(0);
	start();
	fake.before_use = answers_but;
	for (silent_from = 0; silent_from < 3; silent_from++) {
		for (unsigned times = 1; times <= 2; times++) {
			asked = 0;
			silent_times = times;
			unsigned resets = virtio_first()->resets;
			forget();
			int error = scsi_scan();
			CHECK_EQ(virtio_first()->resets, resets + times);
			CHECK_EQ(error != 0, times == 2);
			CHECK_EQ(fake_logged("not all of it could be scanned"), times == 2);
			silent_times = 0;
			CHECK(FAKE_WAIT(virtio_first()->state == VIRTIO_RUNNING, 5000));
			fake_sleep(1000);
			CHECK_EQ(scsi_scan(), 0);
			works("sda", &media.units[0]);
		}
	}
}

/* ---- Events ------------------------------------------------------------------------------------------- */

static void check_asked(unsigned luns, unsigned inquiries, unsigned capacities)
{
	fake_sleep(5000);
	CHECK_EQ(seen[LUNS], luns);
	CHECK_EQ(seen[INQUIRY], inquiries);
	CHECK_EQ(seen[CAPACITY_16], capacities);
	forget();
}

static void events(void)
{
	struct virtio_scsi *scsi;

	make_up_to(1);
	fake_scsi_add(&media, 0, 3, 512);
	start();
	scsi = virtio_scsi_first();
	fake_sleep(5000);
	forget();
	/* A unit was reset: it is examined. It came or went: it is asked what it is; unit 0, or one that is not known: all the
	 * target. */
	CHECK(fake_scsi_event(&fake, TRANSPORT_RESET, 0, 3, 0));
	check_asked(0, 0, 1);
	CHECK(fake_scsi_event(&fake, TRANSPORT_RESET, 0, 0, 0));
	check_asked(0, 0, 1);
	for (unsigned reason = 1; reason <= 2; reason++) {
		CHECK(fake_scsi_event(&fake, TRANSPORT_RESET, 0, 3, reason));
		check_asked(0, 1, 1);
		CHECK(fake_scsi_event(&fake, TRANSPORT_RESET, 0, 0, reason));
		check_asked(1, 2, 2);
		CHECK(fake_scsi_event(&fake, TRANSPORT_RESET, 0, 7, reason));
		check_asked(1, 2, 2);
	}
	CHECK(fake_scsi_event(&fake, TRANSPORT_RESET, 0, 7, 0));
	check_asked(1, 2, 2);
	CHECK(fake_scsi_event(&fake, ASYNC_NOTIFY, 0, 3, 0));
	check_asked(0, 0, 1);
	CHECK(fake_scsi_event(&fake, PARAM_CHANGE, 0, 3, 0));
	check_asked(0, 0, 1);
	CHECK(fake_scsi_event(&fake, PARAM_CHANGE, 0, 7, 0));
	check_asked(0, 0, 0);
	/* Nothing, which is no mistake; and mistakes. */
	CHECK_EQ(scsi->bad_events, 0);
	CHECK(fake_scsi_event(&fake, 0, 200, 0, 0));
	check_asked(0, 0, 0);
	CHECK_EQ(scsi->bad_events, 0);
	CHECK(fake_scsi_event(&fake, PARAM_CHANGE, 1, 0, 0));
	check_asked(0, 0, 0);
	CHECK_EQ(scsi->bad_events, 0);
	CHECK(fake_scsi_event(&fake, PARAM_CHANGE, 2, 0, 0));
	CHECK(fake_scsi_event(&fake, 9, 0, 0, 0));
	const uint8_t deeper[16] = { PARAM_CHANGE, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1 };
	CHECK(fake_scsi_event_raw(&fake, deeper, 16));
	check_asked(0, 0, 0);
	CHECK_EQ(scsi->bad_events, 3);
	/* What is too short to be an event: all is looked at. */
	CHECK(fake_scsi_event_raw(&fake, deeper, 15));
	check_asked(1, 2, 2);
	CHECK_EQ(scsi->bad_events, 3);
}

/* ---- What a program's commands tell --------------------------------------------------------------------- */

static void told_by_a_read(void)
{
	static const struct {
		struct odd odd;
		unsigned luns, inquiries, capacities;
	} answers[] = {
		{ SENSE(3, 0x11, 0), 0, 0, 0 },    { SENSE(3, 0x28, 0), 0, 0, 0 },
		{ SENSE(5, 0x29, 0), 0, 0, 0 },    { SENSE(5, 0x3f, 0x0e), 0, 0, 0 },
		{ SENSE(5, 0x3f, 0x03), 0, 0, 0 }, { SENSE(6, 0x28, 0), 0, 0, 1 },
		{ SENSE(6, 0x29, 0), 0, 0, 1 },    { SENSE(6, 0x2a, 9), 0, 0, 1 },
		{ SENSE(6, 0x3f, 0x03), 0, 1, 1 }, { SENSE(6, 0x3f, 0x0e), 1, 1, 1 },
		{ SENSE(6, 0x10, 0), 0, 0, 0 },    { SENSE(5, 0x25, 0), 0, 1, 1 },
		{ SENSE(2, 0x3a, 0), 0, 0, 1 },    { SENSE(2, 0x05, 0x01), 0, 0, 0 },
		{ STATUS(0x18), 0, 0, 0 },
	};

	make_up_to(0);
	start();
	for (unsigned i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		fake_sleep(5000);
		forget();
		odd_operation = READ_10;
		odd_times = 1;
		odd = answers[i].odd;
		read_at(disk_named("sda"), &media.units[0], 0, 512);
		check_asked(answers[i].luns, answers[i].inquiries, answers[i].capacities);
		CHECK_EQ(scsi_scan(), 0);
	}
	/* Sense data of a format that there is not. */
	fake_sleep(5000);
	forget();
	odd = ODD(SENSE(6, 0x28, 0));
	odd.no_sense = true;
	odd_times = 1;
	CHECK_EQ(read_at(disk_named("sda"), &media.units[0], 0, 512), ERR_IO);
	check_asked(0, 0, 0);
}

/* Becoming ready is waited for; whatever else is not ready is not. */
static void not_ready(void)
{
	static const struct {
		uint8_t asc, ascq;
		unsigned reads;
	} causes[] = { { 0x04, 0x01, 2 }, { 0x04, 0x03, 1 }, { 0x05, 0x01, 1 }, { 0x3a, 0x01, 1 } };

	make_up_to(0);
	start();
	for (unsigned i = 0; i < sizeof(causes) / sizeof(causes[0]); i++) {
		CHECK_EQ(scsi_scan(), 0);
		forget();
		odd = ODD(SENSE(2, causes[i].asc, causes[i].ascq));
		odd_operation = READ_10;
		odd_times = 1;
		CHECK_EQ(read_at(disk_named("sda"), &media.units[0], 0, 512) == 0,
			 causes[i].reads == 2);
		CHECK_EQ(seen[READ_10], causes[i].reads);
		fake_sleep(5000);
	}
}

/* ---- Drives for media ------------------------------------------------------------------------------------ */

/* One that says nothing by itself is asked now and then whether it is ready, and nothing else unless that has changed. */
static void polled(void)
{
	struct fake_unit *unit = make_up_to(0);

	unit->removable = true;
	start();
	fake_sleep(5000);
	forget();
	fake_sleep(10000);
	CHECK(seen[READY] >= 3);
	CHECK_EQ(seen[CAPACITY_16], 0);
	/* A unit attention: it is examined, once. */
	fake_scsi_attention(unit, 0x28, 0);
	fake_sleep(10000);
	CHECK_EQ(seen[CAPACITY_16], 1);
	/* It is not ready any more: once; and again. */
	forget();
	unit->empty = true;
	fake_sleep(10000);
	CHECK(disk_named("sda")->empty);
	CHECK_EQ(fake_logged_times("its medium is gone"), 1);
	unit->empty = false;
	fake_sleep(10000);
	CHECK(!disk_named("sda")->empty);
	CHECK_EQ(seen[CAPACITY_16], 1);
	/* A wrong answer to that question. */
	forget();
	odd_operation = READY;
	odd = ODD(SENSE(5, 0x20, 0));
	odd_times = 1;
	fake_sleep(10000);
	CHECK_EQ(seen[CAPACITY_16], 1);
	/* When it is gone nobody asks. */
	unit->present = false;
	CHECK_EQ(scsi_scan(), 0);
	forget();
	fake_sleep(10000);
	CHECK_EQ(seen[READY], 0);
}

static void not_polled(void)
{
	struct fake_unit *unit = make_up_to(0);

	unit->removable = true;
	unit->type = 1; /* a tape */
	start();
	forget();
	fake_sleep(10000);
	CHECK_EQ(seen[READY], 0);
	unit->type = 0;
	media.subscribes = true;
	CHECK_EQ(scsi_scan(), 0);
	fake_sleep(1000);
	forget();
	fake_sleep(10000);
	CHECK_EQ(seen[READY], 0);
}

int main(void)
{
	static const struct scenario scenarios[] = {
		SCENARIO(lists_cut_off, ON_RINGS),
		SCENARIO(one_list_for_all, ON_RINGS),
		SCENARIO(gone_once, ON_RINGS),
		SCENARIO(inquiries, ON_RINGS),
		SCENARIO(lost_while_scanned, ON_RINGS),
		SCENARIO(events, ON_RINGS),
		SCENARIO(told_by_a_read, ON_RINGS),
		SCENARIO(not_ready, ON_RINGS),
		SCENARIO(polled, ON_RINGS),
		SCENARIO(not_polled, ON_RINGS),
	};

	return scenarios_run(scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
