/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Partitions as disks, and the tables of all disks that were asked for theirs: see partition.h.
 *
 * A partition is a block_device whose `whole` is its disk: block_submit adds first_sector and leaves the rest
 * to the disk, so a partition costs a request nothing, and what befalls the disk (read-only, gone, smaller)
 * befalls it.
 *
 * See it at work: make run DISK=build/images/gpt.raw, then `part` or `read vda1 0`
 * Left out: writing tables, and noticing that somebody has written to one.
 */
#include "drivers/virtio/partition_table.h"
#include "lib/error.h"
#include "lib/format.h"
#include "lib/mem.h"

#define GPT_PROTECTIVE 0xee
#define WAIT_NS 1000000

static struct partition_table *tables;
static bool reading; /* one program at a time: another CPU's waits */

int partition_fault(struct partition_table *table, const char *why)
{
	table->fault = why;
	return ERR_FORMAT;
}

int partition_read(struct partition_reader *reader, uint64_t lba)
{
	struct block_device *disk = reader->table->disk;

	if (lba >= reader->blocks)
		return partition_fault(reader->table, "it points past the disk's end");
	int error = block_read(disk, lba * (reader->block_size / BLOCK_SECTOR), reader->block,
			       reader->block_size);
	if (error == ERR_NODEV)
		return error;
	/* Whatever was read, or not: it is another disk's than what was read before. */
	return disk->generation == reader->table->generation ? error : (int)ERR_BUSY;
}

static void name_partition(struct partition *part, const char *disk)
{
	/* A disk's name has at most 4 letters (block_add), a number 3 digits. */
	format(part->device.name, sizeof(part->device.name), "%s%u", disk, part->number);
}

int partition_add(struct partition_reader *reader, unsigned number, uint64_t first, uint64_t count,
		  struct partition **added)
{
	struct partition_table *table = reader->table;
	struct block_device *disk = table->disk;
	struct partition **end = &table->first;

	if (first == 0)
		return partition_fault(table, "a partition begins where the table is");
	if (first > reader->blocks || count > reader->blocks - first)
		return partition_fault(table, "a partition reaches past the disk's end");
	uint64_t ratio = reader->block_size / BLOCK_SECTOR, sector = first * ratio;
	uint64_t sectors = count * ratio;
	for (; *end; end = &(*end)->next) {
		const struct block_device *other = &(*end)->device;
		if (sector < other->first_sector + other->capacity &&
		    other->first_sector < sector + sectors)
			return partition_fault(table, "two partitions overlap");
	}
	struct partition *part = vport_alloc(sizeof(*part));
	if (!part)
		return ERR_NOMEM;
	part->number = number;
	part->device.first_sector = sector;
	part->device.capacity = sectors;
	part->device.block_size = reader->block_size;
	part->device.whole = disk;
	part->device.operations = disk->operations;
	part->device.port = disk->port;
	name_partition(part, disk->name);
	*end = part;
	*added = part;
	return 0;
}

void partition_drop(struct partition_table *table)
{
	while (table->first) {
		struct partition *part = table->first;
		table->first = part->next;
		vport_free(part, sizeof(*part));
	}
}

static int read_table(struct partition_reader *reader)
{
	struct mbr_entry entries[MBR_ENTRIES];

	int error = partition_read(reader, 0);
	if (error)
		return error;
	if (!mbr_read_entries(reader, entries))
		return 0; /* PARTITION_NONE */
	for (unsigned i = 0; i < MBR_ENTRIES; i++) {
		if (entries[i].type == GPT_PROTECTIVE)
			return gpt_read(reader);
	}
	return mbr_read(reader, entries);
}

/* Reads the table of a disk into memory; NULL and an error when the disk cannot be read. */
static struct partition_table *new_table(struct block_device *disk, int *error)
{
	unsigned generation =
		disk->generation; /* before the sizes: if they are newer, it is noticed */
	struct partition_table *table = vport_alloc(sizeof(*table));
	uint32_t block_size = disk->block_size;
	uint8_t *block = vport_alloc(block_size);

	*error = ERR_NOMEM;
	if (table && block) {
		table->disk = disk;
		table->generation = generation;
		struct partition_reader reader = { table, block, block_size,
						   disk->capacity / (block_size / BLOCK_SECTOR) };
		*error = reader.blocks > 0 ? read_table(&reader) : 0;
		table->error = *error;
	}
	if (block)
		vport_free(block, block_size);
	if (*error && table)
		partition_drop(table);
	if (*error && *error != ERR_FORMAT && table) {
		vport_free(table, sizeof(*table));
		table = NULL;
	}
	return table;
}

static void complain(const struct partition_table *table)
{
	char line[120];

	format(line, sizeof(line), "%s: its partition table is damaged: %s", table->disk->name,
	       table->fault);
	vport_log(VPORT_LOG_ERROR, line);
}

/* What programs read of a partition and changes with its disk. (Requests are checked by what the disk says.) */
static void refresh(struct block_device *device)
{
	const struct block_device *disk = device->whole;

	device->read_only = disk->read_only;
	device->gone = disk->gone;
	device->resets = disk->resets;
	device->can_flush = disk->can_flush;
	device->write_back = disk->write_back;
	device->limits = disk->limits;
	device->topology = disk->topology;
}

/* Takes the same partition out of a table's list. NULL: it is not there. */
static struct partition *take_same(struct partition_table *table, const struct partition *wanted)
{
	struct partition **place = &table->first;

	for (; *place; place = &(*place)->next) {
		struct partition *part = *place;
		if (part->number == wanted->number &&
		    part->device.first_sector == wanted->device.first_sector &&
		    part->device.capacity == wanted->device.capacity &&
		    part->device.block_size == wanted->device.block_size) {
			*place = part->next;
			return part;
		}
	}
	return NULL;
}

/* The table was read once more: partitions that are as they were stay what programs know them by. The others are
 * empty from now on, and kept, because somebody may still have them. */
static void renew(struct partition_table *table, struct partition_table *renewed)
{
	for (struct partition **place = &renewed->first; *place; place = &(*place)->next) {
		struct partition *same = take_same(table, *place);
		if (!same)
			continue;
		struct partition *unused = *place;
		memcpy(same->type, unused->type, sizeof(same->type));
		memcpy(same->label, unused->label, sizeof(same->label));
		same->next = unused->next;
		*place = same;
		vport_free(unused, sizeof(*unused));
	}
	for (struct partition *part = table->first; part; part = part->next) {
		part->device.capacity = 0;
		part->device.gone = true;
	}
	renewed->next = table->next;
	*table = *renewed;
	vport_free(renewed, sizeof(*renewed));
}

static int find_table(struct block_device *disk, struct partition_table **found)
{
	struct partition_table **place = &tables;
	int error = 0;

	while (*place && (*place)->disk != disk)
		place = &(*place)->next;
	*found = *place;
	/* Of a disk that is gone all stays as it was, gone as well. */
	if (!*place || (!disk->gone && (*place)->generation != disk->generation)) {
		struct partition_table *table = new_table(disk, &error);
		*found = table;
		if (!table)
			return error;
		if (error)
			complain(table);
		if (*place) {
			renew(*place, table);
			*found = *place;
		} else {
			*place = table;
		}
	}
	for (struct partition *part = (*found)->first; part; part = part->next)
		refresh(&part->device);
	return (*found)->error;
}

int partition_table(struct block_device *disk, const struct partition_table **table)
{
	static struct partition_table of_partition;
	struct partition_table *found = &of_partition;
	int error = 0;

	if (disk->whole == disk) {
		while (__atomic_exchange_n(&reading, true, __ATOMIC_ACQUIRE))
			vport_relax(vport_now() + WAIT_NS);
		error = find_table(disk, &found);
		__atomic_store_n(&reading, false, __ATOMIC_RELEASE);
	}
	*table = found;
	return error;
}

/* The number behind a disk's name, when the rest of `name` is one; 0: it is not. */
static unsigned number_behind(const char *name, const char *disk)
{
	unsigned number = 0;

	while (*disk && *name == *disk) {
		name++;
		disk++;
	}
	if (*disk || *name == '0')
		return 0;
	for (; *name >= '0' && *name <= '9' && number <= PARTITION_MAX; name++)
		number = number * 10 + (unsigned)(*name - '0');
	return *name ? 0 : number;
}

static struct block_device *find_partition(const char *name)
{
	for (struct block_device *disk = block_first(); disk; disk = disk->next) {
		const struct partition_table *table;
		unsigned number = number_behind(name, disk->name);
		if (number == 0 || partition_table(disk, &table) != 0)
			continue;
		for (struct partition *part = table->first; part; part = part->next) {
			if (part->number == number)
				return &part->device;
		}
	}
	return NULL;
}

extern const struct block_partitions partition_operations;
const struct block_partitions partition_operations = { .find = find_partition,
						       .table = partition_table };
