/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Asks for an address, whether the interface has one or not: RFC 2131. What it had before, it forgets.
 *
 *     make run APP=dhcp
 *     dhcp [INTERFACE]        without a name for net0; it waits 20 seconds for an answer
 */
#include <stdint.h>
#include <string.h>

#include "drivers/virtio/port.h"
#include "kernel/console.h"
#include "kernel/net/network.h"
#include "lib/error.h"

#define NS_PER_S UINT64_C(1000000000)
#define PATIENCE_S 20
#define LINE 240

int main(int argc, char **argv)
{
	const char *name = argc == 2 ? argv[1] : "net0";
	char line[LINE];

	if (argc > 2 || name[0] == '-') {
		kprint("usage: %s [INTERFACE]\n", argv[0]);
		return 2;
	}
	int error = network_start();
	if (!error)
		error = network_dhcp(name);
	if (error) {
		kprint("dhcp: %s: %s\n", name,
		       error == ERR_NOT_FOUND ? "there is no such interface" : error_text(error));
		return 1;
	}
	kprint("dhcp: %s: asking, for %u s at most\n", name, PATIENCE_S);
	uint64_t end = vport_now() + PATIENCE_S * NS_PER_S;
	while (vport_now() < end && !network_has_address(name))
		vport_relax(end);
	if (!network_has_address(name)) {
		kprint("dhcp: %s: nobody answers\n", name);
		return 1;
	}
	network_describe(name, line, sizeof(line), NULL);
	kprint("dhcp: %s %s dns %s\n", name, line, network_dns_server());
	return 0;
}
