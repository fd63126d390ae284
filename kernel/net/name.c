/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names of machines: getaddrinfo, by numbers, or by asking the name server that DHCP has told of.
 *
 * See it at work: make run APP=dns ARGS=example.org
 * Left out: canonical names; names of services but those of a short list.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/net/headers.h"
#include "kernel/net/network.h"
#include "kernel/net/socket.h"
#include "kernel/net/stack.h"

#define NS_PER_S UINT64_C(1000000000)
#define ROUTE_PATIENCE (10 * NS_PER_S)
#define LABEL_MAX 63 /* RFC 1035, 2.3.4 */
#define NAME_MAX_LENGTH 253

static const struct {
	const char *name;
	uint16_t port;
} services[] = {
	{ "echo", 7 }, { "domain", 53 }, { "http", 80 }, { "https", 443 }, { "ntp", 123 }
};

static bool port_of(const char *service, int flags, uint16_t *port)
{
	char *end;
	unsigned long number = strtoul(service, &end, 10);

	*port = (uint16_t)number;
	if (end != service && !*end)
		return number <= UINT16_MAX;
	for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++) {
		if (strcmp(services[i].name, service) == 0 && !(flags & AI_NUMERICSERV)) {
			*port = services[i].port;
			return true;
		}
	}
	return false;
}

/* ---- Asking --------------------------------------------------------------------------------------------------- */

enum { NO_ERROR = 0, NO_SUCH_NAME = 3 }; /* RFC 1035, 4.1.1: RCODE */
#define RCODE_AT (UDP_HEADER + 3)

struct question {
	ip_addr_t answer;
	bool done, found, silent; /* silent: no server has answered */
	uint8_t rcode;            /* of what has come where nothing was found */
};

static uint8_t last_rcode;

static bool is_server(const ip_addr_t *address)
{
	u8_t i = 0;

	while (i < DNS_MAX_SERVERS && !ip_addr_cmp(address, dns_getserver(i)))
		i++;
	return i < DNS_MAX_SERVERS;
}

/* lwIP does not tell why a server has no address for us. So as long as something is asked, datagrams are looked at as a raw
 * socket sees them; each goes to lwIP's own resolver right behind. */
static u8_t look(void *argument, struct raw_pcb *pcb, struct pbuf *packet, const ip_addr_t *from)
{
	uint8_t head[RCODE_AT + 1];

	(void)argument;
	(void)pcb;
	if (is_server(from) &&
	    pbuf_copy_partial(packet, head, sizeof(head), ip_current_header_tot_len()) ==
		    sizeof(head) &&
	    (head[0] << 8 | head[1]) == network_dns_port)
		last_rcode = head[RCODE_AT] & 15;
	return 0;
}

static void answered(const char *name, const ip_addr_t *address, void *argument)
{
	struct question *question = argument;

	(void)name;
	question->done = true;
	question->found = address != NULL;
	/* lwIP does not say why there is none: but of an answer it tells when that has come. */
	question->silent = stack_in_timers;
	question->rcode = last_rcode;
	if (address)
		question->answer = *address;
}

/* The name without the dot that it may end with, into a buffer of NAME_MAX_LENGTH + 1. False: that is none. */
static bool trim(char *trimmed, const char *name)
{
	size_t length = strlen(name);

	if (length > 0 && name[length - 1] == '.')
		length--;
	if (length == 0 || length > NAME_MAX_LENGTH)
		return false;
	for (size_t i = 0, label = 0; i <= length; i++) {
		if (i < length && name[i] != '.') {
			label++;
			continue;
		}
		if (label == 0 || label > LABEL_MAX)
			return false;
		label = 0;
	}
	memcpy(trimmed, name, length);
	trimmed[length] = '\0';
	return true;
}

/* lwIP calls back in any case, after a few tries. */
static int await(struct question *question)
{
	while (!question->done)
		vport_relax(VPORT_NEVER);
	if (question->found)
		return 0;
	if (question->silent)
		return EAI_AGAIN;
	return question->rcode == NO_ERROR || question->rcode == NO_SUCH_NAME ? EAI_NONAME
									      : EAI_FAIL;
}

static int ask(const char *full_name, int family, ip_addr_t *address)
{
	struct question question = { .done = false };
	char name[NAME_MAX_LENGTH + 1];
	u8_t types = family == AF_INET    ? LWIP_DNS_ADDRTYPE_IPV4
		     : family == AF_INET6 ? LWIP_DNS_ADDRTYPE_IPV6
					  : LWIP_DNS_ADDRTYPE_IPV4_IPV6;

	if (!trim(name, full_name))
		return EAI_NONAME;
	if (strcmp(name, "localhost") != 0 &&
	    (!network_await(vport_now() + ROUTE_PATIENCE) || network_dns_server()[0] == '\0'))
		return EAI_AGAIN;
	struct raw_pcb *view = raw_new_ip_type(IPADDR_TYPE_ANY, IP_PROTO_UDP);
	if (!view)
		return EAI_MEMORY;
	last_rcode = NO_ERROR;
	raw_recv(view, look, NULL);
	err_t error = dns_gethostbyname_addrtype(name, address, answered, &question, types);
	stack_leave();
	int status = error == ERR_OK           ? 0
		     : error == ERR_INPROGRESS ? await(&question)
		     : error == ERR_MEM        ? EAI_AGAIN
					       : EAI_NONAME;
	raw_remove(view);
	if (error == ERR_INPROGRESS)
		*address = question.answer;
	return status;
}

/* The address: a number, a name, or none at all. */
static int find(const char *name, int flags, int family, ip_addr_t *address)
{
	uint8_t bytes[sizeof(struct in6_addr)];
	bool six = family == AF_INET6;

	if (!name) {
		if (flags & AI_PASSIVE)
			*address = six ? *IP6_ADDR_ANY : *IP4_ADDR_ANY;
		else
			ipaddr_aton(six ? "::1" : "127.0.0.1", address);
		return 0;
	}
	if (inet_pton(AF_INET, name, bytes) == 1 || inet_pton(AF_INET6, name, bytes) == 1) {
		ipaddr_aton(name, address);
		return family == AF_UNSPEC || six == IP_IS_V6_VAL(*address) ? 0 : EAI_NONAME;
	}
	return flags & AI_NUMERICHOST ? EAI_NONAME : ask(name, family, address);
}

/* ---- What programs call -------------------------------------------------------------------------------------------- */

/* In one piece: the entry, and its address behind it. */
struct entry {
	struct addrinfo info; /* first */
	struct sockaddr_storage address;
};

/* One more, in front of the list. */
static bool add(struct addrinfo **list, int type, const ip_addr_t *address, uint16_t port)
{
	struct socket like = { .domain = IP_IS_V6_VAL(*address) ? AF_INET6 : AF_INET };
	struct entry *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return false;
	entry->info.ai_family = like.domain;
	entry->info.ai_socktype = type;
	entry->info.ai_protocol = type == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP;
	entry->info.ai_addr = (struct sockaddr *)&entry->address;
	entry->info.ai_addrlen = sizeof(entry->address);
	address_put(&like, address, port, entry->info.ai_addr, &entry->info.ai_addrlen);
	entry->info.ai_next = *list;
	*list = &entry->info;
	return true;
}

int getaddrinfo(const char *restrict name, const char *restrict service,
		const struct addrinfo *restrict hints, struct addrinfo **restrict result)
{
	static const struct addrinfo none;
	const struct addrinfo *wanted = hints ? hints : &none;
	struct addrinfo *list = NULL;
	ip_addr_t address;
	uint16_t port = 0;

	if (!name && !service)
		return EAI_NONAME;
	if (wanted->ai_family != AF_UNSPEC && wanted->ai_family != AF_INET &&
	    wanted->ai_family != AF_INET6)
		return EAI_FAMILY;
	if (wanted->ai_socktype != 0 && wanted->ai_socktype != SOCK_STREAM &&
	    wanted->ai_socktype != SOCK_DGRAM)
		return EAI_SOCKTYPE;
	if (service && !port_of(service, wanted->ai_flags, &port))
		return EAI_SERVICE;
	if (network_start() != 0)
		return EAI_MEMORY;
	int error = find(name, wanted->ai_flags, wanted->ai_family, &address);
	if (error)
		return error;
	bool good = true;
	if (wanted->ai_socktype != SOCK_STREAM)
		good = add(&list, SOCK_DGRAM, &address, port);
	if (good && wanted->ai_socktype != SOCK_DGRAM)
		good = add(&list, SOCK_STREAM, &address, port);
	if (!good) {
		freeaddrinfo(list);
		return EAI_MEMORY;
	}
	*result = list;
	return 0;
}

void freeaddrinfo(struct addrinfo *list)
{
	while (list) {
		struct addrinfo *next = list->ai_next;
		free(list);
		list = next;
	}
}

const char *gai_strerror(int error)
{
	switch (error) {
	case 0:
		return "no error";
	case EAI_NONAME:
		return "there is no such name";
	case EAI_AGAIN:
		return "no answer from a name server";
	case EAI_FAIL:
		return "the name server could not say";
	case EAI_FAMILY:
		return "no such address family";
	case EAI_SOCKTYPE:
		return "no such type of socket";
	case EAI_SERVICE:
		return "no such service";
	case EAI_MEMORY:
		return "out of memory";
	default:
		return "unknown error";
	}
}
