/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ports of virtio-console as system consoles, beside a UART or where a machine has none (Apple's hypervisor, Cloud
 * Hypervisor). What a port's queues do not take, because the device hangs or an exception came from within the driver,
 * goes out by emergency write; that is port 0's.
 *
 *     console=virtio                all ports that are consoles, of all devices
 *     console=vport0p1,org.shell    these, by path or by name
 *
 * Without that they are consoles only where there is no UART: all of them. Others are free for programs to open.
 *
 *     make run KERNEL_ARGS=console=virtio QEMU_ARGS='-device virtio-serial-pci
 *         -chardev file,id=c,path=/tmp/out -device virtconsole,chardev=c'
 */
#include "kernel/virtio_console.h"

#include "drivers/virtio/console.h"
#include "drivers/virtio/port.h"
#include "kernel/cmdline.h"
#include "kernel/console.h"
#include "lib/containing.h"

/* How long a device may take to tell of its ports, before the program runs without. */
#define SETTLE_NS UINT64_C(1000000000)

struct port_console {
	struct console console;
	struct virtio_port *port;
	bool has_emergency; /* it is where emergency writes come out */
	bool attached;      /* the port is there, and ours */
	struct port_console *next;
};

static struct port_console *all;
static const char *chosen; /* console=, or NULL */
static bool every_one;

/* ---- A console ------------------------------------------------------------------- */

static void write_text(struct console *console, const char *text, size_t length)
{
	struct port_console *here = containing(console, struct port_console, console);

	if (!here->attached)
		return;
	size_t done = virtio_console_write(here->port, text, length);
	for (; done < length && here->has_emergency; done++) {
		if (!virtio_console_emergency_write(virtio_port_device(here->port), text[done]))
			return;
	}
}

/* One that is not ours is a program's, perhaps: what comes there is not typed. */
static int read_character(struct console *console)
{
	struct port_console *here = containing(console, struct port_console, console);

	return here->attached ? virtio_console_read(here->port) : -1;
}

/* ---- Which ----------------------------------------------------------------------- */

/* Whether the comma-separated list has that word. */
static bool has_word(const char *list, const char *word)
{
	for (const char *at = list; *at;) {
		size_t i = 0;
		while (word[i] && at[i] == word[i])
			i++;
		if (i > 0 && !word[i] && (!at[i] || at[i] == ','))
			return true;
		while (*at && *at != ',')
			at++;
		if (*at)
			at++;
	}
	return false;
}

static bool wanted(const struct virtio_port_info *info)
{
	if (!info->there || !info->console)
		return false;
	return every_one ||
	       (chosen && (has_word(chosen, info->path) || has_word(chosen, info->name)));
}

/* ---- Ports that come and go --------------------------------------------------------- */

static struct port_console *find(const struct virtio_port *port)
{
	struct port_console *here = all;

	while (here && here->port != port)
		here = here->next;
	return here;
}

static struct port_console *make(struct virtio_port *port, unsigned number)
{
	struct port_console *here = vport_alloc(sizeof(*here));

	if (!here)
		return NULL;
	here->console.name = "virtio-console";
	here->console.write = write_text;
	here->console.read = read_character;
	here->port = port;
	here->has_emergency = number == 0;
	here->next = all;
	all = here;
	return here;
}

static void attach(struct virtio_port *port, struct port_console *here, unsigned number)
{
	if (virtio_port_open(port) != 0) /* a program has it, or there is no memory */
		return;
	bool first = !here;
	if (first)
		here = make(port, number);
	if (!here) {
		virtio_port_close(port);
		return;
	}
	here->attached = true;
	if (first)
		console_add(&here->console);
}

static void changed(struct virtio_port *port)
{
	struct virtio_port_info info;
	struct port_console *here = find(port);

	virtio_port_info(port, &info);
	if (here && here->attached && !info.there) {
		here->attached = false;
		virtio_port_close(port);
	}
	if (wanted(&info) && !(here && here->attached)) {
		attach(port, here, info.number);
		here = find(port);
	}
	if (here && here->attached && info.columns > 0)
		console_resize(&here->console, info.columns, info.rows);
}

static void look_at_all(void)
{
	for (struct virtio_port *port = virtio_port_first(); port; port = virtio_port_next(port))
		changed(port);
}

void virtio_console_attach(void)
{
	uint64_t until = vport_now() + SETTLE_NS;

	chosen = cmdline_get("console");
	every_one = vport_setting_is("console", "virtio") || (!chosen && !console_exists());
	virtio_console_listen(changed);
	for (struct virtio_console *device = virtio_console_first(); device;
	     device = virtio_console_next(device)) {
		while (!virtio_console_settled(device) && vport_now() < until)
			vport_relax(until);
	}
	look_at_all();
	bool any = every_one || !chosen;
	for (const struct port_console *here = all; here; here = here->next)
		any |= here->attached;
	if (!any)
		kprint("console=%s: no port that is a console has such a name\n", chosen);
	if (!console_exists()) { /* what console= asks for is not there: better all than none */
		every_one = true;
		look_at_all();
	}
}
