/* SPDX-License-Identifier: BSD-2-Clause */
/* QEMU's own device models as devices of the host port, over its -qtest socket. */
#ifndef ARCH_HOST_QTEST_H
#define ARCH_HOST_QTEST_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The protocol (qtest.c). Accesses of 1, 2 or 4 bytes, to QEMU's memory or to its I/O ports. QEMU is a
 * process that may end: that is said once, and all reads are all ones from then on, as on a bus with
 * nothing there.
 */
int qtest_connect(const char *path); /* and waits until QEMU is ready: 0, or ERR_NODEV */
uint32_t qtest_read(uint64_t address, unsigned width);
void qtest_write(uint64_t address, unsigned width, uint32_t value);
uint32_t qtest_in(uint16_t port, unsigned width);
void qtest_out(uint16_t port, unsigned width, uint32_t value);

/*
 * The machine (qtest_machine.c): `qtest=SOCKET machine=q35|virt ram=FILE` on the command line. The first
 * connects and takes QEMU's RAM for the shared memory; false when the command line names no socket. Ends
 * with a line when it does and something is wrong about it. The second gives its devices to the kit.
 */
bool qtest_init(void);
void qtest_discover(void);

#endif
