/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tests an interface on QEMU's user network, whose gateway 10.0.2.2 answers ARP:
 *
 *     make run APP=nettest NET=user
 *
 * Reports in KTAP version 1.
 */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "drivers/virtio/net.h"
#include "kernel/console.h"
#include "kernel/ktap.h"
#include "lib/error.h"

#define NS_PER_S UINT64_C(1000000000)
#define MANY 1000
#define MINIMUM 60 /* Ethernet, without the check sequence */

static struct net_device *net;

/* RFC 826, as it stands behind the Ethernet header. */
struct arp {
	uint8_t hardware[2], protocol[2], lengths[2], operation[2];
	uint8_t sender_mac[NET_MAC_BYTES], sender_ip[4];
	uint8_t target_mac[NET_MAC_BYTES], target_ip[4];
};
_Static_assert(sizeof(struct arp) == 28, "RFC 826");

static const struct arp request = { .hardware = { 0, 1 },
				    .protocol = { 8, 0 },
				    .lengths = { NET_MAC_BYTES, 4 },
				    .operation = { 0, 1 },
				    .sender_ip = { 10, 0, 2, 15 },
				    .target_ip = { 10, 0, 2, 2 } };

/* ---- Frames that come in ----------------------------------------------------------------- */

static unsigned answers;
static const char *wrong; /* with an answer */

static const char *check_answer(const struct net_buffer *frame)
{
	const uint8_t *data = net_data(frame);
	struct arp arp;

	memcpy(&arp, data + NET_HEADER_BYTES, sizeof(arp));
	if (memcmp(data, net->mac, NET_MAC_BYTES) != 0 ||
	    memcmp(arp.target_mac, net->mac, NET_MAC_BYTES) != 0)
		return "the answer is for somebody else";
	if (arp.operation[1] != 2 || memcmp(arp.sender_ip, request.target_ip, 4) != 0)
		return "that is no answer of 10.0.2.2";
	if (memcmp(data + NET_MAC_BYTES, arp.sender_mac, NET_MAC_BYTES) != 0)
		return "two addresses of the sender";
	return NULL;
}

static void listen(struct net_device *from, struct net_buffer *const *frames, unsigned count,
		   void *cookie)
{
	(void)cookie;
	for (unsigned i = 0; i < count; i++) {
		const uint8_t *type = net_data(frames[i]) + 2 * NET_MAC_BYTES;
		/* The network may have other things to say. */
		if (frames[i]->length >= NET_HEADER_BYTES + sizeof(struct arp) && type[0] == 8 &&
		    type[1] == 6) {
			const char *complaint = check_answer(frames[i]);
			wrong = complaint ? complaint : wrong;
			answers++;
		}
		net_release(from, frames[i]);
	}
}

/* ---- Frames that go out -------------------------------------------------------------------- */

static unsigned done_count, done_errors;

static void done(struct net_buffer *frame, int status)
{
	done_count++;
	done_errors += status != 0;
	(void)frame;
}

static void done_release(struct net_buffer *frame, int status)
{
	done(frame, status);
	net_release(net, frame);
}

/* The whole request, at least MINIMUM bytes of it. */
static uint32_t write_request(uint8_t *to)
{
	struct arp arp = request;

	memcpy(arp.sender_mac, net->mac, NET_MAC_BYTES);
	memset(to, 0, MINIMUM);
	memset(to, 0xff, NET_MAC_BYTES);
	memcpy(to + NET_MAC_BYTES, net->mac, NET_MAC_BYTES);
	to[12] = 8;
	to[13] = 6;
	memcpy(to + NET_HEADER_BYTES, &arp, sizeof(arp));
	return MINIMUM;
}

/* Waits until so many answers are there and so many frames are done, or a second and more is over. */
static bool wait_for(unsigned expected, unsigned frames)
{
	uint64_t end = vport_now() + 5 * NS_PER_S;

	while ((answers < expected || done_count < frames) && vport_now() < end)
		vport_relax(end);
	return answers == expected && done_count == frames;
}

static void begin(void)
{
	answers = done_count = done_errors = 0;
	wrong = NULL;
}

/* ---- Tests ------------------------------------------------------------------------------------ */

static const char *test_address(void)
{
	static const uint8_t none[NET_MAC_BYTES];
	kprint("# %s %02x:%02x:%02x:%02x:%02x:%02x mtu %u\n", net->name, net->mac[0], net->mac[1],
	       net->mac[2], net->mac[3], net->mac[4], net->mac[5], (unsigned)net->mtu);
	ktap_check(memcmp(net->mac, none, NET_MAC_BYTES) != 0);
	ktap_check((net->mac[0] & 1) == 0); /* no group's */
	ktap_check(net->mtu >= 68);
	ktap_check(net->link);
	return KTAP_OK;
}

static const char *test_answer(void)
{
	struct net_buffer *frame = net_take(net);
	ktap_check(frame != NULL);
	frame->length = write_request(net_data(frame));
	frame->done = done_release;
	begin();
	ktap_check(net_send(net, &frame, 1) == 1);
	ktap_check(wait_for(1, 1));
	ktap_check(done_errors == 0);
	return wrong;
}

/* Of the caller's own memory, header and rest apart. */
static const char *test_pieces(void)
{
	static uint8_t front[NET_ROOM + NET_HEADER_BYTES], whole[MINIMUM];
	static struct net_buffer first, second, empty;

	write_request(whole);
	memcpy(front + NET_ROOM, whole, NET_HEADER_BYTES);
	net_buffer_over(&first, front, sizeof(front));
	first.start = NET_ROOM;
	first.length = NET_HEADER_BYTES;
	net_buffer_over(&empty, whole, sizeof(whole));
	net_buffer_over(&second, whole, sizeof(whole));
	second.start = NET_HEADER_BYTES;
	second.length = MINIMUM - NET_HEADER_BYTES;
	first.more = &empty;
	empty.more = &second;
	first.done = done;
	struct net_buffer *frame = &first;
	begin();
	ktap_check(net_send(net, &frame, 1) == 1);
	ktap_check(wait_for(1, 1));
	ktap_check(done_errors == 0);
	return wrong;
}

/* More than the queue holds; each is done once, and answered. */
static const char *test_many(void)
{
	unsigned given = 0;

	begin();
	while (given < MANY) {
		struct net_buffer *frame = net_take(net);
		uint64_t end = vport_now() + NS_PER_S;
		if (!frame) {
			vport_relax(end);
			continue;
		}
		frame->length = write_request(net_data(frame));
		frame->done = done_release;
		int taken;
		while ((taken = net_send(net, &frame, 1)) == 0 && vport_now() < end)
			vport_relax(end);
		ktap_check(taken == 1);
		/* The gateway answers at once, and what nobody has room for is lost. */
		if (++given % NET_BURST == 0)
			ktap_check(wait_for(given, given));
	}
	ktap_check(wait_for(MANY, MANY));
	ktap_check(done_errors == 0);
	struct net_counts counts;
	net_count(net, &counts);
	ktap_check(counts.malformed == 0);
	return wrong;
}

static const char *test_whole_pool(void)
{
	struct net_buffer *taken = NULL, *frame;
	unsigned count = 0;

	while ((frame = net_take(net)) != NULL) {
		frame->next = taken;
		taken = frame;
		count++;
	}
	ktap_check(count > 0);
	while ((frame = taken) != NULL) {
		taken = frame->next;
		net_release(net, frame);
	}
	return test_answer();
}

static const char *test_refused(void)
{
	struct net_buffer *frame = net_take(net);
	ktap_check(frame != NULL);
	frame->length = NET_HEADER_BYTES - 1;
	ktap_check(net_send(net, &frame, 1) == ERR_RANGE);
	frame->length = NET_HEADER_BYTES + net->mtu + 1;
	ktap_check(net_send(net, &frame, 1) == ERR_RANGE);
	ktap_check(net_send(net, &frame, 0) == 0);
	net_release(net, frame);
	ktap_check(net_find("net9") == NULL);
	return test_answer();
}

static const struct ktap_test tests[] = {
	{ "address, mtu and link", test_address },
	{ "an ARP request is answered", test_answer },
	{ "a frame in pieces of one's own memory", test_pieces },
	{ "many frames are each done once, and answered", test_many },
	{ "the whole pool can be taken and given back", test_whole_pool },
	{ "too short and too long is refused", test_refused },
};

int main(int argc, char **argv)
{
	if (argc > 2 || (argc == 2 && argv[1][0] == '-')) {
		kprint("usage: %s [INTERFACE]\n", argv[0]);
		return 2;
	}
	net = argc == 2 ? net_find(argv[1]) : net_first();
	if (!net) {
		kprint("%s: there is no interface %s\n", argv[0], argc == 2 ? argv[1] : "");
		return 1;
	}
	net_listen(net, listen, NULL);
	int status = ktap_run(tests, sizeof(tests) / sizeof(tests[0]));
	net_listen(net, NULL, NULL);
	return status;
}
