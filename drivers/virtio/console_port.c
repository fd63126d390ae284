/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A console's port: VIRTIO 1.4, 5.3.6. Its buffers, what is received into them, and who has it open. (What is sent is
 * in console_transmit.c.)
 *
 * The receive queue is used by its home CPU alone, and who reads on another one finds lists between them.
 *
 * See it at work: make run APP=porttest ARGS='echo data' QEMU_ARGS='-device virtio-serial-pci
 *                  -chardev socket,id=c,path=/tmp/s,server=on,wait=off -device virtserialport,chardev=c,name=data'
 * Left out: reading into the caller's own buffer.
 */
#include "drivers/virtio/console_device.h"
#include "lib/mem.h"

/* ---- Buffers -------------------------------------------------------------------------- */

static size_t bytes_of(const struct virtio_port *port)
{
	return (size_t)port->buffer_bytes * (port->receive_count + port->transmit_count);
}

/* Those to send from are free, those to receive into wait for the drain. */
static void list_buffers(struct virtio_port *port)
{
	port->received = port->emptied = port->free_transmit = NULL;
	port->received_end = &port->received;
	for (unsigned i = 0; i < port->receive_count + port->transmit_count; i++) {
		struct port_buffer *buffer = &port->buffers[i];
		struct port_buffer **list =
			i < port->receive_count ? &port->emptied : &port->free_transmit;
		buffer->next = *list;
		*list = buffer;
	}
	PORT_SET(port, free_count, port->transmit_count);
}

static int allocate_buffers(struct virtio_port *port)
{
	dma_addr_t address;

	port->receive_count = port->receive->setup.size; /* PORT_RECEIVE_BUFFERS at most */
	port->transmit_count = port->transmit->setup.size;
	port->buffer_bytes = PORT_IS(port, is_console) ? CONSOLE_BUFFER_BYTES : PORT_BUFFER_BYTES;
	uint8_t *memory =
		vport_dma_alloc(port->console->device->port, bytes_of(port), 64, &address);
	if (!memory)
		return ERR_NOMEM;
	for (unsigned i = 0; i < port->receive_count + port->transmit_count; i++) {
		size_t at = (size_t)i * port->buffer_bytes;
		port->buffers[i].memory = memory + at;
		port->buffers[i].address.bits = address.bits + at;
	}
	list_buffers(port);
	PORT_SET(port, memory, memory);
	return 0;
}

/* ---- Waiting for a change ----------------------------------------------------------------- */

static uint64_t bit_of(unsigned cpu)
{
	return UINT64_C(1) << cpu % 64;
}

void virtio_port_expect(struct virtio_port *port)
{
	__atomic_fetch_or(&port->waiters, bit_of(vport_cpu()), __ATOMIC_SEQ_CST);
}

void console_port_wake(struct virtio_port *port)
{
	/* What was changed before is seen by who sets its bit after this, or else the bit is seen here. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__atomic_load_n(&port->waiters, __ATOMIC_RELAXED) == 0)
		return;
	uint64_t waiters = __atomic_exchange_n(&port->waiters, 0, __ATOMIC_SEQ_CST);
	for (unsigned cpu = 0; cpu < vport_cpu_count(); cpu++) {
		if (waiters & bit_of(cpu))
			vport_wake(cpu);
	}
}

/* ---- Receive ------------------------------------------------------------------------------- */

/* Gives an empty buffer to the device (5.3.6.1-1: only to write into). */
static void give(struct virtio_port *port, struct port_buffer *buffer)
{
	struct virtq_segment segment = { buffer->address, port->buffer_bytes };

	virtio_queue_push(port->receive, &segment, 0, 1, buffer, VIRTIO_ONE_DEADLINE);
}

/* What came is for whoever has the port open; else it is nobody's, and the buffer waits for somebody. */
static void append_received(struct virtio_port *port, struct port_buffer *buffer, uint32_t written)
{
	buffer->length = written;
	buffer->taken = 0;
	vport_lock_take(&port->lock);
	buffer->closes = port->closes;
	if (port->open && written > 0) {
		buffer->next = NULL;
		*port->received_end = buffer;
		port->received_end = &buffer->next;
		port->bytes_received += written;
		/* Who sends is there. The message that says so may not have been looked at yet. */
		if (port->there)
			PORT_SET(port, host_open, true);
	} else {
		buffer->next = port->emptied;
		port->emptied = buffer;
		port->bytes_dropped += written;
	}
	vport_lock_give(&port->lock);
}

static void give_emptied(struct virtio_port *port)
{
	vport_lock_take(&port->lock);
	struct port_buffer *buffer = port->open ? port->emptied : NULL;
	if (buffer)
		port->emptied = NULL;
	vport_lock_give(&port->lock);
	if (!buffer)
		return;
	while (buffer) {
		struct port_buffer *next = buffer->next;
		give(port, buffer); /* fails during a reset; start begins anew with all of them */
		buffer = next;
	}
	virtio_queue_publish(port->receive);
}

void console_port_drain_receive(struct virtio_port *port)
{
	void *cookie;
	uint32_t written;
	unsigned came = 0;

	if (!PORT_IS(port, memory))
		return;
	give_emptied(port);
	/* They are given again behind this: a device that returns them empty does not keep us here. */
	while (virtio_queue_pop(port->receive, &cookie, &written)) {
		append_received(port, cookie, written);
		came++;
	}
	if (came == 0)
		return;
	give_emptied(port);
	console_port_wake(port);
}

/* Counts, of which one may be told before the other. */
static bool later(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) > 0;
}

/* From the first buffer, under the lock: how much was copied; whether it was read to its end. Nothing, when the host
 * closed its end before that came and that has not been told. */
static size_t copy_received(struct virtio_port *port, void *to, size_t length, bool *emptied)
{
	struct port_buffer *buffer = port->received;

	if (!buffer || later(buffer->closes, port->closes_told))
		return 0;
	size_t left = buffer->length - buffer->taken, step = left < length ? left : length;
	memcpy(to, buffer->memory + buffer->taken, step);
	buffer->taken += (uint32_t)step;
	if (step < left)
		return step;
	port->received = buffer->next;
	if (!port->received)
		port->received_end = &port->received;
	buffer->next = port->emptied;
	port->emptied = buffer;
	*emptied = true;
	return step;
}

static size_t read_received(struct virtio_port *port, void *to, size_t length)
{
	size_t done = 0, step;
	bool emptied = false;

	do {
		vport_lock_take(&port->lock);
		step = copy_received(port, (uint8_t *)to + done, length - done, &emptied);
		vport_lock_give(&port->lock);
		done += step;
	} while (step > 0 && done < length);
	if (emptied)
		vport_mark(&port->receive->event);
	return done;
}

void console_port_host(struct virtio_port *port, bool open)
{
	console_port_drain_receive(port); /* what was sent before comes before */
	vport_lock_take(&port->lock);
	if (!open && port->host_open)
		port->closes++;
	PORT_SET(port, host_open, open);
	vport_lock_give(&port->lock);
}

/* Whether the host has closed its end, before what came then, once more than has been told; it is told now. */
static bool closed_before_next(struct virtio_port *port)
{
	vport_lock_take(&port->lock);
	uint32_t closes = port->received ? port->received->closes : port->closes;
	bool news = later(closes, port->closes_told);
	if (news)
		port->closes_told = closes;
	vport_lock_give(&port->lock);
	return news;
}

bool console_port_closed_at_all(struct virtio_port *port)
{
	vport_lock_take(&port->lock);
	bool news = later(port->closes, port->closes_told);
	port->closes_told = port->closes;
	vport_lock_give(&port->lock);
	return news;
}

/* Why nothing will come, or go: 0 when it may. ERR_FULL: not now. */
int console_port_state(struct virtio_port *port)
{
	if (__atomic_exchange_n(&port->was_reset, false, __ATOMIC_ACQ_REL))
		return ERR_IO;
	if (PORT_IS(port, gone))
		return ERR_NODEV;
	if (PORT_IS(port, there))
		return console_running(port->console) ? 0 : ERR_FULL;
	/* After a reset: until it has been told of again. */
	return PORT_IS(port, awaited) && (!console_running(port->console) ||
					  vport_now() < PORT_IS(port->console, announce_until))
		       ? ERR_FULL
		       : ERR_NODEV;
}

long virtio_port_receive(struct virtio_port *port, void *buffer, size_t length)
{
	kit_assert(port->taken);
	int error = console_port_state(port);
	/* Before the look: what came last, came before it was closed. */
	bool open = PORT_IS(port, host_open);
	size_t got = error == ERR_IO ? 0 : read_received(port, buffer, length);

	if (got > 0 || length == 0)
		return (long)got;
	if (error)
		return error;
	return closed_before_next(port) || !open ? 0 : ERR_FULL;
}

int virtio_console_read(struct virtio_port *port)
{
	uint8_t c;

	closed_before_next(port); /* a terminal that was closed and opened again is the same one */
	return read_received(port, &c, 1) == 1 ? c : -1;
}

unsigned virtio_port_ready(struct virtio_port *port)
{
	bool over = PORT_IS(port, gone) || PORT_IS(port, was_reset);
	bool closed = PORT_IS(port, there) && !PORT_IS(port, host_open);
	unsigned ready = 0;

	vport_lock_take(&port->lock);
	closed = closed || later(port->closes, port->closes_told);
	if (port->received || closed || over)
		ready |= VIRTIO_PORT_READABLE;
	vport_lock_give(&port->lock);
	if (PORT_IS(port, free_count) > 0 || closed || over)
		ready |= VIRTIO_PORT_WRITABLE;
	return closed || over ? ready | VIRTIO_PORT_HUNG_UP : ready;
}

/* ---- Open, close, reset ---------------------------------------------------------------------- */

/* What PORT_OPEN says, and that it is to be said. */
static void tell_open(struct virtio_port *port, bool open)
{
	PORT_SET(port, open_value, open);
	PORT_SET(port, open_due, true);
	console_port_changed(port);
}

int virtio_port_open(struct virtio_port *port)
{
	int error = 0;

	if (!PORT_IS(port, there))
		return ERR_NODEV;
	vport_lock_take(&port->lock);
	bool busy = port->taken;
	port->taken = true;
	vport_lock_give(&port->lock);
	if (busy)
		return ERR_BUSY;
	PORT_SET(port, gone, false);
	PORT_SET(port, was_reset, false);
	if (!PORT_IS(port, memory))
		error = allocate_buffers(port);
	vport_lock_take(&port->lock);
	port->taken = !error;
	port->open = !error;
	port->closes_told = port->closes;
	vport_lock_give(&port->lock);
	if (error)
		return error;
	if (!PORT_IS(port, there)) /* since the first look */
		PORT_SET(port, gone, true);
	vport_mark(&port->receive->event); /* whose drain gives the buffers to the device */
	tell_open(port, true);
	return 0;
}

void virtio_port_close(struct virtio_port *port)
{
	kit_assert(port->taken);
	vport_lock_take(&port->lock);
	for (struct port_buffer *buffer = port->received; buffer; buffer = buffer->next)
		port->bytes_dropped += buffer->length - buffer->taken;
	*port->received_end = port->emptied;
	port->emptied = port->received;
	port->received = NULL;
	port->received_end = &port->received;
	port->open = port->taken = false;
	vport_lock_give(&port->lock);
	tell_open(port, false);
}

void console_port_start(struct virtio_port *port)
{
	vport_lock_take(&port->lock);
	if (port->memory)
		list_buffers(port);
	vport_lock_give(&port->lock);
	console_port_drain_receive(port);
	console_port_go_on(port); /* since stop; at first nobody else could be in */
	console_port_wake(port);
}
