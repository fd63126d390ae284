/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a virtio-scsi device shares with its driver: VIRTIO 1.4, 5.6.4 and 5.6.6. Names are the
 * specification's. Fields of SCSI itself, in cdb and sense, are big-endian bytes: lib/be.h.
 */
#ifndef DRIVERS_VIRTIO_SCSI_WIRE_H
#define DRIVERS_VIRTIO_SCSI_WIRE_H

#include "lib/le.h"

/* 5.6.2 */
enum { SCSI_CONTROLQ = 0, SCSI_EVENTQ = 1, SCSI_REQUESTQ = 2 };

/* Feature bits, 5.6.3 */
enum { VIRTIO_SCSI_F_HOTPLUG = 1, VIRTIO_SCSI_F_CHANGE = 2 };

/* 5.6.4 */
enum virtio_scsi_config {
	SCSI_CONFIG_NUM_QUEUES = 0,
	SCSI_CONFIG_SEG_MAX = 4,
	SCSI_CONFIG_MAX_SECTORS = 8,
	SCSI_CONFIG_CMD_PER_LUN = 12,
	SCSI_CONFIG_EVENT_INFO_SIZE = 16,
	SCSI_CONFIG_SENSE_SIZE = 20,
	SCSI_CONFIG_CDB_SIZE = 24,
	SCSI_CONFIG_MAX_TARGET = 30,
	SCSI_CONFIG_MAX_LUN = 32,
};

#define SCSI_LUN_BYTES 8
#define SCSI_CDB_SIZE 32 /* the defaults of 5.6.4.2-1, which this driver keeps */
#define SCSI_SENSE_SIZE 96
#define SCSI_PARAMETER_BYTES 24
#define SCSI_POISON 0xff /* what no device writes: tells whether it wrote at all */

/* ---- Request queues (5.6.6.1) ------------------------------------------------------------- */

struct virtio_scsi_req_cmd {
	uint8_t lun[SCSI_LUN_BYTES];
	le64 id;
	uint8_t task_attr;
	uint8_t prio;
	uint8_t crn;
	uint8_t cdb[SCSI_CDB_SIZE];
	uint8_t parameters[SCSI_PARAMETER_BYTES]; /* dataout of an UNMAP, and of nothing else */
};
#define SCSI_REQ_BYTES 51 /* up to the end of cdb; dataout follows */
_Static_assert(__builtin_offsetof(struct virtio_scsi_req_cmd, cdb) + SCSI_CDB_SIZE ==
		       SCSI_REQ_BYTES,
	       "5.6.6.1");
_Static_assert(__builtin_offsetof(struct virtio_scsi_req_cmd, parameters) == SCSI_REQ_BYTES,
	       "they follow");

struct virtio_scsi_resp_cmd {
	le32 sense_len;
	le32 residual;
	le16 status_qualifier;
	uint8_t status;
	uint8_t response;
	uint8_t sense[SCSI_SENSE_SIZE];
};
#define SCSI_RESP_BYTES 108 /* datain follows */
_Static_assert(sizeof(struct virtio_scsi_resp_cmd) == SCSI_RESP_BYTES, "5.6.6.1");
_Static_assert(__builtin_offsetof(struct virtio_scsi_resp_cmd, sense) == 12, "5.6.6.1");

/* Both of one command. What the device writes shares no cache line with what it reads. */
struct scsi_exchange {
	struct virtio_scsi_req_cmd req;
	uint8_t unused[48];
	struct virtio_scsi_resp_cmd resp;
	uint8_t unused_too[20];
};
#define SCSI_RESP_OFFSET 128
_Static_assert(__builtin_offsetof(struct scsi_exchange, resp) == SCSI_RESP_OFFSET, "aligned");
_Static_assert(sizeof(struct scsi_exchange) == 256, "aligned");

/* `response`, of commands and of the control queue */
enum {
	VIRTIO_SCSI_S_OK = 0,
	VIRTIO_SCSI_S_OVERRUN = 1,
	VIRTIO_SCSI_S_ABORTED = 2,
	VIRTIO_SCSI_S_BAD_TARGET = 3,
	VIRTIO_SCSI_S_RESET = 4,
	VIRTIO_SCSI_S_BUSY = 5,
	VIRTIO_SCSI_S_TRANSPORT_FAILURE = 6,
	VIRTIO_SCSI_S_TARGET_FAILURE = 7,
	VIRTIO_SCSI_S_NEXUS_FAILURE = 8,
	VIRTIO_SCSI_S_FAILURE = 9,
	VIRTIO_SCSI_S_FUNCTION_COMPLETE = 0,
	VIRTIO_SCSI_S_FUNCTION_SUCCEEDED = 10,
	VIRTIO_SCSI_S_FUNCTION_REJECTED = 11,
	VIRTIO_SCSI_S_INCORRECT_LUN = 12,
};

/* ---- Control queue (5.6.6.2) --------------------------------------------------------------- */

enum {
	VIRTIO_SCSI_T_TMF = 0,
	VIRTIO_SCSI_T_AN_SUBSCRIBE = 2,

	VIRTIO_SCSI_T_TMF_ABORT_TASK = 0,
	VIRTIO_SCSI_T_TMF_LOGICAL_UNIT_RESET = 5,

	VIRTIO_SCSI_EVT_ASYNC_MEDIA_CHANGE = 16,
};

struct virtio_scsi_ctrl_tmf {
	le32 type;
	le32 subtype;
	uint8_t lun[SCSI_LUN_BYTES];
	le64 id;
	uint8_t response; /* the device's */
};
#define SCSI_TMF_BYTES 24 /* up to response */
_Static_assert(__builtin_offsetof(struct virtio_scsi_ctrl_tmf, response) == SCSI_TMF_BYTES,
	       "5.6.6.2");

struct virtio_scsi_ctrl_an {
	le32 type;
	uint8_t lun[SCSI_LUN_BYTES];
	le32 event_requested;
	le32 event_actual; /* from here on the device's */
	uint8_t response;
};
#define SCSI_AN_BYTES 16 /* up to event_actual */
#define SCSI_AN_ANSWER_BYTES 5
_Static_assert(__builtin_offsetof(struct virtio_scsi_ctrl_an, event_actual) == SCSI_AN_BYTES,
	       "5.6.6.2");

/* ---- Event queue (5.6.6.3) ------------------------------------------------------------------ */

#define VIRTIO_SCSI_T_EVENTS_MISSED 0x80000000u

enum {
	VIRTIO_SCSI_T_NO_EVENT = 0,
	VIRTIO_SCSI_T_TRANSPORT_RESET = 1,
	VIRTIO_SCSI_T_ASYNC_NOTIFY = 2,
	VIRTIO_SCSI_T_PARAM_CHANGE = 3,

	VIRTIO_SCSI_EVT_RESET_HARD = 0,
	VIRTIO_SCSI_EVT_RESET_RESCAN = 1,
	VIRTIO_SCSI_EVT_RESET_REMOVED = 2,
};

struct virtio_scsi_event {
	le32 event;
	uint8_t lun[SCSI_LUN_BYTES];
	le32 reason;
};
_Static_assert(sizeof(struct virtio_scsi_event) == 16, "5.6.6.3");

#endif
