/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A plugin for QEMU's TCG that counts guest instructions, turn by turn of a loop of the guest's.
 *
 *     qemu-system-x86_64 … -plugin count.so,turn=ADDRESS,item=ADDRESS,pause=MICROSECONDS,out=FILE[,keep=on]
 *                       [,only=INSTRUCTIONS][,hold=ADDRESS]
 *
 * A turn begins each time the instruction at `turn` is executed, and an item is done each time the one at
 * `item` is. At the end the file holds a line for each turn in which items were done, "turn INSTRUCTIONS
 * ITEMS", and a line for each instruction executed in those between the first and the last of them, "at
 * ADDRESS TIMES", from which a script makes a histogram by function. With keep=on a turn in which nothing was
 * done is part of the next one; with only=INSTRUCTIONS the lines of addresses are those of turns of just so many.
 *
 * How many items a turn finds depends on how fast the device is beside the guest. So the guest is held up
 * at the beginning of each turn for so long that the device has finished everything it was given: then it
 * is the same in every run, and so is the number of instructions. With hold=ADDRESS it is held up there instead, which may
 * be several times a turn.
 *
 * Debian ships no header for this interface (version 1, QEMU 4.2 to 8.2): what is used of it is declared
 * here, as docs/devel/tcg-plugins of QEMU describes it. One CPU only.
 */
#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- QEMU's side ------------------------------------------------------------------ */

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_info;
enum { QEMU_PLUGIN_CB_NO_REGS };

typedef void tb_trans_fn(qemu_plugin_id_t id, struct qemu_plugin_tb *tb);
typedef void exec_fn(unsigned cpu, void *data);
typedef void exit_fn(qemu_plugin_id_t id, void *data);

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, tb_trans_fn *function);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn, exec_fn *function,
					    int flags, void *data);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id, exit_fn *function, void *data);

/* ---- Instructions, by address ------------------------------------------------------- */

#define BUCKETS 65536

struct place {
	uint64_t address;
	uint64_t times;   /* in turns that are over */
	uint64_t pending; /* in this one */
	struct place *next, *next_pending;
};

static struct place *places[BUCKETS], *pending;

static struct place *place_of(uint64_t address)
{
	struct place **link = &places[address / 2 % BUCKETS];

	for (; *link; link = &(*link)->next) {
		if ((*link)->address == address)
			return *link;
	}
	*link = calloc(1, sizeof(**link));
	if (!*link)
		abort();
	(*link)->address = address;
	return *link;
}

/* ---- Turns ---------------------------------------------------------------------------- */

static uint64_t turn_at, item_at, hold_at, only, instructions, items;
static unsigned pause_us;
static int keep;
static int begun; /* items were done in an earlier turn: the start is behind us */
static FILE *out;

static void turn(void)
{
	int counts = begun && items > 0;

	if (keep && begun && items == 0)
		return;
	if (counts)
		fprintf(out, "turn %" PRIu64 " %" PRIu64 "\n", instructions, items);
	while (pending) {
		struct place *place = pending;
		pending = place->next_pending;
		if (counts && (only == 0 || instructions == only))
			place->times += place->pending;
		place->pending = 0;
	}
	begun |= items > 0;
	instructions = 0;
	items = 0;
}

static void executed(unsigned cpu, void *data)
{
	struct place *place = data;

	(void)cpu;
	if (place->address == turn_at)
		turn();
	if (place->address == hold_at && pause_us)
		usleep(pause_us);
	instructions++;
	items += place->address == item_at;
	if (place->pending++ == 0) {
		place->next_pending = pending;
		pending = place;
	}
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	(void)id;
	for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		qemu_plugin_register_vcpu_insn_exec_cb(insn, executed, QEMU_PLUGIN_CB_NO_REGS,
						       place_of(qemu_plugin_insn_vaddr(insn)));
	}
}

static void ended(qemu_plugin_id_t id, void *data)
{
	(void)id;
	(void)data;
	for (unsigned i = 0; i < BUCKETS; i++) {
		for (const struct place *place = places[i]; place; place = place->next) {
			if (place->times > 0)
				fprintf(out, "at %" PRIx64 " %" PRIu64 "\n", place->address,
					place->times);
		}
	}
	fclose(out);
}

/* ---- Start ------------------------------------------------------------------------------ */

extern int qemu_plugin_version;
int qemu_plugin_version = 1;

int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info, int argc, char **argv);
int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info, int argc, char **argv)
{
	(void)info;
	for (int i = 0; i < argc; i++) {
		const char *value = strchr(argv[i], '=');
		if (!value)
			return -1;
		value++;
		if (strncmp(argv[i], "turn=", 5) == 0)
			turn_at = strtoull(value, NULL, 16);
		else if (strncmp(argv[i], "item=", 5) == 0)
			item_at = strtoull(value, NULL, 16);
		else if (strncmp(argv[i], "pause=", 6) == 0)
			pause_us = (unsigned)strtoul(value, NULL, 10);
		else if (strncmp(argv[i], "hold=", 5) == 0)
			hold_at = strtoull(value, NULL, 16);
		else if (strncmp(argv[i], "only=", 5) == 0)
			only = strtoull(value, NULL, 10);
		else if (strncmp(argv[i], "keep=", 5) == 0)
			keep = strcmp(value, "on") == 0;
		else if (strncmp(argv[i], "out=", 4) == 0)
			out = fopen(value, "w");
		else
			return -1;
	}
	if (!out || !turn_at || !item_at)
		return -1;
	if (!hold_at)
		hold_at = turn_at;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	qemu_plugin_register_atexit_cb(id, ended, NULL);
	return 0;
}
