/* SPDX-License-Identifier: BSD-2-Clause */
/* A fake disk, its driver, and requests whose completions are counted: for the tests of virtio-blk. */
#ifndef TESTS_HOST_FAKE_DISK_JOBS_H
#define TESTS_HOST_FAKE_DISK_JOBS_H

#include "drivers/virtio/block.h"
#include "drivers/virtio/device.h"
#include "drivers/virtio/inspect.h"
#include "tests/host/fake/scenario.h"

/* The ones that were made last: those before them go on living with their drivers. */
static struct fake_device *last_fake;
static struct fake_disk *last_media;
#define fake (*last_fake)
#define media (*last_media)
static struct block_device *disk;

static inline void make(void)
{
	last_fake = calloc(1, sizeof(*last_fake));
	last_media = calloc(1, sizeof(*last_media));
	if (!last_fake || !last_media)
		abort();
	fake_device_init(&fake, bus, &fake_blk, ring);
	fake_disk_init(&fake, &media);
}

/* Once what is special has been set. */
static inline void start(void)
{
	CHECK_EQ(fake_probe(&fake), 0);
	disk = block_find("vda");
	if (!disk) {
		printf("# there is no disk\n");
		exit(1);
	}
}

/* What the driver must keep to, for the device to offer and to check. */
static inline void limits(uint32_t block_size, uint32_t seg_max, uint32_t size_max)
{
	media.block_size = block_size;
	media.seg_max = seg_max;
	media.size_max = size_max;
	fake_config_set(&fake, 20, 4, block_size);
	if (seg_max)
		fake_config_set(&fake, 12, 4, seg_max);
	else
		fake_withdraw(&fake, 2);
	fake_config_set(&fake, 8, 4, size_max);
	if (size_max)
		fake_offer(&fake, 1);
}

/* ---- Requests --------------------------------------------------------------------- */

#define JOB_SEGMENTS 8

struct job {
	struct block_request request;
	struct block_segment segments[JOB_SEGMENTS];
	uint8_t *memory;
	size_t length;
	unsigned done; /* how often */
	bool again;    /* submits itself once more from its completion */
};

static inline void job_done(struct block_request *request)
{
	struct job *job = request->cookie;

	job->done++;
	if (job->again) {
		job->again = false;
		int error = block_submit_prepared(disk, request);
		if (error) {
			request->status = error;
			job->done++;
		}
	}
}

/* Of one segment; the memory is exactly as long. */
static inline void job_make(struct job *job, enum block_op op, uint64_t sector, size_t length)
{
	*job = (struct job){ .memory = malloc(length ? length : 1), .length = length };
	if (!job->memory)
		abort();
	for (size_t i = 0; i < length; i++)
		job->memory[i] = (uint8_t)(0x55 + i * 13 + sector);
	job->segments[0] = (struct block_segment){ job->memory, length };
	job->request = (struct block_request){
		.op = op,
		.sector = sector,
		.segments = length ? job->segments : NULL,
		.segment_count = length ? 1 : 0,
		.done = job_done,
		.cookie = job,
	};
}

/* The same memory in several segments, whose lengths are these, and the rest. */
static inline void job_split(struct job *job, const size_t *lengths, unsigned count)
{
	size_t at = 0;

	job->request.segment_count = 0;
	for (unsigned i = 0; i < count && at < job->length; i++) {
		size_t length = lengths[i] < job->length - at ? lengths[i] : job->length - at;
		job->segments[i] = (struct block_segment){ job->memory + at, length };
		job->request.segment_count = i + 1;
		at += length;
	}
	if (at < job->length)
		job->segments[job->request.segment_count++] =
			(struct block_segment){ job->memory + at, job->length - at };
}

static inline void job_free(struct job *job)
{
	free(job->memory);
}

/* Whether what was read is what is there. */
static inline bool job_is_right(const struct job *job)
{
	return memcmp(job->memory, media.bytes + job->request.sector * 512, job->length) == 0;
}

/* Submits and waits; its status. */
static inline int job_run(struct job *job)
{
	unsigned before = job->done;

	CHECK_EQ(block_submit(disk, &job->request), 0);
	CHECK(FAKE_WAIT(job->done > before, 60000));
	CHECK_EQ(job->done, before + 1);
	return job->request.status;
}

/* A read of that length at that sector: its status; data that is there when it is 0. */
static inline int read_at(uint64_t sector, size_t length)
{
	struct job job;

	job_make(&job, BLOCK_READ, sector, length);
	int status = job_run(&job);
	CHECK(status != 0 || job_is_right(&job));
	job_free(&job);
	return status;
}

/* The disk works as it should, and nothing is mapped that nobody uses. */
static inline void works(void)
{
	size_t block = disk->block_size;

	CHECK_EQ(read_at(0, block), 0);
	CHECK_EQ(read_at(8 * block / 512, 5 * block), 0);
	struct job job;
	job_make(&job, BLOCK_WRITE, 16 * block / 512, 3 * block);
	CHECK_EQ(job_run(&job), 0);
	CHECK(job_is_right(&job));
	job_free(&job);
	CHECK_EQ(fake_port.mappings, 0);
}

/* Many reads at once. */
#define MANY 100
static struct job many[MANY];

static inline void many_submit(unsigned count, size_t length)
{
	for (unsigned i = 0; i < count; i++) {
		job_make(&many[i], BLOCK_READ, i * 8, length);
		CHECK_EQ(block_submit(disk, &many[i].request), 0);
	}
}

static inline bool many_done(unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		if (many[i].done == 0)
			return false;
	}
	return true;
}

/* Each came back once: how many of them with that status; those with 0 are right. */
static inline unsigned many_with(unsigned count, int status)
{
	unsigned found = 0;

	for (unsigned i = 0; i < count; i++) {
		CHECK_EQ(many[i].done, 1);
		found += many[i].request.status == status;
		CHECK(many[i].request.status != 0 || job_is_right(&many[i]));
	}
	return found;
}

static inline void many_free(unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		job_free(&many[i]);
}

#endif
