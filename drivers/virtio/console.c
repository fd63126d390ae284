/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio-console: VIRTIO 1.4 section 5.3. One port: a queue of empty buffers that the device fills with what
 * is typed, and a queue of what is printed.
 *
 * Printing copies into one of a few buffers and waits when all are on their way. It does not wait by
 * vport_relax, because a log line may be printed where that is not allowed, but looks at its own queue. So the
 * transmit queue is used by whichever CPU prints, one at a time; the receive queue by its home CPU alone, and who
 * reads on another one finds lists between them.
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
	struct vport_lock lock;                                    /* around what follows */
	struct buffer *received, **received_end; /* in the order in which they came */
	struct buffer *
		emptied; /* read to their end: the receive queue's drain gives them to the device */

	/* Of the transmit queue, its ring and what follows, for now: a CPU's number + 1; 0: nobody. */
	unsigned owner;
	struct buffer *free_transmit;
	bool stuck; /* the last wait for a buffer was in vain */
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

static void append_received(struct virtio_console *console, struct buffer *buffer, uint32_t written)
{
	buffer->length = written;
	buffer->taken = 0;
	buffer->next = NULL;
	vport_lock_take(&console->lock);
	*console->received_end = buffer;
	console->received_end = &buffer->next;
	vport_lock_give(&console->lock);
}

static struct buffer *take_emptied(struct virtio_console *console)
{
	vport_lock_take(&console->lock);
	struct buffer *emptied = console->emptied;
	console->emptied = NULL;
	vport_lock_give(&console->lock);
	return emptied;
}

static void give_emptied(struct virtio_console *console)
{
	struct buffer *buffer = take_emptied(console);

	if (!buffer)
		return;
	while (buffer) {
		struct buffer *next = buffer->next;
		give(console, buffer); /* fails during a reset; ready gives all of them anew */
		buffer = next;
	}
	virtio_queue_publish(console->receive);
}

static void drain_receive(struct virtio_console *console)
{
	void *cookie;
	uint32_t written;

	give_emptied(console);
	/* As often as there are buffers: a device that returns them empty does not keep us here. */
	for (unsigned i = 0; i < RECEIVE_BUFFERS; i++) {
		if (!virtio_queue_pop(console->receive, &cookie, &written))
			break;
		if (written == 0) {
			give(console, cookie);
			virtio_queue_publish(console->receive);
		} else {
			append_received(console, cookie, written);
		}
	}
}

int virtio_console_read(struct virtio_console *console)
{
	int c = -1;
	bool emptied = false;

	vport_lock_take(&console->lock);
	struct buffer *buffer = console->received;
	if (buffer) {
		c = buffer->memory[buffer->taken++];
		emptied = buffer->taken == buffer->length;
	}
	if (emptied) {
		console->received = buffer->next;
		if (!console->received)
			console->received_end = &console->received;
		buffer->next = console->emptied;
		console->emptied = buffer;
	}
	vport_lock_give(&console->lock);
	if (emptied)
		vport_mark(&console->receive->event);
	return c;
}

/* ---- Transmit --------------------------------------------------------------------------------- */

/* Another CPU may change that at any time. */
static bool running(const struct virtio_console *console)
{
	return __atomic_load_n(&console->device->state, __ATOMIC_RELAXED) == VIRTIO_RUNNING;
}

/* Makes this CPU the owner if there is none; else returns who it is. */
static unsigned try_enter(struct virtio_console *console)
{
	unsigned owner = 0;

	__atomic_compare_exchange_n(&console->owner, &owner, vport_cpu() + 1, false,
				    __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
	return owner;
}

/*
 * A line may be printed on any CPU, and in the middle of a drain: who is at the transmit queue already is not let
 * in again. Others wait, for a moment, but not for one that recovers the device or has just found that it must be:
 * what that one logs may have to wait for them in turn.
 */
static bool enter(struct virtio_console *console)
{
	uint64_t start = vport_now();
	unsigned owner;

	while ((owner = try_enter(console)) != 0) {
		if (owner == vport_cpu() + 1 || !running(console) ||
		    vport_now() - start > WRITE_LIMIT_NS)
			return false;
	}
	return true;
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
		if (!running(console))
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
	while (done < length && running(console)) {
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
	else if (try_enter(console) == 0) { /* else its owner takes back what it needs */
		drain_transmit(console);
		leave(console);
	}
}

/* ---- Probe, remove, stop, ready, abort, gone --------------------------------------------------------------------- */

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

/* Nobody prints during a recovery. Who does now stops soon, because the device is not running. */
static void stop(struct virtio_device *device)
{
	struct virtio_console *console = device->data;
	unsigned owner;

	while ((owner = try_enter(console)) != 0)
		kit_assert(owner != vport_cpu() + 1);
}

/* All buffers are ours: at first, and after a reset (what was typed and not read is lost then, and so is
 * what was printed and not taken). */
static void ready(struct virtio_device *device)
{
	struct virtio_console *console = device->data;

	vport_lock_take(&console->lock);
	console->received = NULL;
	console->received_end = &console->received;
	console->emptied = NULL;
	vport_lock_give(&console->lock);
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
	leave(console); /* since stop; at first nobody else could be in */
}

static void abort_buffer(struct virtio_queue *queue, void *cookie, int error)
{
	(void)queue; /* ready starts over with all buffers */
	(void)cookie;
	(void)error;
}

static void gone(struct virtio_device *device)
{
	(void)device; /* nobody waits, and the transmit queue stays ours: a write returns at once */
}

const struct virtio_driver virtio_console_driver = {
	.type = VIRTIO_TYPE_CONSOLE,
	.name = "console",
	.wanted = wanted,
	.wanted_count = sizeof(wanted),
	.probe = probe,
	.remove = remove,
	.stop = stop,
	.ready = ready,
	.drain = drain,
	.abort = abort_buffer,
	.gone = gone,
};
