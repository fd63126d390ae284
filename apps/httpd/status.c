/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The page about the machine: what httpd has done, the network's interfaces and what they have done, the disks, and all
 * virtio devices with their queues; as HTML for people, and as JSON for programs.
 *
 * See it at work: make run APP=httpd, and curl http://localhost:8080/status.json
 */
#include <stdlib.h>
#include <string.h>

#include "drivers/virtio/block.h"
#include "drivers/virtio/inspect.h"
#include "drivers/virtio/net.h"
#include "httpd.h"
#include "kernel/arch.h"
#include "kernel/memory.h"
#include "kernel/net/memory.h"
#include "kernel/net/network.h"
#include "lib/format.h"

#define PAGE_BYTES 32768
#define LINE 512

/* A kernel may be linked without this driver (DRIVERS=). */
#pragma weak block_first

/* The page as far as it is made: an array of tables of names and values, in one of two languages. */
struct page {
	char *text;
	size_t used;
	bool json;
	bool first_section, first_row, first_value;
};

#define add(page, ...) \
	((page)->used += \
	 format((page)->text + (page)->used, PAGE_BYTES - (page)->used, __VA_ARGS__))

/* Devices tell what is printed here: nothing of it may end what it stands in. */
static void add_quoted(struct page *page, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		if (c < ' ' || c == 0x7f)
			add(page, " ");
		else if (page->json && (c == '"' || c == '\\'))
			add(page, "\\%c", c);
		else if (!page->json && (c == '<' || c == '&' || c == '>'))
			add(page, "&#%u;", c);
		else
			add(page, "%c", c);
	}
}

static void begin_section(struct page *page, const char *name)
{
	if (page->json)
		add(page, "%s\"%s\":[", page->first_section ? "" : ",", name);
	else
		add(page, "<h2>%s</h2>\n", name);
	page->first_section = false;
	page->first_row = true;
}

static void end_section(struct page *page)
{
	if (page->json)
		add(page, "]");
}

static void begin_row(struct page *page)
{
	if (page->json)
		add(page, "%s{", page->first_row ? "" : ",");
	else
		add(page, "<table>\n");
	page->first_row = false;
	page->first_value = true;
}

static void end_row(struct page *page)
{
	if (page->json)
		add(page, "}");
	else
		add(page, "</table>\n");
}

static void add_name(struct page *page, const char *name)
{
	if (page->json)
		add(page, "%s\"%s\":", page->first_value ? "" : ",", name);
	else
		add(page, "<tr><th>%s<td>", name);
	page->first_value = false;
}

static void add_number(struct page *page, const char *name, uint64_t value)
{
	add_name(page, name);
	add(page, page->json ? "%llu" : "%llu\n", (unsigned long long)value);
}

static void add_text(struct page *page, const char *name, const char *value)
{
	add_name(page, name);
	if (page->json)
		add(page, "\"");
	add_quoted(page, value);
	add(page, page->json ? "\"" : "\n");
}

/* ---- What there is to tell ---------------------------------------------------------------------------------------- */

static void add_server(struct page *page)
{
	size_t memory, used = network_memory_used(&memory);

	begin_section(page, "server");
	begin_row(page);
	add_text(page, "architecture", arch_name);
	add_number(page, "uptime_ms", (vport_now() - totals.started) / 1000000);
	add_number(page, "connections_now", totals.now);
	add_number(page, "connections_most", totals.most);
	add_number(page, "connections", totals.connections);
	add_number(page, "refused", totals.refused);
	add_number(page, "timed_out", totals.timed_out);
	add_number(page, "requests", totals.requests);
	add_number(page, "bytes_sent", totals.bytes);
	add_number(page, "answers_2xx", totals.ok);
	add_number(page, "answers_3xx", totals.redirected);
	add_number(page, "answers_4xx", totals.client_errors);
	add_number(page, "answers_5xx", totals.server_errors);
	add_number(page, "network_memory_used", used);
	add_number(page, "network_memory", memory);
	add_number(page, "pages_free", pages_free_count());
	add_number(page, "pages", pages_total_count());
	end_row(page);
	end_section(page);
}

static void add_interfaces(struct page *page)
{
	begin_section(page, "interfaces");
	for (struct net_device *net = net_first(); net; net = net->next) {
		struct network_counters stack = { 0 };
		struct net_counts counts;
		char line[LINE];
		net_count(net, &counts);
		if (network_describe(net->name, line, sizeof(line), &stack) < 0)
			line[0] = '\0';
		begin_row(page);
		add_text(page, "name", net->name);
		add_text(page, "addresses", line);
		add_text(page, "link", net->gone ? "gone" : net->link ? "up" : "down");
		add_number(page, "mtu", net->mtu);
		add_number(page, "queue_pairs", net->pairs);
		add_number(page, "frames_received", counts.received);
		add_number(page, "bytes_received", counts.received_bytes);
		add_number(page, "frames_sent", counts.sent);
		add_number(page, "bytes_sent", counts.sent_bytes);
		add_number(page, "failed", counts.failed);
		add_number(page, "malformed", counts.malformed);
		add_number(page, "frames_held", stack.held);
		add_number(page, "frames_waiting", stack.waiting);
		add_number(page, "frames_copied", stack.copied);
		add_number(page, "dropped", stack.dropped_in + stack.dropped_out);
		add_number(page, "resets", net->resets);
		end_row(page);
	}
	end_section(page);
}

static void add_disks(struct page *page)
{
	begin_section(page, "disks");
	for (struct block_device *disk = block_first ? block_first() : NULL; disk;
	     disk = disk->next) {
		begin_row(page);
		add_text(page, "name", disk->name);
		add_number(page, "bytes", disk->capacity * 512);
		add_number(page, "resets", disk->resets);
		end_row(page);
	}
	end_section(page);
}

static void add_devices(struct page *page)
{
	begin_section(page, "devices");
	for (struct virtio_device *device = virtio_first(); device; device = virtio_next(device)) {
		struct virtio_queue_state queue;
		char line[LINE], name[24];
		virtio_describe(device, line, sizeof(line));
		begin_row(page);
		add_text(page, "device", line);
		for (unsigned n = 0; virtio_queue_state(device, n, &queue); n++) {
			format(name, sizeof(name), "queue_%u", queue.index);
			format(line, sizeof(line), "size %u, %u in flight, %s", queue.size,
			       queue.in_flight, queue.interrupts ? "interrupts" : "polled");
			add_text(page, name, line);
		}
		end_row(page);
	}
	end_section(page);
}

char *status_page(bool json, size_t *length)
{
	struct page page = { .text = malloc(PAGE_BYTES), .json = json, .first_section = true };

	if (!page.text)
		return NULL;
	if (json)
		add(&page, "{");
	else
		add(&page, "<!doctype html><html lang=en><meta charset=utf-8><title>Ringlet</title>"
			   "<style>body{font:14px sans-serif;margin:2em}th{text-align:left;"
			   "padding-right:1em;font-weight:normal;color:#555}</style>\n"
			   "<h1>Ringlet</h1>\n");
	add_server(&page);
	add_interfaces(&page);
	add_disks(&page);
	add_devices(&page);
	add(&page, json ? "}\n" : "</html>\n");
	*length = page.used;
	return page.text;
}
