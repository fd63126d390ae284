/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of virtio-console share: console.c (bring-up), console_port.c and console_transmit.c (data),
 * console_control.c (messages). The contract for others is console.h. */
#ifndef DRIVERS_VIRTIO_CONSOLE_DEVICE_H
#define DRIVERS_VIRTIO_CONSOLE_DEVICE_H

#include "drivers/virtio/console.h"
#include "drivers/virtio/device.h"
#include "lib/error.h"

/* ---- Numbers of section 5.3 --------------------------------------------------------- */

enum {
	VIRTIO_CONSOLE_F_SIZE = 0,
	VIRTIO_CONSOLE_F_MULTIPORT = 1,
	VIRTIO_CONSOLE_F_EMERG_WRITE = 2
};

enum virtio_console_config { /* offsets, 5.3.4 */
			     CONSOLE_COLS = 0,
			     CONSOLE_ROWS = 2,
			     CONSOLE_MAX_NR_PORTS = 4,
			     CONSOLE_EMERG_WR = 8,
};

enum { CONSOLE_CONTROL_RECEIVEQ = 2, CONSOLE_CONTROL_TRANSMITQ = 3 };

/* ---- Limits of ours ------------------------------------------------------------------- */

/* With the control queues they make up VIRTIO_MAX_QUEUES. What a device has beyond is not used. */
#define CONSOLE_PORTS 31
_Static_assert(2 * (CONSOLE_PORTS + 1) <= VIRTIO_MAX_QUEUES, "as many queues as a device may have");

#define PORT_RECEIVE_BUFFERS 8
#define PORT_TRANSMIT_BUFFERS 8
#define PORT_BUFFERS (PORT_RECEIVE_BUFFERS + PORT_TRANSMIT_BUFFERS)
#define CONSOLE_BUFFER_BYTES 256 /* of what is typed and printed */
#define PORT_BUFFER_BYTES 4096   /* of any other port */

/* A device that finds no buffer to tell something in may leave it unsaid: so there are as many as all ports being
 * added at once need, and only one message of ours is on its way, because each may cause several of the device's. */
#define CONTROL_BUFFERS 32
#define CONTROL_BYTES 512

/* ---- State ------------------------------------------------------------------------------ */

/* A buffer is with the device, or on one of the lists. */
struct port_buffer {
	uint8_t *memory;
	dma_addr_t address;
	uint32_t length, taken; /* received: how much is in it, how much of that has been read */
	uint32_t closes;        /* how often the host had closed its end before that came */
	struct port_buffer *next;
};

struct virtio_port {
	struct virtio_console *console;
	uint32_t id;
	struct virtio_queue *receive, *transmit;

	/* None before the port is opened for the first time. From then on the device has some of them, for as long as
	 * it does not use them. */
	uint8_t *memory;
	uint32_t buffer_bytes;
	unsigned receive_count, transmit_count;
	struct port_buffer buffers[PORT_BUFFERS]; /* those to receive first */

	struct vport_lock lock;                       /* around what follows */
	struct port_buffer *received, **received_end; /* in the order in which they came */
	struct port_buffer *emptied; /* the receive queue's drain gives them to the device */
	char name[VIRTIO_PORT_NAME + 1];
	bool open, taken;             /* this end; somebody has it */
	uint32_t closes, closes_told; /* by the host; of which who has the port knows */

	bool missed; /* a drain found that the transmit queue had an owner: it is to come again */
	/* Of that, its ring and what follows, for now: a CPU's number + 1; 0: nobody. */
	unsigned owner;
	struct port_buffer *free_transmit;
	unsigned free_count; /* of these; others read it */
	bool stuck;          /* the last wait for a buffer was in vain */

	/* What the device says of it: written on CPU 0, read by anybody. */
	bool there, is_console, host_open;
	bool awaited; /* it was there before a reset, and may be told of again */
	uint16_t columns, rows;

	/* For the one who has it: it will not come back; the device was reset. */
	bool gone, was_reset;

	/* What the work item is to do: a message PORT_READY, PORT_OPEN; call the listener. */
	bool ready_due, open_due, open_value, changed;

	uint64_t waiters; /* CPUs that wait for a change, a bit each */
	uint64_t bytes_received, bytes_sent, bytes_dropped;
};

struct virtio_console {
	struct virtio_device *device;
	unsigned number; /* of the device, among consoles */
	struct virtio_port *ports;
	unsigned port_count, port_room; /* that have queues; that there is memory for */

	/* Control messages (only with MULTIPORT): CPU 0's alone. */
	struct virtio_queue *control_receive, *control_transmit;
	uint8_t *control_memory; /* CONTROL_BUFFERS to receive into, and one to send */
	dma_addr_t control_address;
	struct port_buffer control[CONTROL_BUFFERS];
	struct port_buffer *messages, **messages_end; /* that came */
	bool device_ready_due, sending, settled;
	uint64_t ignored;
	uint64_t
		announce_until; /* a port that was there before a reset may be told of until then */
	struct vport_work attend;

	struct virtio_console *next;
};

static inline bool console_multiport(const struct virtio_console *console)
{
	return virtio_has(console->device, VIRTIO_CONSOLE_F_MULTIPORT);
}

/* Another CPU may change that at any time. */
static inline bool console_running(const struct virtio_console *console)
{
	return __atomic_load_n(&console->device->state, __ATOMIC_RELAXED) == VIRTIO_RUNNING;
}

/* Of the flags that others look at. */
#define PORT_SET(port, flag, value) __atomic_store_n(&(port)->flag, value, __ATOMIC_RELEASE)
#define PORT_IS(port, flag) __atomic_load_n(&(port)->flag, __ATOMIC_ACQUIRE)

/* ---- console.c ------------------------------------------------------------------------------ */

/* The listener is called soon. Any context but an interrupt handler's. */
void console_port_changed(struct virtio_port *port);
/* In the work item. */
void console_tell_listener(struct virtio_console *console);

/* ---- console_port.c --------------------------------------------------------------------------- */

/* After DRIVER_OK: begins anew with all buffers. */
void console_port_start(struct virtio_port *port);
/* Drain context, or work context on CPU 0, the home of both queues. */
void console_port_drain_receive(struct virtio_port *port);
/* The host has opened its end, or closed it. Work context, CPU 0. */
void console_port_host(struct virtio_port *port, bool open);
/* Whether the host has closed its end more often than has been told, whatever came before and has not been read; it is
 * told now. */
bool console_port_closed_at_all(struct virtio_port *port);
/* Why nothing will come, or go, for the one who has it: 0 when it may; ERR_FULL: not now; ERR_IO is told once. */
int console_port_state(struct virtio_port *port);
/* Whoever waits looks again. Any context. */
void console_port_wake(struct virtio_port *port);

/* ---- console_transmit.c ------------------------------------------------------------------------ */

/* Around a reset: keeps everybody from the transmit queue; lets them in again. */
void console_port_stop(struct virtio_port *port);
void console_port_go_on(struct virtio_port *port);
/* Drain context. */
void console_port_drain_transmit(struct virtio_port *port);
/* 0 when the device has used all that was sent; ERR_FULL: not yet; or why it never will. */
int console_port_pending(struct virtio_port *port);

/* ---- console_control.c ------------------------------------------------------------------------- */

/* 0 or an error; what was allocated is freed by console_control_free. */
int console_control_create(struct virtio_console *console);
void console_control_free(struct virtio_console *console);
/* After DRIVER_OK: gives all buffers to the device, and has it told that we are ready. */
void console_control_start(struct virtio_console *console);
/* Drain context. */
void console_control_drain_receive(struct virtio_console *console);
void console_control_drain_transmit(struct virtio_console *console);
/* The work item: messages that came, one to be sent, the listener. */
void console_attend(struct vport_work *work);

#endif
