/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of the virtio-scsi driver share:
 *
 *   scsi.c           the device: configuration, queues, who gets a used buffer
 *   scsi_data.c      on the wire: what block_queue.h hands out
 *   scsi_command.c   commands of the driver's own: given, taken back, given again
 *   scsi_answer.c    what the device's answer to a command means
 *   scsi_sense.c     sense data, and in words
 *   scsi_cdb.c       commands in bytes
 *   scsi_scan.c      which targets and logical units there are
 *   scsi_unit.c      ... one of them: its address, whether it is there
 *   scsi_disk.c      what a logical unit is: medium, capacity, limits
 *   scsi_page.c      ... and what its pages say: limits, provisioning, serial number
 *   scsi_mode.c      ... its mode pages: write protection, caches, which are switched there
 *   scsi_control.c   task management, subscriptions
 *   scsi_event.c     what the device tells by itself
 *   scsi_attend.c    when there is something to be done for which the device must be waited
 *   scsi_round.c     ... the work item in which that is done, step by step (scsi_step.h)
 */
#ifndef DRIVERS_VIRTIO_SCSI_HOST_H
#define DRIVERS_VIRTIO_SCSI_HOST_H

#include "drivers/virtio/block_queue.h"
#include "drivers/virtio/scsi.h"
#include "drivers/virtio/scsi_step.h"
#include "drivers/virtio/scsi_wire.h"
#include "lib/containing.h"

#define SCSI_REQUEST_QUEUES 8
#define SCSI_QUEUE_SIZE 128
#define SCSI_QUEUE_LEAST 4
#define SCSI_FAILED_SCANS 3 /* after which a device is not scanned by itself any more */
#define SCSI_EVENT_BUFFERS 16
#define SCSI_EVENT_BYTES 64
#define SCSI_DATA_BYTES 4096 /* that a command of our own may read */
#define SCSI_ZERO_BYTES 4096 /* so is the largest block that can be repeated */
#define SCSI_MAX_TARGETS 256 /* 5.6.6.1 */
#define SCSI_MAX_LUN 16383
#define SCSI_MAX_LUNS 256 /* that are kept of one device */

struct virtio_scsi;
struct scsi_lun;

/* ---- scsi_answer.c ---------------------------------------------------------------------------- */

/* `written`: how many bytes the device wrote. ERR_NODEV means: there is no such target or logical unit
 * (any more). */
struct scsi_answer scsi_answer_read(const struct virtio_scsi_resp_cmd *resp, uint32_t written);

/* ---- A logical unit ------------------------------------------------------------------------- */

enum scsi_type { SCSI_TYPE_DISK = 0, SCSI_TYPE_CD = 5, SCSI_TYPE_OPTICAL = 7, SCSI_TYPE_RBC = 14 };

/* What is to be done with one in a work item: bits. */
enum scsi_wish {
	SCSI_WISH_EXAMINE = 1, /* its medium, capacity or mode may have changed */
	SCSI_WISH_LOOK = 2,    /* it may have come or gone */
	SCSI_WISH_ABORT = 4,   /* the command `abort_id` takes too long */
	SCSI_WISH_RESET = 8,
	SCSI_WISH_CACHE = 16, /* it is to be switched, as write_back_chosen says */
};

struct scsi_lun {
	struct block_device disk; /* first: a disk's driver part is found by a cast */
	struct virtio_scsi *host;
	struct scsi_lun *next;
	uint8_t address[SCSI_LUN_BYTES]; /* as in 5.6.6.1 */
	uint8_t target;
	uint16_t number;
	bool present;
	bool seen;       /* in the scan that runs */
	uint8_t type;    /* of the peripheral: enum scsi_type, and others */
	uint8_t version; /* of SPC, that it claims */
	bool removable;
	bool announces; /* it tells of another medium by an event */
	char vendor[9], product[17], revision[5];
	char serial[BLOCK_ID_BYTES + 1];

	bool ready;              /* it has a medium, whose capacity and block size are known */
	bool cache_told;         /* it has said whether it has a cache */
	uint8_t block_shift;     /* sectors in a block: 1 << block_shift */
	bool long_form;          /* READ and WRITE of 16 bytes may be needed */
	uint32_t transfer_max;   /* blocks in a READ or WRITE; 0: no limit */
	uint32_t unmap_max;      /* blocks in an UNMAP; 0: it knows none */
	uint32_t write_same_max; /* blocks in a WRITE SAME; 0: it knows none */
	bool write_same_unmaps;  /* which may give them back: LBPWS of SBC */

	/* Under the host's lock. */
	uint8_t wishes; /* enum scsi_wish */
	uint64_t abort_id;
	struct scsi_sense sense; /* the last one worth telling */

	bool mode_chosen, write_back_chosen; /* by a program: block_set_write_back */
	/* Wishes for a reset, and for another cache mode, that are done; how the last of them ended. */
	unsigned resets, switches;
	int reset_error, switch_error;
};

/* ---- The device -------------------------------------------------------------------------------- */

/* What is shared with it besides what the pool shares. Aligned, so that data is in one piece on any port. */
#define SCSI_SHARED_ALIGN 4096
struct scsi_shared {
	uint8_t data[SCSI_DATA_BYTES];
	uint8_t zeros[SCSI_ZERO_BYTES]; /* the block that a WRITE SAME repeats */
	uint8_t events[SCSI_EVENT_BUFFERS][SCSI_EVENT_BYTES];
	union {
		struct virtio_scsi_ctrl_tmf tmf;
		struct virtio_scsi_ctrl_an an;
		uint8_t unused[64];
	} control;
};

struct virtio_scsi {
	struct virtio_device *device;
	struct virtio_queue *control, *events;
	struct block_pool pool;
	struct block_queue queues[SCSI_REQUEST_QUEUES];
	unsigned queue_count;
	bool many_cpus;
	/* 5.6.4, made sensible */
	uint32_t seg_max, max_sectors, per_lun_max, event_bytes;
	unsigned max_target, max_lun;

	struct scsi_shared *shared;
	dma_addr_t shared_address;
	bool control_busy; /* the device has its request */
	int control_error;
	uint32_t control_events; /* that are subscribed to */

	/* Commands of our own: requests to this, which no program sees. */
	struct block_device self;
	uint8_t data[SCSI_DATA_BYTES];                      /* what the last one read, private */
	uint16_t numbers[SCSI_DATA_BYTES / SCSI_LUN_BYTES]; /* of the last REPORT LUNS */

	struct scsi_lun *luns, **luns_end;
	unsigned lun_count;
	bool told_full;
	uint64_t scan_until; /* whoever scans gives up then */

	/* scsi_data.c: requests that are answered from here; under the lock. */
	struct block_request *answered, **answered_end;

	/* What is being done. */
	struct vport_work work;
	scsi_step *steps[SCSI_STEPS];
	unsigned depth;     /* how many of them there are; 0: nothing is being done */
	int result;         /* of the step that has ended */
	unsigned under_way; /* commands, and control requests: what comes back queues the work */
	uint64_t go_on_at;  /* and so does the timer, then; 0: there is no such time */
	struct scsi_command command, pings[SCSI_PINGS];
	uint8_t ping_addresses[SCSI_PINGS][SCSI_LUN_BYTES];
	struct scsi_round round;
	struct scsi_scan scan;
	struct scsi_target_scan target_scan;
	struct scsi_look look;
	struct scsi_examination examination;
	struct scsi_mode mode;

	/* scsi_attend.c */
	struct vport_event timer; /* queues the work when it is time */
	uint64_t quiet_until;
	uint64_t poll_at; /* for media that change without a word */
	unsigned scans, scans_begun;
	unsigned failed_scans;  /* in a row, because of the device */
	unsigned resizes;       /* that were wished and are done */
	int resize_error;       /* of the last of them */
	int scan_error;         /* of the last one */
	struct vport_lock lock; /* of what follows, and of the units' wishes */
	bool scan_wanted;
	unsigned size_wanted;                  /* of the request queues; 0: none other */
	uint8_t look_at[SCSI_MAX_TARGETS / 8]; /* targets that may have changed */
	unsigned bad_events;

	struct virtio_scsi *next;
};

static inline dma_addr_t scsi_shared_at(const struct virtio_scsi *scsi, size_t offset)
{
	return (dma_addr_t){ scsi->shared_address.bits + offset };
}

/* ---- scsi.c --------------------------------------------------------------------------------------- */

struct virtio_scsi *virtio_scsi_first(void);
/* A line about a unit, by its name: "sda", "scsi0 0:300". */
void scsi_log(const struct scsi_lun *lun, enum vport_log_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* ---- scsi_data.c ------------------------------------------------------------------------------------ */

extern const struct block_wire scsi_wire;
extern const struct block_operations scsi_operations;
/* Completes what has been used, hands out what waits. Drain context. */
void scsi_drain_requests(struct block_queue *bq);
/* Completes what is answered without the device. Drain context. */
void scsi_data_answer(struct virtio_scsi *scsi);
/* The buffer with that cookie is overdue: whether something milder than a reset of the device is tried. */
bool scsi_data_overdue(struct virtio_scsi *scsi, void *cookie);

/* ---- scsi_command.c ------------------------------------------------------------------------------- */

/* Hands one in, which is `under_way` then until it is finished. Work context. */
void scsi_command_start(struct virtio_scsi *scsi, struct scsi_command *command);
/* It is: `received` is known, and what was read is in scsi->data, with zeros behind. */
void scsi_command_take(struct virtio_scsi *scsi, struct scsi_command *command);
/* scsi->command, made new for that address. */
struct scsi_command *scsi_command_make(struct virtio_scsi *scsi, const uint8_t *address,
				       struct scsi_lun *unit);
/*
 * Begins a step: scsi->command is given, and again as long as the answer says so, in bounded time and number. It ends
 * with 0, or the answer's error; ERR_NODEV: there is no such unit, or the device has been given up. What was read is
 * in scsi->data. The request's status tells whether there is an answer at all.
 */
void scsi_command_run(struct virtio_scsi *scsi);
/* The command that a part is about; NULL: a program's request. */
struct scsi_command *scsi_command_of(const struct block_part *part);

void scsi_questions_begin(struct scsi_questions *questions, struct scsi_lun *lun,
			  const struct scsi_question *list, unsigned count);
/* For a step that asks them: 0: one is asked now; 1: that was all; or an error. */
int scsi_questions_next(struct virtio_scsi *scsi, struct scsi_questions *questions);

/* ---- scsi_cdb.c ------------------------------------------------------------------------------------ */

enum scsi_operation {
	SCSI_TEST_UNIT_READY = 0x00,
	SCSI_INQUIRY = 0x12,
	SCSI_MODE_SELECT_6 = 0x15,
	SCSI_MODE_SENSE_6 = 0x1a,
	SCSI_START_STOP_UNIT = 0x1b,
	SCSI_READ_CAPACITY_10 = 0x25,
	SCSI_READ_10 = 0x28,
	SCSI_WRITE_10 = 0x2a,
	SCSI_SYNCHRONIZE_CACHE_10 = 0x35,
	SCSI_UNMAP = 0x42,
	SCSI_READ_16 = 0x88,
	SCSI_WRITE_16 = 0x8a,
	SCSI_WRITE_SAME_16 = 0x93,
	SCSI_SERVICE_ACTION_IN_16 = 0x9e,
	SCSI_REPORT_LUNS = 0xa0,
};

/* Each fills in 16 bytes that were 0. Blocks are the unit's. */
void scsi_cdb_transfer(uint8_t *cdb, bool write, uint64_t block, uint32_t blocks);
void scsi_cdb_flush(uint8_t *cdb);
/* Its parameter list is SCSI_PARAMETER_BYTES of data out. */
void scsi_cdb_unmap(uint8_t *cdb, uint8_t *parameters, uint64_t block, uint32_t blocks);
/* Its data out is one block. unmap: the blocks may be given back, if they read as zeros then. */
void scsi_cdb_write_same(uint8_t *cdb, uint64_t block, uint32_t blocks, bool unmap);
void scsi_cdb_inquiry(uint8_t *cdb, uint16_t bytes);
void scsi_cdb_vital_page(uint8_t *cdb, uint8_t page, uint16_t bytes); /* VPD */
void scsi_cdb_report_luns(uint8_t *cdb, uint32_t bytes);
void scsi_cdb_start(uint8_t *cdb);
void scsi_cdb_read_capacity_10(uint8_t *cdb);
void scsi_cdb_read_capacity_16(uint8_t *cdb, uint32_t bytes);
void scsi_cdb_mode_sense(uint8_t *cdb, uint8_t page, uint8_t bytes);
/* Its parameter list is that many bytes of data out. */
void scsi_cdb_mode_select(uint8_t *cdb, uint8_t bytes);

/* ---- scsi_unit.c ------------------------------------------------------------------------------------- */

/* Writes a unit's address: peripheral device addressing reaches to 255, flat space addressing further. */
void scsi_address_make(uint8_t *address, unsigned target, unsigned number);
/* The other way round, of bytes that a device wrote. False: it is none that this driver understands. */
bool scsi_address_read(const uint8_t *address, uint8_t *target, uint16_t *number);
/* Of a list entry's level: the number; -1: it is not given in a way that is understood. */
int scsi_level_read(const uint8_t *level);
/* Whether the rest of an address, which other levels would use, is all zeros. */
bool scsi_is_zero(const uint8_t *bytes, unsigned count);
/* One that is there; NULL: none is known. */
struct scsi_lun *scsi_lun_find(struct virtio_scsi *scsi, uint8_t target, uint16_t number);
void scsi_unit_remove(struct scsi_lun *lun);
/* Begins a step, which ends with 1: it is there, or there is no room for it; 0: it is not; an error of the device;
 * ERR_TIMEOUT: the scan's time is over. */
void scsi_unit_look(struct virtio_scsi *scsi, uint8_t target, uint16_t number);

/* ---- scsi_scan.c ------------------------------------------------------------------------------------- */

/* All that is scanned from now on has a minute together; and whether that is over. */
void scsi_scan_begin(struct virtio_scsi *scsi);
bool scsi_scan_is_late(const struct virtio_scsi *scsi);
/* Begin a step, which ends with 0, or an error of the device: not all could be looked at; ERR_TIMEOUT: not in the time
 * that there is. */
void scsi_scan_host(struct virtio_scsi *scsi);
void scsi_scan_target(struct virtio_scsi *scsi, uint8_t target);

/* ---- scsi_disk.c, scsi_mode.c, scsi_page.c ------------------------------------------------------------------------ */

bool scsi_is_disk(const struct scsi_lun *lun);
/* Begins a step: finds out all that is needed to read and write it, and lists it as a disk. It ends with 0, or an error:
 * then nothing can be read from it now. */
void scsi_disk_examine(struct scsi_lun *lun);
/* It is not there any more. Work context. */
void scsi_disk_removed(struct scsi_lun *lun);
/* Begins a step, for a removable one that says nothing by itself: whether it must be examined again. */
void scsi_disk_poll(struct scsi_lun *lun);
/* Whether it can be written, what its caches are. */
void scsi_mode_ask(struct scsi_questions *questions, struct scsi_lun *lun);
/* Whether its cache is in another mode than a program has chosen; and what comes of switching it then. */
bool scsi_mode_differs(const struct scsi_lun *lun);
int scsi_mode_chosen_again(struct scsi_lun *lun, int error);
/* Begins a step: switches its cache. It ends as block_set_write_back. */
void scsi_switch_cache(struct scsi_lun *lun, bool on);
/* Its serial number and limits, which are taken when all has been asked. */
void scsi_pages_ask(struct scsi_questions *questions, struct scsi_lun *lun);
void scsi_pages_take(struct scsi_lun *lun);
/* Whether an error is the device's and not the unit's answer: then there is no point in asking on. */
bool scsi_is_fatal(const struct scsi_lun *lun, int error);

/* ---- scsi_control.c ------------------------------------------------------------------------------------ */

/* Begins a step. It ends with 0; ERR_UNSUPPORTED: refused; ERR_NODEV: no such unit, or the device is gone; another
 * error. */
void scsi_task_management(struct virtio_scsi *scsi, uint32_t subtype, const uint8_t *lun,
			  uint64_t id);
/* The same, and asks for events of those kinds; it ends with those that the unit will send, or an error. */
void scsi_subscribe(struct virtio_scsi *scsi, const uint8_t *lun, uint32_t events);
void scsi_control_drain(struct virtio_scsi *scsi);
void scsi_control_abort(struct virtio_scsi *scsi, int error);

/* ---- scsi_event.c --------------------------------------------------------------------------------------- */

/* Gives all buffers to the device, at first and after a reset. */
void scsi_events_start(struct virtio_scsi *scsi);
void scsi_events_drain(struct virtio_scsi *scsi);

/* ---- scsi_round.c ----------------------------------------------------------------------------------------- */

void scsi_round_init(struct virtio_scsi *scsi);
/* For steps. */
void scsi_begin(struct virtio_scsi *scsi, scsi_step *step);
void scsi_end(struct virtio_scsi *scsi, int result);
/* Something that was under way has come back. Drain context of CPU 0, or a recovery. */
void scsi_came_back(struct virtio_scsi *scsi);

/* ---- scsi_attend.c ---------------------------------------------------------------------------------------- */

void scsi_attend_init(struct virtio_scsi *scsi);
/* Any of these, in any context but interrupts and on any CPU: noted, and done soon, but no flood of them does it
 * more often than is good. */
void scsi_wish(struct scsi_lun *lun, uint8_t wishes);
void scsi_wish_target(struct virtio_scsi *scsi, uint8_t target);
void scsi_wish_scan(struct virtio_scsi *scsi);
/* block_set_write_back and block_resize_queue for one. Program context, any CPU. */
int scsi_set_write_back(struct scsi_lun *lun, bool on);
int scsi_resize_queues(struct scsi_lun *lun, unsigned size);
/* How a program's request has ended: what follows from that is wished. Drain context, any CPU. */
void scsi_notice(struct scsi_lun *lun, const struct scsi_answer *answer);
/* Keeps what a unit has said, if it is valid; and the last that was kept. Any context but interrupts, any CPU. */
void scsi_sense_keep(struct scsi_lun *lun, const struct scsi_sense *sense);
struct scsi_sense scsi_sense_kept(struct scsi_lun *lun);

#endif
