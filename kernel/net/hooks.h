/* SPDX-License-Identifier: BSD-2-Clause */
/* What lwIP asks the port while it works. */
#ifndef KERNEL_NET_HOOKS_H
#define KERNEL_NET_HOOKS_H

#include <stdint.h>

/* A connection's first sequence number, which nobody else can guess. */
uint32_t network_random(void);
#define LWIP_HOOK_TCP_ISN(local, local_port, remote, remote_port) network_random()

struct pbuf;
struct tcp_pcb;
/* The packet that is made next is that segment of the connection's, if it is any's (kernel/net/offload.c). Adds no
 * options. */
void offload_segment(const struct tcp_pcb *pcb, const struct pbuf *segment);
#define LWIP_HOOK_TCP_OUT_ADD_TCPOPTS(pbuf, header, pcb, options) \
	(offload_segment(pcb, pbuf), (options))

/* Of several segments in one packet (kernel/net/merge.c, or the device's) the second one is acknowledged at once, as it would
 * be for itself: RFC 5681, 4.2. */
#define LWIP_HOOK_TCP_INPACKET_PCB(pcb, header, option_bytes, in_first, more, packet) \
	(((packet)->tot_len > TCP_MSS && (pcb)->state > LISTEN \
		  ? (void)((pcb)->flags |= TF_ACK_DELAY) \
		  : (void)0), \
	 ERR_OK)

#endif
