/* SPDX-License-Identifier: BSD-2-Clause */
/* Fuzz target: partition tables (drivers/virtio/partition*.c) on a small disk, of which single blocks are given. */
/* Included, because it keeps a list, which each input must find empty. */
#include "drivers/virtio/partition.c"

#include "lib/crc32.h"
#define FUZZ_PORT_PANIC
#include "tests/fuzz/fuzz.h"

enum { WITH_SEAL = 1, BLOCKS_OF_4096 = 2, READ_FAILS = 4 };

#define DISK_BYTES (256 * 1024)

static uint8_t bytes[DISK_BYTES];
static struct block_device disk;
static unsigned allocations, reads, fails_at;

/* ---- What the readers ask of the rest --------------------------------------------------------- */

void *vport_alloc(size_t size)
{
	allocations++;
	return fuzz_alloc(size);
}
void vport_free(void *memory, size_t size)
{
	(void)size;
	free(memory);
	allocations--;
}
void vport_relax(uint64_t deadline)
{
	(void)deadline;
	abort(); /* nobody else is there to be waited for */
}
uint64_t vport_now(void)
{
	return 0;
}
void vport_log(enum vport_log_level level, const char *line)
{
	(void)level;
	FUZZ_CHECK(strncmp(line, "vda: ", 5) == 0);
}
struct block_device *block_first(void)
{
	return &disk;
}
int block_read(struct block_device *device, uint64_t sector, void *buffer, size_t length)
{
	FUZZ_CHECK(device == &disk && length == disk.block_size);
	FUZZ_CHECK(sector % (length / BLOCK_SECTOR) == 0);
	FUZZ_CHECK(sector + length / BLOCK_SECTOR <= disk.capacity);
	memcpy(buffer, bytes + sector * BLOCK_SECTOR, length);
	return ++reads == fails_at ? ERR_IO : 0;
}

/* ------------------------------------------------------------------------------------------------ */

static uint32_t number(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, 4);
	return value;
}

/* Right checksums for what may be meant as a header, if its entries are on the disk. */
static void seal(uint8_t *header)
{
	uint64_t lba, total = (uint64_t)number(header + 80) * number(header + 84);
	uint32_t size = number(header + 12), sum;

	if (memcmp(header, "EFI PART", 8) != 0)
		return;
	memcpy(&lba, header + 72, 8);
	if (lba < DISK_BYTES && total < DISK_BYTES && lba * disk.block_size + total <= DISK_BYTES) {
		sum = crc32_add(0, bytes + lba * disk.block_size, total);
		memcpy(header + 88, &sum, 4);
	}
	if (size <= disk.block_size) {
		memset(header + 16, 0, 4);
		sum = crc32_add(0, header, size);
		memcpy(header + 16, &sum, 4);
	}
}

static void check_table(const struct partition_table *table)
{
	unsigned count = 0;

	for (const struct partition *part = table->first; part; part = part->next) {
		const struct block_device *device = &part->device;
		count++;
		FUZZ_CHECK(part->number >= 1 && part->number <= PARTITION_MAX);
		FUZZ_CHECK(device->first_sector > 0 && device->capacity > 0);
		FUZZ_CHECK(device->first_sector + device->capacity <= disk.capacity);
		FUZZ_CHECK(device->whole == &disk);
		FUZZ_CHECK(find_partition(device->name) == device);
		for (size_t i = 0; part->label[i]; i++)
			FUZZ_CHECK((uint8_t)part->label[i] >= 0x20 && part->label[i] != 0x7f);
		for (const struct partition *other = table->first; other != part;
		     other = other->next)
			FUZZ_CHECK(other->device.first_sector + other->device.capacity <=
					   device->first_sector ||
				   device->first_sector + device->capacity <=
					   other->device.first_sector);
	}
	FUZZ_CHECK(count <= PARTITION_MAX);
	FUZZ_CHECK(table->scheme != PARTITION_NONE || count == 0);
}

static void forget(void)
{
	while (tables) {
		struct partition_table *table = tables;
		tables = table->next;
		partition_drop(table);
		vport_free(table, sizeof(*table));
	}
}

/* Blocks of the disk: each a number, a length and so many bytes, at whose end zeros go on. */
static void make_disk(struct input *input)
{
	memset(bytes, 0, sizeof(bytes));
	while (input->left > 0) {
		size_t block = take(input, 2) % (DISK_BYTES / BLOCK_SECTOR);
		size_t length = take(input, 2) % (BLOCK_SECTOR + 1), at = take(input, 2);
		at %= BLOCK_SECTOR;
		if (length > BLOCK_SECTOR - at)
			length = BLOCK_SECTOR - at;
		take_bytes(input, bytes + block * BLOCK_SECTOR + at, length);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };
	const struct partition_table *table;

	unsigned options = (unsigned)take(&input, 1);
	disk = (struct block_device){ .name = "vda",
				      .capacity = DISK_BYTES / BLOCK_SECTOR,
				      .block_size = options & BLOCKS_OF_4096 ? 4096 : 512,
				      .whole = &disk };
	reads = 0;
	fails_at = options & READ_FAILS ? 1 + (options >> 3) : 0;
	make_disk(&input);
	if (options & WITH_SEAL) {
		seal(bytes + disk.block_size);
		seal(bytes + DISK_BYTES - disk.block_size);
	}

	int error = partition_table(&disk, &table);
	FUZZ_CHECK(error == 0 || error == ERR_FORMAT || error == ERR_IO);
	FUZZ_CHECK((table != NULL) == (error != ERR_IO));
	if (table) {
		FUZZ_CHECK((error == 0) == (table->fault == NULL));
		FUZZ_CHECK(error == 0 || table->first == NULL);
		check_table(table);
	}
	forget();
	FUZZ_CHECK(allocations == 0);
	return 0;
}
