/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vhost-user messages, as QEMU's documentation describes them (docs/interop/vhost-user.rst): numbers and
 * structures, and one exchange. All integers are in the machine's own byte order.
 */
#ifndef DRIVERS_VIRTIO_VHOST_MESSAGE_H
#define DRIVERS_VIRTIO_VHOST_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum vhost_request {
	VHOST_USER_GET_FEATURES = 1,
	VHOST_USER_SET_FEATURES = 2,
	VHOST_USER_SET_OWNER = 3,
	VHOST_USER_SET_MEM_TABLE = 5,
	VHOST_USER_SET_VRING_NUM = 8,
	VHOST_USER_SET_VRING_ADDR = 9,
	VHOST_USER_SET_VRING_BASE = 10,
	VHOST_USER_GET_VRING_BASE = 11,
	VHOST_USER_SET_VRING_KICK = 12,
	VHOST_USER_SET_VRING_CALL = 13,
	VHOST_USER_GET_PROTOCOL_FEATURES = 15,
	VHOST_USER_SET_PROTOCOL_FEATURES = 16,
	VHOST_USER_GET_QUEUE_NUM = 17,
	VHOST_USER_SET_VRING_ENABLE = 18,
	VHOST_USER_GET_CONFIG = 24,
	VHOST_USER_SET_CONFIG = 25,
};

/* Protocol features, and the feature bits that are the protocol's own. */
enum {
	VHOST_USER_PROTOCOL_F_MQ = 0,
	VHOST_USER_PROTOCOL_F_REPLY_ACK = 3,
	VHOST_USER_PROTOCOL_F_CONFIG = 9,
};
enum { VHOST_F_LOG_ALL = 26, VHOST_USER_F_PROTOCOL_FEATURES = 30 };

struct vhost_vring_state {
	uint32_t index, num;
};

struct vhost_vring_addr {
	uint32_t index, flags;
	uint64_t desc, used, avail, log;
};

struct vhost_memory {
	uint32_t regions, padding;
	struct {
		uint64_t device_address, size, user_address, mmap_offset;
	} region;
};

#define VHOST_USER_CONFIG_MAX 256
struct vhost_config {
	uint32_t offset, size, flags;
	uint8_t region[VHOST_USER_CONFIG_MAX];
};

/* What one connection has agreed on. */
struct vhost_channel {
	int socket; /* < 0: not connected */
	bool reply_ack;
};

/*
 * Sends a request with `length` bytes of payload, and a descriptor unless fd is -1. Where REPLY_ACK was
 * agreed on, waits until the back end says that it has done it. 0; ERR_IO, ERR_CLOSED, ERR_TIMEOUT: the connection is
 * useless now; ERR_UNSUPPORTED: the back end refused.
 */
int vhost_tell(struct vhost_channel *channel, enum vhost_request request, const void *payload,
	       size_t length, int fd);
/* Sends a request and receives its answer into the payload: `length` bytes there and `expected` bytes back,
 * no more and no less. 0, ERR_IO, ERR_CLOSED, ERR_TIMEOUT, or ERR_FORMAT when the answer is not one to it. */
int vhost_ask(struct vhost_channel *channel, enum vhost_request request, void *payload,
	      size_t length, size_t expected);

#endif
