/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs the driver's rings through a few steps, with the tests' device at the other end, and prints what
 * stands in their memory after each: what the pictures of docs/rings.md are drawn from.
 *
 *     make rings-pictures
 *
 * A line `scene TITLE`, then `cell AREA ROW COLUMN VALUE` for everything that a reader would look at. The memory is
 * read as bytes, at the places that VIRTIO 1.4 names (2.7, 2.8): not by the driver's structures.
 */
#include <stdio.h>
#include <string.h>

#include "tests/host/ring_rig.h"

#define SIZE 4

static struct rig rig;

static unsigned at16(const uint8_t *memory)
{
	return memory[0] | (unsigned)memory[1] << 8;
}

static unsigned at32(const uint8_t *memory)
{
	return at16(memory) | at16(memory + 2) << 16;
}

static void cell(const char *area, unsigned row, const char *column, const char *value)
{
	printf("cell %s %u %s %s\n", area, row, column, value);
}

static void number(const char *area, unsigned row, const char *column, unsigned value)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", value);
	cell(area, row, column, text);
}

/* An address in the data, as A, B, C … by its place there: which buffer a descriptor points to. */
static void address(unsigned row, const uint8_t *desc)
{
	char text[16];
	uint64_t value = at32(desc) | (uint64_t)at32(desc + 4) << 32;

	if (value == 0)
		strcpy(text, "0");
	else if (value >= rig.data_address && value < rig.data_address + RIG_DATA_BYTES)
		snprintf(text, sizeof(text), "data+%u", (unsigned)(value - rig.data_address));
	else
		strcpy(text, "table");
	cell("desc", row, "addr", text);
}

/* Flags by their initials: Next, Write, Indirect, Avail, Used. */
static void flags(unsigned row, unsigned value)
{
	char text[8];
	unsigned n = 0;

	for (unsigned bit = 0; bit < 16; bit++) {
		if (value & 1u << bit)
			text[n++] = bit == 0   ? 'N'
				    : bit == 1 ? 'W'
				    : bit == 2 ? 'I'
				    : bit == 7 ? 'A'
					       : 'U';
	}
	text[n] = 0;
	cell("desc", row, "flags", n ? text : "-");
}

static void show_split(const uint8_t *ring)
{
	const uint8_t *avail = ring + 16 * SIZE, *used = avail + 6 + 2 * SIZE + 2;

	for (unsigned i = 0; i < SIZE; i++) {
		address(i, ring + 16 * i);
		number("desc", i, "len", at32(ring + 16 * i + 8));
		flags(i, at16(ring + 16 * i + 12));
		number("desc", i, "next", at16(ring + 16 * i + 14));
		number("avail", i, "ring", at16(avail + 4 + 2 * i));
		number("used", i, "id", at32(used + 4 + 8 * i));
		number("used", i, "len", at32(used + 8 + 8 * i));
	}
	number("avail", 0, "idx", at16(avail + 2));
	number("used", 0, "idx", at16(used + 2));
}

static void show_packed(const uint8_t *ring)
{
	for (unsigned i = 0; i < SIZE; i++) {
		address(i, ring + 16 * i);
		number("desc", i, "len", at32(ring + 16 * i + 8));
		number("desc", i, "id", at16(ring + 16 * i + 12));
		flags(i, at16(ring + 16 * i + 14));
	}
	number("driver", 0, "avail", rig.vq.packed.avail);
	number("driver", 0, "wrap", rig.vq.packed.avail_flags == 1 << 7);
	number("driver", 1, "used", rig.vq.packed.used);
	number("driver", 1, "wrap", rig.vq.packed.used_flags != 0);
}

static void scene(const char *title)
{
	printf("scene %s\n", title);
	if (format == VIRTQ_SPLIT)
		show_split(rig.setup.ring);
	else
		show_packed(rig.setup.ring);
	for (unsigned i = 0; i < SIZE; i++) {
		const struct virtq_slot *slot = &rig.vq.slots[i];
		char buffer[8] = "free";
		if (slot->count)
			snprintf(buffer, sizeof(buffer), "%c",
				 (char)('A' + number_of(slot->cookie)));
		cell("slots", i, "buffer", buffer);
		number("slots", i, "count", slot->count);
	}
}

/* Buffer `number`, whose data has a kilobyte of its own: 16 bytes to read, if any, then 512 to write. */
static void push(unsigned number, unsigned readable)
{
	uint64_t data = rig.data_address + 1024 * number;
	struct virtq_segment segments[] = { { { data }, 16 }, { { data + 16 }, 512 } };

	virtq_push(&rig.vq, &segments[readable ? 0 : 1], readable, 1, cookie_of(number));
}

int main(int argc, char **argv)
{
	struct ring_chain *a, *b;

	format = argc == 2 && strcmp(argv[1], "packed") == 0 ? VIRTQ_PACKED : VIRTQ_SPLIT;
	rig_make(&rig, SIZE, 0, false);
	scene("virtq_init: the ring is empty");
	push(0, 1);
	scene("virtq_push of A: one readable, one writable segment");
	push(1, 0);
	scene("virtq_push of B: one writable. The device has been shown nothing yet");
	rig_publish(&rig);
	scene("virtq_publish: one store shows both");
	a = ring_device_take(&rig.device);
	b = ring_device_take(&rig.device);
	ring_device_use(&rig.device, b, 512);
	scene("The device has used B, before A, and written 512 bytes");
	rig_pop(&rig, 1, 512);
	scene("virtq_pop gives B back; the private table says how far to go on");
	push(2, 0);
	push(3, 0);
	rig_publish(&rig);
	scene("C and D are pushed and published: round the ring's end");
	ring_device_use(&rig.device, a, 100);
	scene("The device has used A, and written 100 bytes");
	rig_pop(&rig, 0, 100);
	scene("virtq_pop gives A back: two descriptors are free again");
	bool sound = !rig.vq.broken && check_failures == 0;
	virtq_drain(&rig.vq);
	rig_free(&rig);
	return sound ? 0 : 1;
}
