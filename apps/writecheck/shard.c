/* SPDX-License-Identifier: BSD-2-Clause */
/* What one CPU writes to its places of a disk, and how it knows them again. */
#include "writecheck.h"

#include <string.h>

#include "kernel/console.h"
#include "lib/error.h"

#define MAGIC UINT64_C(0x4b43454843455457) /* "WTECHECK" */
#define FLUSH_EVERY 8                      /* requests of the first slot */
#define TELL_MAX 8                         /* lines of errors a shard */
#define RETRY_NS UINT64_C(10000000)

/* ---- What a place holds -------------------------------------------------------------- */

/* Word 0 is MAGIC, 1 the place, 2 its version; each of the others follows from the one before. */
static uint64_t follow(uint64_t word)
{
	return word * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
}

static void fill(struct slot *slot)
{
	uint64_t *word = slot->segment.memory;
	uint64_t last = (uint64_t)slot->place << 32 | slot->version;

	word[0] = MAGIC;
	word[1] = slot->place;
	word[2] = slot->version;
	for (size_t i = 3; i < slot->segment.length / sizeof(*word); i++)
		word[i] = last = follow(last);
}

static bool filled(const struct slot *slot)
{
	const uint64_t *word = slot->segment.memory;
	uint64_t last = (uint64_t)slot->place << 32 | slot->version;

	if (word[0] != MAGIC || word[1] != slot->place || word[2] != slot->version)
		return false;
	for (size_t i = 3; i < slot->segment.length / sizeof(*word); i++) {
		if (word[i] != (last = follow(last)))
			return false;
	}
	return true;
}

/* ---- What comes next -------------------------------------------------------------------- */

/* xorshift64* (Marsaglia, Vigna) */
static uint32_t random_below(struct shard *shard, uint32_t limit)
{
	shard->random ^= shard->random >> 12;
	shard->random ^= shard->random << 25;
	shard->random ^= shard->random >> 27;
	return (uint32_t)((shard->random * UINT64_C(2685821657736338717) >> 32) * limit >> 32);
}

static uint64_t attempts(const struct shard *shard)
{
	return shard->written + shard->read + shard->errors;
}

static bool take_random(struct shard *shard, uint32_t *number)
{
	if (attempts(shard) >= shard->quota || vport_now() >= shard->end)
		return false;
	do
		*number = random_below(shard, shard->count);
	while (shard->taken[*number]); /* there are more places than slots */
	return true;
}

/* The next one that is known (PHASE_VERIFY) or not (PHASE_FILL). */
static bool take_next(struct shard *shard, uint32_t *number)
{
	bool known = shard->phase == PHASE_VERIFY;

	while (shard->cursor < shard->count) {
		*number = shard->cursor++;
		if (!shard->taken[*number] && (shard->versions[*number] != 0) == known)
			return true;
	}
	return false;
}

static uint32_t number_of(const struct slot *slot)
{
	return (slot->place - slot->shard->first) / slot->shard->step;
}

/* Where nothing is known, or by chance, a write; else a read. */
static void choose(struct slot *slot, uint32_t number)
{
	struct shard *shard = slot->shard;
	bool writes = shard->versions[number] == 0 ||
		      (shard->phase == PHASE_RANDOM && random_below(shard, 2) == 0);

	shard->taken[number] = true;
	slot->place = shard->first + number * shard->step;
	if (writes) {
		slot->version = ++shard->last_version;
		fill(slot);
	} else {
		slot->version = shard->versions[number];
		memset(slot->segment.memory, 0xa5, slot->segment.length);
	}
	slot->current = writes ? &slot->write : &slot->read;
	slot->current->sector = slot->place * (slot->segment.length / BLOCK_SECTOR);
}

/* ---- What came of it ------------------------------------------------------------------------ */

static void tell(const struct slot *slot, const char *what, int error)
{
	const struct shard *shard = slot->shard;

	if (shard->told >= TELL_MAX)
		return;
	if (slot->current == &slot->flush)
		kprint("writecheck: %s: %s: %s\n", shard->disk->name, what, error_text(error));
	else
		kprint("writecheck: %s: %s at sector %llu: %s\n", shard->disk->name, what,
		       (unsigned long long)slot->current->sector, error_text(error));
}

static void judge(struct slot *slot, int error)
{
	struct shard *shard = slot->shard;

	if (slot->current == &slot->flush) {
		shard->flushed += error == 0;
		if (error)
			tell(slot, "flush", error);
	} else if (slot->current == &slot->write) {
		/* What failed may be there, or a part of it. */
		shard->versions[number_of(slot)] = error ? 0 : slot->version;
		shard->written += error == 0;
		if (error)
			tell(slot, "write", error);
	} else if (error) {
		tell(slot, "read", error);
	} else {
		shard->read++;
		if (!filled(slot)) {
			shard->bad++;
			kprint("writecheck: %s: sector %llu does not hold what was written there\n",
			       shard->disk->name, (unsigned long long)slot->current->sector);
		} else if (shard->phase == PHASE_VERIFY) {
			shard->verified++;
		}
	}
	shard->errors += error != 0;
	shard->told += error != 0;
	if (slot->current != &slot->flush)
		shard->taken[number_of(slot)] = false;
}

/* ---- Slots ---------------------------------------------------------------------------------------- */

/* The next request of this slot. False: there is none, or it was refused. */
static bool start(struct slot *slot)
{
	struct shard *shard = slot->shard;
	uint32_t number;

	if (shard->phase == PHASE_RANDOM && slot == &shard->slots[0] &&
	    slot->current != &slot->flush && (shard->written + shard->read) % FLUSH_EVERY == 0) {
		slot->current = &slot->flush;
	} else if (shard->phase == PHASE_RANDOM ? take_random(shard, &number)
						: take_next(shard, &number)) {
		choose(slot, number);
	} else {
		return false;
	}
	slot->busy = true;
	int error = block_submit_prepared(shard->disk, slot->current);
	if (!error)
		return true;
	slot->busy = false;
	judge(slot, error);
	return false;
}

static void finish(struct slot *slot)
{
	int status = slot->current->status;

	slot->busy = false;
	judge(slot, status);
	/* After an error the loop goes on with it, a little later. */
	if (status == 0)
		start(slot);
}

/* Goes on at once, as far as this is the shard's CPU. */
static void done(struct block_request *request)
{
	struct slot *slot = request->cookie;

	if (vport_cpu() == slot->shard->cpu)
		finish(slot);
	else
		__atomic_store_n(&slot->finished, true, __ATOMIC_RELEASE);
}

/* Whether something is with the disk, or was started. */
static bool turn(struct shard *shard)
{
	bool active = false;

	for (unsigned i = 0; i < shard->depth; i++) {
		struct slot *slot = &shard->slots[i];
		if (__atomic_exchange_n(&slot->finished, false, __ATOMIC_ACQUIRE))
			finish(slot);
		if (!slot->busy)
			start(slot);
		active |= slot->busy;
	}
	return active;
}

static bool tries_again(const struct shard *shard)
{
	return shard->phase == PHASE_RANDOM && !shard->disk->gone &&
	       attempts(shard) < shard->quota && vport_now() < shard->end;
}

void shards_run(void *argument)
{
	const struct shard_list *list = argument;
	bool active = true;

	while (active) {
		active = false;
		for (unsigned i = 0; i < list->count; i++) {
			struct shard *shard = &list->shards[i];
			if (shard->phase == PHASE_OVER)
				continue;
			active = true;
			if (turn(shard) || tries_again(shard))
				continue;
			shard->phase++;
			shard->cursor = 0;
		}
		vport_relax(vport_now() + RETRY_NS);
	}
}

/* ---- Memory --------------------------------------------------------------------------------------------- */

static struct block_request request_of(struct slot *slot, enum block_op op)
{
	return (struct block_request){
		.op = op,
		.segments = op == BLOCK_FLUSH ? NULL : &slot->segment,
		.segment_count = op != BLOCK_FLUSH,
		.done = done,
		.cookie = slot,
	};
}

bool shard_make(struct shard *shard)
{
	size_t size = shard->disk->block_size > BLOCK_BYTES ? shard->disk->block_size : BLOCK_BYTES;
	bool enough = true;

	shard->random = 88172645463325252u + shard->first;
	shard->versions = vport_alloc(shard->count * sizeof(*shard->versions));
	shard->taken = vport_alloc(shard->count * sizeof(*shard->taken));
	for (unsigned i = 0; i < DEPTH; i++) {
		struct slot *slot = &shard->slots[i];
		void *memory = block_buffer_alloc(shard->disk, size);
		slot->shard = shard;
		slot->segment = (struct block_segment){ memory, size };
		slot->read = request_of(slot, BLOCK_READ);
		slot->write = request_of(slot, BLOCK_WRITE);
		slot->flush = request_of(slot, BLOCK_FLUSH);
		enough &= memory != NULL;
		/* Where that is not possible, it is one like any other. */
		if (memory && i % 2 == 0) {
			block_prepare(shard->disk, &slot->read);
			block_prepare(shard->disk, &slot->write);
		}
	}
	return enough && shard->versions && shard->taken;
}

void shard_free(struct shard *shard)
{
	for (unsigned i = 0; i < DEPTH; i++) {
		struct slot *slot = &shard->slots[i];
		block_unprepare(shard->disk, &slot->read);
		block_unprepare(shard->disk, &slot->write);
		if (slot->segment.memory)
			block_buffer_free(shard->disk, slot->segment.memory, slot->segment.length);
	}
	if (shard->versions)
		vport_free(shard->versions, shard->count * sizeof(*shard->versions));
	if (shard->taken)
		vport_free(shard->taken, shard->count * sizeof(*shard->taken));
}
