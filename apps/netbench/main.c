/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Measures a network interface:
 *
 *     make run APP=netbench ARGS='net0 tx'
 *     bench: net net0 tx size=64 wait=irq pps=101234 n=100000 errors=0
 *
 *     tx   sends frames as fast as they are taken
 *     rx   counts the frames that come in (somebody must send them)
 *     rr   sends one and waits for the answer, over and over: an ARP request, which QEMU's user network
 *          answers, and which a peer that sends everything back does too
 *
 * -p polls the interface instead of waiting in the event loop; -y does so with the processor's hint that it waits
 * (pause, yield) behind each look that found nothing, and for rx behind each look: QEMU's main loop then moves frames
 * undisturbed until there are several. -w: rr waits for the request to
 * be sent as well, where otherwise the answer is enough. -n sets how many frames (1 to 4294967295; 100000 without it), -s
 * their size (60 to 1514 bytes; 64). When nothing came for 5 s rx ends, and rr has an error, and asks again.
 * The status is 0 when there were no errors.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/virtio/net.h"
#include "kernel/arch.h"
#include "kernel/console.h"
#include "lib/error.h"

#define NS_PER_S UINT64_C(1000000000)
#define SILENCE_NS (5 * NS_PER_S) /* nothing for so long is an error */
#define IN_FLIGHT 256
#define LOOKS_WITHOUT_TIME 4096 /* polling: how often the event loop and the clock are left out */
#define DEFAULT_COUNT 100000
#define SMALLEST_FRAME 60
#define LARGEST_FRAME 1514

static struct net_device *net;
static uint32_t size = 64;
static bool poll, pausing, pausing_always, both_ends;
static uint64_t sent, errors, received;
/* Frames of ours, filled in once, that are not on their way. */
static struct net_buffer *idle;

static const uint8_t broadcast[NET_MAC_BYTES] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

/* RFC 826, for 10.0.2.2 from 10.0.2.15: the addresses of QEMU's user network. */
static const uint8_t arp_request[] = { 0x08, 0x06, 0, 1, 0x08, 0, 6, 4, 0, 1 };
static const uint8_t own_ip[] = { 10, 0, 2, 15 }, gateway_ip[] = { 10, 0, 2, 2 };
/* IEEE 802: an EtherType for local experiments. */
static const uint8_t experiment[] = { 0x88, 0xb5 };

/* How long nothing has come. */
struct silence {
	uint64_t since;
	unsigned waits;
};

static bool lasts(struct silence *silence, uint64_t limit)
{
	if (++silence->waits % 2 != 0)
		return false;
	uint64_t now = vport_now();
	if (silence->since == 0)
		silence->since = now;
	return now - silence->since > limit;
}

/* Looks until something has come, or is done. The event loop and the clock have their turn seldom: those take a lock of the
 * emulator's, which the device's half then waits for. */
static void look(void)
{
	static unsigned looks;
	uint64_t before = sent + received;

	do {
		if (++looks % LOOKS_WITHOUT_TIME == 0) {
			vport_relax(0);
			return;
		}
		net_poll(net);
		if (pausing && (pausing_always || sent + received == before))
			arch_pause();
	} while (sent + received == before);
}

static void wait(void)
{
	static uint64_t until; /* one that stays the same sets no timer anew */
	uint64_t before = sent + received;

	if (poll) {
		look();
		return;
	}
	vport_relax(until);
	if (sent + received == before)
		until = vport_now() + NS_PER_S / 10;
}

static uint64_t malformed_frames(void)
{
	struct net_counts counts;

	net_count(net, &counts);
	return counts.malformed;
}

static void netbench_done(struct net_buffer *frame, int status)
{
	sent++;
	errors += status != 0;
	frame->next = idle;
	idle = frame;
}

static void count_frames(struct net_device *from, struct net_buffer *const *frames, unsigned count,
			 void *cookie)
{
	(void)cookie;
	for (unsigned i = 0; i < count; i++)
		net_release(from, frames[i]);
	received += count;
}

static void fill(struct net_buffer *frame, bool request)
{
	uint8_t *data = net_data(frame), *ip = data + NET_HEADER_BYTES + 8;

	memset(data, 0, size);
	memcpy(data, broadcast, NET_MAC_BYTES);
	memcpy(data + NET_MAC_BYTES, net->mac, NET_MAC_BYTES);
	memcpy(data + 2 * NET_MAC_BYTES, experiment, sizeof(experiment));
	if (request) {
		memcpy(data + 2 * NET_MAC_BYTES, arp_request, sizeof(arp_request));
		memcpy(ip, net->mac, NET_MAC_BYTES);
		memcpy(ip + NET_MAC_BYTES, own_ip, sizeof(own_ip));
		memcpy(ip + 2 * NET_MAC_BYTES + sizeof(own_ip), gateway_ip, sizeof(gateway_ip));
	}
	frame->length = size;
}

static void take_frames(unsigned count, bool request)
{
	struct net_buffer *frame;

	while (count-- > 0 && (frame = net_take(net)) != NULL) {
		fill(frame, request);
		frame->done = netbench_done;
		frame->next = idle;
		idle = frame;
	}
}

static void give_back(void)
{
	while (idle) {
		struct net_buffer *frame = idle;
		idle = frame->next;
		net_release(net, frame);
	}
}

/* Sends up to NET_BURST of the idle frames, but not more than `limit`. How many were taken. */
static unsigned send_idle(uint64_t limit)
{
	struct net_buffer *frames[NET_BURST];
	unsigned count = 0;

	while (count < NET_BURST && count < limit && idle) {
		frames[count] = idle;
		idle = idle->next;
		count++;
	}
	if (count == 0)
		return 0;
	int taken = net_send(net, frames, count);
	if (taken < 0)
		errors++;
	for (unsigned i = taken < 0 ? 0 : (unsigned)taken; i < count; i++) {
		frames[i]->next = idle;
		idle = frames[i];
	}
	return taken < 0 ? 0 : (unsigned)taken;
}

/* ---- The three ------------------------------------------------------------------------ */

static uint64_t run_tx(uint64_t count)
{
	uint64_t given = 0;

	take_frames(IN_FLIGHT, false);
	while (sent < count && !net->gone) {
		unsigned taken = send_idle(count - given);
		given += taken;
		if (taken == 0)
			wait();
	}
	while (sent < given)
		wait();
	return sent;
}

static uint64_t run_rx(uint64_t count)
{
	struct silence silence = { 0 };

	pausing_always = true;
	while (received < count) {
		uint64_t before = received;
		wait();
		if (received != before) {
			silence = (struct silence){ 0 };
		} else if (lasts(&silence, SILENCE_NS)) {
			kprint("netbench: nothing came for %u s\n",
			       (unsigned)(SILENCE_NS / NS_PER_S));
			errors++;
			break;
		}
	}
	return received;
}

/* ---- Requests and answers ------------------------------------------------------------- */

static struct {
	uint64_t left;       /* to be sent */
	bool answer_due;     /* of the last one that was */
	unsigned unfinished; /* whose sender wants to know */
	const struct net_buffer *model;
	struct net_buffer *next; /* like the model, ready to be sent; NULL: none yet */
} requests;

static void request_done(struct net_buffer *frame, int status)
{
	requests.unfinished--;
	sent++;
	if (status != 0) {
		errors++;
		requests.answer_due = false; /* to what was not sent there is none */
	}
	net_release(net, frame);
}

static void make_request(void)
{
	struct net_buffer *frame = net_take(net);

	if (!frame)
		return;
	memcpy(net_data(frame), net_data(requests.model), size);
	frame->length = size;
	frame->done = both_ends ? request_done : NULL;
	requests.next = frame;
}

/* Sends the next request, if it is ready, and the last one is over. */
static inline void ask(void)
{
	if (requests.answer_due || requests.unfinished > 0 || requests.left == 0 || !requests.next)
		return;
	requests.unfinished += both_ends;
	requests.answer_due = true; /* before it is sent: another CPU may hear it at once */
	int taken = net_send(net, &requests.next, 1);
	if (taken == 1) {
		requests.next = NULL;
	} else {
		requests.answer_due = false;
		requests.unfinished -= both_ends;
		errors += taken < 0;
	}
	requests.left -= taken != 0;
}

/* The next request is sent before anything else is done with the answer: so the device is kept at work. (With several pairs of
 * queues this may be another CPU than run_rr's.) */
static void answered(struct net_device *from, struct net_buffer *const *frames, unsigned count,
		     void *cookie)
{
	requests.answer_due = false;
	if (from->pairs_max == 1)
		ask();
	count_frames(from, frames, count, cookie);
}

static uint64_t run_rr(uint64_t count)
{
	struct silence silence = { 0 };

	take_frames(1, true);
	if (!idle)
		return 0;
	requests.model = idle;
	requests.left = count;
	requests.answer_due = false;
	make_request();
	net_listen(net, answered, NULL);
	while ((requests.left > 0 || requests.answer_due) && !net->gone) {
		uint64_t before = received;
		if (!requests.answer_due)
			ask();
		if (!requests.next)
			make_request(); /* while the device has the last one */
		wait();
		if (received != before) {
			silence = (struct silence){ 0 };
		} else if (lasts(&silence, SILENCE_NS)) {
			silence = (struct silence){ 0 };
			errors += requests.answer_due;
			requests.answer_due = false;
		}
	}
	errors += requests.answer_due;
	while (requests.unfinished > 0)
		wait();
	if (requests.next)
		net_release(net, requests.next);
	requests.next = NULL;
	return received;
}

static const struct {
	const char *name;
	uint64_t (*run)(uint64_t count);
} kinds[] = { { "tx", run_tx }, { "rx", run_rx }, { "rr", run_rr } };

static int measure(const char *kind, uint64_t count)
{
	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(kinds[i].name, kind) != 0)
			continue;
		sent = received = errors = 0;
		net_listen(net, count_frames, NULL);
		uint64_t malformed = malformed_frames(), start = vport_now();
		uint64_t n = kinds[i].run(count);
		uint64_t took = vport_now() - start;
		net_listen(net, NULL, NULL);
		give_back();
		malformed = malformed_frames() - malformed;
		if (malformed > 0)
			kprint("netbench: %s dropped %" PRIu64 " malformed frame%s\n", net->name,
			       malformed, malformed == 1 ? "" : "s");
		kprint("bench: net %s %s size=%u wait=%s pps=%" PRIu64 " n=%" PRIu64
		       " errors=%" PRIu64 "\n",
		       net->name, kind, size, poll || !net->interrupts ? "poll" : "irq",
		       took ? n * NS_PER_S / took : 0, n, errors);
		return errors == 0 && n >= count ? 0 : 1;
	}
	return 2;
}

static bool number(const char *text, uint64_t least, uint64_t most, uint64_t *value)
{
	char *end;

	*value = strtoull(text, &end, 10);
	return *text >= '0' && *text <= '9' && *end == '\0' && *value >= least && *value <= most;
}

static int usage(const char *program)
{
	kprint("usage: %s [-p | -y] [-w] [-n FRAMES] [-s BYTES] INTERFACE tx|rx|rr; "
	       "FRAMES is 1 to %u, BYTES %d to %d\n",
	       program, (unsigned)UINT32_MAX, SMALLEST_FRAME, LARGEST_FRAME);
	return 2;
}

int main(int argc, char **argv)
{
	uint64_t count = DEFAULT_COUNT, bytes = 64;
	int i = 1;

	poll = pausing = pausing_always = both_ends = false;
	for (; i < argc && argv[i][0] == '-'; i++) {
		if (strcmp(argv[i], "-p") == 0)
			poll = true;
		else if (strcmp(argv[i], "-y") == 0)
			poll = pausing = true;
		else if (strcmp(argv[i], "-w") == 0)
			both_ends = true;
		else if (strcmp(argv[i], "-n") == 0 && i + 1 < argc &&
			 number(argv[i + 1], 1, UINT32_MAX, &count))
			i++;
		else if (strcmp(argv[i], "-s") == 0 && i + 1 < argc &&
			 number(argv[i + 1], SMALLEST_FRAME, LARGEST_FRAME, &bytes))
			i++;
		else
			return usage(argv[0]);
	}
	size = (uint32_t)bytes;
	if (argc - i != 2)
		return usage(argv[0]);
	net = net_find(argv[i]);
	if (!net) {
		kprint("%s: there is no interface %s\n", argv[0], argv[i]);
		return 1;
	}
	int status = measure(argv[i + 1], count);
	return status == 2 ? usage(argv[0]) : status;
}
