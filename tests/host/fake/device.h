/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A virtio device that a test makes up, behind the port's registers: on PCI (pci.c) or MMIO (mmio.c), as what
 * its model says (models.c), with the rings of ring_device.h. It keeps to VIRTIO 1.4 unless it is told not to,
 * and complains of a driver that does not.
 *
 *     struct fake_device device;
 *     fake_device_init(&device, FAKE_PCI, &fake_blk, FAKE_PACKED);
 *     device.hang_reset = true;              // what goes wrong
 *     CHECK_EQ(fake_probe(&device), ERR_TIMEOUT);
 */
#ifndef TESTS_HOST_FAKE_DEVICE_H
#define TESTS_HOST_FAKE_DEVICE_H

#include "drivers/pci/pci.h"
#include "drivers/virtio/virtio.h"
#include "tests/host/fake/port.h"
#include "tests/host/ring_device.h"

enum fake_bus { FAKE_PCI, FAKE_MMIO };
enum fake_format { FAKE_SPLIT, FAKE_PACKED };

#define FAKE_QUEUES 64
#define FAKE_CONFIG_BYTES 64
#define FAKE_VECTORS 8
#define FAKE_NO_VECTOR 0xffff

struct fake_device;

struct fake_queue {
	struct fake_device *device;
	unsigned index;
	uint32_t size_max; /* what it says its largest size is */
	uint32_t size;
	bool ready;
	uint64_t desc, driver, area; /* area: the device's */
	uint16_t vector;
	uint16_t notify_off, notify_data;
	struct ring_device ring;
	bool kicked;
	unsigned notifications;
};

/* What a type of device does with a buffer. */
struct fake_model {
	uint32_t type;
	unsigned queues;
	uint32_t queue_size;
	uint32_t features; /* word 0, of the type's own */
	unsigned config_bytes;
	/* Serves a buffer: 0 and its written length, or it is kept (receive queues). */
	bool (*serve)(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written);
	/* The device was reset. NULL: of no interest. */
	void (*reset)(struct fake_device *device);
	/* A byte of the configuration was written. */
	void (*config_written)(struct fake_device *device, unsigned offset, uint8_t value);
};

struct fake_device {
	struct vport_device port; /* first: the port's functions are given it */
	enum fake_bus bus;
	const struct fake_model *model;
	void *state; /* the model's */

	/* Status and features. */
	uint8_t status;
	uint32_t offered[VIRTIO_FEATURE_WORDS], accepted[VIRTIO_FEATURE_WORDS];
	uint32_t device_select, driver_select;
	unsigned resets;
	char steps[2048]; /* what the driver did, in order: "status=0 status=1 …" */

	/* Configuration. */
	uint8_t config[FAKE_CONFIG_BYTES];
	uint32_t generation;

	/* Queues. */
	struct fake_queue queues[FAKE_QUEUES];
	unsigned queue_count; /* what it says there are */
	uint16_t queue_select;
	uint8_t isr;
	uint16_t config_vector;

	/* PCI (pci.c) and MMIO (mmio.c). */
	uint8_t pci_config[256], pci_writable[256];
	uint32_t msix_table[FAKE_VECTORS * 4];
	struct pci_function function;
	uint32_t multiplier; /* of queue_notify_off, as its notifications are checked */
	uint32_t version, device_id;
	uint64_t shm_base, shm_length;

	/* ---- What goes wrong ------------------------------------------------------------ */

	bool gone;             /* every read is all ones, writes go nowhere */
	bool hang_reset;       /* the status never reads 0 */
	unsigned reset_reads;  /* it does after that many reads */
	bool refuse_features;  /* FEATURES_OK does not stay set */
	bool offers_differ;    /* the second read of the features offers everything */
	bool words_alias;      /* feature words from 2 on are word 1 again (QEMU's virtio-mmio) */
	bool generation_runs;  /* the generation changes with every read of it */
	bool refuse_queue;     /* a queue does not become ready */
	unsigned queue_resets; /* of single queues, so far */
	bool queue_reset_pretends;   /* it is taken, and nothing happens (QEMU\'s virtio-mmio) */
	bool queue_reset_hangs;      /* it never ends */
	unsigned queue_reset_reads;  /* it ends after that many reads */
	bool queues_stay_ready;      /* a reset of the device does not disable them */
	unsigned vectors_held;       /* MSI-X vectors that it accepts */
	bool no_queue_vectors;       /* it accepts none for a queue */
	bool master_stays;           /* the bus master bit cannot be cleared */
	bool lawless;                /* its complaints of the driver are not counted */
	bool silent;                 /* it raises no interrupt */
	bool deaf;                   /* it does not look at its queues */
	bool wants_no_notifications; /* it never asks for one, and looks at nothing without */
	/* Before a buffer is given back: the length may be changed; false keeps the buffer, which the test then
	 * uses itself. */
	bool (*before_use)(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written);
	/* Before each read of the configuration, and each register write. */
	void (*before_config_read)(struct fake_device *device);
	void (*after_step)(struct fake_device *device, const char *step);
};

void fake_device_init(struct fake_device *device, enum fake_bus bus, const struct fake_model *model,
		      enum fake_format format);
/* Finds it as a bus scan would, and hands it to its driver: what the transport's probe returns. */
int fake_probe(struct fake_device *device);
void fake_offer(struct fake_device *device, unsigned feature);
void fake_withdraw(struct fake_device *device, unsigned feature);
bool fake_accepted(const struct fake_device *device, unsigned feature);

/* Little-endian bytes of the configuration; the driver is not told. */
void fake_config_set(struct fake_device *device, unsigned offset, unsigned width, uint64_t value);
uint64_t fake_config_get(const struct fake_device *device, unsigned offset, unsigned width);

/* Gives a buffer back and interrupts if the driver wants that; or whatever it wants. */
void fake_use(struct fake_queue *queue, struct ring_chain *chain, uint32_t written);
void fake_interrupt_queue(struct fake_queue *queue);
void fake_interrupt_config(struct fake_device *device);
/* Serves all that is available. */
void fake_serve(struct fake_queue *queue);
/* What the driver did to the rings that it must not. NULL: nothing. */
const char *fake_ring_complaint(const struct fake_device *device);

/* ---- For the buses -------------------------------------------------------------- */

void fake_pci_init(struct fake_device *device);
int fake_pci_probe(struct fake_device *device);
void fake_pci_interrupt(struct fake_device *device, uint16_t vector);
void fake_mmio_init(struct fake_device *device);
int fake_mmio_probe(struct fake_device *device);

void fake_step(struct fake_device *device, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void fake_breach(struct fake_device *device, const char *what);
uint8_t fake_read_status(struct fake_device *device);
void fake_write_status(struct fake_device *device, uint32_t status);
uint32_t fake_read_features(struct fake_device *device);
void fake_write_features(struct fake_device *device, uint32_t word);
uint32_t fake_read_generation(struct fake_device *device);
uint32_t fake_read_config(struct fake_device *device, uint64_t offset, unsigned width);
void fake_write_config(struct fake_device *device, uint64_t offset, unsigned width, uint32_t value);
/* The selected queue; NULL when there is none. */
struct fake_queue *fake_selected(struct fake_device *device);
void fake_set_size(struct fake_queue *queue, uint32_t size);
void fake_set_ready(struct fake_queue *queue, uint32_t ready);
/* 2.6.1: the selected queue alone. */
void fake_reset_queue(struct fake_queue *queue);
uint32_t fake_queue_reset_state(struct fake_queue *queue);
/* What was written there by a notification of the queue (2.9). */
void fake_notify(struct fake_queue *queue, uint32_t value);
/* The queue that a notification value names; NULL when there is none. */
struct fake_queue *fake_notified(struct fake_device *device, uint32_t value);

/* PCI: where things are. Capabilities in configuration space, structures in BAR 4. */
enum {
	FAKE_CAP_COMMON = 0x40,
	FAKE_CAP_ISR = 0x50,
	FAKE_CAP_CONFIG = 0x60,
	FAKE_CAP_NOTIFY = 0x70,
	FAKE_CAP_WINDOW = 0x84,
	FAKE_CAP_MSIX = 0x98,
	FAKE_CAP_SHM = 0xa4,

	FAKE_COMMON = 0x0000,
	FAKE_ISR = 0x1000,
	FAKE_CONFIG = 0x2000,
	FAKE_NOTIFY = 0x3000,
	FAKE_NOTIFY_BYTES = 0x200,
	FAKE_MULTIPLIER = 4,
};
#define FAKE_BAR1 UINT64_C(0xfe000000) /* MSI-X table, 4 KiB, 32 bits */
#define FAKE_BAR4 UINT64_C(0x8000000000)
#define FAKE_BAR4_BYTES 0x8000
#define FAKE_MMIO_BASE UINT64_C(0xa003e00)
#define FAKE_MMIO_BYTES 0x200

void fake_pci_set(struct fake_device *device, unsigned offset, unsigned width, uint32_t value);
uint32_t fake_pci_get(const struct fake_device *device, unsigned offset, unsigned width);

/* ---- Models (models.c) ------------------------------------------------------------ */

extern const struct fake_model fake_rng, fake_blk, fake_console;

#define FAKE_DISK_SECTORS 2048

/* A discard, or zeroes, as the driver asked for it. */
struct fake_range {
	uint32_t type;
	uint64_t sector;
	uint32_t sectors, flags;
};
#define FAKE_DISCARDED 0xdd /* what is read where something was discarded */

/* state of fake_blk */
struct fake_disk {
	uint8_t *bytes;
	uint64_t sectors; /* that are there */
	bool null;        /* it moves no data, and has as much as is asked for */
	bool no_status;   /* it does not write the status byte */
	bool mode_stays;  /* its cache mode, whatever is written */
	uint64_t bad_sector;
	bool has_bad_sector;
	/* Limits that requests must keep to. */
	uint32_t seg_max, size_max, block_size;
	unsigned reads, writes, flushes, ids, ranges, mode_writes;
	struct fake_range last_range;
	unsigned requests;
	uint32_t longest; /* data bytes of a request */
};
void fake_disk_init(struct fake_device *device, struct fake_disk *disk);
void fake_disk_free(struct fake_disk *disk);

/* state of fake_console */
struct fake_terminal {
	char printed[4096];
	size_t length;
	char emergency[256];
	size_t emergency_length;
};
/* The host types this; how much the driver had buffers for. */
size_t fake_type(struct fake_device *device, const char *text, size_t length);

#endif
