/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of the virtio-scsi driver share:
 *
 *   scsi.c           the device: configuration, queues, who gets a used buffer
 *   scsi_data.c      on the wire: what block_queue.h hands out
 *   scsi_command.c   commands of the driver's own: give, wait, try again
 *   scsi_answer.c    what the device's answer to a command means
 *   scsi_sense.c     sense data, and in words
 *   scsi_cdb.c       commands in bytes
 *   scsi_scan.c      which targets and logical units there are
 *   scsi_disk.c      what a logical unit is: medium, capacity, limits
 *   scsi_page.c      ... and what its pages say: limits, provisioning, serial number
 *   scsi_mode.c      ... its mode pages: write protection, caches, which are switched there
 *   scsi_control.c   task management, subscriptions
 *   scsi_event.c     what the device tells by itself
 *   scsi_attend.c    the work item in which all that waits is done
 */
#ifndef DRIVERS_VIRTIO_SCSI_HOST_H
#define DRIVERS_VIRTIO_SCSI_HOST_H

#include "drivers/virtio/block_queue.h"
#include "drivers/virtio/scsi.h"
#include "drivers/virtio/scsi_wire.h"

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

	/* scsi_attend.c */
	struct vport_work work;
	struct vport_event timer; /* queues the work when it is time */
	bool attending;
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

/* A command of the driver's own. Filled in by the caller, whose it is again when it is finished. */
struct scsi_command {
	struct block_request request; /* first: the driver's */
	struct block_segment segment;
	const uint8_t *lun;    /* SCSI_LUN_BYTES */
	struct scsi_lun *unit; /* that one's; NULL: not known yet */
	uint8_t cdb[16];
	uint32_t
		data_bytes; /* to read into the device's `data`; at most SCSI_DATA_BYTES, and then the only one */
	const uint8_t *out; /* or data to write, as many bytes, under the same conditions */
	uint32_t out_bytes;
	/* out */
	bool finished;
	struct scsi_answer answer;  /* where the request's status is 0 */
	uint32_t written, received; /* bytes: of all that the device writes, and of data */
};

/* Hands the command in; it is finished some time later. Work or program context. */
void scsi_command_start(struct virtio_scsi *scsi, struct scsi_command *command);
void scsi_command_wait(struct virtio_scsi *scsi, struct scsi_command *command);
/*
 * Both, and again as long as the answer says so, in bounded time and number. Work or program context. 0, or the
 * answer's error. ERR_NODEV: there is no such unit, or the device has been given up. What was read is in
 * scsi->data, `received` bytes of it, with zeros behind.
 */
int scsi_command_run(struct virtio_scsi *scsi, struct scsi_command *command);
/* The command that a part is about; NULL: a program's request. */
struct scsi_command *scsi_command_of(const struct block_part *part);

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

/* ---- scsi_scan.c ------------------------------------------------------------------------------------- */

/* The other way round of a unit's address, of bytes that a device wrote. False: it is none that this driver
 * understands. */
bool scsi_address_read(const uint8_t *address, uint8_t *target, uint16_t *number);
/* One that is there; NULL: none is known. */
struct scsi_lun *scsi_lun_find(struct virtio_scsi *scsi, uint8_t target, uint16_t number);
/* All that is scanned from now on has a minute together; and whether that is over. */
void scsi_scan_begin(struct virtio_scsi *scsi);
bool scsi_scan_is_late(const struct virtio_scsi *scsi);
/* Work context, or program context for the first time. 0, or an error of the device: not all could be
 * looked at; ERR_TIMEOUT: not in the time that there is. */
int scsi_scan_host(struct virtio_scsi *scsi);
int scsi_scan_target(struct virtio_scsi *scsi, uint8_t target);
int scsi_scan_lun(struct virtio_scsi *scsi, uint8_t target, uint16_t number);

/* ---- scsi_disk.c, scsi_mode.c, scsi_page.c ------------------------------------------------------------------------ */

bool scsi_is_disk(const struct scsi_lun *lun);
/* Finds out all that is needed to read and write it, and lists it as a disk. 0 or an error: then nothing can be
 * read from it now. Work or program context. */
int scsi_disk_examine(struct scsi_lun *lun);
/* It is not there any more. Work or program context. */
void scsi_disk_removed(struct scsi_lun *lun);
/* A removable one that says nothing by itself: whether it must be examined again. Work context. */
void scsi_disk_poll(struct scsi_lun *lun);
/* Whether it can be written, what its caches are; has them as a program has chosen. 0, or an error of the device. */
int scsi_read_mode(struct scsi_lun *lun);
/* Switches its cache. Work context. As block_set_write_back. */
int scsi_switch_cache(struct scsi_lun *lun, bool on);
/* Its serial number and limits. 0, or an error of the device. */
int scsi_read_vital_pages(struct scsi_lun *lun);
/* Whether an error is the device's and not the unit's answer: then there is no point in asking on. */
bool scsi_is_fatal(const struct scsi_lun *lun, int error);

/* ---- scsi_control.c ------------------------------------------------------------------------------------ */

/* Work or program context, one at a time. 0; ERR_UNSUPPORTED: refused; ERR_NODEV: no such unit, or the device
 * is gone; another error. */
int scsi_task_management(struct virtio_scsi *scsi, uint32_t subtype, const uint8_t *lun,
			 uint64_t id);
/* Asks for events of those kinds; those that the unit will send. Negative: an error. */
int scsi_subscribe(struct virtio_scsi *scsi, const uint8_t *lun, uint32_t events);
void scsi_control_drain(struct virtio_scsi *scsi);
void scsi_control_abort(struct virtio_scsi *scsi, int error);

/* ---- scsi_event.c --------------------------------------------------------------------------------------- */

/* Gives all buffers to the device, at first and after a reset. */
void scsi_events_start(struct virtio_scsi *scsi);
void scsi_events_drain(struct virtio_scsi *scsi);

/* ---- scsi_attend.c ---------------------------------------------------------------------------------------- */

void scsi_attend_init(struct virtio_scsi *scsi);
/* Any of these, in any context but interrupts and on any CPU: noted, and done soon, but no flood of them does it
 * more often than is good. */
void scsi_wish(struct scsi_lun *lun, uint8_t wishes);
void scsi_wish_target(struct virtio_scsi *scsi, uint8_t target);
void scsi_wish_scan(struct virtio_scsi *scsi);
/* Does what was wished. Work context; the first scan in program context. */
void scsi_attend(struct virtio_scsi *scsi);
/* block_set_write_back and block_resize_queue for one. Program context, any CPU. */
int scsi_set_write_back(struct scsi_lun *lun, bool on);
int scsi_resize_queues(struct scsi_lun *lun, unsigned size);
/* How a program's request has ended: what follows from that is wished. Drain context, any CPU. */
void scsi_notice(struct scsi_lun *lun, const struct scsi_answer *answer);

#endif
