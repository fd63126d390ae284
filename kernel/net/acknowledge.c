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

enum {
	ADDRESSES = PLAIN_IP + IP4_ADDRESSES,
	ACKNOWLEDGED = PLAIN_TCP + TCP_ACKNOWLEDGED,
};

static bool is_plain(const uint8_t *frame)
{
	return headers_are_plain(frame) &&
	       be16_load(frame + PLAIN_IP + IP4_LENGTH) == ACKNOWLEDGE_BYTES - PLAIN_IP &&
	       frame[PLAIN_TCP + TCP_FLAG_BYTE] == TCP_FLAG_ACK;
}

bool acknowledge_replaces(const uint8_t *later, const uint8_t *earlier)
{
	/* Addresses, ports and the own sequence number stand one behind another. */
	return is_plain(earlier) && is_plain(later) && memcmp(earlier, later, PLAIN_IP) == 0 &&
	       memcmp(earlier + ADDRESSES, later + ADDRESSES, ACKNOWLEDGED - ADDRESSES) == 0 &&
	       (int32_t)(be32_load(later + ACKNOWLEDGED) - be32_load(earlier + ACKNOWLEDGED)) > 0;
}
