/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keeps disks busy with random reads, DEPTH in flight on each, and goes on after errors and resets: to
 * see a disk work while something is done to it from outside.
 *
 *     make run APP=iocheck ARGS='-t 5 vda'
 *     iocheck: vda t=3 ok=5210 errors=1 resets=1 slowest_ms=12
 *
 * A line a second and disk, for that second alone; the last one lasts until all that was in flight has ended. The status
 * is 0 when in it every disk had good reads and no error.
 */
#include <stdlib.h>
#include <string.h>

#include "drivers/virtio/block.h"
#include "kernel/console.h"

#define DEPTH 8
#define MAX_DISKS 16
#define READ_SIZE 4096
#define DEFAULT_SECONDS 10
#define NS_PER_S UINT64_C(1000000000)
#define NS_PER_MS UINT64_C(1000000)
/* What was refused at once is tried again after this long. */
#define RETRY_NS (10 * NS_PER_MS)

struct subject;

struct slot {
	struct block_request request;
	struct block_segment segment;
	struct subject *subject;
	uint64_t started;
	bool in_flight;
};

struct subject {
	struct block_device *disk;
	struct slot slots[DEPTH];
	unsigned ok, errors, resets_before;
	uint64_t slowest; /* ns */
};

static struct subject *subjects; /* MAX_DISKS: only while it runs are they worth their memory */
static unsigned subject_count;
static bool stopping;

/* xorshift64* (Marsaglia, Vigna): every run reads the same places. */
static uint64_t random_number(void)
{
	static uint64_t state = 88172645463325252u;
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * 2685821657736338717u;
}

static void done(struct block_request *request);

static void start(struct slot *slot)
{
	struct subject *subject = slot->subject;
	uint64_t sectors = slot->segment.length / BLOCK_SECTOR;
	uint64_t places = subject->disk->capacity / sectors;
	slot->request = (struct block_request){
		.op = BLOCK_READ,
		.sector = places == 0 ? 0 : random_number() % places * sectors,
		.segments = &slot->segment,
		.segment_count = 1,
		.done = done,
		.cookie = slot,
	};
	slot->started = vport_now();
	slot->in_flight = true;
	if (block_submit(subject->disk, &slot->request) < 0) {
		slot->in_flight = false;
		subject->errors++;
	}
}

static void done(struct block_request *request)
{
	struct slot *slot = request->cookie;
	struct subject *subject = slot->subject;
	uint64_t took = vport_now() - slot->started;

	if (took > subject->slowest)
		subject->slowest = took;
	slot->in_flight = false;
	if (request->status < 0) {
		subject->errors++; /* and main starts it again, a little later */
		return;
	}
	subject->ok++;
	if (!stopping)
		start(slot);
}

static bool busy(void)
{
	for (unsigned i = 0; i < subject_count; i++) {
		for (unsigned k = 0; k < DEPTH; k++) {
			if (subjects[i].slots[k].in_flight)
				return true;
		}
	}
	return false;
}

static void start_idle(void)
{
	for (unsigned i = 0; i < subject_count; i++) {
		for (unsigned k = 0; k < DEPTH; k++) {
			if (!subjects[i].slots[k].in_flight)
				start(&subjects[i].slots[k]);
		}
	}
}

/* One line a disk; whether all were good. */
static bool report(const char *program, unsigned second)
{
	bool good = true;
	for (unsigned i = 0; i < subject_count; i++) {
		struct subject *subject = &subjects[i];
		unsigned resets = subject->disk->whole->resets;
		kprint("%s: %s t=%u ok=%u errors=%u resets=%u slowest_ms=%lu\n", program,
		       subject->disk->name, second, subject->ok, subject->errors,
		       resets - subject->resets_before,
		       (unsigned long)(subject->slowest / NS_PER_MS));
		good &= subject->ok > 0 && subject->errors == 0;
		subject->ok = subject->errors = 0;
		subject->slowest = 0;
		subject->resets_before = resets;
	}
	return good;
}

static bool add(struct block_device *disk)
{
	if (subject_count == MAX_DISKS)
		return false;
	struct subject *subject = &subjects[subject_count++];
	size_t size = disk->block_size > READ_SIZE ? disk->block_size : READ_SIZE;
	if (size > disk->capacity * BLOCK_SECTOR)
		size = disk->block_size;
	*subject = (struct subject){ .disk = disk, .resets_before = disk->whole->resets };
	for (unsigned k = 0; k < DEPTH; k++) {
		void *memory = block_buffer_alloc(disk, size);
		if (memory == NULL)
			return false;
		subject->slots[k].subject = subject;
		subject->slots[k].segment = (struct block_segment){ memory, size };
	}
	return true;
}

/* But for the memory of a disk that was given up: it may still be written to (block.h). */
static void free_all(void)
{
	for (unsigned i = 0; i < subject_count; i++) {
		for (unsigned k = 0; k < DEPTH; k++) {
			struct block_segment *segment = &subjects[i].slots[k].segment;
			if (segment->memory != NULL)
				block_buffer_free(subjects[i].disk, segment->memory,
						  segment->length);
		}
	}
	subject_count = 0;
	if (subjects)
		vport_free(subjects, MAX_DISKS * sizeof(*subjects));
}

/* Reads for that long; whether the last second was good. */
static bool check(const char *program, unsigned seconds)
{
	bool good = false;
	uint64_t begin = vport_now();

	stopping = false;
	for (unsigned second = 1; second <= seconds; second++) {
		uint64_t end = begin + second * NS_PER_S, now;
		while ((now = vport_now()) < end) {
			start_idle();
			uint64_t next = now + RETRY_NS < end ? now + RETRY_NS : end;
			while (vport_now() < next)
				vport_relax(next);
		}
		stopping = second == seconds;
		while (stopping && busy())
			vport_relax(VPORT_NEVER);
		good = report(program, second);
	}
	return good;
}

static int usage(const char *program)
{
	kprint("usage: %s [-t SECONDS] [DISK…]\n", program);
	return 2;
}

int main(int argc, char **argv)
{
	unsigned seconds = DEFAULT_SECONDS;
	int first = 1;
	if (argc > 1 && strcmp(argv[1], "-t") == 0) {
		char *end;
		unsigned long value = argc > 2 ? strtoul(argv[2], &end, 10) : 0;
		if (argc < 3 || *end != '\0' || value == 0 || value > 86400)
			return usage(argv[0]);
		seconds = (unsigned)value;
		first = 3;
	}
	if (first < argc && argv[first][0] == '-')
		return usage(argv[0]);

	subjects = vport_alloc(MAX_DISKS * sizeof(*subjects));
	bool room = subjects != NULL;
	if (room && first == argc) {
		for (struct block_device *disk = block_first(); disk != NULL; disk = disk->next)
			room &= add(disk);
	}
	for (int i = first; room && i < argc; i++) {
		struct block_device *disk = block_find(argv[i]);
		if (disk == NULL) {
			kprint("%s: there is no disk %s\n", argv[0], argv[i]);
			free_all();
			return 1;
		}
		room &= add(disk);
	}
	bool good = false;
	if (!room)
		kprint("%s: no room for so many disks\n", argv[0]);
	else if (subject_count == 0)
		kprint("%s: there is no disk\n", argv[0]);
	else
		good = check(argv[0], seconds);
	free_all();
	return good ? 0 : 1;
}
