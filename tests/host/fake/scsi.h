/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A SCSI host device with units in memory, for fake/device.h: VIRTIO 1.4, 5.6. Nothing of the driver is used;
 * offsets are written out.
 */
#ifndef TESTS_HOST_FAKE_SCSI_H
#define TESTS_HOST_FAKE_SCSI_H

#include "tests/host/fake/device.h"

#define FAKE_SCSI_UNITS 32
#define FAKE_SCSI_BLOCKS 2048
#define FAKE_SCSI_DATA 8192

struct fake_unit {
	uint8_t target;
	uint16_t number;
	bool present;
	uint8_t qualifier, type, version;
	bool removable, empty, write_protected, stopped;
	uint32_t block_size;
	uint64_t blocks; /* as it says; 0: as many as can be said */
	uint8_t *bytes;  /* FAKE_SCSI_BLOCKS of them */
	char serial[21];
	uint8_t caching;    /* byte 2 of that page; */
	bool cache_fixed;   /* which cannot be changed, */
	bool cache_ignores; /* or is not, though it says that it is */
	bool no_mode;       /* it has no mode pages, */
	bool no_pages;      /* no vital product data, */
	bool short_only;    /* and no commands of 16 bytes */
	uint32_t transfer_max, unmap_max;
	uint64_t write_same_max;
	bool write_same_unmaps; /* LBPWS */
	/* Unit attentions that it has to tell, asc << 8 | ascq, the next one last. */
	uint16_t attentions[8];
	unsigned attention_count;
	bool has_bad_block;
	uint64_t bad_block;
	unsigned reads, writes, flushes, unmaps, zeroes, inquiries, resets, aborts, starts, selects;
	unsigned shorts, longs; /* READ or WRITE by 10 and 16 bytes */
	uint32_t longest;       /* data of one of them */
};

/* What is told of a command. */
struct fake_answer {
	uint8_t response, status;
	uint8_t sense[96];
	uint32_t sense_len;
	uint32_t moved;             /* of the data */
	int64_t residual;           /* -1: what was not moved */
	uint8_t in[FAKE_SCSI_DATA]; /* data in, unless it is a READ */
	uint32_t in_length;
};

/* state of fake_scsi */
struct fake_scsi {
	struct fake_unit units[FAKE_SCSI_UNITS];
	unsigned unit_count;
	bool no_list;          /* no unit knows REPORT LUNS, */
	bool well_known;       /* but the well-known one of each target, */
	bool host_list;        /* or that of the device */
	bool descriptors;      /* sense data in the other format */
	bool counts_dataout;   /* as QEMU does */
	bool subscribes;       /* it sends the notifications that are asked for */
	bool no_tmf, deaf_tmf; /* task management is refused, or not answered */
	bool events_missed;
	unsigned commands, pings;
	uint8_t last_cdb[32];
	/* A look at each command's answer before it is given, or a lie. */
	void (*before_answer)(struct fake_scsi *scsi, struct fake_unit *unit, const uint8_t *cdb,
			      struct fake_answer *answer);
};

extern const struct fake_model fake_scsi;

/* With one disk, at 0:0. */
void fake_scsi_init(struct fake_device *device, struct fake_scsi *scsi);
void fake_scsi_free(struct fake_scsi *scsi);
/* A disk of FAKE_SCSI_BLOCKS blocks of that size. */
struct fake_unit *fake_scsi_add(struct fake_scsi *scsi, uint8_t target, uint16_t number,
				uint32_t block_size);
void fake_scsi_attention(struct fake_unit *unit, uint8_t asc, uint8_t ascq);
/* CHECK CONDITION with that sense. */
void fake_scsi_check(struct fake_scsi *scsi, struct fake_answer *answer, uint8_t key, uint8_t asc,
		     uint8_t ascq);
/* An event, if there is a buffer for it: else it is told that one was missed, with the next. */
bool fake_scsi_event(struct fake_device *device, uint32_t event, uint8_t target, uint16_t number,
		     uint32_t reason);
/* The same, with whatever bytes; `written` is what the driver is told. */
bool fake_scsi_event_raw(struct fake_device *device, const uint8_t event[16], uint32_t written);

#endif
