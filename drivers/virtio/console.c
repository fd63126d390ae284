/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio-console: VIRTIO 1.4 section 5.3. One port: a queue of empty buffers that the device fills with what
 * is typed, and a queue of what is printed.
 *
 * Printing copies into one of a few buffers and waits when all are on their way. It does not wait by
 * vport_relax, because a log line may be printed where that is not allowed, but looks at its own queue.
 *
 * See it at work: make run KERNEL_ARGS=console=virtio QEMU_ARGS='-device virtio-serial-pci
 *                  -chardev file,id=c,path=/tmp/out -device virtconsole,chardev=c'
 * Left out: several ports, control messages, window size.
 */
#include "drivers/virtio/console.h"
#include "drivers/virtio/drivers.h"
#include "lib/mem.h"

/* ---- Wire structures (5.3.4) -------------------------------------------------------- */

enum console_config { CONFIG_EMERG_WR = 8 };

enum { RECEIVEQ = 0, TRANSMITQ = 1 };

/* ---- Features ------------------------------------------------------------------------- */

enum { VIRTIO_CONSOLE_F_EMERG_WRITE = 2 };

static const uint8_t wanted[] = { VIRTIO_CONSOLE_F_EMERG_WRITE };

/* ---- State ------------------------------------------------------------------------------ */

#define RECEIVE_BUFFERS 8
#define TRANSMIT_BUFFERS 8
#define BUFFER_BYTES 256
#define ALL_BYTES ((RECEIVE_BUFFERS + TRANSMIT_BUFFERS) * BUFFER_BYTES)
#define WRITE_LIMIT_NS UINT64_C(1000000000)

/* A buffer is with the device, or on one of the lists. */
struct buffer {
	uint8_t *memory;
	dma_addr_t address;
	uint32_t length, taken; /* received: how much is in it, how much of that has been read */
	struct buffer *next;
};

struct virtio_console {
	struct virtio_device *device;
	struct virtio_queue *receive, *transmit;
	uint8_t *memory;
	struct buffer buffers[RECEIVE_BUFFERS + TRANSMIT_BUFFERS]; /* those to receive first */
	struct buffer *received, **received_end; /* in the order in which they came */
	struct buffer *free_transmit;
	unsigned owner; /* of the transmit queue, for now: a CPU's number + 1; 0: nobody */
	bool stuck;     /* the last wait for a buffer was in vain */
	struct virtio_console *next;
};

static struct virtio_console *consoles;
static unsigned console_count;

struct virtio_console *virtio_console_first(void)
{
	return consoles;
}

struct virtio_console *virtio_console_next(struct virtio_console *console)
{
	return console->next;
}

/* ---- Receive ------------------------------------------------------------------------------- */

/* Gives an empty buffer to the device (5.3.6.1-1: only to write into). */
static void give(struct virtio_console *console, struct buffer *buffer)
{
	struct virtq_segment segment = { buffer->address, BUFFER_BYTES };

	virtio_queue_push(console->receive, &segment, 0, 1, buffer, VIRTIO_ONE_DEADLINE);
}

static void drain_receive(struct virtio_console *console)
{
	void *cookie;
	uint32_t written;

	/* As often as there are buffers: a device that returns them empty does not keep us here. */
	for (unsigned i = 0; i < RECEIVE_BUFFERS; i++) {
		if (!virtio_queue_pop(console->receive, &cookie, &written))
			break;
		struct buffer *buffer = cookie;
		if (written == 0) {
			give(console, buffer);
			virtio_queue_publish(console->receive);
			continue;
		}
		buffer->length = written;
		buffer->taken = 0;
		buffer->next = NULL;
		*console->received_end = buffer;
		console->received_end = &buffer->next;
	}
}

int virtio_console_read(struct virtio_console *console)
{
	struct buffer *buffer = console->received;

	if (!buffer)
		return -1;
	int c = buffer->memory[buffer->taken++];
	if (buffer->taken == buffer->length) {
		console->received = buffer->next;
		if (!console->received)
			console->received_end = &console->received;
		give(console, buffer); /* fails during a reset; ready gives all of them anew */
		virtio_queue_publish(console->receive);
	}
	return c;
}

/* ---- Transmit --------------------------------------------------------------------------------- */

/* A line may be printed on any CPU, and in the middle of a drain: who is at the transmit queue already is not let
 * in again. Others wait, for a moment. */
static bool enter(struct virtio_console *console)
{
	unsigned me = vport_cpu() + 1, owner;

	do {
		owner = 0;
		if (__atomic_compare_exchange_n(&console->owner, &owner, me, false,
						__ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			return true;
	} while (owner != me);
	return false;
}

static void leave(struct virtio_console *console)
{
	__atomic_store_n(&console->owner, 0, __ATOMIC_RELEASE);
}

static void drain_transmit(struct virtio_console *console)
{
	void *cookie;
	uint32_t written;

	while (virtio_queue_pop(console->transmit, &cookie, &written)) {
		struct buffer *buffer = cookie;
		buffer->next = console->free_transmit;
		console->free_transmit = buffer;
	}
}

/* A free buffer to print from; NULL when the device does not give one back in time. That is waited for once:
 * after it, output is lost as long as it stays so. */
static struct buffer *take_transmit(struct virtio_console *console)
{
	uint64_t start = vport_now();

	drain_transmit(console);
	while (!console->free_transmit) {
		if (console->device->state != VIRTIO_RUNNING)
			return NULL;
		if (console->stuck || vport_now() - start > WRITE_LIMIT_NS) {
			console->stuck = true;
			return NULL;
		}
		drain_transmit(console);
	}
	console->stuck = false;
	struct buffer *buffer = console->free_transmit;
	console->free_transmit = buffer->next;
	return buffer;
}

size_t virtio_console_write(struct virtio_console *console, const char *text, size_t length)
{
	size_t done = 0;

	if (!enter(console))
		return 0;
	while (done < length && console->device->state == VIRTIO_RUNNING) {
		struct buffer *buffer = take_transmit(console);
		if (!buffer)
			break;
		size_t step = length - done < BUFFER_BYTES ? length - done : BUFFER_BYTES;
		memcpy(buffer->memory, text + done, step);
		struct virtq_segment segment = { buffer->address, (uint32_t)step };
		/* 5.3.6.1-2: only to read. There are as many places as buffers, so it fits. */
		if (virtio_queue_push(console->transmit, &segment, 1, 0, buffer,
				      VIRTIO_ONE_DEADLINE) < 0)
			break;
		virtio_queue_publish(console->transmit);
		done += step;
	}
	leave(console);
	return done;
}

bool virtio_console_emergency_write(struct virtio_console *console, char c)
{
	return virtio_has(console->device, VIRTIO_CONSOLE_F_EMERG_WRITE) &&
	       virtio_config_write(console->device, CONFIG_EMERG_WR, 4, (uint8_t)c) == 0;
}

/* ---- Complete ----------------------------------------------------------------------------------- */

static void drain(struct virtio_queue *queue)
{
	struct virtio_console *console = queue->driver;

	if (queue == console->receive)
		drain_receive(console);
	else if (enter(console)) {
		drain_transmit(console);
		leave(console);
	}
}

/* ---- Probe, remove, ready, abort, gone --------------------------------------------------------------------- */

static int create_queues(struct virtio_console *console)
{
	struct virtio_device *device = console->device;
	struct virtio_queue_options options = { .size_limit = RECEIVE_BUFFERS, .driver = console };
	int error = virtio_queue_create(device, RECEIVEQ, &options);

	/* The host may be slow to take what is printed (a pipe that nobody reads): that is no fault. */
	options.size_limit = TRANSMIT_BUFFERS;
	if (!error)
		error = virtio_queue_create(device, TRANSMITQ, &options);
	if (!error) {
		console->receive = device->queues[RECEIVEQ];
		console->transmit = device->queues[TRANSMITQ];
		if (console->receive->setup.size < RECEIVE_BUFFERS ||
		    console->transmit->setup.size < TRANSMIT_BUFFERS)
			error = ERR_UNSUPPORTED;
	}
	return error;
}

static void free_console(struct virtio_console *console)
{
	if (console->memory)
		vport_dma_free(console->device->port, console->memory, ALL_BYTES);
	vport_free(console, sizeof(*console));
}

static int probe(struct virtio_device *device)
{
	dma_addr_t address;
	struct virtio_console *console = vport_alloc(sizeof(*console));
	if (!console)
		return ERR_NOMEM;
	console->device = device;
	device->data = console;
	console->memory = vport_dma_alloc(device->port, ALL_BYTES, 64, &address);
	int error = console->memory ? create_queues(console) : ERR_NOMEM;
	if (error) {
		free_console(console);
		return error;
	}
	for (unsigned i = 0; i < RECEIVE_BUFFERS + TRANSMIT_BUFFERS; i++) {
		console->buffers[i].memory = console->memory + (size_t)i * BUFFER_BYTES;
		console->buffers[i].address.bits = address.bits + (uint64_t)i * BUFFER_BYTES;
	}
	return 0;
}

static void remove(struct virtio_device *device)
{
	free_console(device->data);
}

/* All buffers are ours: at first, and after a reset (what was typed and not read is lost then, and so is
 * what was printed and not taken). */
static void ready(struct virtio_device *device)
{
	struct virtio_console *console = device->data;

	console->received = NULL;
	console->received_end = &console->received;
	console->free_transmit = NULL;
	for (unsigned i = 0; i < RECEIVE_BUFFERS; i++)
		give(console, &console->buffers[i]);
	for (unsigned i = RECEIVE_BUFFERS; i < RECEIVE_BUFFERS + TRANSMIT_BUFFERS; i++) {
		console->buffers[i].next = console->free_transmit;
		console->free_transmit = &console->buffers[i];
	}
	virtio_queue_publish(console->receive);
	if (!device->name[0]) {
		struct virtio_console **end = &consoles;
		while (*end)
			end = &(*end)->next;
		*end = console;
		memcpy(device->name, "con0", 5);
		device->name[3] = (char)('0' + console_count++ % 10);
	}
}

static void abort_buffer(struct virtio_queue *queue, void *cookie, int error)
{
	(void)queue; /* ready starts over with all buffers */
	(void)cookie;
	(void)error;
}

static void gone(struct virtio_device *device)
{
	(void)device; /* nobody waits: a write looks at the state */
}

const struct virtio_driver virtio_console_driver = {
	.type = VIRTIO_TYPE_CONSOLE,
	.name = "console",
	.wanted = wanted,
	.wanted_count = sizeof(wanted),
	.probe = probe,
	.remove = remove,
	.ready = ready,
	.drain = drain,
	.abort = abort_buffer,
	.gone = gone,
};
