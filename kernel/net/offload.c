/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the device does of lwIP's work. Sent: the sum over TCP's and UDP's payload; what stands in the header's checksum
 * field then is the pseudo header's sum alone. Received: a checksum that the device has found right, or that was never made
 * because the frame does not leave the machine, is not looked at.
 *
 * lwIP is told that segments of a connection may be larger than what its peer takes. Where the device cuts them, how large
 * that is goes with the frame; elsewhere cut.c does.
 *
 * See it at work: make run APP=iperf ARGS='-c 10.0.2.2', with a device that offers it (a tap)
 * Left out: checksums in fragments, which lwIP makes itself; large segments over IPv6, whose packets lwIP measures by what
 * it knows of the way to each destination.
 */
#include "kernel/net/offload.h"

#include <stdbool.h>
#include <string.h>

#include "kernel/net/cut.h"
#include "kernel/net/headers.h"
#include "kernel/net/hooks.h"
#include "kernel/net/stack.h"
#include "lib/be.h"

#define CHECKS_OF_TRANSPORT (NETIF_CHECKSUM_CHECK_TCP | NETIF_CHECKSUM_CHECK_UDP)
#define MSS_OF_ANY \
	536 /* RFC 9293, 3.7.1: what every peer takes over IPv4 that has not said otherwise */
#define MAKES_OF_TRANSPORT (NETIF_CHECKSUM_GEN_TCP | NETIF_CHECKSUM_GEN_UDP)

void offload_start(struct netif *netif, const struct net_device *net)
{
	u16_t flags = NETIF_CHECKSUM_ENABLE_ALL;

	if (net->can & NET_CAN_CHECKSUM)
		flags &= (u16_t)~MAKES_OF_TRANSPORT;
	NETIF_SET_CHECKSUM_CTRL(netif, flags);
}

void offload_received(struct netif *netif, const struct net_offload *offload)
{
	if (offload->flags & (NET_CHECKSUM_START | NET_CHECKSUM_GOOD))
		netif->chksum_flags &= (u16_t)~CHECKS_OF_TRANSPORT;
	else
		netif->chksum_flags |= CHECKS_OF_TRANSPORT;
}

/* ---- Sent ------------------------------------------------------------------------------------------------ */

/* What the interface's device does for a large segment: all of it, or else it is cut here. */
static bool cuts(const struct net_device *net)
{
	const uint32_t both = NET_CAN_TSO4 | NET_CAN_CHECKSUM;

	return (net->can & both) == both;
}

/* It is larger than the interface's packets may be, which IP must not know: until the frame is there, it believes this. Nor is
 * its checksum made, which is none of a frame's. */
static struct netif *widened;
static u16_t own_mtu, own_check;

void offload_narrow(void)
{
	if (widened) {
		widened->mtu = own_mtu;
		widened->chksum_flags |= own_check;
	}
	widened = NULL;
}

unsigned offload_peer_mss(const struct tcp_pcb *pcb)
{
	uintptr_t own = (uintptr_t)tcp_ext_arg_get(pcb, 0);

	return own ? (unsigned)own : pcb->mss;
}

void offload_segment(const struct tcp_pcb *pcb, const struct pbuf *segment)
{
	struct netif *netif;

	offload_narrow();
	if (!pcb || pcb->state == LISTEN)
		return; /* a reset, of no connection */
	/* By as little as a byte: or lwIP makes fragments of it, for which nobody makes the checksum. */
	if (segment->tot_len <= offload_peer_mss(pcb) + TCP_HEADER)
		return;
	netif = ip_route(&pcb->local_ip, &pcb->remote_ip);
	if (netif) {
		widened = netif;
		own_mtu = netif->mtu;
		own_check = netif->chksum_flags & NETIF_CHECKSUM_GEN_TCP;
		netif->mtu = UINT16_MAX;
		netif->chksum_flags &= (u16_t)~NETIF_CHECKSUM_GEN_TCP;
	}
}

static uint16_t pseudo_sum(const uint8_t *addresses, unsigned bytes, uint8_t protocol,
			   size_t length)
{
	uint32_t sum = protocol + (uint32_t)length;

	for (unsigned i = 0; i < bytes; i += 2)
		sum += be16_load(addresses + i);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* What its peer takes of the connection whose segment that is, over IPv4. By what is in the packet: it may have waited for its
 * neighbour's address, while others sent, and the connection may be over. */
static unsigned segment_bytes_of(const uint8_t *ip, const uint8_t *header)
{
	for (const struct tcp_pcb *pcb = tcp_active_pcbs; pcb; pcb = pcb->next) {
		if (pcb->local_port == be16_load(header + TCP_FROM) &&
		    pcb->remote_port == be16_load(header + TCP_TO) &&
		    IP_IS_V4_VAL(pcb->remote_ip) &&
		    memcmp(&ip_2_ip4(&pcb->remote_ip)->addr, ip + IP4_TO, 4) == 0)
			return offload_peer_mss(pcb);
	}
	return MSS_OF_ANY;
}

unsigned offload_cut(const struct net_device *net, const struct pbuf *packet)
{
	const uint8_t *ip = (const uint8_t *)packet->payload + NET_HEADER_BYTES,
		      *tcp = ip + IP4_HEADER;
	size_t headers = NET_HEADER_BYTES + IP4_HEADER + TCP_HEADER;

	if (packet->tot_len <= headers || packet->len < headers || cuts(net) ||
	    be16_load(ip - 2) != ETHTYPE_IP || ip[IP4_PROTOCOL] != IP_PROTO_TCP ||
	    ip[0] != IP4_PLAIN || (be16_load(ip + IP4_FRAGMENT) & IP4_FRAGMENTED) != 0)
		return 0;
	headers += (tcp[TCP_OFFSET] >> 4) * 4u - TCP_HEADER;
	/* lwIP has made the checksum of all that it was not told to leave large. */
	if (packet->len < headers || packet->tot_len <= headers ||
	    (!(net->can & NET_CAN_CHECKSUM) && be16_load(tcp + TCP_CHECKSUM) != 0))
		return 0;
	unsigned segment_bytes = segment_bytes_of(ip, tcp);
	return (net->can & NET_CAN_CHECKSUM) && packet->tot_len <= headers + segment_bytes
		       ? 0
		       : segment_bytes;
}

/* The rest of the frame is one segment or datagram; what of it is in the first piece is enough for its header. */
static void transport(const struct net_device *net, struct net_buffer *frame, unsigned start,
		      uint8_t protocol, uint16_t pseudo, size_t length)
{
	struct net_offload *offload = &frame->offload;
	uint8_t *header = net_data(frame) + start;
	bool tcp = protocol == IP_PROTO_TCP;
	unsigned field = tcp ? TCP_CHECKSUM : UDP_CHECKSUM;

	if (frame->length < start + (tcp ? TCP_HEADER : UDP_HEADER))
		return;
	if (!tcp && be16_load(header + field) != 0)
		return; /* it has one: it was to be fragmented */
	be16_store(header + field, pseudo);
	offload->flags = NET_CHECKSUM_START;
	offload->checksum_start = (uint16_t)start;
	offload->checksum_offset = (uint16_t)field;
	if (!tcp || start != NET_HEADER_BYTES + IP4_HEADER || !(net->can & NET_CAN_TSO4))
		return; /* lwIP adds no options to the IPv4 headers of its segments */
	unsigned headers = start + (header[TCP_OFFSET] >> 4) * 4u;
	if (length <= headers)
		return;
	unsigned segment_bytes = segment_bytes_of(header - IP4_HEADER, header);
	if (length > headers + segment_bytes) {
		offload->segments = NET_TCP4;
		offload->header_bytes = (uint16_t)headers;
		offload->segment_bytes = (uint16_t)segment_bytes;
	}
}

void offload_sent(const struct net_device *net, struct net_buffer *frame, size_t length)
{
	uint8_t *ip = net_data(frame) + NET_HEADER_BYTES;

	offload_narrow();
	if (!(net->can & NET_CAN_CHECKSUM) || frame->length < NET_HEADER_BYTES + IP4_HEADER)
		return;
	switch (be16_load(ip - 2)) {
	case ETHTYPE_IP: {
		unsigned header = (ip[0] & 15u) * 4;
		size_t rest = length - NET_HEADER_BYTES - header;
		if ((be16_load(ip + IP4_FRAGMENT) & IP4_FRAGMENTED) == 0 &&
		    (ip[IP4_PROTOCOL] == IP_PROTO_TCP || ip[IP4_PROTOCOL] == IP_PROTO_UDP))
			transport(net, frame, NET_HEADER_BYTES + header, ip[IP4_PROTOCOL],
				  pseudo_sum(ip + IP4_ADDRESSES, 8, ip[IP4_PROTOCOL], rest),
				  length);
		break;
	}
	case ETHTYPE_IPV6: {
		size_t rest = length - NET_HEADER_BYTES - IP6_HEADER;
		if (frame->length >= NET_HEADER_BYTES + IP6_HEADER &&
		    (ip[IP6_NEXT] == IP_PROTO_TCP || ip[IP6_NEXT] == IP_PROTO_UDP))
			transport(net, frame, NET_HEADER_BYTES + IP6_HEADER, ip[IP6_NEXT],
				  pseudo_sum(ip + IP6_ADDRESSES, 32, ip[IP6_NEXT], rest), length);
		break;
	}
	default:
		break;
	}
}

/* ---- Before it is made ----------------------------------------------------------------------------------------- */

/* Of a UDP datagram's frame, at most: IPv6 and UDP. */
#define UDP_ROOM (IP6_HEADER + UDP_HEADER)

bool offload_fits(size_t length)
{
	for (const struct interface *interface = interfaces; interface;
	     interface = interface->next) {
		if (length + UDP_ROOM > interface->netif.mtu)
			return false;
	}
	return true;
}

err_t offload_fragmented(struct udp_pcb *pcb, struct pbuf *data, const ip_addr_t *to, uint16_t port)
{
	struct interface *interface;

	for (interface = interfaces; interface; interface = interface->next)
		interface->netif.chksum_flags |= MAKES_OF_TRANSPORT;
	err_t error = to ? udp_sendto(pcb, data, to, port) : udp_send(pcb, data);
	for (interface = interfaces; interface; interface = interface->next)
		offload_start(&interface->netif, interface->net);
	return error;
}

/* Bytes of a segment, at most, so that with its headers it is a packet of less than 64 KiB. */
#define SEGMENT_MAX 60000
#define HEADERS_MAX (NET_HEADER_BYTES + IP4_HEADER + TCP_HEADER_MAX)

/* What a segment of this connection may have in it, to be cut by its device or here (cut.c); 0: nobody cuts it. */
static uint32_t cuttable(const struct tcp_pcb *pcb)
{
	if (IP_IS_V6_VAL(pcb->remote_ip))
		return 0;
	struct netif *netif = ip_route(&pcb->local_ip, &pcb->remote_ip);
	for (const struct interface *interface = interfaces; interface;
	     interface = interface->next) {
		const struct net_device *net = interface->net;
		if (&interface->netif != netif)
			continue;
		/* Of what is smaller too many would have to be kept when they are split (lost.c). */
		unsigned peer = offload_peer_mss(pcb);
		if (peer < CUT_LEAST)
			return 0;
		if (!cuts(net))
			return CUT_MOST * peer;
		return net->largest - HEADERS_MAX < SEGMENT_MAX ? net->largest - HEADERS_MAX
								: SEGMENT_MAX;
	}
	return 0;
}

/*
 * A multiple of what the peer takes, as large as the windows let leave at once. It gets smaller only with what waits, which must
 * not be larger than what is made: when something was lost (lost.c). Until that has arrived, it stays so.
 */
void offload_grow(struct tcp_pcb *pcb)
{
	uint32_t peer = offload_peer_mss(pcb);
	uint32_t window = LWIP_MIN(pcb->cwnd, pcb->snd_wnd_max / 2);

	if (window < pcb->mss + peer || (pcb->flags & (TF_RTO | TF_INFR)) != 0)
		return;
	uint32_t most = cuttable(pcb);
	if (window > most)
		window = most;
	if (window < pcb->mss + peer)
		return;
	tcp_ext_arg_set(pcb, 0, (void *)(uintptr_t)peer);
	pcb->mss = (u16_t)(window / peer * peer);
}

bool offload_is_full(const struct tcp_pcb *pcb)
{
	return pcb->snd_lbb - pcb->snd_nxt >= offload_peer_mss(pcb);
}
