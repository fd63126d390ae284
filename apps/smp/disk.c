/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads from every CPU: each has a queue where the device has as many, whose interrupts go to that CPU. */
#include <stdio.h>
#include <string.h>

#include "drivers/virtio/block.h"
#include "smp.h"

#define READS 40
#define NS_PER_MS UINT64_C(1000000)
/* A queue is looked at four times a second, interrupts or not: reads that only that finishes take so long. One that
 * takes so long on a busy machine says nothing, but most of them do not. */
#define LOST_MS 100

static struct block_device *disk;
static unsigned char expected[CPU_MAX][BLOCK_SECTOR];

static const char *read_here(unsigned cpu)
{
	unsigned char sector[BLOCK_SECTOR];
	unsigned slow = 0;

	for (unsigned i = 0; i < READS; i++) {
		uint64_t start = vport_now();
		ktap_check(block_read(disk, cpu, sector, sizeof(sector)) == 0);
		slow += vport_now() - start >= LOST_MS * NS_PER_MS;
		ktap_check(memcmp(sector, expected[cpu], sizeof(sector)) == 0);
	}
	ktap_check(slow < READS / 2);
	return KTAP_OK;
}

/* One CPU at a time: another one that drains its queue all the same would hide what is lost. */
static const char *read_one_by_one(void)
{
	for (unsigned i = 0; i < vport_cpu_count(); i++) {
		const char *result = alone(i, read_here);
		if (result != KTAP_OK)
			return result;
	}
	return KTAP_OK;
}

static const char *read_together(void)
{
	return everywhere(read_here);
}

static const struct ktap_test tests[] = {
	{ "reads from one CPU after another", read_one_by_one },
	{ "reads from all CPUs at once", read_together },
};

int test_disk(void)
{
	disk = block_first();
	if (disk == NULL || block_read(disk, 0, expected, sizeof(expected)) != 0) {
		printf("smp: there is no disk that can be read\n");
		return 1;
	}
	return ktap_run(tests, sizeof(tests) / sizeof(tests[0]));
}
