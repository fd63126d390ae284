/* SPDX-License-Identifier: BSD-2-Clause */
/* A vhost-user device, and the connection to its back end: what vhost_connection.c and vhost_user.c share. */
#ifndef DRIVERS_VIRTIO_VHOST_CONNECTION_H
#define DRIVERS_VIRTIO_VHOST_CONNECTION_H

#include "drivers/virtio/device.h"
#include "drivers/virtio/vhost_message.h"

#define MASK64(bit) (UINT64_C(1) << (bit))

struct vhost_user {
	struct virtio_device device; /* first: a device's transport part is found by a cast */
	const char *path;
	struct vhost_channel channel;
	uint64_t offered;  /* the back end's feature bits, the protocol's own included */
	uint64_t protocol; /* protocol features in use */
	uint32_t queues;   /* how many there may be */
	uint8_t status;
	bool resetting;
	bool connecting;     /* what goes wrong is told by whoever connects: */
	char cause[48];      /* this */
	bool lost;           /* an exchange failed: nothing more is said on this connection */
	bool has_memory;     /* the back end was told of our memory on this connection */
	bool refused;        /* the features, by the back end */
	uint32_t generation; /* of the configuration */
	int kick[VIRTIO_MAX_QUEUES], call[VIRTIO_MAX_QUEUES]; /* by the queues' places */
	bool started[VIRTIO_MAX_QUEUES];
	struct vhost_user *next;
};

/* Connects to the back end and agrees with it on what both can do. 0, or an error and its cause for a person, which stays
 * until the next call. Program or work context. */
int vhost_connect(struct vhost_user *user, const char **cause);
/* Closes it, if there is one. */
void vhost_disconnect(struct vhost_user *user);

/* vhost_tell and vhost_ask for a device: an error is logged (while it connects, it is the cause), and after any but ERR_UNSUPPORTED nothing more is said on this
 * connection (ERR_IO). Program or work context. */
int vhost_user_tell(struct vhost_user *user, enum vhost_request request, const void *payload,
		    size_t length, int fd);
int vhost_user_tell64(struct vhost_user *user, enum vhost_request request, uint64_t value, int fd);
int vhost_user_ask(struct vhost_user *user, enum vhost_request request, void *payload,
		   size_t length, size_t expected);

#endif
