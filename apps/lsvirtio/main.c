/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lists the virtio devices, a line each: name, transport and address, type, ring format, queues ×
 * size, interrupts, features by name. The shell's lsvirtio is this program.
 *
 *     make run APP=lsvirtio
 */
#include "drivers/virtio/inspect.h"
#include "kernel/console.h"

int main(int argc, char **argv)
{
	static char line[1024];

	if (argc > 1) {
		kprint("usage: %s\n", argv[0]);
		return 2;
	}
	struct virtio_device *device = virtio_first();
	if (device == NULL)
		kprint("%s: there is no virtio device\n", argv[0]);
	for (; device != NULL; device = virtio_next(device)) {
		console_write(line, virtio_describe(device, line, sizeof(line)));
		console_write("\n", 1);
	}
	return 0;
}
