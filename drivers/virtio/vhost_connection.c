/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The connection to a vhost-user back end: how it begins, what both agree on, and that it is of no use any more once an
 * exchange has failed. What is said on it is the transport's (vhost_user.c), and how, the messages' (vhost_message.c).
 *
 * See it at work: make run ARCH=host APP=disksum DISK=vhost-user:SOCKET
 */
#include "drivers/virtio/vhost_connection.h"

#include "drivers/virtio/vhost_port.h"
#include "lib/format.h"
#include "lib/mem.h"

void vhost_disconnect(struct vhost_user *user)
{
	if (user->channel.socket >= 0)
		vhost_port_close(user->channel.socket);
	user->channel = (struct vhost_channel){ .socket = -1 };
	user->has_memory = false;
	memset(user->started, 0, sizeof(user->started));
}

/* An exchange failed: whatever the reason, the connection is of no use any more, but for a plain "no". The
 * device then asks for a reset like one that has hung itself up. While it is made, who makes it tells why. */
static int judge(struct vhost_user *user, enum vhost_request request, int error)
{
	if (error && error != ERR_UNSUPPORTED)
		user->lost = true;
	if (error && user->connecting)
		format(user->cause, sizeof(user->cause), "message %u: %s", request,
		       error_text(error));
	else if (error)
		virtio_log(&user->device, VPORT_LOG_ERROR, "vhost-user message %u: %s", request,
			   error_text(error));
	return error;
}

int vhost_user_tell(struct vhost_user *user, enum vhost_request request, const void *payload,
		    size_t length, int fd)
{
	if (user->lost)
		return ERR_IO;
	return judge(user, request, vhost_tell(&user->channel, request, payload, length, fd));
}

int vhost_user_ask(struct vhost_user *user, enum vhost_request request, void *payload,
		   size_t length, size_t expected)
{
	if (user->lost)
		return ERR_IO;
	return judge(user, request, vhost_ask(&user->channel, request, payload, length, expected));
}

int vhost_user_tell64(struct vhost_user *user, enum vhost_request request, uint64_t value, int fd)
{
	return vhost_user_tell(user, request, &value, sizeof(value), fd);
}

static int vhost_user_ask64(struct vhost_user *user, enum vhost_request request, uint64_t *value)
{
	return vhost_user_ask(user, request, value, 0, sizeof(*value));
}

static int agree_on_protocol(struct vhost_user *user)
{
	uint64_t offered = 0;
	uint64_t known = MASK64(VHOST_USER_PROTOCOL_F_MQ) |
			 MASK64(VHOST_USER_PROTOCOL_F_REPLY_ACK) |
			 MASK64(VHOST_USER_PROTOCOL_F_CONFIG);
	int error = vhost_user_ask64(user, VHOST_USER_GET_PROTOCOL_FEATURES, &offered);

	user->protocol = offered & known;
	if (!error)
		error = vhost_user_tell64(user, VHOST_USER_SET_PROTOCOL_FEATURES, user->protocol,
					  -1);
	user->channel.reply_ack = (user->protocol & MASK64(VHOST_USER_PROTOCOL_F_REPLY_ACK)) != 0;
	if (!error && (user->protocol & MASK64(VHOST_USER_PROTOCOL_F_MQ))) {
		uint64_t queues = 0;
		error = vhost_user_ask64(user, VHOST_USER_GET_QUEUE_NUM, &queues);
		/* Of a network device, pairs are meant. */
		if (user->device.type == VIRTIO_TYPE_NET && queues < VIRTIO_MAX_QUEUES)
			queues *= 2;
		user->queues = queues < VIRTIO_MAX_QUEUES ? (uint32_t)queues : VIRTIO_MAX_QUEUES;
	}
	return error;
}

int vhost_connect(struct vhost_user *user, const char **cause)
{
	user->channel = (struct vhost_channel){ .socket = vhost_port_connect(user->path, cause) };
	if (user->channel.socket < 0)
		return ERR_NODEV;
	user->lost = false;
	user->connecting = true;
	user->generation++;
	user->protocol = 0;
	user->queues = VIRTIO_MAX_QUEUES;
	int error = vhost_user_ask64(user, VHOST_USER_GET_FEATURES, &user->offered);
	if (!error && (user->offered & MASK64(VHOST_USER_F_PROTOCOL_FEATURES)))
		error = agree_on_protocol(user);
	if (!error)
		error = vhost_user_tell(user, VHOST_USER_SET_OWNER, NULL, 0, -1);
	user->connecting = false;
	if (error) {
		*cause = user->cause;
		vhost_disconnect(user);
	}
	return error;
}
