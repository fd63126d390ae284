/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Addresses of interfaces: from the kernel's command line, by DHCP, or as a program says; IPv6 by router advertisements.
 * The default route goes by the first interface that has a gateway.
 *
 * See it at work: make run APP=net KERNEL_ARGS=ip=10.0.2.15/24,gw=10.0.2.2
 * Left out: IPv6 addresses that a person gives; routes other than by an interface's network and its gateway.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/cmdline.h"
#include "kernel/net/network.h"
#include "kernel/net/stack.h"
#include "lib/error.h"
#include "lib/format.h"

#define LINE_BYTES 160
#define DNS_PORT 53
#define QUIET_NS UINT64_C(2000000000) /* so long an address is waited for without a word */

uint16_t network_dns_port = DNS_PORT;
static ip_addr_t server_before; /* of network_dns */
static uint16_t port_before = DNS_PORT;

/* ---- Text ----------------------------------------------------------------------------------------------- */

static unsigned bits_of(const ip4_addr_t *mask)
{
	return (unsigned)__builtin_popcount(ip4_addr_get_u32(mask));
}

/* "10.0.2.2" or "10.0.2.2:5300". */
static bool parse_server(char *text, ip_addr_t *server, uint16_t *port)
{
	char *colon = strrchr(text, ':');

	*port = DNS_PORT;
	if (colon && strchr(text, ':') == colon) {
		char *end;
		unsigned long number = strtoul(colon + 1, &end, 10);
		if (*end || end == colon + 1 || number == 0 || number > UINT16_MAX)
			return false;
		*port = (uint16_t)number;
		*colon = '\0';
	}
	return ipaddr_aton(text, server) != 0;
}

/* ADDRESS/BITS */
static bool parse_network(char *text, ip4_addr_t *address, ip4_addr_t *mask)
{
	char *slash = strchr(text, '/'), *end;

	if (!slash)
		return false;
	*slash = '\0';
	unsigned long bits = strtoul(slash + 1, &end, 10);
	if (*end || end == slash + 1 || bits < 1 || bits > 32)
		return false;
	ip4_addr_set_u32(mask, lwip_htonl(UINT32_MAX << (32 - bits)));
	return ip4addr_aton(text, address) != 0;
}

/* ---- Giving them ------------------------------------------------------------------------------------------- */

/* As many people do, one that has a gateway is where the rest of the world is. */
static void choose_default(void)
{
	for (struct interface *i = interfaces; i; i = i->next) {
		if (netif_is_up(&i->netif) && !ip4_addr_isany_val(*netif_ip4_gw(&i->netif))) {
			netif_set_default(&i->netif);
			return;
		}
	}
	netif_set_default(interfaces ? &interfaces->netif : NULL);
}

static void changed(struct netif *netif)
{
	struct interface *interface = netif->state;
	char line[LINE_BYTES];

	choose_default();
	if (ip4_addr_cmp(&interface->told, netif_ip4_addr(netif)))
		return;
	interface->told = *netif_ip4_addr(netif);
	if (ip4_addr_isany_val(interface->told))
		format(line, sizeof(line), "%s: no address any more", interface->name);
	else {
		size_t used = format(line, sizeof(line), "%s: ", interface->name);
		network_describe(interface->name, line + used, sizeof(line) - used, NULL);
	}
	vport_log(VPORT_LOG_INFO, line);
}

static int give(struct interface *interface, const char *text)
{
	char copy[LINE_BYTES];
	ip4_addr_t address, mask, gateway = { 0 };
	ip_addr_t server;
	uint16_t port = 0;

	if (strlen(text) >= sizeof(copy))
		return ERR_INVALID;
	strcpy(copy, text);
	char *rest = copy, *word = strsep(&rest, ",");
	if (!parse_network(word, &address, &mask))
		return ERR_INVALID;
	while ((word = strsep(&rest, ",")) != NULL) {
		bool good = strncmp(word, "gw=", 3) == 0
				    ? ip4addr_aton(word + 3, &gateway) != 0
				    : strncmp(word, "dns=", 4) == 0 &&
					      parse_server(word + 4, &server, &port);
		if (!good)
			return ERR_INVALID;
	}
	dhcp_release_and_stop(&interface->netif);
	interface->automatic = false;
	netif_set_addr(&interface->netif, &address, &mask, &gateway);
	if (port) {
		network_dns_port = port;
		dns_setserver(0, &server);
	}
	return 0;
}

/* An address that somebody gave, or one that lwIP asks for again since its link came back, is no lease: lwIP leaves both
 * alone. */
static int ask(struct interface *interface)
{
	dhcp_release_and_stop(&interface->netif);
	netif_set_addr(&interface->netif, IP4_ADDR_ANY4, IP4_ADDR_ANY4, IP4_ADDR_ANY4);
	interface->automatic = true;
	return dhcp_start(&interface->netif) == ERR_OK ? 0 : ERR_NOMEM;
}

/* What the command line has for the interface: ip=net1:… or, for the first one, ip=… */
static const char *given(const struct interface *interface)
{
	size_t length = strlen(interface->name);
	const char *text;

	for (unsigned n = 0; (text = cmdline_get_nth("ip", n)) != NULL; n++) {
		if (strncmp(text, interface->name, length) == 0 && text[length] == ':')
			return text + length + 1;
		if (interface == interfaces && strncmp(text, "net", 3) != 0)
			return text;
	}
	return NULL;
}

/* What the command line has for interfaces that there are not. */
static void tell_of_others(void)
{
	static bool told;
	char line[LINE_BYTES];
	const char *text;

	for (unsigned n = 0; !told && (text = cmdline_get_nth("ip", n)) != NULL; n++) {
		const struct interface *i = interfaces;
		const char *colon = strncmp(text, "net", 3) == 0 ? strchr(text, ':') : NULL;
		if (!colon)
			continue;
		while (i && given(i) != colon + 1)
			i = i->next;
		if (i)
			continue;
		format(line, sizeof(line),
		       "ip=%s: there is no such interface, or another ip= is for it", text);
		vport_log(VPORT_LOG_ERROR, line);
	}
	told = true;
}

void addresses_start(void)
{
	char line[LINE_BYTES];

	for (struct interface *interface = interfaces; interface; interface = interface->next) {
		struct netif *netif = &interface->netif;
		if (interface->configured)
			continue;
		interface->configured = true;
		netif_set_status_callback(netif, changed);
		netif_set_up(netif);
		netif_create_ip6_linklocal_address(netif, 1);
		netif_set_ip6_autoconfig_enabled(netif, 1);
		const char *text = given(interface);
		if (text && give(interface, text) != 0) {
			format(line, sizeof(line),
			       "ip=%s: ADDRESS/BITS is wanted, as in ip=10.0.2.15/24,gw=10.0.2.2: "
			       "DHCP instead",
			       text);
			vport_log(VPORT_LOG_ERROR, line);
			text = NULL;
		}
		if (!text)
			ask(interface);
	}
	tell_of_others();
	choose_default();
}

/* ---- For programs ---------------------------------------------------------------------------------------------- */

int network_up(const char *name, bool up)
{
	struct interface *interface = interface_find(name);

	if (!interface)
		return ERR_NOT_FOUND;
	if (up)
		netif_set_up(&interface->netif);
	else
		netif_set_down(&interface->netif);
	stack_leave();
	return 0;
}

int network_static(const char *name, const char *addresses)
{
	struct interface *interface = interface_find(name);
	int error = interface ? give(interface, addresses) : ERR_NOT_FOUND;

	stack_leave();
	return error;
}

int network_dhcp(const char *name)
{
	struct interface *interface = interface_find(name);
	int error = interface ? ask(interface) : ERR_NOT_FOUND;

	stack_leave();
	return error;
}

bool network_has_address(const char *name)
{
	struct interface *interface = interface_find(name);

	return interface && !ip4_addr_isany_val(*netif_ip4_addr(&interface->netif));
}

int network_dns(const char *text)
{
	char copy[LINE_BYTES];
	ip_addr_t server;
	uint16_t port;

	if (strlen(text) >= sizeof(copy))
		return ERR_INVALID;
	strcpy(copy, text);
	if (!parse_server(copy, &server, &port))
		return ERR_INVALID;
	server_before = *dns_getserver(0);
	port_before = network_dns_port;
	network_dns_port = port;
	dns_setserver(0, &server);
	return 0;
}

void network_dns_restore(void)
{
	network_dns_port = port_before;
	dns_setserver(0, &server_before);
}

const char *network_dns_server(void)
{
	const ip_addr_t *server = dns_getserver(0);

	return ip_addr_isany(server) ? "" : ipaddr_ntoa(server);
}

static void tell_who_asks(void)
{
	char line[LINE_BYTES];

	for (struct interface *i = interfaces; i; i = i->next) {
		if (!i->automatic || !netif_is_up(&i->netif))
			continue;
		format(line, sizeof(line), "%s: %s", i->name,
		       netif_is_link_up(&i->netif) ? "asking by DHCP" : "its link is down");
		vport_log(VPORT_LOG_INFO, line);
	}
}

bool network_await(uint64_t deadline)
{
	static bool told;
	uint64_t tell_at = vport_now() + QUIET_NS;

	if (network_start() != 0)
		return false;
	if (!interfaces) {
		if (!told)
			vport_log(VPORT_LOG_INFO, "network: there is no device");
		told = true;
		return false;
	}
	for (;;) {
		for (struct interface *i = interfaces; i; i = i->next) {
			if (netif_is_up(&i->netif) && netif_is_link_up(&i->netif) &&
			    !ip4_addr_isany_val(*netif_ip4_addr(&i->netif)))
				return true;
		}
		if (vport_now() >= deadline)
			return false;
		if (vport_now() >= tell_at) {
			tell_who_asks();
			tell_at = VPORT_NEVER;
		}
		vport_relax(deadline < tell_at ? deadline : tell_at);
	}
}

int network_describe(const char *name, char *line, size_t size, struct network_counters *counters)
{
	struct interface *interface = interface_find(name);
	char text[IPADDR_STRLEN_MAX];

	if (!interface)
		return ERR_NOT_FOUND;
	struct netif *netif = &interface->netif;
	size_t used = format(line, size, "%s", netif_is_up(netif) ? "" : "turned off, ");
	if (!ip4_addr_isany_val(*netif_ip4_addr(netif))) {
		ip4addr_ntoa_r(netif_ip4_addr(netif), text, sizeof(text));
		used += format(line + used, size - used, "%s/%u", text,
			       bits_of(netif_ip4_netmask(netif)));
		ip4addr_ntoa_r(netif_ip4_gw(netif), text, sizeof(text));
		if (!ip4_addr_isany_val(*netif_ip4_gw(netif)))
			used += format(line + used, size - used, " gateway %s", text);
	}
	used += format(line + used, size - used, "%s%s",
		       ip4_addr_isany_val(*netif_ip4_addr(netif)) ? "" : " ",
		       interface->automatic ? "dhcp" : "static");
	for (unsigned n = 0; n < LWIP_IPV6_NUM_ADDRESSES; n++) {
		if (!ip6_addr_isvalid(netif_ip6_addr_state(netif, n)))
			continue;
		inet_ntop(AF_INET6, netif_ip6_addr(netif, n)->addr, text, sizeof(text));
		used += format(line + used, size - used, " %s", text);
	}
	if (counters)
		*counters = (struct network_counters){ interface->held, interface->waiting_count,
						       interface->copied, interface->dropped_in,
						       interface->dropped_out };
	return (int)used;
}
