/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-scsi where something goes wrong at any place: any command of a look at a unit is not answered, or oddly; task
 * management that fails; devices that come to an end in between. */
#include "drivers/virtio/scsi_host.h"
#include "tests/host/fake/scsi_jobs.h"
#include "tests/host/fake/scsi_odd.h"

/* One target with one unit, which has all that a unit can have. */
static struct fake_unit *make_one(void)
{
	struct fake_unit *unit = &media.units[0];

	make();
	fake_config_set(&fake, 30, 2, 0); /* max_target */
	unit->removable = true;
	unit->unmap_max = 64;
	unit->write_same_max = 100;
	unit->write_same_unmaps = true;
	return unit;
}

/* ---- No answer ------------------------------------------------------------------------------------ */

static unsigned answers_left = UINT32_MAX;

static bool answers_some(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written)
{
	(void)chain;
	(void)written;
	if (queue->index < SCSI_REQUESTQ)
		return true;
	if (answers_left == 0)
		return false;
	answers_left -= answers_left != UINT32_MAX;
	return true;
}

/* The unit was reset: its cache is to be switched once more. Then after so many commands the device is silent. */
static void silent_at_any_command(void)
{
	fake_setting("deadline_ms", "500");
	struct fake_unit *unit = make_one();
	start();
	CHECK_EQ(block_set_write_back(disk_named("sda"), false), 0);
	fake.before_use = answers_some;
	unsigned silences = 0;
	for (;; silences++) {
		unit->caching = 4;
		answers_left = silences;
		scsi_scan();
		bool all = answers_left > 0;
		answers_left = UINT32_MAX;
		if (all)
			break;
		CHECK(FAKE_WAIT(virtio_first()->state == VIRTIO_RUNNING, 5000));
		fake_sleep(1000);
		CHECK_EQ(scsi_scan(), 0);
		CHECK_EQ(unit->caching, 0);
		works("sda", unit);
	}
	CHECK(silences > 15);
	/* And while its drive is looked at, because it says nothing by itself. */
	answers_left = 0;
	unsigned resets = virtio_first()->resets;
	CHECK(FAKE_WAIT(virtio_first()->resets > resets, 10000));
	answers_left = UINT32_MAX;
	fake_sleep(3000);
	works("sda", unit);
}

/* ---- An odd answer --------------------------------------------------------------------------------- */

static const struct odd *odd;
static unsigned odd_at; /* the first command is 1; 0: none */

static void answer_oddly(struct fake_scsi *scsi, struct fake_unit *unit, const uint8_t *cdb,
			 struct fake_answer *answer)
{
	(void)unit;
	(void)cdb;
	if (odd_at == 0 || --odd_at > 0)
		return;
	odd_answer(scsi, answer, odd);
}

/* Whatever comes of it: the device is not reset for it, and the next look finds all as it is. */
static void odd_at_any_command(void)
{
	static const struct odd odds[] = {
		SENSE(2, 0x3a, 0),
		SENSE(2, 0x04, 0x01),
		SENSE(2, 0x04, 0x02),
		SENSE(2, 0x04, 0x03),
		SENSE(2, 0x05, 0x02),
		SENSE(3, 0x11, 0),
		SENSE(5, 0x20, 0),
		SENSE(5, 0x25, 0),
		SENSE(6, 0x29, 0),
		SENSE(6, 0x3f, 0x0e),
		SENSE(6, 0x3f, 0x03),
		SENSE(6, 0x28, 0),
		SENSE(11, 0x3f, 0x0e),
		RESPONSE(2),
		RESPONSE(3),
		RESPONSE(5),
		RESPONSE(9),
		RESPONSE(12),
		STATUS(0x08),
		STATUS(0x18),
		STATUS(0x40),
		LENGTH(0),
		LENGTH(3),
		LENGTH(4),
		LENGTH(5),
		LENGTH(7),
		LENGTH(11),
		LENGTH(20),
		LENGTH(30),
		BYTE(0, 0x7f),
		BYTE(0, 0x05),
		BYTE(1, 0x55),
		BYTE(3, 0),
		BYTE(3, 200),
		BYTE(11, 1),
		BYTE(0, 0xff),
		RESIDUAL(1),
		RESIDUAL(INT32_MAX),
		RESIDUAL(UINT32_MAX),
	};
	struct fake_unit *unit = make_one();

	start();
	CHECK_EQ(block_set_write_back(disk_named("sda"), false), 0);
	media.before_answer = answer_oddly;
	for (unsigned i = 0; i < sizeof(odds) / sizeof(odds[0]); i++) {
		odd = &odds[i];
		for (unsigned n = 1;; n++) {
			unit->caching = 4;
			odd_at = n;
			scsi_scan();
			bool all = odd_at > 0;
			odd_at = 0;
			CHECK_EQ(scsi_scan(), 0);
			if (!block_find("sda") || disk_named("sda")->gone ||
			    scsi_find("sda")->disk.empty)
				printf("# odd answer %u to command %u\n", i, n);
			works("sda", unit);
			if (all || n == 100)
				break;
		}
	}
	CHECK_EQ(virtio_first()->resets, 0);
	/* More than was asked for. */
	CHECK(!fake_logged("resetting it"));
}

/* A number of written bytes that is too large is no breach here: QEMU counts what it reads. */
static bool counts_more(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written)
{
	(void)chain;
	if (queue->index >= SCSI_REQUESTQ)
		*written += 100000;
	return true;
}

static void counted_beyond_all_data(void)
{
	struct fake_unit *unit = make_one();

	fake.before_use = counts_more;
	start();
	works("sda", unit);
	CHECK_EQ(scsi_scan(), 0);
	CHECK_EQ(virtio_first()->resets, 0);
}

/* ---- What a program's command is told ------------------------------------------------------------------ */

static uint8_t read_sense[3];
static unsigned read_odd; /* reads that are answered so */

static void answer_reads(struct fake_scsi *scsi, struct fake_unit *unit, const uint8_t *cdb,
			 struct fake_answer *answer)
{
	(void)unit;
	if (cdb[0] != SCSI_READ_10 || read_odd == 0)
		return;
	read_odd--;
	fake_scsi_check(scsi, answer, read_sense[0], read_sense[1], read_sense[2]);
}

static void tell_reads(uint8_t key, uint8_t asc, uint8_t ascq, unsigned count)
{
	memcpy(read_sense, (uint8_t[]){ key, asc, ascq }, 3);
	read_odd = count;
}

static void told_of_changes(void)
{
	struct fake_unit *unit = make_one();

	unit->removable = false;
	media.before_answer = answer_reads;
	start();
	/* It is another one by now. */
	tell_reads(6, 0x3f, 0x03, 1);
	memset(unit->serial, 0, sizeof(unit->serial));
	memcpy(unit->serial, "another", 7);
	CHECK_EQ(read_at(disk_named("sda"), unit, 0, 512), 0);
	fake_sleep(1000);
	char id[BLOCK_ID_BYTES + 1];
	CHECK_EQ(block_id(disk_named("sda"), id), 0);
	CHECK_TEXT(id, "another");
	/* It starts. */
	tell_reads(2, 0x04, 0x01, 5);
	CHECK_EQ(read_at(disk_named("sda"), unit, 8, 512), 0);
	CHECK_EQ(read_odd, 0);
	works("sda", unit);
}

/* ---- Task management ------------------------------------------------------------------------------------ */

static uint8_t control_response;
static uint32_t control_bytes;
static bool control_lies;

static bool lie_of_control(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written)
{
	if (queue->index != SCSI_CONTROLQ || !control_lies)
		return true;
	ring_chain_write(chain, (size_t)chain->writable - 1, &control_response, 1);
	*written = control_bytes ? (uint32_t)chain->writable : 0;
	return true;
}

static int reset_with(uint8_t response, bool answered)
{
	control_response = response;
	control_bytes = answered;
	return scsi_reset(scsi_find("sda"));
}

static void answers_to_a_reset(void)
{
	make();
	fake.before_use = lie_of_control;
	start();
	control_lies = true;
	CHECK_EQ(reset_with(0, true), 0);
	CHECK_EQ(reset_with(10, true), 0);
	CHECK_EQ(reset_with(11, true), ERR_UNSUPPORTED);
	CHECK_EQ(reset_with(3, true), ERR_NODEV);
	CHECK_EQ(reset_with(12, true), ERR_NODEV);
	CHECK_EQ(reset_with(5, true), ERR_BUSY);
	CHECK_EQ(reset_with(9, true), ERR_IO);
	CHECK_EQ(reset_with(0xff, true), ERR_IO);
	CHECK_EQ(reset_with(0, false), ERR_IO);
	control_lies = false;
	works("sda", &media.units[0]);
	CHECK_EQ(virtio_first()->resets, 0);
}

/* It does not say that it will tell of another medium: so it is asked. */
static void answers_to_a_subscription(void)
{
	static const uint8_t responses[] = { 0xff, 9, 11 };

	for (unsigned i = 0; i <= sizeof(responses); i++) {
		if (i == 0)
			make_one();
		control_lies = true;
		control_response = i < sizeof(responses) ? responses[i] : 0;
		control_bytes = i < sizeof(responses);
		fake.before_use = lie_of_control;
		media.subscribes = true;
		if (i == 0)
			start();
		else
			CHECK_EQ(scsi_scan(), 0);
		unsigned pings = media.pings;
		fake_sleep(5000);
		CHECK(media.pings > pings);
	}
	control_lies = false;
	CHECK_EQ(scsi_scan(), 0);
	unsigned pings = media.pings;
	fake_sleep(5000);
	CHECK_EQ(media.pings, pings);
}

/* The device is given up while one waits for its answer: the next one is not asked any more. */
static void given_up_in_task_management(void)
{
	make();
	fake_setting("deadline_ms", "500");
	fake_scsi_add(&media, 1, 0, 512);
	media.deaf_tmf = fake.hang_reset = true;
	start();
	struct scsi_lun *first = scsi_find("sda"), *second = scsi_find("sdb");
	scsi_wish(second, SCSI_WISH_RESET);
	CHECK_EQ(scsi_reset(first), ERR_NODEV);
	fake_sleep(1000);
	CHECK_EQ(second->resets, 0);
	CHECK(disk_named("sdb")->gone);
	CHECK_EQ(scsi_reset(second), ERR_NODEV);
	misses_expected = true;
}

/* It fails as a unit is to be reset: that is an error, and no more. */
static void fails_before_task_management(void)
{
	make();
	start();
	for (unsigned i = 1; i <= 3; i++) {
		fake.status |= VIRTIO_STATUS_DEVICE_NEEDS_RESET;
		fake_interrupt_config(&fake);
		CHECK(scsi_reset(scsi_find("sda")) < 0);
		CHECK(FAKE_WAIT(virtio_first()->resets == i &&
					virtio_first()->state == VIRTIO_RUNNING,
				1000));
		fake_sleep(1000);
		works("sda", &media.units[0]);
		CHECK_EQ(scsi_reset(scsi_find("sda")), 0);
	}
}

/* Or before anybody has begun. */
static void given_up_before_that(void)
{
	make();
	start();
	fake.hang_reset = true;
	fake.status |= VIRTIO_STATUS_DEVICE_NEEDS_RESET;
	fake_interrupt_config(&fake);
	CHECK_EQ(block_set_write_back(disk_named("sda"), false), ERR_NODEV);
	CHECK(disk_named("sda")->gone);
	misses_expected = true;
}

/* ---- Configuration ---------------------------------------------------------------------------------------- */

static unsigned config_reads_left;

static void settles_no_more(struct fake_device *device)
{
	device->generation_runs = config_reads_left == 0;
	config_reads_left -= config_reads_left > 0;
}

/* From some field on the configuration does not settle any more. */
static void config_that_runs(void)
{
	unsigned reads = 0;

	for (;; reads++) {
		make();
		fake.before_config_read = settles_no_more;
		config_reads_left = reads;
		if (fake_probe(&fake) == 0)
			break;
		CHECK(virtio_scsi_first() == NULL);
		CHECK_NOTHING_LEFT();
		fake_port_detach(&fake.port);
		fake_scsi_free(&media);
	}
	CHECK(reads >= 4);
	fake.generation_runs = false;
	fake.before_config_read = NULL;
	works("sda", &media.units[0]);
}

/* A reset after which it does not tell its sizes: the next one, then. */
static unsigned bad_resets;

static void forget_sizes(struct fake_device *device)
{
	device->generation_runs = device->resets < bad_resets;
}

static void sizes_that_are_lost(void)
{
	make();
	start();
	bad_resets = fake.resets + 3;
	fake.before_config_read = forget_sizes;
	fake.status |= VIRTIO_STATUS_DEVICE_NEEDS_RESET;
	fake_interrupt_config(&fake);
	CHECK(FAKE_WAIT(fake.resets >= bad_resets && virtio_first()->state == VIRTIO_RUNNING,
			5000));
	CHECK(fake_logged("its sizes cannot be set again"));
	fake_sleep(1000);
	works("sda", &media.units[0]);
}

/* 5.6.4: an event is never smaller than what is to be read of it. */
static void small_events(void)
{
	make();
	fake_config_set(&fake, 16, 4, 8);
	start();
	struct fake_unit *unit = fake_scsi_add(&media, 2, 0, 512);
	CHECK(fake_scsi_event(&fake, VIRTIO_SCSI_T_TRANSPORT_RESET, 2, 0, 1));
	CHECK(FAKE_WAIT(count_disks() == 2, 1000));
	works("sdb", unit);
}

/* The queues cannot be enabled, after all else went well: nothing is left. */
static void refused_at_the_end(void)
{
	make();
	fake.refuse_queue = true;
	CHECK(fake_probe(&fake) < 0);
	CHECK(virtio_scsi_first() == NULL);
	CHECK_NOTHING_LEFT();
}

/* ---- Several devices ---------------------------------------------------------------------------------------- */

static void several_devices(void)
{
	static struct fake_device devices[3];
	static struct fake_scsi states[3];

	for (unsigned i = 0; i < 3; i++) {
		fake_device_init(&devices[i], bus, &fake_scsi, ring);
		fake_scsi_init(&devices[i], &states[i]);
		states[i].units[0].present = i != 1;
		states[i].units[0].number = (uint16_t)(300 * i);
		CHECK_EQ(fake_probe(&devices[i]), 0);
	}
	works("sda", &states[0].units[0]);
	works("sdb", &states[2].units[0]);
	CHECK(described("sda", "scsi0 0:0 disk"));
	CHECK(described("sdb", "scsi2 0:600 disk"));
	CHECK(scsi_next(scsi_find("sda")) == scsi_find("sdb"));
	CHECK(scsi_next(scsi_find("sdb")) == NULL);
	CHECK(scsi_find("sdc") == NULL);
	CHECK_EQ(scsi_scan(), 0);
}

/* ---- Prepared requests ------------------------------------------------------------------------------------------ */

static unsigned rounds;

static void go_on(struct block_request *request)
{
	struct job *job = request->cookie;

	job->done++;
	CHECK_EQ(request->status, 0);
	CHECK(job_is_right(job, &media.units[0]));
	if (--rounds == 0)
		return;
	memset(job->memory, 0xee, job->length);
	request->sector = (request->sector + 24) % 1024;
	CHECK_EQ(block_submit_prepared(disk_named("sda"), request), 0);
}

/* A read that begins anew in its own completion. */
static void read_on_and_on(uint64_t blocks)
{
	make();
	media.units[0].blocks = blocks;
	start();
	struct job job;
	job_make(&job, BLOCK_READ, 0, 4096);
	job.request.done = go_on;
	CHECK_EQ(block_prepare(disk_named("sda"), &job.request), 0);
	rounds = 100;
	CHECK_EQ(block_submit_prepared(disk_named("sda"), &job.request), 0);
	CHECK(FAKE_WAIT(rounds == 0, 60000));
	CHECK_EQ(job.done, 100);
	block_unprepare(disk_named("sda"), &job.request);
	job_free(&job);
	works("sda", &media.units[0]);
}

static void prepared_from_completions(void)
{
	read_on_and_on(FAKE_SCSI_BLOCKS);
}

/* Of a disk that only the long form of READ reaches the end of. */
static void prepared_from_completions_of_a_large_one(void)
{
	read_on_and_on(UINT64_C(1) << 33);
	CHECK(disk_named("sda")->capacity > UINT32_MAX);
}

static void on_two_cpus(void)
{
	fake_cpus(2);
	make();
	fake_config_set(&fake, 0, 4, 2);
	fake.queue_count = 4;
	fake.queues[3].size_max = 64;
	start();
	for (unsigned i = 0; i < 8; i++) {
		fake_on_cpu(i % 2);
		works("sda", &media.units[0]);
	}
	struct job job;
	job_make(&job, BLOCK_READ, 0, 512);
	CHECK_EQ(block_prepare(disk_named("sda"), &job.request), 0);
	CHECK_EQ(job_run(disk_named("sda"), &job), 0);
	CHECK(job_is_right(&job, &media.units[0]));
	block_unprepare(disk_named("sda"), &job.request);
	job_free(&job);
	fake_on_cpu(0);
}

/* While one CPU hands out what its completions make ready, another one has something as well: it goes by its own queue, or
 * where it has none waits for that CPU, and is not put among what that one has in hand. */
static struct job from_there[2]; /* a prepared one, and one that is not */
static bool waits_there;

static void meanwhile(struct block_request *request)
{
	const struct block_queue *queue = &virtio_scsi_first()->queues[0];

	job_done(request);
	fake_on_cpu(1);
	CHECK_EQ(block_submit_prepared(disk_named("sda"), &from_there[0].request), 0);
	CHECK_EQ(queue->inbox == &from_there[0].request, waits_there);
	block_submit(disk_named("sda"), &from_there[1].request);
	CHECK_EQ(queue->inbox != NULL, waits_there);
	CHECK_EQ(queue->waiting == &from_there[1].request, false);
	fake_on_cpu(0);
}

static void two_cpus_at_once(unsigned queues)
{
	struct job job;

	fake_cpus(2);
	make();
	fake_config_set(&fake, 0, 4, queues);
	fake.queue_count = 2 + queues;
	fake.queues[3].size_max = 64;
	start();
	waits_there = queues == 1;
	job_make(&job, BLOCK_READ, 0, 512);
	job.request.done = meanwhile;
	for (unsigned i = 0; i < 2; i++)
		job_make(&from_there[i], BLOCK_READ, 8 + 8 * i, 4096);
	CHECK_EQ(block_prepare(disk_named("sda"), &job.request), 0);
	CHECK_EQ(block_prepare(disk_named("sda"), &from_there[0].request), 0);
	for (unsigned turn = 1; turn <= 3; turn++) {
		CHECK_EQ(job_run(disk_named("sda"), &job), 0);
		CHECK(FAKE_WAIT(from_there[0].done == turn && from_there[1].done == turn, 10000));
		for (unsigned i = 0; i < 2; i++) {
			CHECK_EQ(from_there[i].request.status, 0);
			CHECK(job_is_right(&from_there[i], &media.units[0]));
		}
	}
	block_unprepare(disk_named("sda"), &from_there[0].request);
	block_unprepare(disk_named("sda"), &job.request);
	job_free(&job);
	for (unsigned i = 0; i < 2; i++)
		job_free(&from_there[i]);
}

static void another_cpu_meanwhile(void)
{
	two_cpus_at_once(2);
}

static void another_cpu_meanwhile_without_a_queue(void)
{
	two_cpus_at_once(1);
}

int main(void)
{
	static const struct scenario scenarios[] = {
		SCENARIO(silent_at_any_command, ON_RINGS),
		SCENARIO(odd_at_any_command, ON_RINGS),
		SCENARIO(counted_beyond_all_data, ON_RINGS),
		SCENARIO(told_of_changes, ON_RINGS),
		SCENARIO(answers_to_a_reset, ON_ALL),
		SCENARIO(answers_to_a_subscription, ON_RINGS),
		SCENARIO(given_up_in_task_management, ON_MMIO | ON_SPLIT | ON_PACKED),
		SCENARIO(fails_before_task_management, ON_ALL),
		SCENARIO(given_up_before_that, ON_MMIO | ON_SPLIT | ON_PACKED),
		SCENARIO(config_that_runs, ON_BUSES),
		SCENARIO(sizes_that_are_lost, ON_ALL),
		SCENARIO(small_events, ON_RINGS),
		SCENARIO(refused_at_the_end, ON_BUSES),
		SCENARIO(several_devices, ON_BUSES),
		SCENARIO(prepared_from_completions, ON_ALL),
		SCENARIO(prepared_from_completions_of_a_large_one, ON_RINGS),
		SCENARIO(on_two_cpus, ON_ALL),
		SCENARIO(another_cpu_meanwhile, ON_RINGS),
		SCENARIO(another_cpu_meanwhile_without_a_queue, ON_RINGS),
	};

	return scenarios_run(scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
