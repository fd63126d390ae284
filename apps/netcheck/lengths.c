/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Frames of every length from 60 bytes to the MTU, numbered, whose content follows from their number: the other end
 * checks each and sends it back, and here it is checked again. A few are on their way at a time.
 */
#include <string.h>

#include "apps/netcheck/netcheck.h"
#include "kernel/console.h"

#define SHORTEST 60
#define WINDOW 32
#define CONTENT_AT (NET_HEADER_BYTES + 4) /* behind the number */

static const uint8_t other[NET_MAC_BYTES] = { 0x02, 0, 0, 0, 0, 1 };
static unsigned lengths, next, wrong;

static unsigned length_of(unsigned number)
{
	return SHORTEST + number % lengths;
}

static uint8_t byte_of(unsigned number, unsigned at)
{
	return (uint8_t)(number * 13 + at * 7);
}

static void check(const struct net_device *net, const struct net_buffer *frame)
{
	const uint8_t *data = net_data(frame);
	unsigned number = get16(data + NET_HEADER_BYTES) << 16 | get16(data + NET_HEADER_BYTES + 2);
	bool right = number == next && frame->length == length_of(number) && !frame->more &&
		     memcmp(data, net->mac, NET_MAC_BYTES) == 0;

	for (unsigned i = CONTENT_AT; right && i < frame->length; i++)
		right = data[i] == byte_of(number, i);
	if (!right && wrong++ == 0)
		kprint("netcheck: frame %u came back as number %u with %u bytes, or otherwise "
		       "wrong\n",
		       next, number, (unsigned)frame->length);
	next++;
}

static void listen(struct net_device *net, struct net_buffer *const *frames, unsigned count,
		   void *cookie)
{
	(void)cookie;
	for (unsigned i = 0; i < count; i++) {
		if (frames[i]->length >= SHORTEST && get16(net_data(frames[i]) + 12) == FRAME_TYPE)
			check(net, frames[i]);
		net_release(net, frames[i]);
	}
}

static bool send_number(struct net_device *net, unsigned number)
{
	struct net_buffer *frame = take_waiting(net);
	if (!frame)
		return false;
	uint8_t *data = net_data(frame);

	put_header(data, other, net->mac, FRAME_TYPE);
	put16(data + NET_HEADER_BYTES, number >> 16);
	put16(data + NET_HEADER_BYTES + 2, number);
	frame->length = length_of(number);
	for (unsigned i = CONTENT_AT; i < frame->length; i++)
		data[i] = byte_of(number, i);
	return send_waiting(net, frame);
}

int check_lengths(struct net_device *net, unsigned count)
{
	unsigned sent = 0;

	next = wrong = 0;
	lengths = NET_HEADER_BYTES + net->mtu - SHORTEST + 1;
	net_listen(net, listen, NULL);
	uint64_t end = vport_now() + PATIENCE_NS;
	while (next < count && vport_now() < end) {
		unsigned before = next;
		while (sent < count && sent < next + WINDOW && send_number(net, sent))
			sent++;
		if (next == before)
			vport_relax(end);
		else
			end = vport_now() + PATIENCE_NS;
	}
	net_listen(net, NULL, NULL);
	kprint("netcheck: %u frames sent, %u came back, %u wrong\n", sent, next, wrong);
	return next == count && wrong == 0 ? 0 : 1;
}
