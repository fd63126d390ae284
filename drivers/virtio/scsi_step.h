/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How virtio-scsi does what it must wait for: commands of its own, questions to a unit, and the steps of the work item
 * (scsi_round.c), with what each of them has to remember between two of the device's answers.
 */
#ifndef DRIVERS_VIRTIO_SCSI_STEP_H
#define DRIVERS_VIRTIO_SCSI_STEP_H

#include "drivers/virtio/block.h"
#include "drivers/virtio/scsi.h"
#include "drivers/virtio/scsi_wire.h"

struct virtio_scsi;
struct scsi_lun;

/* ---- Answers (scsi_answer.c) ------------------------------------------------------------------- */

enum scsi_verdict {
	SCSI_DONE,
	SCSI_AGAIN,  /* give it again at once: nothing is wrong with it */
	SCSI_LATER,  /* give it again after a while */
	SCSI_FAILED, /* `error` says why */
};

/* A private copy of what the device said, and what it means. */
struct scsi_answer {
	enum scsi_verdict verdict;
	int error;
	uint8_t response, status;
	uint32_t residual; /* bytes that were not moved, as the device says: any number */
	struct scsi_sense sense;
};

/* ---- Commands of our own (scsi_command.c) -------------------------------------------------------- */

/* A command of the driver's own. Filled in by the caller, whose it is again when it is finished. */
struct scsi_command {
	struct block_request request; /* first: the driver's */
	struct block_segment segment;
	struct virtio_scsi *host;
	const uint8_t *lun;    /* SCSI_LUN_BYTES */
	struct scsi_lun *unit; /* that one's; NULL: not known yet */
	uint8_t cdb[16];
	uint32_t
		data_bytes; /* to read into the device's `data`; at most SCSI_DATA_BYTES, and then the only one */
	const uint8_t *out; /* or data to write, as many bytes, under the same conditions */
	uint32_t out_bytes;
	bool once;              /* whatever it is answered, it is not given again */
	unsigned tries, resets; /* so far: answers, and of the device while it was under way */
	/* out */
	struct scsi_answer answer;  /* where the request's status is 0 */
	uint32_t written, received; /* bytes: of all that the device writes, and of data */
};

/* Questions to a unit, one after another. */
struct scsi_question {
	/* Fills in the command. False: there is no need for it. */
	bool (*ask)(struct scsi_lun *lun, struct scsi_command *command);
	/* What comes of the answer, or of the error with which the command has ended: 0, or an error that ends all. */
	int (*take)(struct scsi_lun *lun, int error);
};
struct scsi_questions {
	struct scsi_lun *lun;
	const struct scsi_question *list;
	unsigned count, at;
	bool asked; /* the one `at` */
};

/* ---- What is being done ------------------------------------------------------------------------ */

/*
 * All for which a device must be waited is done by one work item, which never waits itself: step by step. A step is
 * called whenever nothing is `under_way`; it gives commands to the device, or begins another step on top of it, or
 * ends. When the one on top of it has ended it is called again, and finds how in `result`.
 */
typedef void scsi_step(struct virtio_scsi *scsi);
#define SCSI_STEPS 8 /* on top of one another */

/* A scan of all targets: so many are asked at once whether they are there. */
#define SCSI_PINGS 16
struct scsi_scan {
	unsigned first, count, at; /* of the targets in hand; the next one of them to be scanned */
	bool pinging, again;
	bool present[SCSI_PINGS];
};

/* Of one target. */
struct scsi_target_scan {
	uint8_t target;
	unsigned asked;      /* who lists its units */
	bool host;           /* it was the device's list */
	bool listed, trying; /* or nobody does, and they are tried one by one */
	unsigned count, at;
};

/* A look at one unit, which may not be there. */
enum scsi_look_stage { SCSI_LOOK_ASK, SCSI_LOOK_TAKE, SCSI_LOOK_EXAMINED };
struct scsi_look {
	enum scsi_look_stage stage;
	uint8_t target, address[8];
	uint16_t number;
	struct scsi_lun *lun;
	bool is_new;
};

struct scsi_capacity {
	uint64_t last; /* block */
	uint32_t block_size;
	unsigned physical_shift; /* blocks in a physical one: 1 << physical_shift */
	uint32_t lowest_aligned;
};

/* What is not there reads as 0, which says that there is no limit, or that it is not known. */
struct scsi_limits {
	uint32_t transfer_max, unmap_max, unmap_descriptors;
	uint64_t write_same_max;
};

enum scsi_examination_stage {
	SCSI_EXAMINE_MEDIUM,
	SCSI_EXAMINE_MODE,
	SCSI_EXAMINE_CHOICE, /* of a cache mode */
	SCSI_EXAMINE_PAGES,
	SCSI_EXAMINE_SUBSCRIBED,
};

/* Of a unit that is a disk. */
struct scsi_examination {
	enum scsi_examination_stage stage;
	struct scsi_lun *lun;
	struct scsi_questions questions;
	bool stopped;
	bool wants_short, wants_long; /* the other form of READ CAPACITY */
	struct scsi_capacity capacity;
	bool has_serial, has_limits, has_provisioning; /* pages */
	struct scsi_limits limits;
	bool unmaps, writes_same;
	int error;
};

#define SCSI_MODE_BYTES 192
struct scsi_mode {
	bool write_back, settled;
	/* Switching: */
	struct scsi_lun *lun;
	struct scsi_questions questions;
	bool on;
	int error;
	uint8_t list[4 + SCSI_MODE_BYTES];
	unsigned length;
};

enum scsi_round_stage { SCSI_ROUND_SCAN, SCSI_ROUND_TARGETS, SCSI_ROUND_UNITS, SCSI_ROUND_POLL };
struct scsi_round {
	enum scsi_round_stage stage;
	bool scanned;
	unsigned target;      /* where it is: the next one */
	struct scsi_lun *lun; /* the next one to be looked at, or polled */
	bool poll_due, polls;
	struct scsi_lun *managed; /* whose task management, or cache, is in hand */
	struct scsi_lun *polled;
};

#endif
