/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The frame that every contestant of bench/net.py sends: 64 bytes of UDP over IPv4 over Ethernet, with 22 bytes
 * of payload and no checksum of UDP's (RFC 768 allows that). From the machine whose addresses end in `from` to
 * the one whose end in `to`: 1 is the peer, 2 the guest. QEMU gives the guest 52:54:00:12:34:56, and the peer
 * uses 52:54:00:12:34:01.
 */
#ifndef BENCH_FRAME_H
#define BENCH_FRAME_H

#define FRAME_BYTES 64
#define PEER_MAC 0x52, 0x54, 0x00, 0x12, 0x34, 0x01
#define GUEST_MAC 0x52, 0x54, 0x00, 0x12, 0x34, 0x56
/* RFC 791: the sum of the header's words is 0xffff; 10.0.0.1 and 10.0.0.2 are in it, whichever comes first. */
#define UDP_FRAME(from_mac, from, to_mac, to)                                                                    \
	{                                                                                                        \
		to_mac, from_mac, 0x08, 0x00, /* Ethernet: IPv4 */                                               \
			0x45, 0, 0, 50, 0, 0, 0x40, 0, 64, 17, 0x26, 0xb9, 10, 0, 0, from, 10, 0, 0, to,         \
			0x23, 0x29, 0x23, 0x28, 0, 30, 0, 0, /* UDP: port 9001 to port 9000, 30 bytes */         \
	}

#endif
