/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * docs/example_port.c, linked with the whole kit: that it is complete, and that a device is driven with it.
 * The device is a block of memory in the form of virtio-mmio's registers (VIRTIO 1.4, 4.2.2), which
 * remembers what is written to it, and an entropy device's other half, which is looked at whenever
 * the driver asks what time it is.
 */
#include <stdint.h>
#include <stdlib.h>

#include "check.h"
#include "drivers/virtio/rng.h"
#include "lib/error.h"

uint64_t board_nanoseconds(void);
void board_print(const char *line);
int board_start(uint64_t registers);

enum {
	MAGIC = 0x000 / 4,
	VERSION = 0x004 / 4,
	DEVICE_ID = 0x008 / 4,
	DEVICE_FEATURES = 0x010 / 4,
	QUEUE_SIZE_MAX = 0x034 / 4,
	QUEUE_READY = 0x044 / 4,
	STATUS = 0x070 / 4,
	QUEUE_DESC = 0x080 / 4,
	QUEUE_DRIVER = 0x090 / 4,
	QUEUE_DEVICE = 0x0a0 / 4,
};

static uint32_t registers[0x200 / 4];
static bool answers;
static char said[4096];

static void *area(unsigned low)
{
	return (void *)(uintptr_t)(registers[low] | (uint64_t)registers[low + 1] << 32);
}

/* The split ring from the device's side (2.7): fills each available buffer, of one descriptor. */
static void device_turn(void)
{
	const struct {
		uint64_t address;
		uint32_t length;
		uint16_t flags, next;
	} *desc = area(QUEUE_DESC);
	const volatile uint16_t *avail = area(QUEUE_DRIVER);
	volatile uint16_t *used = area(QUEUE_DEVICE);
	uint16_t size = (uint16_t)registers[QUEUE_SIZE_MAX];

	if (!answers || registers[STATUS] != 0xf) /* DRIVER_OK and all before it */
		return;
	for (; used[1] != avail[1]; used[1]++) {
		volatile uint32_t *entries = (volatile uint32_t *)(used + 2);
		uint16_t slot = used[1] % size, head = avail[2 + slot];
		memset((void *)(uintptr_t)desc[head].address, 0x5a, desc[head].length);
		entries[2 * slot] = head;
		entries[2 * slot + 1] = desc[head].length;
	}
}

uint64_t board_nanoseconds(void)
{
	static uint64_t now;

	device_turn();
	return now += 1000000; /* each look costs a millisecond: deadlines pass at once */
}

void board_print(const char *line)
{
	if (strlen(said) + strlen(line) + 2 < sizeof(said))
		strcat(strcat(said, line), "\n");
}

static void an_empty_slot_is_no_device(void)
{
	registers[MAGIC] = 0x74726976;
	registers[VERSION] = 2;
	registers[DEVICE_ID] = 0;
	CHECK_EQ(board_start((uintptr_t)registers), ERR_NODEV);
	CHECK_TEXT(said, "");
}

static void a_device_is_driven(void)
{
	uint8_t bytes[600], expected[600];

	registers[DEVICE_ID] = 4;       /* entropy */
	registers[DEVICE_FEATURES] = 1; /* in the second word: VERSION_1 */
	registers[QUEUE_SIZE_MAX] = 8;
	answers = true;
	CHECK_EQ(board_start((uintptr_t)registers), 0);
	CHECK_EQ(registers[STATUS], 0xf);
	if (!virtio_rng_first())
		return;
	memset(bytes, 0, sizeof(bytes));
	memset(expected, 0x5a, sizeof(expected));
	CHECK_EQ(virtio_rng_read(virtio_rng_first(), bytes, sizeof(bytes)), 0);
	CHECK(memcmp(bytes, expected, sizeof(bytes)) == 0);
	CHECK_TEXT(said, "");
}

/* The deadline passes, the device is reset; it does not take its queue again, and is given up. */
static void a_silent_device_costs_an_error(void)
{
	uint8_t byte;

	answers = false;
	if (!virtio_rng_first())
		return;
	CHECK_EQ(virtio_rng_read(virtio_rng_first(), &byte, 1), ERR_TIMEOUT);
	CHECK(strstr(said, "no answer within the deadline") != NULL);
	CHECK(strstr(said, "given up") != NULL);
	CHECK_EQ(registers[STATUS] & 0x80, 0x80); /* FAILED */
	CHECK_EQ(virtio_rng_read(virtio_rng_first(), &byte, 1), ERR_NODEV);
}

int main(void)
{
	return check_run((struct check[]){ CHECK_CASE(an_empty_slot_is_no_device),
					   CHECK_CASE(a_device_is_driven),
					   CHECK_CASE(a_silent_device_costs_an_error), CHECK_END });
}
