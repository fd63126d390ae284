/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzz target: the control messages and the data of a console with several ports (drivers/virtio/console*.c). There are
 * no rings: what the driver pushes lies on a shelf until the input says that the device has used it, with what it says.
 *
 * Whatever that is, data comes in order and whole both ways as long as nothing is reset, closed or taken away; a buffer
 * is with the device once; names can be shown; whoever waits is woken or told; and the work item comes to its end.
 *
 * Input: what the device is like, then steps, one byte each (enum step). The file with the list of consoles is included,
 * so that each input finds it empty.
 */
#include "drivers/virtio/console.c"

#include "tests/fuzz/port.h"
#include "tests/fuzz/queue.h"

enum step {
	MESSAGE, /* bytes of the input's */
	CONTROL, /* a message that is one: port, event, value, more */
	ADDED,   /* a port, with a name, and open */
	DATA,    /* to a port */
	USE,     /* what a port has sent */
	RELAX,
	OPEN,
	CLOSE,
	READ,
	WRITE,
	RESET,
	RESIZE,
	PRINT,
	SHOW,
	STEPS
};

enum { STEPS_MAX = 200, PLACES = 32, SENT_MAX = 600 };

static struct input input;
static struct virtio_device device;
static uint64_t now;
static uint16_t config[6]; /* cols, rows, max_nr_ports, emerg_wr */

/* ---- The port -------------------------------------------------------------------------------------- */

uint64_t vport_now(void)
{
	return now += 10000;
}
static struct vport_work *queued;

void vport_work_queue(struct vport_work *work)
{
	queued = work;
}
void vport_mark(struct vport_event *event)
{
	event->marked = true;
}

int virtio_config_read(struct virtio_device *of, unsigned offset, unsigned width, unsigned count,
		       void *values)
{
	(void)of;
	FUZZ_CHECK(offset % width == 0 && offset + width * count <= sizeof(config));
	memcpy(values, (char *)config + offset, (size_t)width * count);
	return 0;
}
int virtio_config_write(struct virtio_device *of, unsigned offset, unsigned width, uint64_t value)
{
	(void)of;
	FUZZ_CHECK(offset == CONSOLE_EMERG_WR && width == 4 && value < 256);
	return 0;
}

/* ---- Queues: a shelf each ------------------------------------------------------------------------------ */

struct item {
	void *cookie;
	uint8_t *memory;
	uint32_t length, written;
	bool writable;
};

static struct shelf {
	struct virtio_queue queue; /* first */
	struct item items[PLACES]; /* in the order in which they were pushed */
	unsigned count, used;      /* of which the first `used` ones are */
} shelves[VIRTIO_MAX_QUEUES];

int virtio_queue_create(struct virtio_device *of, unsigned index,
			const struct virtio_queue_options *options)
{
	FUZZ_CHECK(index == of->queue_count && index < VIRTIO_MAX_QUEUES);
	struct shelf *shelf = &shelves[index];
	memset(shelf, 0, sizeof(*shelf));
	shelf->queue.device = of;
	shelf->queue.index = (uint16_t)index;
	shelf->queue.driver = options->driver;
	shelf->queue.setup.size = options->size_limit;
	of->queues[of->queue_count++] = &shelf->queue;
	return 0;
}

struct virtio_queue *virtio_queue_at(const struct virtio_device *of, unsigned index)
{
	return index < of->queue_count ? of->queues[index] : NULL;
}

int virtio_queue_push(struct virtio_queue *queue, const struct virtq_segment *segments,
		      unsigned readable, unsigned writable, void *cookie, unsigned deadlines)
{
	struct shelf *shelf = (struct shelf *)queue;

	FUZZ_CHECK(readable + writable == 1 && deadlines == VIRTIO_ONE_DEADLINE);
	FUZZ_CHECK((queue->index % 2 == 0) == (writable == 1)); /* 5.3.6.1 */
	FUZZ_CHECK(shelf->count < queue->setup.size);
	for (unsigned i = 0; i < shelf->count; i++)
		FUZZ_CHECK(shelf->items[i].cookie != cookie);
	shelf->items[shelf->count++] = (struct item){
		.cookie = cookie,
		.memory = (uint8_t *)(uintptr_t)segments[0].address.bits,
		.length = segments[0].length,
		.writable = writable == 1,
	};
	return 0;
}

void virtio_queue_notify(struct virtio_queue *queue)
{
	(void)queue;
	abort();
}

bool virtio_queue_pop(struct virtio_queue *queue, void **cookie, uint32_t *written)
{
	struct shelf *shelf = (struct shelf *)queue;

	if (shelf->used == 0)
		return false;
	*cookie = shelf->items[0].cookie;
	*written = shelf->items[0].written;
	shelf->used--;
	memmove(shelf->items, shelf->items + 1, --shelf->count * sizeof(struct item));
	return true;
}

bool virtio_queue_ask(struct virtio_queue *queue)
{
	return ((struct shelf *)queue)->used > 0;
}

/* The next item that the device has not used; NULL. */
static struct item *unused(unsigned index)
{
	struct shelf *shelf = &shelves[index];

	return index < device.queue_count && shelf->used < shelf->count ? &shelf->items[shelf->used]
									: NULL;
}

static void use(unsigned index, uint32_t written)
{
	struct item *item = unused(index);

	FUZZ_CHECK(item && written <= (item->writable ? item->length : 0));
	item->written = written;
	shelves[index].used++;
	vport_mark(&shelves[index].queue.event);
}

/* ---- What goes through a port: bytes that count up ---------------------------------------------------------- */

static struct stream {
	uint8_t host_next, read_next, write_next, taken_next;
	bool read_any, taken_any; /* what came last is known */
	bool have;                /* the program has it open */
	bool printed;             /* something else was sent as well */
} streams[CONSOLE_PORTS];

static struct virtio_console *console(void)
{
	return device.data;
}

static struct virtio_port *some_port(void)
{
	return &console()->ports[take(&input, 1) % console()->port_count];
}

static void lose_track(void)
{
	for (unsigned i = 0; i < CONSOLE_PORTS; i++)
		streams[i].read_any = streams[i].taken_any = false;
}

static void host_sends(unsigned id, unsigned length)
{
	struct item *item = unused(receive_index(id));

	if (!item)
		return;
	if (length > item->length)
		length = item->length;
	for (unsigned i = 0; i < length; i++)
		item->memory[i] = streams[id].host_next++;
	use(receive_index(id), length);
}

static void host_takes(unsigned id)
{
	struct stream *stream = &streams[id];
	struct item *item = unused(receive_index(id) + 1);

	if (!item)
		return;
	for (unsigned i = 0; i < item->length; i++) {
		FUZZ_CHECK(!stream->taken_any || stream->printed ||
			   item->memory[i] == stream->taken_next);
		stream->taken_next = (uint8_t)(item->memory[i] + 1);
		stream->taken_any = true;
	}
	use(receive_index(id) + 1, 0);
}

static void program_reads(struct virtio_port *port, size_t length)
{
	struct stream *stream = &streams[port->id];
	uint8_t bytes[SENT_MAX];
	long got = virtio_port_receive(port, bytes, length);

	FUZZ_CHECK(got <= (long)length);
	for (long i = 0; i < got; i++) {
		FUZZ_CHECK(!stream->read_any || bytes[i] == stream->read_next);
		stream->read_next = (uint8_t)(bytes[i] + 1);
		stream->read_any = true;
	}
	if (got < 0)
		FUZZ_CHECK(got == ERR_FULL || got == ERR_NODEV || got == ERR_IO);
}

static void program_writes(struct virtio_port *port, size_t length)
{
	struct stream *stream = &streams[port->id];
	uint8_t bytes[SENT_MAX];

	for (size_t i = 0; i < length; i++)
		bytes[i] = (uint8_t)(stream->write_next + i);
	long sent = virtio_port_write(port, bytes, length, 0);
	FUZZ_CHECK(sent <= (long)length);
	if (sent > 0)
		stream->write_next = (uint8_t)(stream->write_next + sent);
	else
		FUZZ_CHECK(length == 0 || sent == ERR_FULL || sent == ERR_NODEV || sent == ERR_IO ||
			   sent == ERR_CLOSED);
	FUZZ_CHECK(virtio_port_flush(port, 0) <= 0);
}

/* ---- Steps ---------------------------------------------------------------------------------------------------- */

static void say(const void *message, size_t length, uint32_t written)
{
	struct item *item = unused(CONSOLE_CONTROL_RECEIVEQ);

	if (!item)
		return;
	memcpy(item->memory, message, length);
	use(CONSOLE_CONTROL_RECEIVEQ, written);
}

static void say_control(uint32_t id, unsigned event, unsigned value, const void *more,
			size_t length)
{
	uint8_t message[CONTROL_BYTES] = { (uint8_t)id,         (uint8_t)(id >> 8),
					   (uint8_t)(id >> 16), (uint8_t)(id >> 24),
					   (uint8_t)event,      (uint8_t)(event >> 8),
					   (uint8_t)value,      (uint8_t)(value >> 8) };

	memcpy(message + 8, more, length);
	say(message, 8 + length, (uint32_t)(8 + length));
}

/* As recover.c does it. */
static void reset_device(void)
{
	device.state = VIRTIO_RECOVERING;
	virtio_console_driver.stop(&device);
	device.resets++;
	for (unsigned i = 0; i < device.queue_count; i++) {
		struct shelf *shelf = &shelves[i];
		for (unsigned n = 0; n < shelf->count; n++)
			virtio_console_driver.abort(&shelf->queue, shelf->items[n].cookie, ERR_IO);
		shelf->count = shelf->used = 0;
	}
	lose_track();
	device.state = VIRTIO_RUNNING;
	virtio_console_driver.ready(&device);
}

static void drain_all(void)
{
	for (unsigned i = 0; i < device.queue_count; i++) {
		shelves[i].queue.event.marked = false;
		virtio_console_driver.drain(&shelves[i].queue);
	}
}

/* The device has time for one thing, and then the work item. */
void vport_relax(uint64_t deadline)
{
	(void)deadline;
	if (unused(CONSOLE_CONTROL_TRANSMITQ))
		use(CONSOLE_CONTROL_TRANSMITQ, 0);
	drain_all();
	if (!queued)
		return;
	struct vport_work *work = queued;
	queued = NULL;
	work->run(work);
}

static void message(void)
{
	uint8_t bytes[CONTROL_BYTES] = { 0 };
	size_t length = take(&input, 1), said = take(&input, 1);

	take_bytes(&input, bytes, length);
	say(bytes, sizeof(bytes), (uint32_t)(said & 1 ? length : said * 2));
}

static void control(void)
{
	uint8_t more[CONTROL_BYTES - 8] = { 0 };
	uint32_t id = (uint32_t)take(&input, 1);
	unsigned event = (unsigned)take(&input, 1), value = (unsigned)take(&input, 1);
	size_t length = take(&input, 1);

	take_bytes(&input, more, length);
	say_control(id < 64 ? id : id << 24, event < 64 ? event : event << 8, value, more, length);
}

static void added(void)
{
	uint32_t id = (uint32_t)take(&input, 1) % 32;

	say_control(id, 1, 1, "", 0);
	say_control(id, 7, 1, "name", 4 + id % 2);
	say_control(id, 6, 1, "", 0);
}

static void show(void)
{
	struct virtio_port_info info;

	for (struct virtio_port *port = virtio_port_first(); port; port = virtio_port_next(port)) {
		virtio_port_info(port, &info);
		FUZZ_CHECK(memchr(info.name, 0, sizeof(info.name)));
		for (const char *at = info.name; *at; at++)
			FUZZ_CHECK((unsigned char)*at >= ' ' && *at != 0x7f && *at != '/');
		FUZZ_CHECK(virtio_port_find(info.path) != NULL);
		FUZZ_CHECK(info.there && info.number < CONSOLE_PORTS);
	}
}

static void open_or_close(struct virtio_port *port, bool open)
{
	struct stream *stream = &streams[port->id];

	if (open && !stream->have) {
		stream->have = virtio_port_open(port) == 0;
		stream->read_any = false;
	} else if (open) {
		FUZZ_CHECK(virtio_port_open(port) < 0);
	} else if (stream->have) {
		virtio_port_close(port);
		stream->have = stream->read_any = false;
	}
}

static void step(void)
{
	enum step what = (enum step)(take(&input, 1) % STEPS);
	struct virtio_port *port = what >= OPEN && what <= WRITE ? some_port() : NULL;

	switch (what) {
	case MESSAGE:
		message();
		break;
	case CONTROL:
		control();
		break;
	case ADDED:
		added();
		break;
	case DATA:
		port = some_port();
		host_sends(port->id, (unsigned)take(&input, 1) * 32);
		break;
	case USE:
		host_takes(some_port()->id);
		break;
	case RELAX:
		vport_relax(0);
		break;
	case OPEN:
	case CLOSE:
		open_or_close(port, what == OPEN);
		break;
	case READ:
		if (streams[port->id].have)
			program_reads(port, take(&input, 2) % SENT_MAX);
		break;
	case WRITE:
		if (streams[port->id].have)
			program_writes(port, take(&input, 2) % SENT_MAX);
		break;
	case RESET:
		reset_device();
		break;
	case RESIZE:
		config[0] = (uint16_t)take(&input, 2);
		virtio_console_driver.config_changed(&device);
		break;
	case PRINT: /* by whoever has it, whether or not it is a console */
		port = some_port();
		now += UINT64_C(1000000000);
		virtio_console_read(port);
		streams[port->id].read_any = false;
		streams[port->id].printed |= virtio_console_write(port, "\n", 1) > 0;
		break;
	default:
		show();
	}
	for (unsigned i = 0; i < console()->port_count; i++)
		FUZZ_CHECK(virtio_port_ready(&console()->ports[i]) < 8);
}

/* From here on the device says nothing new: whatever waits comes to its end. */
static void come_to_rest(void)
{
	input.left = 0;
	for (unsigned i = 0; i < 2000 && (queued || unused(CONSOLE_CONTROL_TRANSMITQ) || i < 3);
	     i++)
		vport_relax(0);
	FUZZ_CHECK(!queued && virtio_console_settled(console()));
	for (unsigned i = 0; i < console()->port_count; i++) {
		struct virtio_port *port = &console()->ports[i];
		now += UINT64_C(6000000000);
		for (unsigned n = 0; n < 100 && streams[i].have; n++) {
			host_takes(i);
			vport_relax(0);
			program_reads(port, SENT_MAX - 1);
		}
		if (!streams[i].have)
			continue;
		FUZZ_CHECK(virtio_port_flush(port, 0) != ERR_FULL);
		virtio_port_close(port);
	}
}

/* No driver is removed whose ports were open: they keep their memory for good. */
static void free_ports(void)
{
	const struct virtio_console *console = device.data;

	for (unsigned i = 0; i < console->port_count; i++)
		free(console->ports[i].memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	input = (struct input){ data, size };
	memset(&device, 0, sizeof(device));
	memset(streams, 0, sizeof(streams));
	memset(config, 0, sizeof(config));
	device.state = VIRTIO_RUNNING;
	device.features.word[0] = 6 | (uint32_t)(take(&input, 1) & 1);
	config[2] = (uint16_t)take(&input, 1);
	config[3] = config[2] & 128 ? 0x8000 : 0;
	consoles = NULL;
	console_count = 0;
	queued = NULL;
	FUZZ_CHECK(virtio_console_driver.probe(&device) == 0);
	virtio_console_driver.ready(&device);
	for (unsigned i = 0; i < STEPS_MAX && input.left > 0; i++)
		step();
	come_to_rest();
	virtio_console_driver.gone(&device);
	FUZZ_CHECK(virtio_port_first() == NULL);
	free_ports();
	virtio_console_driver.remove(&device);
	return 0;
}
