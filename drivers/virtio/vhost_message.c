/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One exchange of vhost-user messages: see vhost_message.h. The back end is not trusted to answer, to answer
 * what was asked, or to answer in full.
 *
 * See it at work: make run ARCH=host APP=disksum DISK=vhost-user:SOCKET
 * Left out: messages that the back end sends of its own accord.
 */
#include "drivers/virtio/vhost_message.h"
#include "drivers/virtio/vhost_port.h"
#include "lib/error.h"
#include "lib/mem.h"

struct header {
	uint32_t request, flags, size;
};

enum { VERSION = 1, FLAG_REPLY = 1 << 2, FLAG_NEED_REPLY = 1 << 3, VERSION_MASK = 3 };

struct message {
	struct header header;
	uint8_t payload[sizeof(struct vhost_config)];
};

static int send_request(struct vhost_channel *channel, enum vhost_request request, uint32_t flags,
			const void *payload, size_t length, int fd)
{
	struct message message = {
		.header = { .request = request, .flags = VERSION | flags, .size = (uint32_t)length }
	};

	kit_assert(length <= sizeof(message.payload));
	if (channel->socket < 0)
		return ERR_IO;
	if (length > 0)
		memcpy(message.payload, payload, length);
	return vhost_port_send(channel->socket, &message, sizeof(message.header) + length, fd);
}

/* The answer to `request`, of exactly that length. After a wrong one nobody knows where the next begins, so
 * the caller gives up the connection. */
static int receive_answer(struct vhost_channel *channel, enum vhost_request request, void *payload,
			  size_t expected)
{
	struct header header;
	int error = vhost_port_receive(channel->socket, &header, sizeof(header));

	if (error)
		return error;
	if (header.request != (uint32_t)request || !(header.flags & FLAG_REPLY) ||
	    (header.flags & VERSION_MASK) != VERSION || header.size != expected)
		return ERR_FORMAT;
	return vhost_port_receive(channel->socket, payload, expected);
}

int vhost_tell(struct vhost_channel *channel, enum vhost_request request, const void *payload,
	       size_t length, int fd)
{
	uint64_t refused = 0;
	int error = send_request(channel, request, channel->reply_ack ? FLAG_NEED_REPLY : 0,
				 payload, length, fd);

	if (!error && channel->reply_ack)
		error = receive_answer(channel, request, &refused, sizeof(refused));
	if (!error && refused != 0)
		error = ERR_UNSUPPORTED;
	return error;
}

int vhost_ask(struct vhost_channel *channel, enum vhost_request request, void *payload,
	      size_t length, size_t expected)
{
	int error = send_request(channel, request, 0, payload, length, -1);

	return error ? error : receive_answer(channel, request, payload, expected);
}
