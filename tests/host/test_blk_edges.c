/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-blk at its edges: no memory for a copy, lengths that no disk has, completions that submit more than there is
 * room for, what was accepted before the disk shrank or was given up. */
#include "drivers/virtio/blk.h"
#include "tests/host/fake/prepared_jobs.h"

static void no_memory_for_a_copy(void)
{
	uint8_t bytes[512];
	char id[BLOCK_ID_BYTES + 1];

	make();
	start();
	for (unsigned fails = 1; fails <= 2; fails++) {
		unsigned before = fake_port.allocations + fake_port.dma_allocations;
		fake_port.allocated = 0;
		fake_port.allocation_fails = fails;
		CHECK_EQ(block_read(disk, 0, bytes, sizeof(bytes)), ERR_NOMEM);
		fake_port.allocated = 0;
		CHECK_EQ(block_id(disk, id), ERR_NOMEM);
		fake_port.allocation_fails = 0;
		CHECK_EQ(fake_port.allocations + fake_port.dma_allocations, before);
	}
	CHECK_EQ(media.requests, 0);
	CHECK_EQ(block_read(disk, 0, bytes, sizeof(bytes)), 0);
	CHECK(memcmp(bytes, media.bytes, sizeof(bytes)) == 0);
	CHECK_EQ(block_id(disk, id), 0);
}

/* Memory of a disk that may still write to it is nobody's any more. */
static void buffers(void)
{
	make();
	start();
	unsigned before = fake_port.dma_allocations;
	uint8_t *first = block_buffer_alloc(disk, 4096), *second = block_buffer_alloc(disk, 4096);
	CHECK_EQ(fake_port.dma_allocations, before + 2);
	block_buffer_free(disk, first, 4096);
	CHECK_EQ(fake_port.dma_allocations, before + 1);
	fake.gone = true;
	CHECK(FAKE_WAIT(disk->gone, 60000));
	block_buffer_free(disk, second, 4096);
	CHECK_EQ(fake_port.dma_allocations, before + 1);
}

/* Their sum is more bytes than can be counted. */
static void lengths_beyond_all_disks(void)
{
	struct block_segment segments[4];
	struct block_request request = { .op = BLOCK_READ, .segments = segments, .done = job_done };

	make();
	start();
	for (unsigned i = 0; i < 4; i++)
		segments[i] = (struct block_segment){ &request, (size_t)1 << 61 };
	request.segment_count = 4;
	CHECK_EQ(block_submit(disk, &request), ERR_RANGE);
	CHECK_EQ(
		block_submit(disk, &(struct block_request){ .op = BLOCK_GET_ID, .done = job_done }),
		ERR_INVALID);
	segments[0].length = BLOCK_ID_BYTES - 1;
	request.op = BLOCK_GET_ID;
	request.segment_count = 1;
	CHECK_EQ(block_submit(disk, &request), ERR_INVALID);
	request.segment_count = 2;
	CHECK_EQ(block_submit(disk, &request), ERR_INVALID);
}

/* ---- More than there is room for ---------------------------------------------------------------- */

static struct job prepared[8], plain;

static void submit_all(struct block_request *request)
{
	((struct job *)request->cookie)->done++;
	for (unsigned i = 0; i < 8; i++)
		CHECK_EQ(block_submit_prepared(disk, &prepared[i].request), 0);
	CHECK_EQ(block_submit(disk, &plain.request), 0);
}

/* In a queue that holds half of them: all are served, each once. */
static void completion_submits_more_than_fits(void)
{
	struct job first;

	make();
	fake.queues[0].size_max = fake.queues[0].size = 4;
	start();
	for (unsigned i = 0; i < 8; i++) {
		prepare(&prepared[i], BLOCK_READ, 512);
		CHECK_EQ(run_at(&prepared[i], i), 0);
		dirty(&prepared[i]);
		prepared[i].request.sector = 10 + i;
	}
	job_make(&plain, BLOCK_READ, 20, 512);
	job_make(&first, BLOCK_READ, 0, 512);
	first.request.done = submit_all;
	CHECK_EQ(job_run(&first), 0);
	CHECK(FAKE_WAIT(plain.done == 1, 1000));
	for (unsigned i = 0; i < 8; i++) {
		CHECK(FAKE_WAIT(prepared[i].done == 2, 1000));
		CHECK_EQ(prepared[i].request.status, 0);
		CHECK(job_is_right(&prepared[i]));
		release(&prepared[i]);
	}
	CHECK_EQ(plain.request.status, 0);
	CHECK(job_is_right(&plain));
	job_free(&plain);
	job_free(&first);
	CHECK_EQ(fake_port.mappings, 0);
}

/* ---- Too late ----------------------------------------------------------------------------------------- */

/* Taken back from the device, because its queue gets another size, and the disk is smaller by then. */
static void shrinks_while_resized(void)
{
	struct job inside, beyond;

	make();
	fake_offer(&fake, VIRTIO_F_RING_RESET);
	start();
	fake.before_use = keeps_it;
	job_make(&inside, BLOCK_READ, 3, 512);
	job_make(&beyond, BLOCK_READ, 500, 512);
	CHECK_EQ(block_submit(disk, &inside.request), 0);
	CHECK_EQ(block_submit(disk, &beyond.request), 0);
	fake_sleep(1);
	fake_config_set(&fake, 0, 8, 100);
	fake.generation++;
	fake_interrupt_config(&fake);
	CHECK(FAKE_WAIT(disk->capacity == 100, 1000));
	CHECK_EQ(block_resize_queue(disk, 32), 0);
	fake.before_use = NULL;
	CHECK(FAKE_WAIT(inside.done == 1 && beyond.done == 1, 1000));
	CHECK_EQ(inside.request.status, 0);
	CHECK(job_is_right(&inside));
	CHECK_EQ(beyond.request.status, ERR_RANGE);
	job_free(&inside);
	job_free(&beyond);
	CHECK_EQ(fake_port.mappings, 0);
}

/* Another CPU had found it there, and submits when it has been given up. */
static void submitted_after_the_end(void)
{
	struct job job;

	make();
	start();
	fake.gone = true;
	CHECK(FAKE_WAIT(disk->gone, 60000));
	job_make(&job, BLOCK_READ, 0, 512);
	job.request.driver.disk = disk;
	block_queue_submit(&((struct virtio_blk *)disk)->queues[0], &job.request, false);
	CHECK_EQ(job.done, 1);
	CHECK_EQ(job.request.status, ERR_NODEV);
	job_free(&job);
}

int main(void)
{
	static const struct scenario scenarios[] = {
		SCENARIO(no_memory_for_a_copy, ON_BUSES),
		SCENARIO(buffers, ON_BUSES),
		SCENARIO(lengths_beyond_all_disks, ON_BUSES),
		SCENARIO(completion_submits_more_than_fits, ON_ALL),
		SCENARIO(shrinks_while_resized, ON_ALL),
		SCENARIO(submitted_after_the_end, ON_BUSES),
	};

	return scenarios_run(scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
