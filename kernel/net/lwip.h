/* SPDX-License-Identifier: BSD-2-Clause */
/* lwIP's headers, beside lib/error.h, with which they share one name and nothing else. */
#ifndef KERNEL_NET_LWIP_H
#define KERNEL_NET_LWIP_H

#define ERR_TIMEOUT ERR_TIMEOUT_OF_LWIP
#include <lwip/err.h>
#undef ERR_TIMEOUT

#include <lwip/dhcp.h>
#include <lwip/dns.h>
#include <lwip/etharp.h>
#include <lwip/ethip6.h>
#include <lwip/init.h>
#include <lwip/netif.h>
#include <lwip/pbuf.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/prot/ethernet.h>
#include <lwip/prot/ip.h>
#include <lwip/raw.h>
#include <lwip/sys.h>
#include <lwip/tcp.h>
#include <lwip/timeouts.h>
#include <lwip/udp.h>
#include <netif/ethernet.h>

#endif
