/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lwIP's files that each datagram passes by, both ways, as one: so the compiler, which sees all of the way, puts the short
 * functions where they are called. That is a tenth of the instructions that lwIP takes for one.
 *
 * See it at work: bench/net_counts.py --profile q35 split udp-tx irq
 */
#include <core/inet_chksum.c>
#include <core/ipv4/etharp.c>
#include <core/ipv4/ip4.c>
#include <core/ipv4/ip4_addr.c>
#include <core/pbuf.c>
#include <core/raw.c>
#include <core/udp.c>
#include <netif/ethernet.c>
