/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-scsi with a device that breaks the rules; rows are those of docs/hardening.md. */
#include "tests/host/fake/scsi_jobs.h"

enum { READ_10 = 0x28 };

static struct fake_answer lie; /* parts of it, for the READs that come */
static bool lies;

static void lie_about_reads(struct fake_scsi *scsi, struct fake_unit *unit, const uint8_t *cdb,
			    struct fake_answer *answer)
{
	(void)scsi;
	(void)unit;
	if (!lies || cdb[0] != READ_10)
		return;
	answer->response = lie.response;
	answer->status = lie.status;
	answer->sense_len = lie.sense_len;
	answer->residual = lie.residual;
	memcpy(answer->sense, lie.sense, sizeof(lie.sense));
}

/* A read that is answered so: what comes of it. Nothing is reset for it, and after it all is well. */
static int read_with(struct fake_answer answer)
{
	lie = answer;
	lies = true;
	int status = read_at(disk_named("sda"), &media.units[0], 5, 1024);
	lies = false;
	CHECK_EQ(disk_named("sda")->resets, 0);
	works("sda", &media.units[0]);
	return status;
}

static void make_liar(void)
{
	make();
	media.before_answer = lie_about_reads;
	start();
}

/* ---- Answers (row 42) ----------------------------------------------------------------------------- */

static void row42_residuals(void)
{
	make_liar();
	CHECK_EQ(read_with((struct fake_answer){ .residual = 0 }), 0);
	CHECK_EQ(read_with((struct fake_answer){ .residual = 1 }), ERR_IO);
	CHECK_EQ(read_with((struct fake_answer){ .residual = 1024 }), ERR_IO);
	CHECK_EQ(read_with((struct fake_answer){ .residual = 1025 }), ERR_IO);
	CHECK_EQ(read_with((struct fake_answer){ .residual = UINT32_MAX }), ERR_IO);
}

static void row42_responses(void)
{
	make_liar();
	for (unsigned response = 1; response < 256; response++) {
		int status = read_with((struct fake_answer){ .response = (uint8_t)response });
		CHECK_EQ(status, ERR_IO);
		if (status != ERR_IO)
			printf("# response %u\n", response);
	}
}

static void row42_statuses(void)
{
	make_liar();
	for (unsigned status = 1; status < 256; status++)
		CHECK_EQ(read_with((struct fake_answer){ .status = (uint8_t)status }), ERR_IO);
}

static void row42_sense_lengths(void)
{
	static const uint32_t lengths[] = { 0, 1, 2, 7, 13, 96, 97, 252, 0x80000000, UINT32_MAX };

	make_liar();
	for (unsigned i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct fake_answer answer = { .status = 2, .sense_len = lengths[i] };
		memset(answer.sense, 0xff, sizeof(answer.sense));
		answer.sense[0] = 0x70;
		answer.sense[2] = 3;
		CHECK_EQ(read_with(answer), ERR_IO);
		answer.sense[0] = 0x72;
		answer.sense[1] = 3;
		CHECK_EQ(read_with(answer), ERR_IO);
	}
}

/* Each key for itself: what may be tried again is, but not without end. */
static void row42_sense_keys(void)
{
	static const int expected[16] = {
		[0] = ERR_IO,  [1] = 0,       [2] = ERR_IO,  [3] = ERR_IO,
		[4] = ERR_IO,  [5] = ERR_IO,  [6] = ERR_IO,  [7] = ERR_READ_ONLY,
		[8] = ERR_IO,  [9] = ERR_IO,  [10] = ERR_IO, [11] = ERR_IO,
		[12] = ERR_IO, [13] = ERR_IO, [14] = ERR_IO, [15] = ERR_IO,
	};

	make_liar();
	for (unsigned key = 0; key < 16; key++) {
		struct fake_answer answer = { .status = 2, .sense_len = 18 };
		answer.sense[0] = 0x70;
		answer.sense[2] = (uint8_t)key;
		unsigned before = media.commands;
		CHECK_EQ(read_with(answer), expected[key]);
		CHECK(media.commands - before < 30);
	}
	struct fake_answer deferred = { .status = 2, .sense_len = 18 };
	deferred.sense[0] = 0x71;
	deferred.sense[2] = 1;
	CHECK_EQ(read_with(deferred), ERR_IO);
	struct fake_answer full = { .status = 2, .sense_len = 18 };
	full.sense[0] = 0x70;
	full.sense[2] = 7;
	full.sense[12] = 0x27;
	CHECK_EQ(read_with(full), ERR_READ_ONLY);
	full.sense[13] = 7;
	CHECK_EQ(read_with(full), ERR_NO_SPACE);
	full.sense[12] = 0x26; /* the same qualifier of something else */
	CHECK_EQ(read_with(full), ERR_READ_ONLY);
}

static void row42_illegal_requests(void)
{
	static const struct {
		uint8_t asc;
		int expected;
	} cases[] = { { 0x20, ERR_UNSUPPORTED }, { 0x24, ERR_UNSUPPORTED },
		      { 0x26, ERR_UNSUPPORTED }, { 0x21, ERR_RANGE },
		      { 0x25, ERR_IO },          { 0x55, ERR_IO } };

	make_liar();
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fake_answer answer = { .status = 2, .sense_len = 18 };
		answer.sense[0] = 0x70;
		answer.sense[2] = 5;
		answer.sense[12] = cases[i].asc;
		CHECK_EQ(read_with(answer), cases[i].expected);
	}
}

/* It is busy for a while, and then not. */
static unsigned busy_reads;

static void busy_for_a_while(struct fake_scsi *scsi, struct fake_unit *unit, const uint8_t *cdb,
			     struct fake_answer *answer)
{
	(void)scsi;
	(void)unit;
	if (cdb[0] == READ_10 && busy_reads > 0) {
		busy_reads--;
		answer->status = 8;
	}
}

static void busy(void)
{
	make();
	media.before_answer = busy_for_a_while;
	start();
	busy_reads = 20;
	CHECK_EQ(read_at(disk_named("sda"), &media.units[0], 0, 512), 0);
	CHECK_EQ(busy_reads, 0);
	/* For so long that it is given up: after ten seconds, and few tries. */
	busy_reads = 100000;
	uint64_t began = fake_port.now;
	CHECK_EQ(read_at(disk_named("sda"), &media.units[0], 0, 512), ERR_IO);
	CHECK(fake_port.now - began >= UINT64_C(10000000000));
	CHECK(busy_reads > 99000);
	busy_reads = 0;
	works("sda", &media.units[0]);
}

/* What waits for its time when the device is given up is failed, too. */
static void busy_until_the_end(void)
{
	make();
	fake_setting("deadline_ms", "500");
	media.before_answer = busy_for_a_while;
	start();
	struct job job;
	busy_reads = 100000;
	job_make(&job, BLOCK_READ, 3, 512);
	CHECK_EQ(block_submit(disk_named("sda"), &job.request), 0);
	CHECK(FAKE_WAIT(busy_reads < 100000, 1000));
	CHECK_EQ(job.done, 0);
	fake.hang_reset = true;
	fake.status |= VIRTIO_STATUS_DEVICE_NEEDS_RESET;
	fake_interrupt_config(&fake);
	CHECK(FAKE_WAIT(disk_named("sda")->gone, 60000));
	CHECK(FAKE_WAIT(job.done == 1, 1000));
	CHECK_EQ(job.request.status, ERR_NODEV);
	busy_reads = 0;
	misses_expected = true;
	job_free(&job);
}

static void a_bad_block(void)
{
	make();
	media.units[0].has_bad_block = true;
	media.units[0].bad_block = 77;
	start();
	CHECK_EQ(read_at(disk_named("sda"), &media.units[0], 70, 10 * 512), ERR_IO);
	CHECK(last_sense("sda", "MEDIUM ERROR: unrecovered read error (11/00), block 77"));
	works("sda", &media.units[0]);
	media.descriptors = true;
	CHECK_EQ(read_at(disk_named("sda"), &media.units[0], 77, 512), ERR_IO);
	CHECK(last_sense("sda", "MEDIUM ERROR: unrecovered read error (11/00)"));
}

/* ---- What is not written (rows 7, 8) ------------------------------------------------------------------ */

static uint32_t told_written;
static bool tell_written;

static bool written_lie(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written)
{
	uint8_t operation = 0;

	ring_chain_read(chain, 19, &operation, 1);
	if (queue->index >= 2 && operation == READ_10 && tell_written)
		*written = told_written;
	return true;
}

static void row7_too_short(void)
{
	static const uint32_t lengths[] = { 0, 1, 11, 12, 107, 108, 108 + 1023 };

	make();
	fake.before_use = written_lie;
	start();
	tell_written = true;
	for (unsigned i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		told_written = lengths[i];
		CHECK_EQ(read_at(disk_named("sda"), &media.units[0], 0, 1024), ERR_IO);
	}
	/* More than there is room for: QEMU counts what it reads. */
	told_written = UINT32_MAX;
	CHECK_EQ(read_at(disk_named("sda"), &media.units[0], 0, 1024), 0);
	tell_written = false;
	CHECK_EQ(disk_named("sda")->resets, 0);
	works("sda", &media.units[0]);
}

static bool without_response(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written)
{
	uint8_t operation = 0, poison[2] = { 0xff, 0xff };

	(void)written;
	ring_chain_read(chain, 19, &operation, 1);
	if (queue->index >= 2 && operation == READ_10 && tell_written)
		ring_chain_write(chain, 10, poison, 2); /* what stood there before */
	return true;
}

static void row8_no_response(void)
{
	make();
	fake.before_use = without_response;
	start();
	tell_written = true;
	CHECK_EQ(read_at(disk_named("sda"), &media.units[0], 0, 1024), ERR_IO);
	tell_written = false;
	works("sda", &media.units[0]);
}

/* ---- Lists (row 43) ------------------------------------------------------------------------------------- */

static uint32_t list_length;  /* as told */
static unsigned list_entries; /* that there are */
static uint8_t list_first;    /* byte 0 of each */
static uint32_t list_moved;

static void lie_about_units(struct fake_scsi *scsi, struct fake_unit *unit, const uint8_t *cdb,
			    struct fake_answer *answer)
{
	(void)scsi;
	(void)unit;
	if (cdb[0] != 0xa0 || answer->response != 0)
		return;
	memset(answer->in, 0, sizeof(answer->in));
	for (unsigned i = 0; i < list_entries && 16 + i * 8 <= sizeof(answer->in); i++) {
		answer->in[8 + i * 8] = list_first ? list_first : (uint8_t)(0x40 | i >> 8);
		answer->in[9 + i * 8] = (uint8_t)i;
	}
	for (unsigned i = 0; i < 4; i++)
		answer->in[i] = (uint8_t)(list_length >> 8 * (3 - i));
	answer->in_length = list_moved;
	answer->status = 0;
}

static void scan_list(uint32_t length, unsigned entries, uint8_t first, uint32_t moved)
{
	list_length = length;
	list_entries = entries;
	list_first = first;
	list_moved = moved;
	CHECK_EQ(scsi_scan(), 0);
}

static void row43_lists_that_lie(void)
{
	make();
	start();
	media.before_answer = lie_about_units;
	scan_list(UINT32_MAX, 3, 0, sizeof(lie.in));
	CHECK_EQ(count_disks(), 1);
	CHECK(fake_logged("target 0 lists 536870911 units, of which 511 are looked at"));
	scan_list(13, 3, 0, 64); /* no multiple of 8: one whole entry */
	CHECK_EQ(count_disks(), 1);
	scan_list(7, 3, 0, 64);
	CHECK_EQ(count_disks(), 0);
	scan_list(16, 2, 0, 64);
	works("sda", &media.units[0]);
	scan_list(16, 2, 0, 7); /* not even a header */
	CHECK_EQ(count_disks(), 0);
	scan_list(16, 2, 0, 20); /* nor one entry as a whole, behind it */
	CHECK_EQ(count_disks(), 1);
	scan_list(64, 8, 0x80, 128); /* addressed in no way that is known */
	CHECK_EQ(count_disks(), 0);
	scan_list(64, 8, 0xc1, 128);
	scan_list(64, 8, 1, 128);
	CHECK_EQ(count_disks(), 0);
	scan_list(0, 0, 0, 8);
	CHECK_EQ(count_disks(), 0);
	scan_list(8, 1, 0, 16);
	works("sda", &media.units[0]);
}

/* Each unit that is listed is busy whenever it is asked. */
static void always_busy(struct fake_scsi *scsi, struct fake_unit *unit, const uint8_t *cdb,
			struct fake_answer *answer)
{
	lie_about_units(scsi, unit, cdb, answer);
	if (cdb[0] == 0x12)
		answer->status = 8;
}

/* A scan does not take as long as all of them together. */
static void row43_busy_without_end(void)
{
	make();
	media.before_answer = always_busy;
	list_length = UINT32_MAX;
	list_entries = 1000;
	list_moved = sizeof(lie.in);
	uint64_t began = fake_port.now;
	start();
	CHECK(fake_port.now - began < UINT64_C(62000000000));
	CHECK(fake_logged("scsi0: not all of it could be scanned: timed out"));
	media.before_answer = NULL;
	CHECK_EQ(scsi_scan(), 0);
	works("sda", &media.units[0]);
}

static unsigned asked;

/* Every number is there, says the device. */
static void always_there(struct fake_scsi *scsi, struct fake_unit *unit, const uint8_t *cdb,
			 struct fake_answer *answer)
{
	lie_about_units(scsi, unit, cdb, answer);
	if (cdb[0] == 0x12 && (cdb[1] & 1) == 0) {
		answer->in[0] = 3; /* a processor */
		asked++;
	}
}

static void row43_too_many_units(void)
{
	char line[200];
	unsigned count = 0;

	make();
	media.before_answer = always_there;
	list_length = UINT32_MAX;
	list_entries = 1000;
	list_moved = sizeof(lie.in);
	start();
	for (struct scsi_lun *lun = scsi_first(); lun; lun = scsi_next(lun)) {
		scsi_describe(lun, line, sizeof(line));
		CHECK(strstr(line, "removed") == NULL);
		count++;
	}
	CHECK_EQ(count, 256);
	CHECK_EQ(fake_logged_times("more than 256 logical units"), 1);
	CHECK_EQ(asked, 256);
}

/* ---- Events (row 44) ---------------------------------------------------------------------------------- */

/* Each buffer comes back at once, with another change: nothing else is kept from running, and units are looked at
 * now and then. */
static void row44_flood(void)
{
	make();
	fake_scsi_add(&media, 0, 1, 512);
	start();
	unsigned before = media.commands, events = 0;
	uint64_t end = fake_port.now + UINT64_C(2000000000);
	while (fake_port.now < end) {
		for (unsigned i = 0; i < 16; i++)
			events += fake_scsi_event(&fake, 0x80000000u | (1 + i % 3), 0,
						  (uint16_t)(i % 2), i % 3);
		vport_relax(fake_port.now + 1000000);
	}
	CHECK(events > 1000);
	CHECK(media.commands - before < 20 * 150); /* ten rounds a second */
	works("sda", &media.units[0]);
	works("sdb", &media.units[1]);
}

/* While a round runs, whatever comes is one more round. */
static void row44_missed(void)
{
	make();
	start();
	struct fake_unit *unit = fake_scsi_add(&media, 3, 0, 512);
	media.events_missed = true;
	unsigned pings = media.pings;
	CHECK(fake_scsi_event(&fake, 0, 0, 0, 0));
	CHECK(fake_scsi_event(&fake, 0x80000000u, 0, 0, 0));
	CHECK(fake_scsi_event(&fake, 0x80000000u, 0, 0, 0));
	CHECK(FAKE_WAIT(count_disks() == 2, 1000));
	fake_sleep(1000);
	CHECK(media.pings - pings <= 41 + 2 + 2);
	works("sdb", unit);
}

static void row44_events_that_lie(void)
{
	make();
	start();
	unsigned commands = media.commands;
	uint8_t event[16] = { TRANSPORT_RESET, 0, 0, 0, 1, 0, 0x80 };
	CHECK(fake_scsi_event_raw(&fake, event, 16)); /* addressed in no way that is known */
	event[4] = 2;
	event[6] = 0;
	CHECK(fake_scsi_event_raw(&fake, event, 16));
	CHECK(fake_scsi_event(&fake, 77, 0, 0, 0));
	CHECK(fake_scsi_event(&fake, TRANSPORT_RESET, 200, 0, 1)); /* beyond max_target */
	CHECK(fake_scsi_event(&fake, PARAM_CHANGE, 0, 99, 0));     /* nobody is there */
	fake_sleep(1000);
	CHECK_EQ(media.commands, commands);
	CHECK(fake_scsi_event_raw(&fake, event, 3)); /* cut off: something was to be told */
	fake_sleep(1000);
	CHECK(media.commands > commands);
	works("sda", &media.units[0]);
}

/* ---- Configuration (rows 21, 22, 37, 38) --------------------------------------------------------------------- */

static void row22_no_request_queue(void)
{
	make();
	fake_config_set(&fake, 0, 4, 0);
	CHECK_EQ(fake_probe(&fake), ERR_UNSUPPORTED);
	CHECK(fake_logged("it has no request queue"));
	CHECK_NOTHING_LEFT();
}

static void row22_many_request_queues(void)
{
	make();
	fake_config_set(&fake, 0, 4, UINT32_MAX);
	start();
	works("sda", &media.units[0]);
}

static void row21_small_queues(void)
{
	make();
	fake.queues[2].size_max = 2;
	CHECK_EQ(fake_probe(&fake), ERR_UNSUPPORTED);
	CHECK(fake_logged("its queue is too small: 2"));
	CHECK_NOTHING_LEFT();
	make();
	fake.queues[0].size_max = 1;
	CHECK_EQ(fake_probe(&fake), ERR_UNSUPPORTED);
	CHECK_NOTHING_LEFT();
	make();
	fake.queues[1].size_max = 0;
	CHECK_EQ(fake_probe(&fake), ERR_NODEV);
	CHECK_NOTHING_LEFT();
	make();
	fake.queues[2].size_max =
		ring == FAKE_PACKED ? 3 : 4; /* a header, an answer, and a segment */
	fake.queues[1].size_max = 1;         /* one buffer for events is enough */
	start();
	works("sda", &media.units[0]);
}

static void row37_limits(void)
{
	make();
	fake_config_set(&fake, 4, 4, 0);
	fake_config_set(&fake, 8, 4, 0);
	fake_config_set(&fake, 12, 4, 1);
	fake_config_set(&fake, 16, 4, UINT32_MAX);
	fake_config_set(&fake, 30, 2, 0xffff);
	fake_config_set(&fake, 32, 4, UINT32_MAX);
	fake.lawless = true; /* more than seg_max */
	start();
	CHECK(fake_logged("impossible seg_max 0: taken as 1"));
	works("sda", &media.units[0]);
}

static void row37_sizes(void)
{
	make();
	fake_config_set(&fake, 20, 4, 18);
	fake_config_set(&fake, 24, 4, 16);
	start();
	CHECK_EQ(fake_config_get(&fake, 20, 4), 96);
	CHECK_EQ(fake_config_get(&fake, 24, 4), 32);
	works("sda", &media.units[0]);
}

/* What is right is left alone. */
static unsigned config_writes;

static void count_write(struct fake_device *device, unsigned offset, uint8_t value)
{
	(void)device;
	(void)offset;
	(void)value;
	config_writes++;
}

static void sizes_that_are_right(void)
{
	static struct fake_model counting;

	make();
	counting = fake_scsi;
	counting.config_written = count_write;
	fake.model = &counting;
	fake_config_set(&fake, 20, 4, 96);
	fake_config_set(&fake, 24, 4, 32);
	start();
	CHECK_EQ(config_writes, 0);
	works("sda", &media.units[0]);
}

/* 33: all of it from the beginning, or one of the sizes; then that is not written either. */
static unsigned config_reads, rests_until;

static void never_rest(struct fake_device *device)
{
	if (++config_reads > rests_until)
		device->generation_runs = true;
}

static void with_reads_that_rest(unsigned row)
{
	/* Reads that are good: five words, max_target, max_lun, sense_size, and that once more. */
	static const unsigned good[] = { 0, 5, 6, 7, 9 };

	make();
	fake_config_set(&fake, 20, 4, 18);
	fake_config_set(&fake, 24, 4, 16);
	rests_until = good[row];
	fake.before_config_read = never_rest;
	int error = fake_probe(&fake);
	CHECK_EQ(error, ERR_BUSY);
	CHECK_NOTHING_LEFT();
	if (row < 4)
		CHECK_EQ(fake_config_get(&fake, 20, 4), 18);
	CHECK_EQ(fake_config_get(&fake, 24, 4), 16);
}

static void row33_configuration_never_rests(void)
{
	for (unsigned row = 0; row < 5; row++)
		scenario_row(with_reads_that_rest, row);
}

static void with_a_short_configuration(unsigned row)
{
	static const struct {
		unsigned bytes;
		int error;
	} rows[] = { { 19, ERR_RANGE }, { 31, ERR_RANGE }, { 35, ERR_RANGE }, { 36, 0 } };

	make();
	fake_pci_set(&fake, FAKE_CAP_CONFIG + 12, 4, rows[row].bytes);
	CHECK_EQ(fake_probe(&fake), rows[row].error);
	if (rows[row].error)
		CHECK_NOTHING_LEFT();
	else
		works("sda", &media.units[0]);
}

static void configuration_that_ends_early(void)
{
	for (unsigned row = 0; row < 4; row++)
		scenario_row(with_a_short_configuration, row);
}

static void keep_old_sizes(struct fake_device *device)
{
	fake_config_set(device, 24, 4, 16);
}

static void row37_sizes_that_stay(void)
{
	make();
	fake.before_config_read = keep_old_sizes;
	CHECK_EQ(fake_probe(&fake), ERR_UNSUPPORTED);
	CHECK(fake_logged("its cdb_size is 16 and does not change to 32"));
	CHECK_NOTHING_LEFT();
}

static void row37_capacities(void)
{
	static const uint32_t sizes[] = { 0, 1, 3, 256, 520, 4160, 131072, UINT32_MAX };

	make();
	start();
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		media.units[0].block_size = sizes[i];
		CHECK_EQ(scsi_scan(), 0);
		CHECK(fake_logged("bytes are not supported"));
		CHECK_EQ(read_at(disk_named("sda"), &media.units[0], 0, 512), ERR_NO_MEDIUM);
		fake_log_clear();
	}
	media.units[0].block_size = 512;
	media.units[0].blocks = 0; /* so the last one is all ones */
	CHECK_EQ(scsi_scan(), 0);
	CHECK(fake_logged("impossible last block 0xffffffffffffffff: limited"));
	CHECK(disk_named("sda")->capacity <= INT64_MAX / 512);
	works("sda", &(struct fake_unit){ .bytes = media.units[0].bytes });
}

static void row38_shrinks(void)
{
	make();
	start();
	struct block_device *disk = disk_named("sda");
	struct job jobs[40];
	fake.deaf = true;
	for (unsigned i = 0; i < 40; i++) {
		job_make(&jobs[i], BLOCK_READ, 100 + i, 512);
		CHECK_EQ(block_submit(disk, &jobs[i].request), 0);
	}
	media.units[0].blocks = 120;
	disk->capacity = 120;
	fake.deaf = false;
	for (unsigned i = 0; i < 40; i++)
		CHECK(FAKE_WAIT(jobs[i].done == 1, 60000));
	for (unsigned i = 0; i < 40; i++) {
		CHECK_EQ(jobs[i].request.status, i < 20 ? 0 : ERR_RANGE);
		job_free(&jobs[i]);
	}
	works("sda", &media.units[0]);
}

static const struct scenario scenarios[] = {
	SCENARIO(row42_residuals, ON_RINGS),
	SCENARIO(row42_responses, ON_PCI | ON_SPLIT),
	SCENARIO(row42_statuses, ON_PCI | ON_SPLIT),
	SCENARIO(row42_sense_lengths, ON_PCI | ON_SPLIT),
	SCENARIO(row42_sense_keys, ON_PCI | ON_SPLIT),
	SCENARIO(row42_illegal_requests, ON_PCI | ON_SPLIT),
	SCENARIO(busy, ON_RINGS),
	SCENARIO(busy_until_the_end, ON_MMIO | ON_SPLIT | ON_PACKED),
	SCENARIO(a_bad_block, ON_PCI | ON_SPLIT),
	SCENARIO(row7_too_short, ON_RINGS),
	SCENARIO(row8_no_response, ON_RINGS),
	SCENARIO(row43_lists_that_lie, ON_PCI | ON_SPLIT),
	SCENARIO(row43_busy_without_end, ON_PCI | ON_SPLIT),
	SCENARIO(row43_too_many_units, ON_PCI | ON_SPLIT),
	SCENARIO(row44_flood, ON_ALL),
	SCENARIO(row44_missed, ON_PCI | ON_SPLIT),
	SCENARIO(row44_events_that_lie, ON_RINGS),
	SCENARIO(row22_no_request_queue, ON_BUSES),
	SCENARIO(row22_many_request_queues, ON_PCI | ON_SPLIT),
	SCENARIO(row21_small_queues, ON_BUSES),
	SCENARIO(row37_limits, ON_PCI | ON_SPLIT),
	SCENARIO(row37_sizes, ON_BUSES),
	SCENARIO(sizes_that_are_right, ON_BUSES),
	SCENARIO(row33_configuration_never_rests, ON_BUSES),
	SCENARIO(configuration_that_ends_early, ON_RINGS),
	SCENARIO(row37_sizes_that_stay, ON_BUSES),
	SCENARIO(row37_capacities, ON_PCI | ON_SPLIT),
	SCENARIO(row38_shrinks, ON_RINGS),
};

int main(void)
{
	return scenarios_run(scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
