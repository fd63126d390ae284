/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Measures a disk: so many requests in flight, at random places, for so long; one line says the result.
 *
 *     make run APP=bench ARGS='blk vda read bs=4096 qd=32 t=2'
 *     bench: blk vda read bs=4096 qd=32 wait=irq cpus=1 iops=412034 mbps=1687 p50_ns=71680 …
 *
 * The requests are prepared once (block_prepare), as io_uring's fixed buffers are; fixed=0 has each mapped and
 * encoded anew. How it waits is the machine's choice: IRQ=poll makes it poll. The places are the same in every run.
 * `write` destroys what is on the disk.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/virtio/block.h"
#include "drivers/virtio/inspect.h"
#include "kernel/console.h"
#include "latency.h"
#include "lib/error.h"

#define MAX_DEPTH 256
#define MAX_BLOCK (1 << 20)
#define NS_PER_S UINT64_C(1000000000)

struct slot {
	struct block_request request;
	struct block_segment segment;
	uint64_t started;
};

static struct {
	struct block_device *disk;
	enum block_op op;
	uint64_t block, depth;
	uint64_t fixed; /* requests are prepared once, and submitted again and again */
	uint64_t limit; /* requests; 0: as many as come in `seconds` */
	uint64_t seconds, stop_at;
	uint64_t places;  /* blocks on the disk */
	uint64_t sectors; /* of a block */
	uint64_t random;  /* state */
	uint64_t now;     /* 0: not looked at since the last wait */
	uint64_t started, finished, errors;
} run;

static struct slot slots[MAX_DEPTH];

/* The clock is read once for all that completes together: reading it costs as much as a good part of a
 * request. */
static uint64_t now(void)
{
	if (run.now == 0)
		run.now = vport_now();
	return run.now;
}

/* A linear congruential generator (Knuth, MMIX), of which the upper half is used. */
static uint64_t random_place(void)
{
	run.random = run.random * 6364136223846793005u + 1442695040888963407u;
	return (run.random >> 32) * run.places >> 32;
}

static inline void start(struct slot *slot, uint64_t time)
{
	slot->request.sector = random_place() * run.sectors;
	slot->started = time;
	run.started++;
	if (block_submit(run.disk, &slot->request) < 0) {
		run.finished++;
		run.errors++;
	}
}

static inline bool more(uint64_t time)
{
	return run.limit ? run.started < run.limit : time < run.stop_at;
}

/* The name is unique among all functions: tools that count from outside look for it. */
static void bench_request_done(struct block_request *request)
{
	struct slot *slot = request->cookie;
	uint64_t time = now();

	run.finished++;
	if (request->status < 0)
		run.errors++;
	latency_add(time - slot->started);
	if (more(time))
		start(slot, time);
}

static bool polled(void)
{
	char line[512];

	for (struct virtio_device *device = virtio_first(); device; device = virtio_next(device)) {
		virtio_describe(device, line, sizeof(line));
		if (strncmp(line, run.disk->name, strlen(run.disk->name)) == 0)
			return strstr(line, " poll ") != NULL;
	}
	return false;
}

static void measure(void)
{
	uint64_t begin = vport_now();

	run.stop_at = begin + run.seconds * NS_PER_S;
	for (unsigned i = 0; i < run.depth && more(begin); i++)
		start(&slots[i], begin);
	while (run.finished < run.started) {
		run.now = 0;
		vport_relax(VPORT_NEVER);
	}

	uint64_t took = vport_now() - begin;
	uint64_t iops = (uint64_t)((unsigned __int128)run.finished * NS_PER_S / (took ? took : 1));
	kprint("bench: blk %s %s bs=%lu qd=%lu wait=%s cpus=1 iops=%lu mbps=%lu p50_ns=%lu "
	       "p99_ns=%lu n=%lu errors=%lu\n",
	       run.disk->name, run.op == BLOCK_READ ? "read" : "write", (unsigned long)run.block,
	       (unsigned long)run.depth, polled() ? "poll" : "irq", (unsigned long)iops,
	       (unsigned long)(iops * run.block / 1000000), (unsigned long)latency_percentile(50),
	       (unsigned long)latency_percentile(99), (unsigned long)run.finished,
	       (unsigned long)run.errors);
}

/* ---- Before and after ------------------------------------------------------------------- */

static void free_slots(void)
{
	for (unsigned i = 0; i < run.depth; i++) {
		block_unprepare(run.disk, &slots[i].request);
		if (slots[i].segment.memory)
			vport_dma_free(run.disk->port, slots[i].segment.memory, run.block);
		slots[i].segment.memory = NULL;
	}
}

static bool allocate_slots(void)
{
	for (unsigned i = 0; i < run.depth; i++) {
		struct slot *slot = &slots[i];
		dma_addr_t unused; /* it is mapped with each request, like any buffer */
		void *memory = vport_dma_alloc(run.disk->port, run.block, 4096, &unused);
		*slot = (struct slot){ .segment = { memory, run.block } };
		slot->request = (struct block_request){
			.op = run.op,
			.segments = &slot->segment,
			.segment_count = 1,
			.done = bench_request_done,
			.cookie = slot,
		};
		if (!memory)
			return false;
		/* What is more than one device request is cut anew each time. */
		int error = run.fixed ? block_prepare(run.disk, &slot->request) : 0;
		if (error < 0 && error != ERR_UNSUPPORTED)
			return false;
	}
	return true;
}

static int usage(const char *program)
{
	kprint("usage: %s blk [DISK] [read|write] [bs=4096] [qd=32] [n=REQUESTS | t=2] "
	       "[fixed=1]\n",
	       program);
	return 2;
}

/* "key=NUMBER"; false when it is not that. */
static bool option(const char *argument, const char *key, uint64_t min, uint64_t max,
		   uint64_t *value)
{
	size_t length = strlen(key);
	char *end;

	if (strncmp(argument, key, length) != 0 || !isdigit((unsigned char)argument[length]))
		return false;
	*value = strtoull(argument + length, &end, 10);
	return *end == '\0' && *value >= min && *value <= max;
}

static bool understand(int argc, char **argv)
{
	run.block = 4096;
	run.depth = 32;
	run.fixed = 1;
	run.seconds = 2;
	run.op = BLOCK_READ;
	run.random = 88172645463325252u;
	run.disk = block_first();
	for (int i = 2; i < argc; i++) {
		const char *argument = argv[i];
		if (strcmp(argument, "read") == 0)
			run.op = BLOCK_READ;
		else if (strcmp(argument, "write") == 0)
			run.op = BLOCK_WRITE;
		else if (strchr(argument, '=') == NULL)
			run.disk = block_find(argument);
		else if (!option(argument, "bs=", BLOCK_SECTOR, MAX_BLOCK, &run.block) &&
			 !option(argument, "qd=", 1, MAX_DEPTH, &run.depth) &&
			 !option(argument, "n=", 1, UINT32_MAX, &run.limit) &&
			 !option(argument, "t=", 1, 86400, &run.seconds) &&
			 !option(argument, "fixed=", 0, 1, &run.fixed))
			return false;
	}
	return argc > 1 && strcmp(argv[1], "blk") == 0;
}

int main(int argc, char **argv)
{
	memset(&run, 0, sizeof(run));
	latency_clear();
	if (!understand(argc, argv))
		return usage(argv[0]);
	if (!run.disk) {
		kprint("%s: there is no such disk\n", argv[0]);
		return 1;
	}
	if (run.block % run.disk->block_size != 0 ||
	    run.disk->capacity < run.block / BLOCK_SECTOR) {
		kprint("%s: %s has blocks of %u bytes, and %lu sectors\n", argv[0], run.disk->name,
		       run.disk->block_size, (unsigned long)run.disk->capacity);
		return 1;
	}
	run.sectors = run.block / BLOCK_SECTOR;
	run.places = run.disk->capacity / run.sectors;
	if (run.places > UINT32_MAX)
		run.places = UINT32_MAX;
	if (allocate_slots())
		measure();
	else
		kprint("%s: no memory for %lu requests of %lu bytes\n", argv[0],
		       (unsigned long)run.depth, (unsigned long)run.block);
	free_slots();
	return run.finished > 0 && run.errors == 0 ? 0 : 1;
}
