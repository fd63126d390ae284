/* SPDX-License-Identifier: BSD-2-Clause */
/* What a connection does before it sends again what was lost: kernel/net/lost.c. */
#ifndef KERNEL_NET_LOST_H
#define KERNEL_NET_LOST_H

struct tcp_pcb;

/* Before lwIP's timers run: connections that have waited for an answer as long as they may, but for this tick of its clock, have
 * segments of the peer's size from now on. In the stack's turn. */
void lost_before_timers(void);
/* Before tcp_write, tcp_shutdown and tcp_close: what waits to be sent again is no longer the last of what waits. */
void lost_before_more(struct tcp_pcb *pcb);

#endif
