/* SPDX-License-Identifier: BSD-2-Clause */
/* What lwIP asks the port while it works. */
#ifndef KERNEL_NET_HOOKS_H
#define KERNEL_NET_HOOKS_H

#include <stddef.h>
#include <stdint.h>

/* A connection's first sequence number, which nobody else can guess. */
uint32_t network_random(void);
#define LWIP_HOOK_TCP_ISN(local, local_port, remote, remote_port) network_random()

struct pbuf;
struct tcp_pcb;
struct tcp_seg;
/* The packet that is made next is that segment of the connection's, if it is any's (kernel/net/offload.c). Adds no
 * options. */
void offload_segment(const struct tcp_pcb *pcb, const struct pbuf *segment);
/* lwIP leaves the end of the stream at the first part of a segment that it has split: it goes with the last one
 * (kernel/net/lost.c). */
void lost_end_is_last(struct tcp_seg *segment);
#define LWIP_HOOK_TCP_OUT_ADD_TCPOPTS(pbuf, header, pcb, options) \
	((pcb) && (pcb)->state >= ESTABLISHED && (pcb)->unsent && (pcb)->unsent->p == (pbuf) && \
			 (pcb)->unsent->next \
		 ? lost_end_is_last((pcb)->unsent) \
		 : (void)0, \
	 offload_segment(pcb, pbuf), (options))

/* In a received packet's flags, whose other bits are lwIP's: how many segments it has besides the first one, or this where they
 * are more (kernel/net/merge.c, or the device's). */
#define RECEIVED_MORE_SHIFT 6
#define RECEIVED_MORE_MAX 2
/* They are acknowledged as each would be for itself; see kernel/net/receive.c. */
void received_several(struct tcp_pcb *pcb, uint32_t sequence, unsigned more);
/* When the peer says for the third time that it has nothing more, what follows that is sent again (RFC 5681, 3.2). Before lwIP
 * takes the packet that may say so; see kernel/net/lost.c. */
#define LOST_DUPLICATES 3
void lost_before_third(struct tcp_pcb *pcb, uint32_t acknowledged);
#define LWIP_HOOK_TCP_INPACKET_PCB(pcb, header, option_bytes, in_first, others, packet) \
	((packet)->flags >> RECEIVED_MORE_SHIFT != 0 \
		 ? received_several(pcb, (header)->seqno, (packet)->flags >> RECEIVED_MORE_SHIFT) \
		 : (void)0, \
	 (pcb)->state >= ESTABLISHED && (pcb)->dupacks >= LOST_DUPLICATES - 1 \
		 ? lost_before_third(pcb, (header)->ackno) \
		 : (void)0, \
	 ERR_OK)

/* Bytes that a connection may keep behind gaps: see kernel/net/receive.c. */
size_t received_gap_room(void);

#endif
