/* SPDX-License-Identifier: BSD-2-Clause */
/* A fake SCSI host, its driver, and requests whose completions are counted: for the tests of virtio-scsi. */
#ifndef TESTS_HOST_FAKE_SCSI_JOBS_H
#define TESTS_HOST_FAKE_SCSI_JOBS_H

#include "drivers/virtio/block.h"
#include "drivers/virtio/device.h"
#include "drivers/virtio/inspect.h"
#include "drivers/virtio/scsi.h"
#include "tests/host/fake/scenario.h"
#include "tests/host/fake/scsi.h"

/* 5.6.6.2: events. */
enum { TRANSPORT_RESET = 1, ASYNC_NOTIFY = 2, PARAM_CHANGE = 3 };

static struct fake_device fake;
static struct fake_scsi media;

static inline void make(void)
{
	fake_device_init(&fake, bus, &fake_scsi, ring);
	fake_scsi_init(&fake, &media);
}

/* Once what is special has been set. */
static inline void start(void)
{
	CHECK_EQ(fake_probe(&fake), 0);
}

static inline struct block_device *disk_named(const char *name)
{
	struct block_device *disk = block_find(name);

	if (!disk) {
		printf("# there is no disk %s\n", name);
		exit(1);
	}
	return disk;
}

static inline unsigned count_disks(void)
{
	unsigned count = 0;

	for (struct block_device *disk = block_first(); disk; disk = disk->next)
		count += !disk->gone;
	return count;
}

/* The line about a disk has this in it. */
static inline bool described(const char *disk, const char *part)
{
	char line[200] = "";
	struct scsi_lun *lun = scsi_find(disk);

	if (lun)
		scsi_describe(lun, line, sizeof(line));
	if (!strstr(line, part))
		printf("# %s\n", line);
	return strstr(line, part) != NULL;
}

static inline bool last_sense(const char *disk, const char *part)
{
	char line[200] = "";
	struct scsi_lun *lun = scsi_find(disk);

	if (lun)
		scsi_describe_sense(lun, line, sizeof(line));
	if (!strstr(line, part))
		printf("# %s\n", line);
	return strstr(line, part) != NULL;
}

/* ---- Requests --------------------------------------------------------------------- */

struct job {
	struct block_request request;
	struct block_segment segment;
	uint8_t *memory;
	size_t length;
	unsigned done; /* how often */
};

static inline void job_done(struct block_request *request)
{
	((struct job *)request->cookie)->done++;
}

/* Its memory is exactly as long. */
static inline void job_make(struct job *job, enum block_op op, uint64_t sector, size_t length)
{
	*job = (struct job){ .memory = malloc(length ? length : 1), .length = length };
	if (!job->memory)
		abort();
	for (size_t i = 0; i < length; i++)
		job->memory[i] = (uint8_t)(0x55 + i * 13 + sector);
	job->segment = (struct block_segment){ job->memory, length };
	job->request = (struct block_request){
		.op = op,
		.sector = sector,
		.segments = length ? &job->segment : NULL,
		.segment_count = length ? 1 : 0,
		.done = job_done,
		.cookie = job,
	};
}

static inline void job_free(struct job *job)
{
	free(job->memory);
}

static inline bool job_is_right(const struct job *job, const struct fake_unit *unit)
{
	return memcmp(job->memory, unit->bytes + job->request.sector * 512, job->length) == 0;
}

/* Submits and waits; its status. */
static inline int job_run(struct block_device *disk, struct job *job)
{
	unsigned before = job->done;

	int error = block_submit_prepared(disk, &job->request);
	if (error)
		return error;
	CHECK(FAKE_WAIT(job->done > before, 120000));
	CHECK_EQ(job->done, before + 1);
	return job->request.status;
}

/* A read of that length at that sector: its status; data that is there when it is 0. */
static inline int read_at(struct block_device *disk, const struct fake_unit *unit, uint64_t sector,
			  size_t length)
{
	struct job job;

	job_make(&job, BLOCK_READ, sector, length);
	int status = job_run(disk, &job);
	CHECK(status != 0 || job_is_right(&job, unit));
	job_free(&job);
	return status;
}

static inline int write_at(struct block_device *disk, const struct fake_unit *unit, uint64_t sector,
			   size_t length)
{
	struct job job;

	job_make(&job, BLOCK_WRITE, sector, length);
	int status = job_run(disk, &job);
	CHECK(status != 0 || job_is_right(&job, unit));
	job_free(&job);
	return status;
}

/* The disk works as it should, and nothing is mapped that nobody uses. */
static inline void works(const char *name, const struct fake_unit *unit)
{
	struct block_device *disk = disk_named(name);
	size_t block = disk->block_size;

	CHECK_EQ(read_at(disk, unit, 0, block), 0);
	CHECK_EQ(read_at(disk, unit, 8 * block / 512, 5 * block), 0);
	if (!disk->read_only)
		CHECK_EQ(write_at(disk, unit, 16 * block / 512, 3 * block), 0);
	CHECK_EQ(fake_port.mappings, 0);
}

#endif
