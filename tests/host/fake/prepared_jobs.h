/* SPDX-License-Identifier: BSD-2-Clause */
/* Jobs (disk_jobs.h) that are prepared (block_prepare), and the two ways in which they are submitted: by the program,
 * and from a completion, which is the short way of block_queue.h. */
#ifndef TESTS_HOST_FAKE_PREPARED_JOBS_H
#define TESTS_HOST_FAKE_PREPARED_JOBS_H

#include "tests/host/fake/disk_jobs.h"

static inline void prepare(struct job *job, enum block_op op, size_t length)
{
	job_make(job, op, 0, length);
	CHECK_EQ(block_prepare(disk, &job->request), 0);
}

static inline void release(struct job *job)
{
	block_unprepare(disk, &job->request);
	job_free(job);
}

/* Other bytes each time: what was there before is not taken for the answer. */
static inline void dirty(struct job *job)
{
	static unsigned turn;

	turn++;
	for (size_t i = 0; i < job->length; i++)
		job->memory[i] = (uint8_t)(i * 31 + turn * 101);
}

/* Once more, at that sector: its status; where that is 0 the data is there. */
static inline int run_at(struct job *job, uint64_t sector)
{
	dirty(job);
	job->request.sector = sector;
	int status = job_run(job);
	CHECK(status != 0 || job_is_right(job));
	return status;
}

/* ---- From a completion: the short way ----------------------------------------------------- */

/* A read that does nothing but submit `next` from its completion, where nothing waits before it. */
static struct job *next;

static inline void pass_on(struct block_request *request)
{
	((struct job *)request->cookie)->done++;
	CHECK_EQ(block_submit_prepared(disk, &next->request), 0);
}

/* run_at, but submitted in drain context. */
static inline int run_from_completion(struct job *job, uint64_t sector)
{
	struct job first;
	unsigned before = job->done;

	dirty(job);
	job->request.sector = sector;
	next = job;
	job_make(&first, BLOCK_READ, 0, disk->block_size);
	first.request.done = pass_on;
	CHECK_EQ(job_run(&first), 0);
	CHECK(FAKE_WAIT(job->done > before, 60000));
	CHECK_EQ(job->done, before + 1);
	CHECK(job->request.status != 0 || job_is_right(job));
	job_free(&first);
	return job->request.status;
}

static const struct {
	const char *name;
	int (*run)(struct job *job, uint64_t sector);
} prepared_ways[] = { { "program", run_at }, { "completion", run_from_completion } };

/* ---- What befalls the disk ---------------------------------------------------------------- */

static inline void needs_reset(unsigned resets)
{
	fake.status |= VIRTIO_STATUS_DEVICE_NEEDS_RESET;
	CHECK(FAKE_WAIT(virtio_first()->resets == resets && virtio_first()->state == VIRTIO_RUNNING,
			2000));
}

/* before_use: the device has it, and does not give it back. */
static inline bool keeps_it(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written)
{
	(void)queue;
	(void)chain;
	(void)written;
	return false;
}

#endif
