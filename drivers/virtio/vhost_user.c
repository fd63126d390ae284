/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The vhost-user transport: a device that is another process, behind a local socket, with the rings in
 * memory that both have mapped. It is the back end's protocol of QEMU, spoken by us in QEMU's place.
 *
 * There are no registers. The device status is kept here and follows the same steps; a notification is a
 * write to an event counter, an interrupt a read from another; a reset stops every ring (GET_VRING_BASE)
 * and, where the back end is gone, connects again: the status reads 0 only when that has worked, so that
 * recovery after the death of a back end needs no code of its own. One that is only silent is not gone: it
 * has our memory until it has closed its end of the connection too (rule 4 of docs/hardening.md).
 *
 * See it at work: make run ARCH=host APP=disksum DISK=vhost-user:SOCKET
 * Left out: configuration change messages from the back end, in-flight tracking, an IOMMU.
 */
#include "drivers/virtio/vhost_user.h"
#include "drivers/virtio/vhost_connection.h"
#include "drivers/virtio/vhost_port.h"
#include "lib/format.h"
#include "lib/mem.h"

#define QUEUE_MAX_SIZE 1024 /* the protocol has no question for it; back ends take that much */

/* All that were ever connected to. The memory of a device that was given up may still be its back end's, and
 * what names it is kept. */
static struct vhost_user *all;

/* Back ends refuse to be asked for more configuration than they have, and for less: what 5.2.4 and 5.1.4 have
 * up to the fields that our drivers read. */
static unsigned config_bytes(uint32_t type)
{
	switch (type) {
	case VIRTIO_TYPE_BLOCK:
		return 60;
	case VIRTIO_TYPE_NET:
		return 12;
	default:
		return 0;
	}
}

/*
 * What of a network device is not the back end's but its front end's: which we are. There is no control queue behind
 * this socket (whatever a back end offers: DPDK's, all of them), and a pair of queues is served when both are enabled.
 * Without the protocol's CONFIG there is no address and no status either, and how many pairs there are, the protocol
 * itself says.
 */
#define NET_FRONT_FEATURES \
	(MASK64(2) | MASK64(17) | MASK64(18) | MASK64(19) | MASK64(20) | MASK64(21) | MASK64(23) | \
	 MASK64(57) | MASK64(60)) /* those that need a control queue, 5.1.3.1 */
#define NET_CONFIG_FEATURES (MASK64(3) | MASK64(5) | MASK64(16) | MASK64(63))
#define NET_CONFIG_PAIRS 8 /* max_virtqueue_pairs, 5.1.4 */

static struct vhost_user *vhost(struct virtio_device *device)
{
	return (struct vhost_user *)device;
}

/* ---- Status ------------------------------------------------------------------------------- */

/* Stops the rings: an answer says that the back end has left a ring alone. */
static int stop_rings(struct vhost_user *user)
{
	for (unsigned i = 0; i < user->device.queue_count; i++) {
		struct vhost_vring_state state = { .index = user->device.queues[i]->index };
		if (!user->started[i])
			continue;
		int error = vhost_user_ask(user, VHOST_USER_GET_VRING_BASE, &state, sizeof(state),
					   sizeof(state));
		if (error)
			return error;
		user->started[i] = false;
	}
	return 0;
}

/* Whether the back end has let go of everything: because it never had our memory, is dead, or has stopped each
 * ring and said so; or else because it has answered our good-bye with its own. A mere silence proves nothing. */
static bool let_go(struct vhost_user *user)
{
	bool alive = vhost_port_alive(user->channel.socket);

	if (alive && !user->lost && stop_rings(user) == 0)
		return true;
	if (alive && user->has_memory && !vhost_port_hang_up(user->channel.socket))
		return false;
	vhost_disconnect(user);
	return true;
}

/* One attempt to finish a reset. */
static void try_reset(struct vhost_user *user)
{
	const char *cause;

	if (user->channel.socket >= 0 && !let_go(user))
		return;
	if (user->channel.socket < 0) {
		int error = vhost_connect(user, &cause);
		/* That there is nobody, whoever waits for the reset tells once and for all. */
		if (error && error != ERR_NODEV)
			virtio_log(&user->device, VPORT_LOG_ERROR, "vhost-user %s", cause);
		if (error)
			return;
	}
	user->resetting = false;
	user->refused = false;
	user->status = 0;
}

static uint8_t status_read(struct virtio_device *device)
{
	struct vhost_user *user = vhost(device);

	if (user->resetting)
		try_reset(user);
	else if (user->status != 0 && (user->lost || !vhost_port_alive(user->channel.socket)))
		return user->status | VIRTIO_STATUS_DEVICE_NEEDS_RESET;
	return user->status;
}

static void status_write(struct virtio_device *device, uint8_t status)
{
	struct vhost_user *user = vhost(device);

	if (status == 0)
		user->resetting = true;
	else
		user->status = user->refused ? status & ~VIRTIO_STATUS_FEATURES_OK : status;
}

/* ---- Features, configuration ---------------------------------------------------------------- */

static void features_read(struct virtio_device *device, struct virtio_features *offered)
{
	/* ACCESS_PLATFORM would mean that the back end asks us for each translation; the protocol has no
	 * message for the reset of one queue, and a notification carries no data. */
	uint64_t bits = vhost(device)->offered &
			~(MASK64(VHOST_USER_F_PROTOCOL_FEATURES) | MASK64(VHOST_F_LOG_ALL) |
			  MASK64(VIRTIO_F_ACCESS_PLATFORM) | MASK64(VIRTIO_F_RING_RESET) |
			  MASK64(VIRTIO_F_NOTIFICATION_DATA) | MASK64(VIRTIO_F_NOTIF_CONFIG_DATA));

	if (device->type == VIRTIO_TYPE_NET)
		bits &= ~NET_FRONT_FEATURES;
	if (device->type == VIRTIO_TYPE_NET &&
	    !(vhost(device)->protocol & MASK64(VHOST_USER_PROTOCOL_F_CONFIG)))
		bits &= ~NET_CONFIG_FEATURES;
	*offered = (struct virtio_features){ { (uint32_t)bits, (uint32_t)(bits >> 32) } };
}

static int tell_memory(struct vhost_user *user)
{
	struct vhost_port_memory memory = vhost_port_memory();
	struct vhost_memory table = { .regions = 1 };

	/* The "user address" only has to be one in which the ring addresses are told as well. */
	table.region.device_address = memory.device_address;
	table.region.user_address = memory.device_address;
	table.region.size = memory.size;
	user->has_memory = true; /* whatever becomes of the message */
	return vhost_user_tell(user, VHOST_USER_SET_MEM_TABLE, &table, sizeof(table), memory.fd);
}

static void features_write(struct virtio_device *device, const struct virtio_features *accepted)
{
	struct vhost_user *user = vhost(device);
	uint64_t bits = accepted->word[0] | (uint64_t)accepted->word[1] << 32;

	bits |= user->offered & MASK64(VHOST_USER_F_PROTOCOL_FEATURES);
	user->refused = vhost_user_tell64(user, VHOST_USER_SET_FEATURES, bits, -1) != 0 ||
			tell_memory(user) != 0;
}

/* Always from the start on: back ends differ in what they take an offset to mean. */
static uint32_t config_read(struct virtio_device *device, unsigned offset, unsigned width)
{
	struct vhost_config config = { .size = device->config_size };
	size_t length = __builtin_offsetof(struct vhost_config, region) + device->config_size;
	uint32_t value = 0;

	if (device->type == VIRTIO_TYPE_NET && offset == NET_CONFIG_PAIRS)
		return vhost(device)->queues / 2;
	if (vhost_user_ask(vhost(device), VHOST_USER_GET_CONFIG, &config, length, length) == 0)
		memcpy(&value, config.region + offset, width);
	return value;
}

static void config_write(struct virtio_device *device, unsigned offset, unsigned width,
			 uint32_t value)
{
	struct vhost_config config = { .offset = offset, .size = width };

	memcpy(config.region, &value, width);
	vhost_user_tell(vhost(device), VHOST_USER_SET_CONFIG, &config,
			__builtin_offsetof(struct vhost_config, region) + width, -1);
}

/* Changes would be announced on a channel of the back end's, which we do not open; but each new connection
 * may be to another one. Nothing that was read while the connection was lost holds. */
static uint32_t config_generation(struct virtio_device *device)
{
	struct vhost_user *user = vhost(device);

	if (user->lost)
		user->generation++;
	return user->generation;
}

/* ---- Queues ------------------------------------------------------------------------------------ */

static uint32_t queue_max_size(struct virtio_device *device, unsigned index)
{
	return index < vhost(device)->queues ? QUEUE_MAX_SIZE : 0;
}

/* Where a new ring begins: index 0, and with the packed format both wrap counters at 1. */
static uint32_t first_base(const struct virtio_queue *queue)
{
	return queue->setup.format == VIRTQ_PACKED ? UINT32_C(1) << 15 | UINT32_C(1) << 31 : 0;
}

/* A polled queue has a counter for interrupts too, which nobody looks at: some back ends take its absence
 * for a fault (libvhost-user of QEMU 7.2). */
static int make_events(struct vhost_user *user, unsigned place)
{
	if (user->kick[place] < 0)
		user->kick[place] = vhost_port_event();
	if (user->call[place] < 0)
		user->call[place] = vhost_port_event();
	return user->kick[place] >= 0 && user->call[place] >= 0 ? 0 : ERR_NOMEM;
}

static int queue_enable(struct virtio_queue *queue, const struct virtq_addresses *at)
{
	struct vhost_user *user = vhost(queue->device);
	struct vhost_vring_state state = { .index = queue->index, .num = queue->setup.size };
	struct vhost_vring_addr addresses = {
		.index = queue->index, .desc = at->desc, .avail = at->driver, .used = at->device
	};
	int error = make_events(user, queue->place);

	if (!error)
		error = vhost_user_tell(user, VHOST_USER_SET_VRING_NUM, &state, sizeof(state), -1);
	state.num = first_base(queue);
	if (!error)
		error = vhost_user_tell(user, VHOST_USER_SET_VRING_BASE, &state, sizeof(state), -1);
	if (!error)
		error = vhost_user_tell(user, VHOST_USER_SET_VRING_ADDR, &addresses,
					sizeof(addresses), -1);
	user->started[queue->place] = true; /* from here on it may be, whatever the answers are */
	if (!error)
		error = vhost_user_tell64(user, VHOST_USER_SET_VRING_CALL, queue->index,
					  user->call[queue->place]);
	if (!error)
		error = vhost_user_tell64(user, VHOST_USER_SET_VRING_KICK, queue->index,
					  user->kick[queue->place]);
	state.num = 1;
	if (!error && (user->offered & MASK64(VHOST_USER_F_PROTOCOL_FEATURES)))
		error = vhost_user_tell(user, VHOST_USER_SET_VRING_ENABLE, &state, sizeof(state),
					-1);
	return error;
}

static void notify(struct virtio_queue *queue, uint32_t value)
{
	(void)value; /* each queue has a counter of its own */
	vhost_port_signal(vhost(queue->device)->kick[queue->place]);
}

/* ---- Interrupts ---------------------------------------------------------------------------------- */

static void interrupts_route(struct virtio_device *device)
{
	struct vhost_user *user = vhost(device);
	bool poll = vport_setting_is("irq", "poll");

	device->interrupts = poll ? VIRTIO_POLLED : VIRTIO_MSIX;
	for (unsigned i = 0; i < device->queue_count; i++) {
		struct virtio_queue *queue = device->queues[i];
		queue->interrupts = !poll && make_events(user, i) == 0;
		if (!queue->interrupts)
			continue;
		vhost_port_watch(user->call[i], virtio_queue_interrupt, queue);
		device->vectors++;
	}
}

static void interrupts_release(struct virtio_device *device)
{
	for (unsigned i = 0; i < device->queue_count; i++) {
		if (vhost(device)->call[i] >= 0)
			vhost_port_unwatch(vhost(device)->call[i]);
	}
	device->vectors = 0;
	device->interrupts = VIRTIO_POLLED;
}

static uint32_t isr(struct virtio_device *device)
{
	(void)device; /* there is no line that could be shared */
	return 0;
}

static int shared_memory(struct virtio_device *device, unsigned id, uint64_t *bus, uint64_t *length)
{
	(void)device;
	(void)id;
	(void)bus;
	(void)length;
	return ERR_NODEV;
}

/* A back end that has not let go may have the memory mapped for ever. */
static int disown(struct virtio_device *device)
{
	struct vhost_user *user = vhost(device);
	bool has_memory = user->has_memory;

	if (device->reset_hangs && !has_memory)
		virtio_log(device, VPORT_LOG_ERROR,
			   "its back end did not come back within reset_ms=%llu",
			   (unsigned long long)vport_setting("reset_ms", VIRTIO_RESET_MS));
	if (user->channel.socket >= 0)
		vhost_disconnect(user);
	user->resetting = false; /* nothing more is tried */
	return has_memory ? ERR_UNSUPPORTED : 0;
}

static const struct virtio_transport vhost_user_transport = {
	.name = "vhost-user",
	.serves_enabled = true,
	.status_read = status_read,
	.status_write = status_write,
	.features_read = features_read,
	.features_write = features_write,
	.config_read = config_read,
	.config_write = config_write,
	.config_generation = config_generation,
	.queue_max_size = queue_max_size,
	.queue_enable = queue_enable,
	.notify = notify,
	.interrupts_route = interrupts_route,
	.interrupts_release = interrupts_release,
	.isr = isr,
	.shared_memory = shared_memory,
	.disown = disown,
};

int virtio_vhost_user_probe(struct vport_device *port, const char *path, uint32_t type)
{
	struct vhost_user *user = vport_alloc(sizeof(*user));

	if (!user) {
		vport_log(VPORT_LOG_ERROR, "virtio vhost-user: out of memory for a device");
		return ERR_NOMEM;
	}
	struct virtio_device *device = &user->device;
	device->transport = &vhost_user_transport;
	device->port = port;
	device->type = type;
	format(device->location, sizeof(device->location), "vhost-user %s", path);
	user->path = path;
	user->channel.socket = -1;
	for (unsigned i = 0; i < VIRTIO_MAX_QUEUES; i++)
		user->kick[i] = user->call[i] = -1;

	const char *cause;
	int error = vhost_connect(user, &cause);
	if (error) {
		char line[256]; /* with the path behind it, which may be longer than anything */
		format(line, sizeof(line), "virtio vhost-user: %s: no back end that answers at %s",
		       cause, path);
		vport_log(VPORT_LOG_ERROR, line);
		vport_free(user, sizeof(*user));
		return error;
	}
	if (user->protocol & MASK64(VHOST_USER_PROTOCOL_F_CONFIG))
		device->config_size = config_bytes(type);
	else if (type == VIRTIO_TYPE_NET)
		device->config_size = NET_CONFIG_PAIRS + 2;
	else if (type == VIRTIO_TYPE_BLOCK)
		virtio_log(device, VPORT_LOG_ERROR,
			   "its back end offers no configuration (protocol feature CONFIG)");
	user->next = all;
	all = user;
	error = virtio_device_add(device);
	if (error)
		vhost_disconnect(user);
	return error;
}
