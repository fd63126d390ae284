/* SPDX-License-Identifier: BSD-2-Clause */
/* drivers/virtio/vhost_port.h on Linux: a Unix socket, eventfds, and the shared memory. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "arch/host/host.h"
#include "drivers/virtio/vhost_port.h"
#include "lib/error.h"

#define DEFAULT_ANSWER_MS 1000

/* How long the other end may take: it may be busy with our memory, or the machine with others. */
static int answer_ms(void)
{
	return (int)(vport_setting("answer_ms", DEFAULT_ANSWER_MS) & INT32_MAX);
}

int vhost_port_connect(const char *path, const char **cause)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct stat file;

	if (strlen(path) >= sizeof(address.sun_path)) {
		*cause = strerror(ENAMETOOLONG);
		return ERR_NODEV;
	}
	strcpy(address.sun_path, path);
	/* Not to wait for a back end that accepts nobody. */
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	*cause = strerror(errno);
	/* For Linux, other files refuse connections too. */
	if (errno == ECONNREFUSED && stat(path, &file) == 0 && !S_ISSOCK(file.st_mode))
		*cause = strerror(ENOTSOCK);
	if (fd >= 0)
		close(fd);
	return ERR_NODEV;
}

void vhost_port_close(int fd)
{
	close(fd);
}

/* Whether the other end has hung up by then. When poll(2) fails nobody knows: then it has not. */
static bool hung_up_within(int fd, int milliseconds)
{
	struct pollfd look = { .fd = fd, .events = POLLRDHUP };

	return poll(&look, 1, milliseconds) > 0;
}

bool vhost_port_alive(int fd)
{
	return !hung_up_within(fd, 0);
}

bool vhost_port_hang_up(int fd)
{
	/* It fails where there is nobody any more, which the wait then sees. */
	shutdown(fd, SHUT_WR);
	return hung_up_within(fd, answer_ms());
}

static int socket_error(int number)
{
	return number == EPIPE || number == ECONNRESET ? ERR_CLOSED : ERR_IO;
}

int vhost_port_send(int fd, const void *data, size_t length, int attached)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec piece = { (void *)(uintptr_t)data, length };
	struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1 };

	if (attached >= 0) {
		message.msg_control = control.bytes;
		message.msg_controllen = sizeof(control.bytes);
		struct cmsghdr *header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(header), &attached, sizeof(int));
	}
	/* Messages are small, and answered before the next: one that does not go out at once and whole
	 * has nobody to read it. */
	ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	return sent == (ssize_t)length ? 0 : sent < 0 ? socket_error(errno) : ERR_IO;
}

int vhost_port_receive(int fd, void *data, size_t length)
{
	uint8_t *to = data;
	uint64_t start = vport_now(), limit = (uint64_t)answer_ms();

	while (length > 0) {
		struct pollfd look = { .fd = fd, .events = POLLIN };
		uint64_t waited = (vport_now() - start) / 1000000;
		if (waited >= limit || poll(&look, 1, (int)(limit - waited)) == 0)
			return ERR_TIMEOUT;
		/* Without room for control data, descriptors that come along are closed by the system. */
		ssize_t got = recv(fd, to, length, MSG_DONTWAIT);
		if (got == 0)
			return ERR_CLOSED;
		if (got < 0 && errno != EAGAIN && errno != EINTR)
			return socket_error(errno);
		if (got > 0) {
			to += got;
			length -= (size_t)got;
		}
	}
	return 0;
}

/* ---- Events -------------------------------------------------------------------------------- */

/* A handler that first empties the counter, so that the next event is seen again. */
struct watch {
	int fd;
	vport_irq_fn *handler;
	void *argument;
};

#define MAX_WATCHES 64
static struct watch watches[MAX_WATCHES];

static void raised(void *argument)
{
	struct watch *watch = argument;
	uint64_t value;

	if (read(watch->fd, &value, sizeof(value)) == (ssize_t)sizeof(value))
		watch->handler(watch->argument);
}

int vhost_port_event(void)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	return fd >= 0 ? fd : ERR_NOMEM;
}

void vhost_port_signal(int event)
{
	uint64_t one = 1;

	/* A counter that is full has been raised already, and stays so until it is read. */
	if (write(event, &one, sizeof(one)) < 0 && errno != EAGAIN)
		vport_panic("an event counter can be written", __FILE__, __LINE__);
}

void vhost_port_watch(int event, vport_irq_fn *handler, void *argument)
{
	for (unsigned i = 0; i < MAX_WATCHES; i++) {
		if (watches[i].handler)
			continue;
		watches[i] = (struct watch){ event, handler, argument };
		host_wait_add(event, raised, &watches[i]);
		return;
	}
	vport_panic("there is room for another event", __FILE__, __LINE__);
}

void vhost_port_unwatch(int event)
{
	for (unsigned i = 0; i < MAX_WATCHES; i++) {
		if (watches[i].handler && watches[i].fd == event)
			watches[i].handler = NULL;
	}
	host_wait_remove(event);
}

struct vhost_port_memory vhost_port_memory(void)
{
	return (struct vhost_port_memory){ .fd = host_memory_fd(),
					   .size = host_memory_size(),
					   .device_address = host_memory_address() };
}
