/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writes blocks all over disks, OVERWRITING what is there, and reads them again: each must hold what was written there
 * last. Goes on after errors and resets; at the end every block is written, and read once more. On all CPUs.
 *
 * -n sets how many requests (10000 without it), -t for how many seconds instead; -d how many are in flight on each disk for
 * each CPU (1 to 8; 8).
 *
 *     make run APP=writecheck ARGS='-n 100000 vda' DISK=scratch.img RW=1
 *     writecheck: vda cpus=1 written=54261 read=49835 flushed=780 errors=0 resets=0 unknown=0 bad=0 sum=…
 *
 * unknown: blocks whose last write failed; bad: reads that found something else; sum: of the versions that the blocks
 * hold, which can be checked in the image from outside. The status is 0 when nothing was bad and no block is unknown,
 * and all could be read at the end.
 */
#include "writecheck.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/console.h"
#include "kernel/cpu.h"

#define MAX_DISKS 4
#define MAX_PLACES 16384 /* 64 MiB of the disk */
#define DEFAULT_REQUESTS 10000
#define NS_PER_S UINT64_C(1000000000)

static struct shard *shards; /* [cpu][disk] */
static struct block_device *disks[MAX_DISKS];
static unsigned disk_count;

static struct shard *shard_of(unsigned cpu, unsigned disk)
{
	return &shards[cpu * disk_count + disk];
}

static size_t shards_size(void)
{
	return vport_cpu_count() * disk_count * sizeof(*shards);
}

/* Deals the places of each disk over the CPUs. False, with a line: there is too little of something. */
static bool make_shards(const char *program, unsigned depth, uint64_t requests, uint64_t end)
{
	unsigned cpus = vport_cpu_count();

	shards = vport_alloc(shards_size());
	for (unsigned i = 0; shards && i < cpus * disk_count; i++) {
		struct block_device *disk = disks[i % disk_count];
		uint32_t unit = disk->block_size > BLOCK_BYTES ? disk->block_size : BLOCK_BYTES;
		uint64_t places = disk->capacity / (unit / BLOCK_SECTOR);
		if (places > MAX_PLACES)
			places = MAX_PLACES;
		if (places / cpus < 2 * DEPTH) {
			kprint("%s: %s is too small\n", program, disk->name);
			return false;
		}
		shards[i] = (struct shard){
			.disk = disk,
			.cpu = i / disk_count,
			.depth = depth,
			.first = i / disk_count,
			.step = cpus,
			.count = (uint32_t)((places - i / disk_count + cpus - 1) / cpus),
			.quota = requests == UINT64_MAX
					 ? requests
					 : (requests + cpus * disk_count - 1) / (cpus * disk_count),
			.end = end,
		};
	}
	bool enough = shards != NULL;
	for (unsigned i = 0; enough && i < cpus * disk_count; i++)
		enough = shard_make(&shards[i]);
	if (!enough)
		kprint("%s: out of memory\n", program);
	return enough;
}

static void free_shards(void)
{
	if (!shards)
		return;
	for (unsigned i = 0; i < vport_cpu_count() * disk_count; i++) {
		if (shards[i].disk)
			shard_free(&shards[i]);
	}
	vport_free(shards, shards_size());
}

static void run_all(void)
{
	static struct cpu_call calls[CPU_MAX];
	static struct shard_list lists[CPU_MAX];

	for (unsigned cpu = 0; cpu < vport_cpu_count(); cpu++)
		lists[cpu] = (struct shard_list){ shard_of(cpu, 0), disk_count };
	for (unsigned cpu = 1; cpu < vport_cpu_count(); cpu++)
		cpu_run(&calls[cpu], cpu, shards_run, &lists[cpu]);
	shards_run(&lists[0]);
	for (unsigned cpu = 1; cpu < vport_cpu_count(); cpu++)
		cpu_wait(&calls[cpu]);
}

/* A line for a disk; whether all is well. */
static bool report(const char *program, unsigned number)
{
	struct shard all = { .disk = disks[number] };
	uint64_t unknown = 0, sum = 0, verified = 0, places = 0;

	for (unsigned cpu = 0; cpu < vport_cpu_count(); cpu++) {
		const struct shard *shard = shard_of(cpu, number);
		all.written += shard->written;
		all.read += shard->read;
		all.flushed += shard->flushed;
		all.errors += shard->errors;
		all.bad += shard->bad;
		places += shard->count;
		verified += shard->verified;
		for (uint32_t i = 0; i < shard->count; i++) {
			unknown += shard->versions[i] == 0;
			sum += shard->versions[i];
		}
	}
	kprint("%s: %s cpus=%u written=%" PRIu64 " read=%" PRIu64 " flushed=%" PRIu64
	       " errors=%" PRIu64 " resets=%u unknown=%" PRIu64 " bad=%" PRIu64 " sum=%" PRIu64
	       "\n",
	       program, all.disk->name, vport_cpu_count(), all.written, all.read, all.flushed,
	       all.errors, all.disk->resets, unknown, all.bad, sum);
	return all.bad == 0 && verified == places;
}

static bool number(const char *word, uint64_t most, uint64_t *value)
{
	char *end;

	*value = strtoull(word, &end, 10);
	return *end == '\0' && *value > 0 && *value <= most;
}

static int usage(const char *program)
{
	kprint("usage: %s [-n REQUESTS | -t SECONDS] [-d DEPTH] [DISK…]; DEPTH, of each CPU, is 1 "
	       "to %d\n",
	       program, DEPTH);
	return 2;
}

int main(int argc, char **argv)
{
	uint64_t requests = DEFAULT_REQUESTS, seconds = 0, depth = DEPTH;
	const struct {
		const char *name;
		uint64_t *value, most;
	} options[] = { { "-n", &requests, UINT32_MAX },
			{ "-t", &seconds, UINT32_MAX },
			{ "-d", &depth, DEPTH } };
	const unsigned count = sizeof(options) / sizeof(*options);
	bool good = false;

	disk_count = 0;
	for (int i = 1; i < argc; i++) {
		if (argv[i][0] == '-') {
			unsigned at = 0;
			while (at < count && strcmp(argv[i], options[at].name) != 0)
				at++;
			if (at == count || ++i == argc ||
			    !number(argv[i], options[at].most, options[at].value))
				return usage(argv[0]);
			continue;
		}
		if (disk_count == MAX_DISKS)
			return usage(argv[0]);
		disks[disk_count] = block_find(argv[i]);
		if (disks[disk_count++] == NULL) {
			kprint("%s: there is no disk %s\n", argv[0], argv[i]);
			return 1;
		}
	}
	if (disk_count == 0 && block_first())
		disks[disk_count++] = block_first();
	if (disk_count == 0) {
		kprint("%s: there is no disk\n", argv[0]);
		return 1;
	}
	uint64_t end = seconds > 0 ? vport_now() + seconds * NS_PER_S : VPORT_NEVER;
	if (make_shards(argv[0], (unsigned)depth, seconds > 0 ? UINT64_MAX : requests, end)) {
		kprint("%s: running\n", argv[0]);
		run_all();
		good = true;
		for (unsigned i = 0; i < disk_count; i++)
			good &= report(argv[0], i);
	}
	free_shards();
	return good ? 0 : 1;
}
