/* SPDX-License-Identifier: BSD-2-Clause */
/* A network device that a test makes up: a wire whose other end the test is. */
#ifndef TESTS_HOST_FAKE_NET_H
#define TESTS_HOST_FAKE_NET_H

#include "tests/host/fake/device.h"

/* Its features, 5.1.3, written out. */
enum {
	FAKE_CSUM = 0,
	FAKE_GUEST_CSUM = 1,
	FAKE_CTRL_GUEST_OFFLOADS = 2,
	FAKE_MTU = 3,
	FAKE_MAC = 5,
	FAKE_GUEST_TSO4 = 7,
	FAKE_GUEST_TSO6 = 8,
	FAKE_GUEST_ECN = 9,
	FAKE_GUEST_UFO = 10,
	FAKE_HOST_TSO4 = 11,
	FAKE_HOST_TSO6 = 12,
	FAKE_HOST_ECN = 13,
	FAKE_HOST_UFO = 14,
	FAKE_MRG_RXBUF = 15,
	FAKE_STATUS = 16,
	FAKE_CTRL_VQ = 17,
	FAKE_CTRL_RX = 18,
	FAKE_CTRL_VLAN = 19,
	FAKE_CTRL_RX_EXTRA = 20,
	FAKE_GUEST_ANNOUNCE = 21,
	FAKE_MQ = 22,
	FAKE_CTRL_MAC_ADDR = 23,
	FAKE_GUEST_USO4 = 54,
	FAKE_GUEST_USO6 = 55,
	FAKE_HOST_USO = 56,
	FAKE_HASH_REPORT = 57,
	FAKE_GUEST_HDRLEN = 59,
	FAKE_RSS = 60,
	FAKE_SPEED_DUPLEX = 63,
};

/* It has queues 0, 1 … and a control queue where the configuration's max_virtqueue_pairs puts it, of so many. */
#define FAKE_NET_PAIRS 4
#define FAKE_FRAME_BYTES 70000
#define FAKE_COMMAND_BYTES 512

/* The device's state. Zeros, but for `mtu`, is how it begins. */
struct fake_wire {
	unsigned sent; /* frames that the driver sent */
	unsigned sent_by[FAKE_NET_PAIRS];
	size_t length; /* of the last one, */
	uint8_t frame[FAKE_FRAME_BYTES];
	uint8_t header[20];
	uint32_t mtu; /* that a frame must keep to */

	/* The control queue: what was asked last, and how often, */
	unsigned commands;
	uint8_t class, command, data[FAKE_COMMAND_BYTES];
	size_t data_length;
	/* and what has come of all of it since the reset. */
	uint8_t modes[6];
	uint8_t filter[FAKE_COMMAND_BYTES];
	size_t filter_length;
	uint8_t mac[6];
	uint8_t vlans[4096];
	unsigned pairs;
	uint8_t rss[FAKE_COMMAND_BYTES]; /* RSS or hash configuration */
	size_t rss_length;
	uint64_t offloads;
	unsigned announced;

	/* What goes wrong with the control queue. */
	int refuse_class; /* + 1: those of that class are refused */
	bool silent;      /* no command is answered */
	bool answers;     /* with `answer`, whatever is asked */
	uint8_t answer;
	bool writes_nothing; /* it takes commands and says that it has written nothing */
};

extern const struct fake_model fake_net;

/* A frame comes in, behind a header of 12 bytes: false when the driver has no buffer for it. `written` is what
 * the driver is told, headers included; 0: what it is. */
bool fake_receive(struct fake_device *device, const uint8_t header[12], const void *frame,
		  size_t length, uint32_t written);
/* By another pair, with a header of as many bytes as was negotiated, spread over as many buffers as it takes (with
 * MRG_RXBUF). Header and number of buffers are as the test says, when `number` is not 0; else that many. */
bool fake_receive_by(struct fake_device *device, unsigned pair, const uint8_t *header,
		     const void *frame, size_t length, uint16_t number);

#endif
