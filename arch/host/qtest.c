/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * QEMU's qtest protocol (system/qtest.c in its sources): a line of text asks for one access, and a line
 * answers it, `OK` or `OK 0xVALUE`. Device models run as they do under a guest; only the processor that
 * would reach for their registers is this process.
 *
 * See it at work: make test-qtest
 * Left out: QEMU's clock and its interrupt lines, which can be watched too. Devices are polled.
 */
#define _GNU_SOURCE
#include "arch/host/qtest.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "drivers/virtio/port.h"
#include "drivers/virtio/vhost_port.h"
#include "kernel/console.h"
#include "lib/error.h"

#define LINE_BYTES 128
/* An access is answered at once; this is for a machine that is busy with other things. */
#define ANSWER_MS 10000

static int connection = -1;
static struct {
	char text[LINE_BYTES];
	size_t length;
} input;

static void lost(const char *why)
{
	kprint("qtest: %s: its devices are gone\n", why);
	vhost_port_close(connection);
	connection = -1;
}

/* Receives until there is a whole line; its length, or 0 when the connection had to be given up. */
static size_t receive_line(void)
{
	uint64_t start = vport_now();
	char *end;

	while ((end = memchr(input.text, '\n', input.length)) == NULL) {
		struct pollfd look = { .fd = connection, .events = POLLIN };
		uint64_t waited = (vport_now() - start) / 1000000;
		if (input.length == sizeof(input.text)) {
			lost("QEMU sent a line without an end");
			return 0;
		}
		if (waited >= ANSWER_MS || poll(&look, 1, (int)(ANSWER_MS - waited)) == 0) {
			lost("QEMU does not answer");
			return 0;
		}
		ssize_t got = recv(connection, input.text + input.length,
				   sizeof(input.text) - input.length, MSG_DONTWAIT);
		if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
			lost("QEMU has ended");
			return 0;
		}
		if (got > 0)
			input.length += (size_t)got;
	}
	*end = '\0';
	return (size_t)(end - input.text) + 1;
}

/* Whether the line is an answer, and the value in it (0 without one). */
static bool parse(const char *line, bool has_value, uint32_t *value)
{
	char *end;

	*value = 0;
	if (!has_value)
		return strcmp(line, "OK") == 0;
	if (strncmp(line, "OK 0x", 5) != 0)
		return false;
	*value = (uint32_t)strtoull(line + 5, &end, 16);
	return *end == '\0' && end > line + 5;
}

/* Sends the request, in which there is one access of that width, and waits for its answer. */
static uint32_t ask(const char *request, int length, bool has_value, unsigned width)
{
	uint32_t value, nothing = UINT32_MAX >> (32 - 8 * width);
	size_t taken;

	kit_assert(length > 0 && length < LINE_BYTES);
	if (connection < 0)
		return nothing;
	if (send(connection, request, (size_t)length, MSG_NOSIGNAL) != length) {
		lost("QEMU has ended");
		return nothing;
	}
	if ((taken = receive_line()) == 0)
		return nothing;
	if (!parse(input.text, has_value, &value)) {
		lost("QEMU's answer is none");
		return nothing;
	}
	input.length -= taken;
	memmove(input.text, input.text + taken, input.length);
	return value & nothing;
}

/* The letter that a command's name ends with. */
static char suffix(unsigned width)
{
	return width == 1 ? 'b' : width == 2 ? 'w' : 'l';
}

static uint32_t get(const char *command, uint64_t address, unsigned width)
{
	char line[LINE_BYTES];
	int length = snprintf(line, sizeof(line), "%s%c 0x%llx\n", command, suffix(width),
			      (unsigned long long)address);

	return ask(line, length, true, width);
}

static void put(const char *command, uint64_t address, unsigned width, uint32_t value)
{
	char line[LINE_BYTES];
	int length = snprintf(line, sizeof(line), "%s%c 0x%llx 0x%x\n", command, suffix(width),
			      (unsigned long long)address, value);

	ask(line, length, false, width);
}

uint32_t qtest_read(uint64_t address, unsigned width)
{
	return get("read", address, width);
}

void qtest_write(uint64_t address, unsigned width, uint32_t value)
{
	put("write", address, width, value);
}

uint32_t qtest_in(uint16_t port, unsigned width)
{
	return get("in", port, width);
}

void qtest_out(uint16_t port, unsigned width, uint32_t value)
{
	put("out", port, width, value);
}

int qtest_connect(const char *path)
{
	const char *cause; /* the caller says what is wanted */

	connection = vhost_port_connect(path, &cause);
	if (connection < 0)
		return ERR_NODEV;
	/* QEMU listens before it has made its machine and written what belongs into RAM; it answers
	 * afterwards. */
	qtest_read(0, 1);
	return connection < 0 ? ERR_NODEV : 0;
}
