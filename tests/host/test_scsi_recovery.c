/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-scsi with a device that is silent, reset, or gone (rows 13, 14, 32, 35, 36 of docs/hardening.md). */
#include "tests/host/fake/others.h"
#include "tests/host/fake/scsi_jobs.h"

enum { READ_10 = 0x28 };

/* ---- Silence, resets and the end (rows 13, 14, 32, 35, 36) ------------------------------------------------------ */

static bool keep_all;

static bool kept(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written)
{
	uint8_t operation = 0;

	(void)written;
	ring_chain_read(chain, 19, &operation, 1);
	return queue->index < 2 || operation != READ_10 || !keep_all;
}

/* A read that the device keeps. */
static void submit_kept(struct job *job)
{
	keep_all = true;
	fake.before_use = kept;
	job_make(job, BLOCK_READ, 3, 512);
	CHECK_EQ(block_submit(disk_named("sda"), &job->request), 0);
}

/* Neither the abort nor the reset of the unit is answered: the device is reset, as any other. */
static void row13_nothing_helps(void)
{
	make();
	fake_setting("deadline_ms", "500");
	start();
	struct job job;
	media.deaf_tmf = true;
	uint64_t began = fake_port.now;
	submit_kept(&job);
	CHECK(FAKE_WAIT(job.done == 1, 5000));
	CHECK_EQ(job.request.status, ERR_TIMEOUT);
	CHECK(fake_port.now - began < UINT64_C(2000000000));
	CHECK_EQ(disk_named("sda")->resets, 1);
	keep_all = media.deaf_tmf = false;
	job_free(&job);
	works("sda", &media.units[0]);
}

/* The device refuses both: it is reset then. */
static void row13_no_task_management(void)
{
	make();
	fake_setting("deadline_ms", "500");
	media.no_tmf = true;
	start();
	struct job job;
	submit_kept(&job);
	CHECK(FAKE_WAIT(job.done == 1, 5000));
	CHECK_EQ(job.request.status, ERR_TIMEOUT);
	CHECK_EQ(disk_named("sda")->resets, 1);
	CHECK(fake_logged("it cannot be aborted: not supported"));
	CHECK(fake_logged("it cannot be reset: not supported"));
	keep_all = false;
	job_free(&job);
	works("sda", &media.units[0]);
}

/* Nobody else waits with us for such a device: neither work items nor the program. */
static void row13_others_do_not_wait_for_it(void)
{
	make();
	start();
	CHECK(fake_scsi_event(&fake, TRANSPORT_RESET, 0, 0, 1)); /* something has changed, */
	fake.deaf = true;                                        /* of which it does not tell */
	fake_sleep(1000);
	unsigned commands = media.commands;
	for (unsigned i = 0; i < 200; i++)
		others_do_not_wait(100);
	CHECK_EQ(media.commands, commands);
	CHECK_EQ(virtio_first()->resets, 0);
	CHECK(FAKE_WAIT(virtio_first()->resets > 0, 60000));
	fake.deaf = false;
	CHECK_EQ(scsi_scan(), 0);
	works("sda", &media.units[0]);
}

/* From the start it answers nothing: it is not waited for without end, nor reset for ever. */
static void row13_silent_from_the_start(void)
{
	make();
	fake_setting("deadline_ms", "500");
	fake.deaf = true;
	uint64_t began = fake_port.now;
	start();
	CHECK(fake_port.now - began < UINT64_C(5000000000));
	CHECK(fake_logged("scsi0: not all of it could be scanned: timed out"));
	CHECK(block_first() == NULL);
	fake_sleep(60000);
	unsigned resets = virtio_first()->resets;
	fake_sleep(60000);
	CHECK_EQ(virtio_first()->resets, resets);
	fake.deaf = false;
	CHECK_EQ(scsi_scan(), 0);
	works("sda", &media.units[0]);
}

static void row35_needs_reset(void)
{
	make();
	start();
	struct job job;
	submit_kept(&job);
	fake_sleep(10);
	fake.status |= VIRTIO_STATUS_DEVICE_NEEDS_RESET;
	fake_interrupt_config(&fake);
	CHECK(FAKE_WAIT(job.done == 1, 2000));
	CHECK_EQ(job.request.status, ERR_IO);
	CHECK_EQ(disk_named("sda")->resets, 1);
	keep_all = false;
	job_free(&job);
	/* After it, all is looked at again, and events come. */
	struct fake_unit *unit = fake_scsi_add(&media, 2, 0, 512);
	CHECK(FAKE_WAIT(count_disks() == 2, 1000));
	works("sda", &media.units[0]);
	works("sdb", unit);
	unit = fake_scsi_add(&media, 2, 1, 512);
	CHECK(fake_scsi_event(&fake, TRANSPORT_RESET, 2, 1, 1));
	CHECK(FAKE_WAIT(count_disks() == 3, 1000));
	works("sdc", unit);
}

static void row32_never_reset(void)
{
	make();
	fake_setting("deadline_ms", "500");
	start();
	struct job job;
	media.no_tmf = true;
	fake.hang_reset = true;
	submit_kept(&job);
	CHECK(FAKE_WAIT(job.done == 1, 10000));
	CHECK_EQ(job.request.status, ERR_NODEV);
	CHECK(disk_named("sda")->gone);
	CHECK_EQ(read_at(disk_named("sda"), &media.units[0], 0, 512), ERR_NODEV);
	CHECK_EQ(scsi_scan(), ERR_NODEV);
	CHECK_EQ(scsi_reset(scsi_find("sda")), ERR_NODEV);
	misses_expected = true;
	job_free(&job);
}

/* Submits as soon as the device is being reset. */
static struct vport_event while_reset;
static struct job asked_while_reset;

static void ask_while_reset(struct vport_event *event)
{
	event->check_at = vport_now() + 1000000;
	if (virtio_first()->state != VIRTIO_RECOVERING)
		return;
	event->check_at = VPORT_NEVER;
	CHECK_EQ(block_submit(disk_named("sda"), &asked_while_reset.request), 0);
}

/* What needs no command is answered even when the device is given up meanwhile: somebody waits for it. */
static void row32_id_while_reset(void)
{
	make();
	fake_setting("deadline_ms", "500");
	start();
	struct block_device *disk = disk_named("sda");
	job_make(&asked_while_reset, BLOCK_GET_ID, 0, BLOCK_ID_BYTES);
	while_reset = (struct vport_event){ .drain = ask_while_reset, .check_at = vport_now() };
	vport_event_add(&while_reset);
	fake.hang_reset = true;
	fake.status |= VIRTIO_STATUS_DEVICE_NEEDS_RESET;
	fake_interrupt_config(&fake);
	CHECK(FAKE_WAIT(disk->gone, 60000));
	CHECK(FAKE_WAIT(asked_while_reset.done == 1, 1000));
	CHECK_EQ(asked_while_reset.request.status, 0);
	CHECK(memcmp(asked_while_reset.memory, "fake-0-0", 9) == 0);
	misses_expected = true;
	vport_event_remove(&while_reset);
	job_free(&asked_while_reset);
}

static void row36_gone(void)
{
	make();
	fake_setting("deadline_ms", "500");
	start();
	fake.gone = true;
	CHECK(FAKE_WAIT(disk_named("sda")->gone, 10000));
	CHECK_EQ(read_at(disk_named("sda"), &media.units[0], 0, 512), ERR_NODEV);
	CHECK_EQ(scsi_scan(), ERR_NODEV);
}

/* In the middle of the first scan. */
static bool gone_after(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written)
{
	(void)chain;
	(void)written;
	if (queue->index >= 2 && media.commands == 45)
		fake.gone = true;
	return !fake.gone;
}

static void row36_gone_while_scanned(void)
{
	make();
	fake_setting("deadline_ms", "500");
	fake.before_use = gone_after;
	fake_probe(&fake);
	CHECK_EQ(count_disks(), 0);
	CHECK_EQ(scsi_scan(), ERR_NODEV);
}

static void out_of_memory(void)
{
	for (unsigned fails = 1;; fails++) {
		make();
		fake_port.allocated = 0;
		fake_port.allocation_fails = fails;
		int error = fake_probe(&fake);
		fake_port.allocation_fails = 0;
		if (error == 0)
			break;
		CHECK_EQ(error, ERR_NOMEM);
		CHECK_NOTHING_LEFT();
		CHECK(fails < 100);
	}
}

static const struct scenario scenarios[] = {
	SCENARIO(row13_nothing_helps, ON_ALL),
	SCENARIO(row13_no_task_management, ON_RINGS),
	SCENARIO(row13_others_do_not_wait_for_it, ON_ALL),
	SCENARIO(row13_silent_from_the_start, ON_ALL),
	SCENARIO(row35_needs_reset, ON_ALL),
	SCENARIO(row32_never_reset, ON_MMIO | ON_SPLIT | ON_PACKED),
	SCENARIO(row32_id_while_reset, ON_MMIO | ON_SPLIT | ON_PACKED),
	SCENARIO(row36_gone, ON_ALL),
	SCENARIO(row36_gone_while_scanned, ON_ALL),
	SCENARIO(out_of_memory, ON_BUSES),
};

int main(void)
{
	return scenarios_run(scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
