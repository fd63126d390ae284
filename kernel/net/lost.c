/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One segment is sent again when something was lost, and not as many as one of lwIP's holds: with the retransmission timer a
 * window of one full-sized segment begins (RFC 5681, 3.1), and three duplicate acknowledgements have one sent again (3.2); what is
 * "one" is what the peer takes. lwIP counts its windows in segments of its own, which are larger (offload.c). So just before
 * it does either, all that waits, sent or not, is split into segments of the peer's size. So large are those, too, that the
 * connection makes until what was lost has arrived.
 *
 * All of it, for a window never opens for a segment that is larger than it. Where that would take too much memory, the first
 * ones alone are split and the connection's windows stay as they were: more is sent again at once then.
 *
 * See it at work: tests/run.py --filter network/lossy network
 * Left out: selective acknowledgements (RFC 6675); what was lost besides the first segment is found out about one after the other.
 */
#include "kernel/net/lost.h"

#include <stdbool.h>

#include "kernel/net/hooks.h"
#include "kernel/net/memory.h"
#include "kernel/net/offload.h"
#include "kernel/net/stack.h"

/* The device still reads one of them, and lwIP will not send it again now. */
static bool are_busy(const struct tcp_seg *segments)
{
	for (; segments; segments = segments->next) {
		if (segments->p->ref != 1)
			return true;
	}
	return false;
}

/* Half of the memory is for others, and there are places for the two parts. Blocks are powers of two, and the first part keeps its
 * own: what is split into many parts is several times as large in the end. */
static bool may_split(const struct tcp_pcb *pcb, const struct tcp_seg *segment)
{
	size_t total, used = network_memory_used(&total);

	return used + 2u * segment->len <= total / 2 && pcb->snd_queuelen < TCP_SND_QUEUELEN;
}

/* Splits what is larger; each time in the middle, so that little is copied more than once. False: there is no memory. */
static bool split_all(struct tcp_pcb *pcb, struct tcp_seg *segments, unsigned bytes)
{
	struct tcp_seg *unsent = pcb->unsent;
	bool all = true;

	for (; segments && all; segments = segments->next) {
		while (segments->len > bytes && all) {
			pcb->unsent = segments; /* it is the first one of these that lwIP splits */
			all = may_split(pcb, segments) &&
			      tcp_split_unsent_seg(pcb, (u16_t)((segments->len / bytes + 1) / 2 *
								bytes)) == ERR_OK;
			if (all)
				lost_end_is_last(segments);
		}
	}
	pcb->unsent = unsent;
	return all;
}

/* Of a segment that had arrived in part these had arrived: lwIP takes no first one for lost that the peer has. */
static void drop_acknowledged(struct tcp_pcb *pcb, struct tcp_seg **segments)
{
	struct tcp_seg *first;

	while ((first = *segments) != NULL &&
	       TCP_SEQ_LEQ(lwip_ntohl(first->tcphdr->seqno) + TCP_TCPLEN(first), pcb->lastack)) {
		*segments = first->next;
		pcb->snd_queuelen = (u16_t)(pcb->snd_queuelen - pbuf_clen(first->p));
		pcb->snd_buf += first->len;
		tcp_seg_free(first);
	}
}

static void split(struct tcp_pcb *pcb)
{
	unsigned bytes = offload_peer_mss(pcb);

	if (pcb->mss <= bytes || are_busy(pcb->unacked))
		return;
	bool all = split_all(pcb, pcb->unacked, bytes) && split_all(pcb, pcb->unsent, bytes);
	drop_acknowledged(pcb, &pcb->unacked);
	drop_acknowledged(pcb, &pcb->unsent);
	if (!all)
		return;
	pcb->unsent_oversize = 0; /* the last one's room was that of a larger one */
	pcb->mss = (u16_t)bytes;
}

/*
 * What was to be sent again after three duplicate acknowledgements, and could not be (no buffer was free), waits in front of
 * what was never sent. lwIP would put all that it sends again in front of that, and then wait for a window that opens as far as
 * the second one for ever. Nor must the stream's end, or more data, be put behind it, as if it were the last one. So it is put
 * back to where it was.
 */
void lost_before_more(struct tcp_pcb *pcb)
{
	struct tcp_seg **end = &pcb->unsent, *sent = pcb->unacked;

	if (!sent)
		return;
	while (*end &&
	       TCP_SEQ_LT(lwip_ntohl((*end)->tcphdr->seqno), lwip_ntohl(sent->tcphdr->seqno)))
		end = &(*end)->next;
	if (end == &pcb->unsent)
		return;
	pcb->unacked = pcb->unsent;
	pcb->unsent = *end;
	*end = sent;
}

void lost_before_timers(void)
{
	for (struct tcp_pcb *pcb = tcp_active_pcbs; pcb; pcb = pcb->next) {
		if (pcb->rtime >= 0 && pcb->rtime + 1 >= pcb->rto) {
			lost_before_more(pcb);
			split(pcb);
		}
	}
}

/* Data that repeats an acknowledgement comes here too, which for lwIP is no duplicate: then they are split for nothing. */
void lost_before_third(struct tcp_pcb *pcb, uint32_t acknowledged)
{
	if (acknowledged == pcb->lastack)
		split(pcb);
}

/* lwIP leaves the flags of all of it at the first part of a segment that it has split. */
void lost_end_is_last(struct tcp_seg *segment)
{
	if (segment->next)
		TCPH_UNSET_FLAG(segment->tcphdr, TCP_FIN);
}
