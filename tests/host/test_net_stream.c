/* SPDX-License-Identifier: BSD-2-Clause */
/* Segments of TCP as they come in, one by one and several at a time: what lwIP has of them, and what the peer is answered. */
#include "kernel/net/hooks.h"
#include "lib/be.h"
#include "tests/host/check.h"
#include "tests/host/stack_rig.h"

/* They are one packet, with one answer, in the buffers that they came in; their headers are not looked at again. */
static void segments_become_one(void)
{
	uint8_t *memory[20];
	size_t before = arrived;

	CHECK(stream != NULL);
	unsigned back = given_back, sent = sent_count;
	portions = 0;
	keep_portions = true;
	for (unsigned i = 0; i < 20; i++)
		memory[i] = put(frame,
				segment_frame(frame, before + i * SEGMENT, SEGMENT,
					      i % 7 == 0 ? TCP_ACKED | TCP_PUSHED : TCP_ACKED),
				i % 3 == 0 ? good : plain);
	deliver_batch();
	CHECK_EQ(portions, 1);
	CHECK_EQ(arrived, before + 20 * SEGMENT);
	CHECK_EQ(interface->held, 20);
	CHECK_EQ(given_back, back);
	CHECK_EQ(sent_count, sent + 1);
	CHECK_EQ(acknowledged(), arrived);
	for (unsigned i = 0; i < 20; i++)
		memset(memory[i], 0xff, 54);
	CHECK_EQ(portion->tot_len, 20 * SEGMENT);
	size_t bytes = portion->tot_len;
	for (const struct pbuf *part = portion; part; part = part->next) {
		CHECK_EQ(part->tot_len, bytes);
		bytes -= part->len;
	}
	CHECK_EQ(bytes, 0);
	for (u16_t i = 0; i < portion->tot_len; i++)
		CHECK(pbuf_get_at(portion, i) == stream_byte(before + i));
	pbuf_free(portion);
	keep_portions = false;
	CHECK_EQ(interface->held, 0);
	CHECK_EQ(given_back, back + 20);
	/* Two are as good as many: the second one is answered. */
	put_stream(arrived, SEGMENT, TCP_ACKED);
	put_stream(arrived + SEGMENT, SEGMENT, TCP_ACKED);
	deliver_batch();
	CHECK_EQ(acknowledged(), arrived);
	/* No packet is larger than one can be. */
	portions = 0;
	before = arrived;
	for (unsigned i = 0; i < 46; i++)
		put_stream(before + i * 1460, 1460, TCP_ACKED);
	deliver_batch();
	CHECK_EQ(portions, 2);
	CHECK_EQ(arrived, before + 46 * 1460);
}

/* Where frames are large, Ethernet's header counts too: lwIP's packets have a length of 16 bits. */
static void packets_have_a_bound(void)
{
	size_t before = arrived;

	portions = 0;
	for (unsigned i = 0; i < 8; i++)
		put_stream(before + i * 8190, i < 7 ? 8190 : 65490 - 7 * 8190, TCP_ACKED);
	deliver_batch();
	CHECK_EQ(portions, 2);
	CHECK_EQ(arrived, before + 65490);
	put_stream(arrived, SEGMENT, TCP_ACKED);
	put_stream(arrived + SEGMENT, SEGMENT, TCP_ACKED);
	deliver_batch();
	CHECK_EQ(acknowledged(), arrived);
}

/* In one batch as one by one: the second one in order is answered at once, however small they are; and each behind a gap, as far
 * as the sender counts. */
static void answers_to_several(void)
{
	static const struct {
		unsigned segments, answers;
	} behind[] = { { 1, 1 }, { 2, 2 }, { 3, 3 }, { 20, 3 } };
	struct net_offload merged = { .flags = NET_CHECKSUM_GOOD, .segments = NET_TCP4 };
	unsigned sent = sent_count;

	put_stream(arrived, 500, TCP_ACKED);
	put_stream(arrived + 500, 500, TCP_ACKED);
	deliver_batch();
	CHECK_EQ(sent_count, sent + 1);
	CHECK_EQ(acknowledged(), arrived);
	for (unsigned i = 0; i < 4; i++) {
		size_t before = arrived;
		sent = sent_count;
		for (unsigned j = 1; j <= behind[i].segments; j++)
			put_stream(before + j * SEGMENT, SEGMENT, TCP_ACKED);
		deliver_batch();
		CHECK_EQ(sent_count, sent + behind[i].answers);
		CHECK_EQ(acknowledged(), before);
		put_stream(before, SEGMENT, TCP_ACKED);
		deliver_batch();
		CHECK_EQ(arrived, before + (behind[i].segments + 1) * SEGMENT);
	}
	/* The device's are no others. */
	for (unsigned bytes = 499; bytes <= 1000; bytes += 501) {
		sent = sent_count;
		merged.segment_bytes = (uint16_t)bytes;
		put(frame, segment_frame(frame, arrived + 1, 1000, TCP_ACKED), merged);
		deliver_batch();
		CHECK_EQ(sent_count, sent + (bytes == 499 ? 3 : 1));
	}
	put_stream(arrived, 1, TCP_ACKED);
	deliver_batch();
}

/* Who waits for the other side to begin has nothing to acknowledge. */
static void several_before_the_first(void)
{
	struct tcp_pcb *before = tcp_active_pcbs, *pcb = connection(1001, 1400);

	IP_ADDR4(&pcb->local_ip, 10, 0, 0, 2);
	pcb->state = SYN_SENT;
	for (unsigned i = 0; i < 2; i++) {
		size_t length = segment_frame(frame, i * SEGMENT, SEGMENT, TCP_ACKED);
		be16_store(frame + 14 + 22, 1001);
		sum_segment(frame);
		put(frame, length, plain);
	}
	deliver_batch();
	CHECK_EQ(pcb->flags & TF_ACK_DELAY, 0);
	tcp_active_pcbs = before;
	memp_free(MEMP_TCP_PCB, pcb);
}

/* A bit of a segment that is another one on its way: what is behind Ethernet's header, and data, is under a sum, which is seen
 * to be wrong even in the middle of a batch. */
static void spoilt_segments(void)
{
	for (unsigned place = 0; place < 3; place++) {
		for (unsigned at = 14; at < 14 + 40 + 16; at++) {
			size_t before = arrived;
			for (unsigned i = 0; i < 3; i++) {
				put_stream(before + i * SEGMENT, SEGMENT, TCP_ACKED);
				if (i == place)
					batch[i]->memory[at] ^= (uint8_t)(1u << at % 8);
			}
			deliver_batch();
			CHECK_EQ(arrived, before + place * SEGMENT);
			for (unsigned i = 0; i < 3; i++)
				put_stream(before + i * SEGMENT, SEGMENT, TCP_ACKED);
			deliver_batch();
			CHECK_EQ(arrived, before + 3 * SEGMENT);
		}
	}
}

/* What is true and does not fit in: lwIP has it for itself. */
static void strange_segments(void)
{
	for (unsigned what = 0; what < 8; what++) {
		size_t before = arrived,
		       length = segment_frame(frame, before + SEGMENT, SEGMENT, TCP_ACKED);
		uint8_t *ip = frame + 14;
		portions = 0;
		put_stream(before, SEGMENT, TCP_ACKED);
		segment_frame(frame, before + SEGMENT, SEGMENT, TCP_ACKED);
		switch (what) {
		case 0: /* another window */
			be16_store(ip + 34, 0x7001);
			break;
		case 1: /* another connection's */
			be16_store(ip + 20, PEER_PORT + 1);
			break;
		case 2: /* another time to live */
			ip[8]--;
			break;
		case 3: /* urgent */
			ip[33] |= 0x20;
			break;
		case 4: /* options: nothing, four times */
			memmove(ip + 44, ip + 40, SEGMENT);
			memset(ip + 40, 1, 4);
			ip[32] = 6 << 4;
			be16_store(ip + 2, 44 + SEGMENT);
			length += 4;
			break;
		case 5: /* shorter than its frame */
			be16_store(ip + 2, 40 + 10);
			break;
		case 6: /* a gap */
			be32_store(ip + 24, first_byte + (uint32_t)before + SEGMENT + 1);
			memmove(ip + 40, ip + 41, SEGMENT - 1);
			ip[40 + SEGMENT - 1] = stream_byte(before + 2 * SEGMENT);
			break;
		case 7: /* nothing in it */
			be16_store(ip + 2, 40);
			break;
		}
		sum_segment(frame);
		put(frame, length, plain);
		deliver_batch();
		size_t expected = what == 1 || what == 6 || what == 7 ? SEGMENT
				  : what == 5                         ? SEGMENT + 10
								      : 2 * SEGMENT;
		CHECK_EQ(arrived, before + expected);
		CHECK_EQ(portions, what == 5 || expected == SEGMENT ? 1 : 2);
		put_stream(arrived, 2 * SEGMENT + 1 - expected, TCP_ACKED);
		deliver_batch();
		CHECK_EQ(arrived, before + 2 * SEGMENT + 1);
	}
}

/* Batches by chance: of all lengths, with gaps, again, spoilt, in another order. What comes out is the stream. */
static void streams_by_chance(void)
{
	for (unsigned round = 0; round < 500; round++) {
		size_t at = arrived;
		unsigned count = 1 + (unsigned)rand() % (BATCH_MOST - 1);
		for (unsigned i = 0; i < count; i++) {
			size_t length = 1 + (size_t)rand() % 1460;
			put_stream(at, length, rand() % 4 ? TCP_ACKED : TCP_ACKED | TCP_PUSHED);
			switch (rand() % 40) {
			case 0:
				batch[i]->memory[14 + (size_t)rand() % (length + 40)] ^= 0x10;
				break;
			case 1:
				at += (size_t)rand() % 3000;
				break;
			case 2:
				at -= at - arrived < length ? 0 : length / 2;
				continue;
			}
			at += length;
		}
		deliver_batch();
	}
	CHECK(arrived > 500 * 1460);
	CHECK_EQ(interface->held, 0);
}

int main(void)
{
	return check_run((struct check[]){
		CHECK_CASE(start), CHECK_CASE(a_stream_begins), CHECK_CASE(segments_become_one),
		CHECK_CASE(packets_have_a_bound), CHECK_CASE(answers_to_several),
		CHECK_CASE(several_before_the_first), CHECK_CASE(spoilt_segments),
		CHECK_CASE(strange_segments), CHECK_CASE(streams_by_chance), CHECK_END });
}
