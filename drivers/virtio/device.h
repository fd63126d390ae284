/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A virtio device: what the core (device.c, config.c, queue.c, queue_interrupt.c, recover.c), the transports (pci.c, mmio.c)
 * and the drivers (rng.c, blk.c, console.c) share. Programs see none of it.
 *
 * How a device comes to life (3.1.1), and who does it:
 *
 *   transport   virtio_pci_probe, virtio_mmio_probe: find the registers, fill in `transport`
 *   device.c    reset, ACKNOWLEDGE, DRIVER, negotiate, FEATURES_OK
 *   driver      probe: reads the configuration, virtio_queue_create for each queue
 *   device.c    interrupts routed, queues enabled, DRIVER_OK
 *   driver      ready: fills receive queues, takes requests
 *
 * recover.c goes the same way again after a reset, without the driver's probe.
 */
#ifndef DRIVERS_VIRTIO_DEVICE_H
#define DRIVERS_VIRTIO_DEVICE_H

#include "drivers/virtio/port.h"
#include "drivers/virtio/virtio.h"
#include "drivers/virtio/virtq.h"

struct virtio_device;
struct virtio_queue;

/* ---- What a transport does ---------------------------------------------------- */

struct virtio_transport {
	const char *name; /* "pci", "mmio" */

	uint8_t (*status_read)(struct virtio_device *device);
	void (*status_write)(struct virtio_device *device, uint8_t status);
	void (*features_read)(struct virtio_device *device, struct virtio_features *offered);
	void (*features_write)(struct virtio_device *device,
			       const struct virtio_features *accepted);

	/* Device-specific configuration: one access of 1, 2 or 4 bytes, aligned (4.1.3.1-1, 4.2.2.2-3).
	 * The caller has checked it against config_size. */
	uint32_t (*config_read)(struct virtio_device *device, unsigned offset, unsigned width);
	void (*config_write)(struct virtio_device *device, unsigned offset, unsigned width,
			     uint32_t value);
	uint32_t (*config_generation)(struct virtio_device *device);

	/* The largest size that the device allows for queue `index`; 0: there is no such queue. */
	uint32_t (*queue_max_size)(struct virtio_device *device, unsigned index);
	/* Tells the device where the queue is, finds its doorbell, and enables it. 0 or an error. */
	int (*queue_enable)(struct virtio_queue *queue, const struct virtq_addresses *at);
	/* VIRTIO_F_RING_RESET (2.6.1): resets this queue alone and waits for it, bounded; afterwards it may be
	 * enabled again. 0, or an error: then only a reset of the device is of use. */
	int (*queue_reset)(struct virtio_queue *queue);
	/* Notifies where there is no doorbell register that could be written directly. */
	void (*notify)(struct virtio_queue *queue, uint32_t value);

	/* The vector ladder: finds the best way in which the device can interrupt, and sets
	 * device->interrupts, vectors and each queue's `interrupts`. Never fails: the last rung is polling. */
	void (*interrupts_route)(struct virtio_device *device);
	void (*interrupts_release)(struct virtio_device *device);
	/* For virtio_line_interrupt: reads and acknowledges why the line was raised: VIRTIO_ISR_ bits. Interrupt context. */
	uint32_t (*isr)(struct virtio_device *device);

	/* A network device serves each pair of queues that is enabled, without being told by a command. */
	bool serves_enabled;

	/* Where the device's shared memory region `id` is (2.10), and how long. 0 or ERR_NODEV. */
	int (*shared_memory)(struct virtio_device *device, unsigned id, uint64_t *bus,
			     uint64_t *length);

	/* For a device whose reset does not finish: keeps it from writing to memory. 0 when that is certain
	 * (then its memory can be used again), else an error. */
	int (*disown)(struct virtio_device *device);
};

#define VIRTIO_QUEUE_RESET_NS UINT64_C(500000000) /* how long queue_reset waits */

enum { VIRTIO_ISR_QUEUE = 1, VIRTIO_ISR_CONFIG = 2 };

/* ---- What a driver is ------------------------------------------------------------ */

struct virtio_feature_name {
	uint8_t bit;
	const char *name; /* that of VIRTIO 1.4, without its prefix */
};

struct virtio_driver {
	uint32_t type;    /* enum virtio_type */
	const char *name; /* "blk" */
	/* Allow-list of device-specific features: wanted ones are taken when offered. VERSION_1, the ring's and
	 * the platform's features are the core's business. */
	const uint8_t *wanted; /* bit numbers */
	unsigned wanted_count;
	const struct virtio_feature_name *names; /* of its features, for people; or NULL */
	unsigned name_count;

	/* Before FEATURES_OK, once, when the wanted ones have been taken: removes from device->features those that lack
	 * others that they need (2.2.1-1). NULL: there is nothing of that kind. */
	void (*choose)(struct virtio_device *device);

	/* Between FEATURES_OK and DRIVER_OK, once: reads the configuration, allocates, creates queues. Leaves
	 * nothing behind when it fails, but for the queues. 0 or an error, logged. */
	int (*probe)(struct virtio_device *device);
	/* After a probe that worked, when the device does not come up all the same: frees what probe allocated,
	 * but for the queues. The device does not reach memory any more. */
	void (*remove)(struct virtio_device *device);
	/* A recovery begins, and the drains have ended: when this returns nobody of the driver's is at the queues,
	 * on any CPU, nor comes there before ready. It may wait for who is, but not by vport_relax. Work context.
	 * NULL: there is nobody to wait for. */
	void (*stop)(struct virtio_device *device);
	/* In a recovery, before any queue is drained again: reads anew what the device says of itself, which may be
	 * another one now. 0, or an error: then it is given up. NULL where there is nothing to read. */
	int (*restart)(struct virtio_device *device);
	/* After DRIVER_OK: at first and after each recovery. Work or program context. */
	void (*ready)(struct virtio_device *device);
	/* Used buffers may be there. Drain context; see virtio_queue_pop. */
	void (*drain)(struct virtio_queue *queue);
	/* A queue was reset alone and is enabled again. Work or program context. NULL where the driver never
	 * asks for that. */
	void (*queue_ready)(struct virtio_queue *queue);
	/* A buffer that was in flight when the device was reset: `error` says why. Once for each. */
	void (*abort)(struct virtio_queue *queue, void *cookie, int error);
	/* A buffer in a queue with deadlines has missed its own. Drain context. True: the driver tries something
	 * milder than a reset of the device, and is asked again at the next look. NULL: there is no such thing. */
	bool (*overdue)(struct virtio_queue *queue, void *cookie);
	/* The configuration changed. Drain context. NULL: of no interest. */
	void (*config_changed)(struct virtio_device *device);
	/* The device will not come back: everything that waits fails. After the aborts. */
	void (*gone)(struct virtio_device *device);
};

/* drivers/virtio/drivers.c: all there are. */
const struct virtio_driver *virtio_driver_for(uint32_t type);

/* ---- A queue ---------------------------------------------------------------------- */

/* How long a buffer may take, in multiples of the deadline. Of no meaning in a queue whose buffers wait
 * for the device (receive, events). */
enum { VIRTIO_ONE_DEADLINE = 1, VIRTIO_TWO_DEADLINES = 2 };

struct virtio_queue {
	struct virtq ring;
	struct virtio_device *device;
	struct vport_event event;      /* used buffers may be there */
	struct vport_event look_event; /* the regular look */
	uint16_t index;                /* the device's number for it */
	uint16_t place;                /* in the device's list: it was created as that one */
	uint16_t max_size;             /* the largest size that the device allows */
	uint16_t
		indirect_wanted; /* descriptors in an indirect table, where the ring is large enough */
	bool interrupts;         /* the device can interrupt for it; else it is polled */
	bool has_deadline;       /* a buffer in flight for too long means that the device hangs */
	bool quiet;              /* interrupts are asked for only while it is awaited */
	bool awaited; /* the drain asks for them: always, but for a quiet, a shared or a polled queue */
	bool shared; /* its driver asks, by virtio_queue_ask: `awaited` stays false. See virtio_queue_options */
	bool counts_read; /* see virtio_queue_options */
	bool unfinished; /* the driver's drain has left used buffers, or lets them wait: drained again without interrupts, at once
			  * or, where the drain has set event.check_at, then */
	bool paused;     /* pushes are refused for now: it is about to get another size */
	bool resizing;   /* it is being reset for that: not to be drained */
	bool tells_position; /* VIRTIO_F_NOTIFICATION_DATA: a notification says where the ring stands */
	bool rekicked;       /* the device was notified once more, to see whether that helps */
	bool untold;         /* the last publish rang no bell: the next look does */

	/* The doorbell: `doorbell_value` is written, in the given width; see virtio_queue_publish. `doorbell` is 0 where
	 * the ring's position goes with it, or no register is within reach: then it is not the short way. */
	vport_reg_t doorbell, doorbell_register;
	uint32_t doorbell_value;
	uint16_t position; /* of the ring at the last publish, for tells_position */
	uint8_t doorbell_width;
	uint32_t doorbell_offset; /* PCI, where it could not be mapped */
	uint16_t vector;          /* MSI-X */

	/* Deadlines without a clock on the hot path: each buffer's slot in the ring counts the regular looks that
	 * have found it in flight, and after so many it is overdue. */
	int16_t deadline_looks;

	struct virtq_setup setup; /* to start again after a reset */
	void *driver;             /* the driver's own */
};

/* ---- A device ---------------------------------------------------------------------- */

enum virtio_state {
	VIRTIO_STARTING,
	VIRTIO_RUNNING,
	VIRTIO_RECOVERING, /* pushes fail; recover.c is at work */
	VIRTIO_FAILED,     /* for good */
};

enum virtio_interrupts { VIRTIO_POLLED, VIRTIO_LINE, VIRTIO_MSIX };

#define VIRTIO_RESET_MS 1000 /* how long a reset may take, unless reset_ms= says otherwise */
#define VIRTIO_MAX_QUEUES 64 /* of one device, whatever their indices are */

struct virtio_device {
	const struct virtio_transport *transport;
	const struct virtio_driver *driver;
	struct vport_device *port;
	void *data; /* the driver's own */
	uint32_t type;
	char location[40]; /* "pci 00:03.0", "mmio 0xa003e00" */
	char name[8];      /* "vda", set by the driver */
	enum virtio_state state;
	int error;       /* why it is recovering or has failed */
	unsigned resets; /* recoveries so far */
	uint64_t recovered_at;
	unsigned resets_in_a_row; /* since it was last seen running for a while */
	bool memory_lost;         /* given up, and it may still write to what it was given */
	bool reset_hangs;         /* a reset was not seen to finish */
	bool probed;              /* the driver's probe has worked */

	struct virtio_features offered, features;
	unsigned config_size;
	uint32_t config_generation;
	uint64_t change_lines_since; /* when the first of these was logged: virtio_tells_change */
	unsigned change_lines;
	bool config_interrupted;

	struct virtio_queue *queues[VIRTIO_MAX_QUEUES]; /* in the order of their creation */
	unsigned queue_count;
	enum virtio_interrupts interrupts;
	unsigned vectors; /* MSI-X vectors in use */

	struct vport_event config_event;
	struct vport_lock failing; /* around the change from running to recovering */
	struct vport_work recovery;
	struct virtio_device *next;
};

static inline bool virtio_has(const struct virtio_device *device, unsigned feature)
{
	return virtio_features_has(&device->features, feature);
}

/* ---- device.c: the status machine -------------------------------------------------- */

/* Brings up a device whose transport, port, type, location and config_size are set: everything of 3.1.1.
 * Program context. 0 or an error that has been logged. The struct stays in use for good when it is 0. */
int virtio_device_add(struct virtio_device *device);
/* Steps 1 to 8 of 3.1.1; `first`: with the driver's probe, else with what was negotiated before. */
int virtio_device_start(struct virtio_device *device, bool first);
/* Writes 0 to the status and waits until it reads 0 (2.4.2-1), bounded. Program or work context.
 * 0 or ERR_TIMEOUT. */
int virtio_device_reset(struct virtio_device *device);
/* The device will not be used any more: resets it so that it forgets our memory, disowns it if it does
 * not, leaves FAILED in its status. 0 when it certainly cannot reach memory any more, else an error: then
 * whatever it was given must never be used again. Program or work context. */
int virtio_device_give_up(struct virtio_device *device);
void virtio_log(const struct virtio_device *device, enum vport_log_level level, const char *fmt,
		...) __attribute__((format(printf, 3, 4)));
/* Whether a line about what the device may change as often as it likes is to be logged: no more than ten of them are in ten
 * seconds. Drain context of CPU 0, work or program context. */
bool virtio_tells_change(struct virtio_device *device);

/* ---- config.c ------------------------------------------------------------------------ */

/*
 * Reads `count` fields of `width` bytes (1, 2, 4 or 8) from `offset` on into an array of that type,
 * all from one generation (2.5.1-1), in a bounded number of tries. 0; ERR_RANGE when the configuration
 * space is too short; ERR_BUSY when it never held still.
 */
int virtio_config_read(struct virtio_device *device, unsigned offset, unsigned width,
		       unsigned count, void *values);
/* One field; 0 or ERR_RANGE. */
int virtio_config_write(struct virtio_device *device, unsigned offset, unsigned width,
			uint64_t value);

/* ---- queue.c, queue_interrupt.c -------------------------------------------------------------------------- */

struct virtio_queue_options {
	uint16_t size_limit; /* the driver needs no more than that */
	bool has_deadline;   /* see VIRTIO_ONE_DEADLINE */
	bool quiet;          /* no interrupts; see virtio_queue_await */
	bool shared;         /* other CPUs use the ring too, one at a time; see virtio_queue_ask */
	uint16_t indirect_entries; /* the longest buffer for which an indirect table is kept */
	/* Devices of this type may count what they read as written: a written length that is too long is no
	 * breach then, and may be any number. */
	bool counts_read;
	unsigned cpu; /* its home: interrupts go there, and it is drained there */
	void *driver;
};

/* Creates queue `index` of a device in probe: it is the next of device->queues, so that a driver that creates 0, 1, 2
 * … finds each by its index. There are at most VIRTIO_MAX_QUEUES, and none twice. 0; ERR_NODEV: the device has no such
 * queue; ERR_FORMAT: it has an impossible one; ERR_NOMEM. */
int virtio_queue_create(struct virtio_device *device, unsigned index,
			const struct virtio_queue_options *options);
void virtio_queues_free(struct virtio_device *device);
/* By the device's number for it; NULL: it was not created. Any context. */
struct virtio_queue *virtio_queue_at(const struct virtio_device *device, unsigned index);

/*
 * Resets one queue and enables it again with another size (rounded down to what the format allows, at most
 * what the device allows): what was in flight comes back by the driver's abort with ERR_BUSY, then queue_ready
 * is called. Program or work context of CPU 0. 0; ERR_UNSUPPORTED without VIRTIO_F_RING_RESET, nothing has happened;
 * ERR_NOMEM, ERR_BROKEN, ERR_BUSY (it is being resized), nothing has happened; another error: the device is being
 * recovered as a whole.
 */
int virtio_queue_resize(struct virtio_queue *queue, uint16_t size);
/* What size that would be. */
uint16_t virtio_queue_size_for(const struct virtio_queue *queue, uint16_t size);

/* virtq_push, with a deadline (VIRTIO_ONE_DEADLINE …) for the buffer. */
int virtio_queue_push(struct virtio_queue *queue, const struct virtq_segment *segments,
		      unsigned readable, unsigned writable, void *cookie, unsigned deadlines);
/* The same for a buffer of virtq_push_list. */
int virtio_queue_push_buffer(struct virtio_queue *queue, struct virtq_buffer *buffer,
			     unsigned deadlines);
/* virtq_push_list, with one deadline for each. */
static inline struct virtq_buffer *virtio_queue_push_list(struct virtio_queue *queue,
							  struct virtq_buffer *first)
{
	return queue->paused ? first : virtq_push_list(&queue->ring, first);
}

/* virtq_push_one, with one deadline. */
static inline int virtio_queue_push_one(struct virtio_queue *queue,
					const struct virtq_segment *segment, bool writable,
					void *cookie)
{
	if (queue->paused)
		return ERR_FULL;
	return virtq_push_one(&queue->ring, *segment, writable, cookie);
}

/* virtq_push_singles, with one deadline for each. */
static inline unsigned virtio_queue_push_singles(struct virtio_queue *queue,
						 const struct virtq_single *buffers, unsigned count,
						 bool writable)
{
	return queue->paused ? 0 : virtq_push_singles(&queue->ring, buffers, count, writable);
}

/* For the transport, when tells_position and the doorbell's value and width are set: the register that is this queue's
 * doorbell; 0: there is none that could be written directly. */
void virtio_queue_set_doorbell(struct virtio_queue *queue, vport_reg_t doorbell);
/* Rings the queue's doorbell, whether the device wants that or not. Any context but an interrupt handler's. */
void virtio_queue_notify(struct virtio_queue *queue);
/* For virtio_queue_publish, where `doorbell` is 0: remembers the ring's position, and notifies if that is wanted. */
void virtio_queue_notify_otherwise(struct virtio_queue *queue, bool wanted);
/* Gives what was pushed to the device, and notifies it if it wants that. */
static inline void virtio_queue_publish(struct virtio_queue *queue)
{
	bool tell = virtq_publish(&queue->ring);

	queue->untold = !tell;
	if (__builtin_expect(!queue->doorbell, false))
		virtio_queue_notify_otherwise(queue, tell);
	else if (tell)
		vport_reg_write(queue->doorbell, queue->doorbell_width, queue->doorbell_value);
}
/* The next used buffer: true, its cookie and how many bytes were written. False: none, or the device
 * broke a rule, in which case its recovery has been started. */
bool virtio_queue_pop(struct virtio_queue *queue, void **cookie, uint32_t *written);
/* The device has broken a rule of the ring (ring.fault says which): starts its recovery. Returns 0: so many are popped. Drain,
 * work or program context. */
unsigned virtio_queue_fail(struct virtio_queue *queue);
/* virtio_queue_pop for up to `max` (> 0): how many. */
static inline unsigned virtio_queue_pop_many(struct virtio_queue *queue, struct virtq_done *done,
					     unsigned max)
{
	int got = virtq_pop_many(&queue->ring, done, max);

	return got >= 0 ? (unsigned)got : virtio_queue_fail(queue);
}

/* Of a quiet queue, whose used buffers nobody hurries to see (the regular look finds them, or the driver pops
 * them when it pushes others): from now on an interrupt is asked for, until the driver's drain sets `awaited` to
 * false. Any context but an interrupt handler's. */
void virtio_queue_await(struct virtio_queue *queue);

/* Of a shared queue, by the driver's drain, as long as it has the ring to itself: from now on an interrupt is asked for.
 * True: used buffers have come meanwhile, and it is to be drained again. Drain context. */
bool virtio_queue_ask(struct virtio_queue *queue);

/* Interrupt handlers, for the transports; the argument is the queue, or the device. */
void virtio_queue_interrupt(void *queue);
void virtio_config_interrupt(void *device);
void virtio_shared_interrupt(void *device); /* one MSI-X vector for everything */
void virtio_line_interrupt(void *device);   /* asks the ISR */
/* What the ISR said, for a transport that has asked itself; and where it said VIRTIO_ISR_QUEUE and nothing else. */
void virtio_line_raised(struct virtio_device *device, uint32_t isr);
void virtio_queues_interrupt(struct virtio_device *device);

/* Starts, stops looking at the queues' events: around DRIVER_OK and a reset. */
void virtio_queues_watch(struct virtio_device *device);
void virtio_queues_mark(struct virtio_device *device); /* all are to be drained */
void virtio_queues_unwatch(struct virtio_device *device);

/* ---- recover.c -------------------------------------------------------------------------- */

/* The device broke a rule, hangs, or asked for it (NEEDS_RESET): logs why, fails everything in flight with
 * `error` after a reset, starts it again. Drain, work or program context; returns at once. */
void virtio_device_fail(struct virtio_device *device, int error, const char *why, uint64_t value);

/* virtio_device_add calls it. */
void virtio_recovery_init(struct virtio_device *device);

#endif
