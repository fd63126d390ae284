/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio-console: ports, through which characters go to and from the host. A device without
 * VIRTIO_CONSOLE_F_MULTIPORT has one, number 0, which is a console and always there; others come and go as the device
 * says, in work context of CPU 0, and have a name if it gives them one. Who wants to use a port opens it; one user at
 * a time has it, a program or the system console.
 *
 * A struct virtio_port is good for ever, whether the port is there or not.
 *
 *     struct virtio_port *port = virtio_port_find("org.example.data");
 *     if (port && virtio_port_open(port) == 0)
 *             got = virtio_port_read(port, buffer, sizeof(buffer), VPORT_NEVER);
 */
#ifndef DRIVERS_VIRTIO_CONSOLE_H
#define DRIVERS_VIRTIO_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct virtio_console;
struct virtio_port;

/* ---- Devices ---------------------------------------------------------------------- */

/* The first console device, and the one after it; NULL when there is none. */
struct virtio_console *virtio_console_first(void);
struct virtio_console *virtio_console_next(struct virtio_console *console);

/* Whether the device has told of the ports that it has had from the start, and of each all there is. It may not yet
 * have right after it was found, or after a reset: whoever waits for it does so in vport_relax, and not for ever. */
bool virtio_console_settled(const struct virtio_console *console);

/* How many control messages of the device made no sense, and were ignored. */
uint64_t virtio_console_ignored(const struct virtio_console *console);

/* Writes one character past all queues, by the configuration space (VIRTIO_CONSOLE_F_EMERG_WRITE), as soon as
 * the features are negotiated, in any context. False when the device cannot do that. */
bool virtio_console_emergency_write(struct virtio_console *console, char c);

/* From now on `changed` is called, in work context, when a port of any device has come, gone, got its name, become a
 * console, or when one end of it was opened or closed, or its size changed. One listener. */
void virtio_console_listen(void (*changed)(struct virtio_port *port));

/* ---- Ports ------------------------------------------------------------------------- */

#define VIRTIO_PORT_NAME 63 /* bytes; a longer one is ignored */

struct virtio_port_info {
	char path[24];                   /* "vport0p1": device 0, port 1 */
	unsigned number;                 /* of the port: 1 */
	char name[VIRTIO_PORT_NAME + 1]; /* UTF-8 without control characters; may be empty */
	bool there;                      /* the device has it */
	bool console;                    /* it is one to type at */
	bool host_open, open;            /* its ends */
	uint16_t columns, rows;          /* of a console; 0: not known */
	uint64_t received, sent;         /* bytes */
	uint64_t dropped;                /* bytes that came while nobody had it open */
};

/* The ports that are there, of all devices; NULL behind the last. */
struct virtio_port *virtio_port_first(void);
struct virtio_port *virtio_port_next(struct virtio_port *port);
/* One that is there: whose path that is, or else the first one whose name it is; NULL. */
struct virtio_port *virtio_port_find(const char *name);
struct virtio_console *virtio_port_device(const struct virtio_port *port);
/* Any context but an interrupt handler's. */
void virtio_port_info(struct virtio_port *port, struct virtio_port_info *info);

/*
 * Opens it, and tells the device. 0; ERR_NODEV: it is not there; ERR_BUSY: somebody has it; ERR_NOMEM. Its buffers are
 * allocated now, and stay allocated. Work and program context, on any CPU.
 */
int virtio_port_open(struct virtio_port *port);
/* Gives it back. What came and was not read is dropped; what was sent may still be on its way (virtio_port_flush). */
void virtio_port_close(struct virtio_port *port);

/*
 * What came in, without waiting: how many bytes, as many as there are and fit; 0: none will come, because the host
 * has closed its end (it may open it again); ERR_FULL: none are there now; ERR_NODEV: the port is gone, and does not
 * come back before it was closed; ERR_IO, once: the device was reset, and what was on its way is lost, in both
 * directions. Buffers go back to the device when they have been read to their end: so the host is held up by whoever
 * does not read. Drain, work and program context, on any CPU, one at a time.
 */
long virtio_port_receive(struct virtio_port *port, void *buffer, size_t length);
/* Sends, without waiting: how many bytes were taken (of none: 0, where some would be); ERR_CLOSED: the host's end is not
 * open; ERR_FULL: none fit, because the host does not take those before them; ERR_NODEV and ERR_IO as above. The buffer is
 * the caller's again at once. Context as above. */
long virtio_port_send(struct virtio_port *port, const void *buffer, size_t length);

/* What would return something other than ERR_FULL. */
enum { VIRTIO_PORT_READABLE = 1, VIRTIO_PORT_WRITABLE = 2, VIRTIO_PORT_HUNG_UP = 4 };
unsigned virtio_port_ready(struct virtio_port *port);
/* The next time that this changes, this CPU is woken (vport_wake). For who looks at the port next, and waits then. */
void virtio_port_expect(struct virtio_port *port);

/* ---- Waiting for it: console_sync.c -------------------------------------------------- */

/* The same until `deadline` (vport_now): the read returns as soon as there is something, the write when all of it is
 * on its way, or how much was when something went wrong. What the device took before it told that the host had closed
 * its end counts as sent, and may be lost. Work and program context, by vport_relax. */
long virtio_port_read(struct virtio_port *port, void *buffer, size_t length, uint64_t deadline);
long virtio_port_write(struct virtio_port *port, const void *buffer, size_t length,
		       uint64_t deadline);
/* Waits until the host has taken everything that was sent. 0; ERR_FULL: not by then; ERR_CLOSED, ERR_NODEV, ERR_IO as
 * above. */
int virtio_port_flush(struct virtio_port *port, uint64_t deadline);

/* ---- As a console, for the one who has it open ----------------------------------------- */

/*
 * Writes all of it, waiting (for a second in all, without vport_relax) while the device's buffers are full. Any
 * context but an interrupt handler's. Returns how many bytes went out: fewer when the device does not
 * take them in time or is being recovered, or when this is called from within itself (by a log line of this very
 * driver).
 */
size_t virtio_console_write(struct virtio_port *port, const char *text, size_t length);

/* The next character that came in, or -1 when there is none now. Drain, work and program context. */
int virtio_console_read(struct virtio_port *port);

#endif
