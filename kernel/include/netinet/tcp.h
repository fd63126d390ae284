/* SPDX-License-Identifier: BSD-2-Clause */
/* Options of TCP sockets. */
#ifndef KERNEL_NETINET_TCP_H
#define KERNEL_NETINET_TCP_H

#define TCP_NODELAY 0x01
#define TCP_MAXSEG 0x02   /* can only be asked for */
#define TCP_KEEPIDLE 0x03 /* seconds */
#define TCP_KEEPINTVL 0x04
#define TCP_KEEPCNT 0x05

#endif
