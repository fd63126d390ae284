/* SPDX-License-Identifier: BSD-2-Clause */
/* Segments of TCP that are larger than the peer's, and how they are cut. */
#include "kernel/net/cut.h"
#include "kernel/net/hooks.h"
#include "kernel/net/offload.h"
#include "lib/be.h"
#include "tests/host/check.h"
#include "tests/host/stack_rig.h"

/* A connection's segment waits for its neighbour's address while another's is made: each is cut as its own peer takes it. */

static unsigned cut_into(uint16_t from)
{
	static uint8_t segment[14 + 40 + 8000];
	struct net_buffer buffer;

	udp_frame(segment, 0, 1, 0);
	be16_store(segment + 14 + 2, 40 + 8000);
	segment[14 + 9] = 6;
	memcpy(segment + 14 + 12, own, 4);
	memcpy(segment + 14 + 16, peer, 4);
	be16_store(segment + 34, from);
	be16_store(segment + 36, PEER_PORT);
	segment[34 + 12] = 5 << 4;
	net_buffer_over(&buffer, segment, sizeof(segment));
	buffer.length = sizeof(segment);
	offload_sent(&net, &buffer, sizeof(segment));
	CHECK_EQ(buffer.offload.segments, NET_TCP4);
	CHECK_EQ(buffer.offload.header_bytes, 54);
	return buffer.offload.segment_bytes;
}

static void segments_that_have_waited(void)
{
	struct tcp_pcb *first = connection(1001, 1400), *second = connection(1002, 500);
	struct pbuf *segment = pbuf_alloc(PBUF_TRANSPORT, 100, PBUF_RAM);

	net.can = NET_CAN_CHECKSUM | NET_CAN_TSO4;
	offload_segment(first, segment);
	offload_segment(second, segment);
	CHECK_EQ(cut_into(1001), 1400);
	CHECK_EQ(cut_into(1002), 500);
	offload_segment(first, segment);
	CHECK_EQ(cut_into(1002), 500);
	CHECK_EQ(cut_into(1003), 536); /* it is over: what everybody takes */
	net.can = 0;
	pbuf_free(segment);
	tcp_active_pcbs = first->next; /* the second one is in front of it */
}

/* ---- Cut segments ------------------------------------------------------------------------------------------ */

/* What is to come next of a packet that is cut. */
static uint32_t cut_sequence;
static size_t cut_bytes, cut_left;
static unsigned cut_count;

static void check_cut(const struct net_buffer *sent)
{
	static uint8_t whole[FRAME_BYTES];
	const uint8_t *data = net_data(sent), *ip = data + 14;

	if (cut_left == 0 || sent->length < 54)
		return;
	size_t bytes = sent->length - 54;
	cut_count++;
	CHECK_EQ(be16_load(data + 12), 0x0800);
	CHECK_EQ(be16_load(ip + 2), 40 + bytes);
	CHECK_EQ(network_checksum(ip, 20), 0xffff);
	CHECK_EQ(be32_load(ip + 24), cut_sequence);
	CHECK_EQ(bytes, cut_left < cut_bytes ? cut_left : cut_bytes);
	for (size_t i = 0; i < bytes; i++)
		CHECK(ip[40 + i] == stream_byte(cut_sequence + i));
	CHECK_EQ(ip[33], bytes == cut_left ? TCP_ACKED | TCP_PUSHED | 1 : TCP_ACKED);
	memcpy(whole, ip + 12, 8);
	be16_store(whole + 8, 6);
	be16_store(whole + 10, (uint16_t)(20 + bytes));
	memcpy(whole + 12, ip + 20, 20 + bytes);
	CHECK_EQ(network_checksum(whole, (int)(32 + bytes)), 0xffff);
	cut_sequence += (uint32_t)bytes;
	cut_left -= bytes;
}

/* A packet of lwIP's, in pieces of these lengths after its headers. */
static struct pbuf *large_packet(const size_t *pieces, unsigned count, size_t *bytes)
{
	struct pbuf *packet = pbuf_alloc(PBUF_RAW, (u16_t)(54 + pieces[0]), PBUF_RAM);
	uint8_t *at = (uint8_t *)packet->payload + 54;

	*bytes = 0;
	for (unsigned i = 0; i < count; i++) {
		struct pbuf *piece =
			i > 0 ? pbuf_alloc(PBUF_RAW, (u16_t)pieces[i], PBUF_RAM) : packet;
		at = i > 0 ? piece->payload : at;
		for (size_t j = 0; j < pieces[i]; j++, ++*bytes)
			at[j] = stream_byte(cut_sequence + *bytes);
		if (i > 0)
			pbuf_cat(packet, piece);
	}
	segment_frame(frame, 0, 0, TCP_ACKED | TCP_PUSHED | 1);
	memcpy(packet->payload, frame, 54);
	uint8_t *ip = (uint8_t *)packet->payload + 14;
	be16_store(ip + 2, (uint16_t)(40 + *bytes));
	memcpy(ip + 12, own, 4);
	memcpy(ip + 16, peer, 4);
	be16_store(ip + 20, 1001);
	be16_store(ip + 22, PEER_PORT);
	be32_store(ip + 24, cut_sequence);
	be16_store(ip + 36, 0);
	return packet;
}

/* Of all lengths, in pieces of all lengths: each frame has what belongs to it, and its own sums. */
static void large_segments_are_cut(void)
{
	struct tcp_pcb *before = tcp_active_pcbs, *pcb = connection(1001, 1400);

	look_at_sent = check_cut;
	for (unsigned round = 0; round < 300; round++) {
		size_t pieces[4], bytes;
		unsigned count = 1 + (unsigned)rand() % 4;
		for (unsigned i = 0; i < count; i++)
			pieces[i] = i > 0 && rand() % 8 == 0 ? 0 : 1 + (size_t)rand() % 5000;
		pieces[0] += CUT_LEAST;
		pcb->mss = (u16_t)(500 + rand() % 1000);
		cut_sequence = (uint32_t)rand() * 3;
		struct pbuf *packet = large_packet(pieces, count, &bytes);
		CHECK_EQ(offload_cut(&net, packet), pcb->mss);
		cut_bytes = pcb->mss;
		cut_left = bytes;
		cut_count = 0;
		to_take = 64;
		CHECK_EQ(interface->netif.linkoutput(&interface->netif, packet), ERR_OK);
		interfaces_flush();
		CHECK_EQ(cut_left, 0);
		CHECK_EQ(cut_count, (bytes + cut_bytes - 1) / cut_bytes);
		CHECK_EQ(to_take, 64);
		/* Too few buffers: nothing of it is sent. */
		to_take = cut_count - 1;
		unsigned sent = sent_count;
		CHECK_EQ(interface->netif.linkoutput(&interface->netif, packet), ERR_MEM);
		interfaces_flush();
		CHECK_EQ(sent_count, sent);
		to_take = 0;
		pbuf_free(packet);
	}
	tcp_active_pcbs = before;
	memp_free(MEMP_TCP_PCB, pcb);
}

/* A device that sends nothing: it keeps its buffers, and those that wait for it are not all the others. */
static void cut_frames_leave_buffers(void)
{
	struct tcp_pcb *before = tcp_active_pcbs, *pcb = connection(1001, 1400);
	size_t pieces[] = { 14000 }, bytes;
	struct pbuf *packet = large_packet(pieces, 1, &bytes);
	unsigned packets = 0;

	to_take = 256;
	full = true;
	while (interface->netif.linkoutput(&interface->netif, packet) == ERR_OK)
		packets++;
	CHECK_EQ(packets, 6);
	CHECK_EQ(interface->waiting_count, 60);
	CHECK_EQ(to_take, 256 - 60);
	full = false;
	/* When it does again, there is room. */
	CHECK_EQ(interface->netif.linkoutput(&interface->netif, packet), ERR_OK);
	CHECK_EQ(interface->waiting_count, 10);
	interfaces_flush();
	CHECK_EQ(to_take, 256);
	to_take = 0;
	pbuf_free(packet);
	tcp_active_pcbs = before;
	memp_free(MEMP_TCP_PCB, pcb);
}

/* What has its checksum is left as it is, and so is what a device cuts. */
static void packets_that_are_not_cut(void)
{
	size_t pieces[] = { 900 }, bytes;
	struct pbuf *packet = large_packet(pieces, 1, &bytes);
	uint8_t *ip = (uint8_t *)packet->payload + 14;

	CHECK_EQ(offload_cut(&net, packet), 536); /* of no connection: what everybody takes */
	net.can = NET_CAN_CHECKSUM | NET_CAN_TSO4;
	CHECK_EQ(offload_cut(&net, packet), 0);
	net.can = NET_CAN_CHECKSUM;
	CHECK_EQ(offload_cut(&net, packet), 536);
	pbuf_realloc(packet, 54 + 536);
	CHECK_EQ(offload_cut(&net, packet), 0);
	net.can = 0;
	CHECK_EQ(offload_cut(&net, packet), 536);
	ip[36] = 1;
	CHECK_EQ(offload_cut(&net, packet), 0);
	ip[36] = 0;
	ip[9] = 17;
	CHECK_EQ(offload_cut(&net, packet), 0);
	ip[9] = 6;
	ip[6] = 0x20;
	CHECK_EQ(offload_cut(&net, packet), 0);
	ip[6] = 0;
	pbuf_realloc(packet, 54);
	CHECK_EQ(offload_cut(&net, packet), 0);
	pbuf_free(packet);
}

int main(void)
{
	return check_run((struct check[]){ CHECK_CASE(start), CHECK_CASE(segments_that_have_waited),
					   CHECK_CASE(large_segments_are_cut),
					   CHECK_CASE(cut_frames_leave_buffers),
					   CHECK_CASE(packets_that_are_not_cut), CHECK_END });
}
