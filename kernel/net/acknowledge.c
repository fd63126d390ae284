/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Acknowledgements that wait to be sent. lwIP makes one for every second segment (RFC 5681, 4.2), and segments come in
 * bursts: of two in one batch the later one says all that the earlier one did. So it takes its place, and neither the
 * machine's emulator nor the sender is troubled with both; but a sender learns of no more than ACKNOWLEDGE_MOST times two
 * segments at a time, because by what is acknowledged it sends more.
 *
 * One that acknowledges nothing new tells of a loss, and stays.
 *
 * See it at work: make run APP=iperf ARGS=-s FWD=5001:5001; iperf -c localhost
 * Left out: IPv6; connections with options in each header, which lwIP does not have here.
 */
#include "kernel/net/acknowledge.h"

#include <string.h>

#include "drivers/virtio/net.h"
#include "kernel/net/headers.h"
#include "lib/be.h"

/* Behind Ethernet's header: RFC 791 and RFC 9293, both without options. */
enum {
	IP = NET_HEADER_BYTES,
	IP_LENGTH = IP + 2,
	IP_FRAGMENT = IP + 6,
	IP_PROTOCOL = IP + 9,
	IP_ADDRESSES = IP + 12,
	TCP = IP + 20,
	TCP_ACKNOWLEDGED = TCP + 8,
	OFFSET = TCP + TCP_OFFSET,
	TCP_FLAGS = TCP + 13,
};
_Static_assert(ACKNOWLEDGE_BYTES == TCP + 20, "a frame without data");
#define PROTOCOL_TCP 6

static bool is_plain(const uint8_t *frame)
{
	return be16_load(frame + IP - 2) == 0x0800 && frame[IP] == IP4_PLAIN &&
	       be16_load(frame + IP_LENGTH) == ACKNOWLEDGE_BYTES - IP &&
	       (be16_load(frame + IP_FRAGMENT) & IP4_FRAGMENTED) == 0 &&
	       frame[IP_PROTOCOL] == PROTOCOL_TCP && frame[OFFSET] == 5 << 4 &&
	       frame[TCP_FLAGS] == TCP_FLAG_ACK;
}

bool acknowledge_replaces(const uint8_t *later, const uint8_t *earlier)
{
	/* Addresses, ports and the own sequence number stand one behind another. */
	return is_plain(earlier) && is_plain(later) && memcmp(earlier, later, IP) == 0 &&
	       memcmp(earlier + IP_ADDRESSES, later + IP_ADDRESSES,
		      TCP_ACKNOWLEDGED - IP_ADDRESSES) == 0 &&
	       (int32_t)(be32_load(later + TCP_ACKNOWLEDGED) -
			 be32_load(earlier + TCP_ACKNOWLEDGED)) > 0;
}
