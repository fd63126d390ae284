/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Measures a disk: so many requests in flight on each CPU, at random places, for so long; one line says the
 * result.
 *
 *     make run APP=bench ARGS='blk vda read bs=4096 qd=32 t=2'
 *     bench: blk vda read bs=4096 qd=32 wait=irq cpus=1 iops=412034 mbps=1687 p50_ns=71680 …
 *     make run SMP=2 QUEUES=2 APP=bench ARGS='blk cpus=2'
 *     make run SMP=2 QUEUES=2 DISK=a.img,b.img APP=bench ARGS='blk cpus=2 disks=2'     a disk for each CPU
 *
 * The requests are prepared once (block_prepare), as io_uring's fixed buffers are; fixed=0 has each mapped and
 * encoded anew. One in 64 is timed, for p50 and p99. How it waits is the machine's choice: IRQ=poll makes it poll.
 * The places are the same in every run. `write` destroys what is on the disk.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "drivers/virtio/inspect.h"
#include "kernel/console.h"
#include "kernel/cpu.h"

static bool polled(const struct block_device *disk)
{
	char line[512];

	for (struct virtio_device *device = virtio_first(); device; device = virtio_next(device)) {
		virtio_describe(device, line, sizeof(line));
		if (strncmp(line, disk->whole->name, strlen(disk->whole->name)) == 0)
			return strstr(line, " poll ") != NULL;
	}
	return false;
}

static void run_lanes(struct lane *lanes, uint64_t count)
{
	struct cpu_call calls[CPU_MAX];

	for (unsigned i = 1; i < count; i++)
		cpu_run(&calls[i], i, lane_run, &lanes[i]);
	lane_run(&lanes[0]);
	for (unsigned i = 1; i < count; i++)
		cpu_wait(&calls[i]);
}

/* Prints the line; whether there were requests and no errors. */
static bool measure(const struct bench *bench, struct lane *lanes)
{
	uint64_t begin = vport_now(), done = 0, errors = 0;

	for (unsigned i = 0; i < bench->cpus; i++)
		lanes[i].stop_at = bench->limit ? UINT64_MAX : begin + bench->seconds * NS_PER_S;
	run_lanes(lanes, bench->cpus);
	uint64_t took = vport_now() - begin;

	for (unsigned i = 0; i < bench->cpus; i++) {
		done += lanes[i].limit - (lanes[i].left > 0 ? (uint64_t)lanes[i].left : 0);
		errors += lanes[i].errors;
		for (unsigned column = 0; i > 0 && column < LATENCY_COLUMNS; column++)
			lanes[0].latency[column] += lanes[i].latency[column];
	}
	uint64_t iops = (uint64_t)((unsigned __int128)done * NS_PER_S / (took ? took : 1));
	kprint("bench: blk %s %s bs=%lu qd=%lu wait=%s cpus=%lu iops=%lu mbps=%lu p50_ns=%lu "
	       "p99_ns=%lu n=%lu errors=%lu\n",
	       bench->disk->name, bench->op == BLOCK_READ ? "read" : "write",
	       (unsigned long)bench->block, (unsigned long)bench->depth,
	       polled(bench->disk) ? "poll" : "irq", (unsigned long)bench->cpus,
	       (unsigned long)iops, (unsigned long)(iops * bench->block / 1000000),
	       (unsigned long)latency_percentile(lanes[0].latency, 50),
	       (unsigned long)latency_percentile(lanes[0].latency, 99), (unsigned long)done,
	       (unsigned long)errors);
	return done > 0 && errors == 0;
}

/* ---- What is asked for -------------------------------------------------------------------- */

static int usage(const char *program)
{
	kprint("usage: %s blk [DISK] [read|write] [bs=4096] [qd=32] [n=REQUESTS | t=2] [cpus=1] "
	       "[disks=1] [fixed=1]\n",
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

static bool understand(struct bench *bench, int argc, char **argv)
{
	for (int i = 2; i < argc; i++) {
		const char *argument = argv[i];
		if (strcmp(argument, "read") == 0)
			bench->op = BLOCK_READ;
		else if (strcmp(argument, "write") == 0)
			bench->op = BLOCK_WRITE;
		else if (strchr(argument, '=') == NULL)
			bench->disk = block_find(argument);
		else if (!option(argument, "bs=", BLOCK_SECTOR, MAX_BLOCK, &bench->block) &&
			 !option(argument, "qd=", 1, MAX_DEPTH, &bench->depth) &&
			 !option(argument, "n=", 1, UINT32_MAX, &bench->limit) &&
			 !option(argument, "t=", 1, 86400, &bench->seconds) &&
			 !option(argument, "cpus=", 1, vport_cpu_count(), &bench->cpus) &&
			 !option(argument, "disks=", 1, CPU_MAX, &bench->disks) &&
			 !option(argument, "fixed=", 0, 1, &bench->fixed))
			return false;
	}
	return argc > 1 && strcmp(argv[1], "blk") == 0 &&
	       (bench->limit == 0 || bench->limit >= bench->cpus);
}

struct block_device *bench_disk(const struct bench *bench, unsigned cpu)
{
	struct block_device *disk = bench->disk;

	for (unsigned i = 0; disk && i < cpu % bench->disks; i++)
		disk = disk->next;
	return disk;
}

/* All disks are taken to be like the first one. */
static bool place(struct bench *bench, const char *program)
{
	const struct block_device *disk = bench->disk;

	if (!bench_disk(bench, (unsigned)bench->disks - 1)) {
		kprint("%s: there is no such disk\n", program);
		return false;
	}
	for (unsigned i = 0; bench->op == BLOCK_WRITE && i < bench->disks; i++) {
		if (bench_disk(bench, i)->read_only) {
			kprint("%s: %s is read-only\n", program, bench_disk(bench, i)->name);
			return false;
		}
	}
	if (bench->block % disk->block_size != 0 || disk->capacity < bench->block / BLOCK_SECTOR) {
		kprint("%s: %s has blocks of %u bytes, and %lu sectors\n", program, disk->name,
		       disk->block_size, (unsigned long)disk->capacity);
		return false;
	}
	bench->sectors = bench->block / BLOCK_SECTOR;
	bench->places = disk->capacity / bench->sectors;
	if (bench->places > UINT32_MAX)
		bench->places = UINT32_MAX;
	return true;
}

int main(int argc, char **argv)
{
	struct bench bench = { .disk = block_first(),
			       .op = BLOCK_READ,
			       .block = 4096,
			       .depth = 32,
			       .cpus = 1,
			       .disks = 1,
			       .fixed = 1,
			       .seconds = 2 };
	unsigned made = 0;
	bool good = false;

	if (!understand(&bench, argc, argv))
		return usage(argv[0]);
	if (!place(&bench, argv[0]))
		return 1;
	struct lane *lanes = calloc(bench.cpus, sizeof(struct lane));
	while (lanes && made < bench.cpus && lane_make(&lanes[made], &bench, made))
		made++;
	if (made == bench.cpus)
		good = measure(&bench, lanes);
	else
		kprint("%s: no memory for %lu requests of %lu bytes\n", argv[0],
		       (unsigned long)(bench.depth * bench.cpus), (unsigned long)bench.block);
	while (made > 0)
		lane_free(&lanes[--made], &bench);
	free(lanes);
	return good ? 0 : 1;
}
