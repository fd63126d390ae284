/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a console's port sends: VIRTIO 1.4, 5.3.6. It is copied into one of a few buffers; when all are on their way, the
 * host is slow, and whoever sends waits or does something else.
 *
 * Whoever prints waits as well, but not by vport_relax, because a log line may be printed where that is not allowed: it
 * looks at the queue. So the transmit queue is used by whichever CPU sends, one at a time; and its drain, which asks for
 * interrupts, waits until that one has left.
 *
 * See it at work: make run KERNEL_ARGS=console=virtio QEMU_ARGS='-device virtio-serial-pci
 *                  -chardev file,id=c,path=/tmp/out -device virtconsole,chardev=c'
 * Left out: sending from the caller's own buffer.
 */
#include "drivers/virtio/console_device.h"
#include "lib/mem.h"

#define WRITE_LIMIT_NS UINT64_C(1000000000)

/* Makes this CPU the owner if there is none; else returns who it is. */
static unsigned try_enter(struct virtio_port *port)
{
	unsigned owner = 0;

	__atomic_compare_exchange_n(&port->owner, &owner, vport_cpu() + 1, false, __ATOMIC_SEQ_CST,
				    __ATOMIC_SEQ_CST);
	return owner;
}

/*
 * A line may be printed on any CPU, and in the middle of a drain: who is at the transmit queue already is not let
 * in again. Others wait, until a moment after `start`, but not for one that recovers the device or has just found that
 * it must be: what that one logs may have to wait for them in turn.
 */
static bool enter(struct virtio_port *port, uint64_t start)
{
	unsigned owner;

	while ((owner = try_enter(port)) != 0) {
		if (owner == vport_cpu() + 1 || !console_running(port->console) ||
		    vport_now() - start > WRITE_LIMIT_NS)
			return false;
	}
	return true;
}

/* A drain that comes before the first line enters, one that comes after it is seen by the second. */
static void leave(struct virtio_port *port)
{
	__atomic_store_n(&port->owner, 0, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&port->missed, __ATOMIC_SEQ_CST))
		vport_mark(&port->transmit->event);
}

static void take_back(struct virtio_port *port)
{
	void *cookie;
	uint32_t written;
	unsigned came = 0;

	while (virtio_queue_pop(port->transmit, &cookie, &written)) {
		struct port_buffer *buffer = cookie;
		buffer->next = port->free_transmit;
		port->free_transmit = buffer;
		came++;
	}
	if (came == 0)
		return;
	PORT_SET(port, free_count, port->free_count + came);
	console_port_wake(port);
}

void console_port_drain_transmit(struct virtio_port *port)
{
	__atomic_store_n(&port->missed, true, __ATOMIC_SEQ_CST);
	if (try_enter(port) != 0)
		return; /* its owner takes back what it needs, and then has this called again */
	__atomic_store_n(&port->missed, false, __ATOMIC_RELAXED);
	take_back(port);
	bool more = virtio_queue_ask(port->transmit);
	leave(port);
	if (more)
		vport_mark(&port->transmit->event);
}

/* Copies what fits into one buffer, and pushes it: how much. 0: there is none free, or the queue is broken. */
static size_t push_one(struct virtio_port *port, const void *from, size_t length)
{
	struct port_buffer *buffer = port->free_transmit;

	if (!buffer)
		return 0;
	size_t step = length < port->buffer_bytes ? length : port->buffer_bytes;
	memcpy(buffer->memory, from, step);
	struct virtq_segment segment = { buffer->address, (uint32_t)step };
	/* 5.3.6.1-2: only to read. There are as many places as buffers, so it fits. */
	if (virtio_queue_push(port->transmit, &segment, 1, 0, buffer, VIRTIO_ONE_DEADLINE) < 0)
		return 0;
	port->free_transmit = buffer->next;
	PORT_SET(port, free_count, port->free_count - 1);
	__atomic_fetch_add(&port->bytes_sent, step, __ATOMIC_RELAXED);
	return step;
}

/* As many buffers as there are free, and one notification. */
static size_t push_all(struct virtio_port *port, const char *from, size_t length)
{
	size_t done = 0, step = 0;

	do {
		done += step;
		step = done < length ? push_one(port, from + done, length - done) : 0;
	} while (step > 0);
	if (done > 0)
		virtio_queue_publish(port->transmit);
	return done;
}

/* Waits for a buffer that is free. False when the device does not give one back in time, counted from `start`, when the
 * write began. That is waited for once: after it, output is lost as long as it stays so. */
static bool await_buffer(struct virtio_port *port, uint64_t start)
{
	take_back(port);
	while (!port->free_transmit) {
		if (!console_running(port->console))
			return false;
		if (port->stuck || vport_now() - start > WRITE_LIMIT_NS) {
			port->stuck = true;
			return false;
		}
		take_back(port);
	}
	port->stuck = false;
	return true;
}

size_t virtio_console_write(struct virtio_port *port, const char *text, size_t length)
{
	uint64_t start = vport_now();
	size_t done = 0, step = 1;

	if (!PORT_IS(port, open) || !enter(port, start))
		return 0;
	while (done < length && step > 0 && console_running(port->console) &&
	       await_buffer(port, start)) {
		step = push_all(port, text + done, length - done);
		done += step;
	}
	leave(port);
	return done;
}

long virtio_port_send(struct virtio_port *port, const void *buffer, size_t length)
{
	kit_assert(port->taken);
	int error = console_port_state(port);
	size_t done = 0;

	if (error)
		return error;
	if (console_port_closed_at_all(port) || !PORT_IS(port, host_open))
		return ERR_CLOSED;
	if (length == 0)
		return 0;
	if (!enter(port, vport_now()))
		return ERR_FULL;
	if (console_running(port->console)) {
		take_back(port);
		done = push_all(port, buffer, length);
	}
	leave(port);
	return done > 0 ? (long)done : ERR_FULL;
}

int console_port_pending(struct virtio_port *port)
{
	int error = console_port_state(port);

	if (error || PORT_IS(port, free_count) == port->transmit_count)
		return error;
	return PORT_IS(port, host_open) ? ERR_FULL : ERR_CLOSED;
}

/* Nobody sends during a recovery. Who does now stops soon, because the device is not running. */
void console_port_stop(struct virtio_port *port)
{
	unsigned owner;

	while ((owner = try_enter(port)) != 0)
		kit_assert(owner != vport_cpu() + 1);
}

void console_port_go_on(struct virtio_port *port)
{
	leave(port);
}
