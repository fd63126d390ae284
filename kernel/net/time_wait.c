/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A client may use a port again while our end of its last connection from there is in TIME-WAIT, which it is when we
 * closed first. lwIP answers its SYN with an acknowledgement of the old connection, and ignores the reset that follows, so
 * for a minute or two the client gets nowhere. RFC 9293 (3.6.1) lets a SYN with a later sequence number begin anew.
 *
 * See it at work: make run APP=httpd, and curl --local-port 40000 -0 http://127.0.0.1:8080/ twice
 * Left out: timestamps, by which RFC 6191 tells such segments apart where the numbers do not.
 */
#include <lwip/priv/tcp_priv.h>
#include <string.h>

#include "kernel/net/headers.h"
#include "kernel/net/time_wait.h"
#include "lib/be.h"

static bool is(const ip_addr_t *address, const uint8_t *bytes, unsigned count)
{
	if (IP_IS_V6_VAL(*address) != (count == sizeof(ip_2_ip6(address)->addr)))
		return false;
	return memcmp(IP_IS_V6_VAL(*address) ? (const void *)ip_2_ip6(address)->addr
					     : (const void *)&ip_2_ip4(address)->addr,
		      bytes, count) == 0;
}

void time_wait_begin_anew(const uint8_t *addresses, unsigned address_bytes, const uint8_t *tcp)
{
	uint32_t sequence = be32_load(tcp + TCP_SEQUENCE);

	for (struct tcp_pcb *pcb = tcp_tw_pcbs; pcb; pcb = pcb->next) {
		if (pcb->remote_port == be16_load(tcp + TCP_FROM) &&
		    pcb->local_port == be16_load(tcp + TCP_TO) &&
		    is(&pcb->remote_ip, addresses, address_bytes) &&
		    is(&pcb->local_ip, addresses + address_bytes, address_bytes) &&
		    TCP_SEQ_GT(sequence, pcb->rcv_nxt)) {
			tcp_abort(pcb); /* in this state it tells nobody */
			return;
		}
	}
}
