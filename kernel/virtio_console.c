/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A virtio-console as the system console: where a machine has no UART (Apple's hypervisor, Cloud
 * Hypervisor), or where console=virtio is on the command line. What its queues do not take, because
 * the device hangs or an exception came from within the driver, goes out by emergency write.
 *
 *     make run KERNEL_ARGS=console=virtio QEMU_ARGS='-device virtio-serial-pci
 *         -chardev file,id=c,path=/tmp/out -device virtconsole,chardev=c'
 *
 * Left out: more than the first one.
 */
#include "kernel/virtio_console.h"

#include "drivers/virtio/console.h"
#include "drivers/virtio/port.h"
#include "kernel/console.h"

static struct virtio_console *port;

static void write_text(struct console *console, const char *text, size_t length)
{
	(void)console;
	for (size_t done = virtio_console_write(port, text, length); done < length; done++) {
		if (!virtio_console_emergency_write(port, text[done]))
			return;
	}
}

static int read_character(struct console *console)
{
	(void)console;
	return virtio_console_read(port);
}

void virtio_console_attach(void)
{
	static struct console console = {
		.name = "virtio-console",
		.write = write_text,
		.read = read_character,
	};

	port = virtio_console_first();
	if (port && (!console_exists() || vport_setting_is("console", "virtio")))
		console_add(&console);
}
