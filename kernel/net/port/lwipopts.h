/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How lwIP is configured: no threads, its own memory, everything that a server needs. docs/network.md says what the
 * numbers mean together.
 */
#ifndef LWIPOPTS_H
#define LWIPOPTS_H

#include "drivers/virtio/net.h"
#include "kernel/net/checksum.h"
#include "kernel/net/copy.h"
#include "kernel/net/memory.h"

/* ---- One thread: the event loop's. Sockets are ours (kernel/net/socket.h). ------------------------- */
#define NO_SYS 1
#define SYS_LIGHTWEIGHT_PROT 0
#define LWIP_NETCONN 0
#define LWIP_SOCKET 0
#define LWIP_TIMERS 1

/* ---- Memory: all of it from kernel/net/memory.c, which bounds it. ------------------------------------- */
#define MEM_LIBC_MALLOC 1
#define mem_clib_malloc network_malloc
#define mem_clib_calloc network_calloc
#define mem_clib_free network_free
#define MEMP_MEM_MALLOC 1
#define MEM_ALIGNMENT 8
#define MEMCPY network_copy
#define SMEMCPY __builtin_memcpy /* of a length that is known */
/* How many things of a kind there may be means nothing then; that there are enough segments is checked all the same. */
#define MEMP_NUM_TCP_SEG TCP_SND_QUEUELEN

/* ---- Frames ------------------------------------------------------------------------------------- */
/* The driver writes its header in front of each frame. */
#define PBUF_LINK_ENCAPSULATION_HLEN NET_ROOM
#define LWIP_SUPPORT_CUSTOM_PBUF 1
#define LWIP_CHECKSUM_CTRL_PER_NETIF 1
#define LWIP_CHKSUM network_checksum
#define LWIP_INLINE_IP_CHKSUM 1 /* IPv4's header has its sum made while it is written */
#define LWIP_NETIF_HWADDRHINT 1
#define LWIP_NETIF_HOSTNAME 1
#define LWIP_NETIF_STATUS_CALLBACK 1
#define LWIP_HAVE_LOOPIF 1
#define LWIP_NETIF_LOOPBACK 1
#define LWIP_LOOPBACK_MAX_PBUFS 256
#define ARP_TABLE_SIZE 32
#define ARP_QUEUEING 1

/* ---- Protocols ----------------------------------------------------------------------------------- */
#define LWIP_IPV4 1
#define LWIP_IPV6 1
#define LWIP_IPV6_NUM_ADDRESSES 4
#define LWIP_RAW 1
#define LWIP_MULTICAST_TX_OPTIONS 0 /* no socket has them */
#define LWIP_DHCP 1
#define LWIP_DNS 1
#define DNS_TABLE_SIZE 8
#define DNS_MAX_NAME_LENGTH 256
/* Another one than 53 is for tests, whose server is nobody privileged. */
extern uint16_t network_dns_port;
#define DNS_SERVER_PORT network_dns_port
#define IP_REASS_MAX_PBUFS 64
/* Pointers have 64 bits, which the place of a header has not. */
#define IPV6_FRAG_COPYHEADER 1
#define SO_REUSE 1
#define LWIP_STATS 0

/* ---- TCP ----------------------------------------------------------------------------------------- */
#define TCP_MSS 1460
#define LWIP_WND_SCALE 1
#define TCP_RCV_SCALE 3
#define TCP_WND (510 * 1024)
#define TCP_SND_BUF (512 * 1024)
#define TCP_SND_QUEUELEN 1024
#define TCP_SNDLOWAT 16384
#define TCP_LISTEN_BACKLOG 1
#define TCP_DEFAULT_LISTEN_BACKLOG 64
#define TCP_MSL 30000 /* TIME-WAIT lasts a minute then, as elsewhere */
#define LWIP_TCP_KEEPALIVE 1
#define TCP_OOSEQ_MAX_PBUFS 128 /* two a segment; of several that are one packet, 45 at most */
#define TCP_OOSEQ_BYTES_LIMIT(pcb) received_gap_room()
/* 0: what the peer's segments hold at most, where ours may be larger (offload.c). 1: the socket. */
#define LWIP_TCP_PCB_NUM_EXT_ARGS 2

#define LWIP_HOOK_FILENAME "kernel/net/hooks.h"

#endif
