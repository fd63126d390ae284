/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The shell's `scsi`: which logical units there are, what was wrong with them, looking for new ones.
 *
 *     ringlet> scsi
 *     scsi0 0:0 disk QEMU QEMU HARDDISK 2.5+ sda 32768x512 write-back
 */
#include "drivers/virtio/scsi.h"

#include <string.h>

#include "commands.h"
#include "drivers/virtio/block.h"
#include "kernel/console.h"
#include "lib/error.h"

#define LINE 200

/* A kernel may be linked without this driver (DRIVERS=). */
#pragma weak scsi_first
#pragma weak scsi_next
#pragma weak scsi_describe
#pragma weak scsi_describe_sense
#pragma weak scsi_scan
#pragma weak scsi_reset
#pragma weak scsi_find

static int fails(const char *what, int error)
{
	kprint("scsi: %s: %s\n", what, error_text(error));
	return 1;
}

static int list(void)
{
	char line[LINE];

	if (scsi_first == NULL || scsi_first() == NULL) {
		kprint("scsi: there is no logical unit\n");
		return 1;
	}
	for (struct scsi_lun *lun = scsi_first(); lun != NULL; lun = scsi_next(lun)) {
		scsi_describe(lun, line, sizeof(line));
		kprint("%s\n", line);
	}
	return 0;
}

static int scan(void)
{
	int error = scsi_scan == NULL ? 0 : scsi_scan();
	return error < 0 ? fails("scan", error) : list();
}

static int sense(void)
{
	char line[LINE];
	bool any = false;

	for (struct scsi_lun *lun = scsi_first == NULL ? NULL : scsi_first(); lun != NULL;
	     lun = scsi_next(lun)) {
		if (scsi_describe_sense(lun, line, sizeof(line)) == 0)
			continue;
		kprint("%s\n", line);
		any = true;
	}
	if (!any)
		kprint("scsi: no unit has told of anything\n");
	return 0;
}

static int reset(const char *name)
{
	struct scsi_lun *lun = scsi_find == NULL ? NULL : scsi_find(name);
	if (lun == NULL) {
		kprint("scsi: there is no SCSI disk %s\n", name);
		return 1;
	}
	int error = scsi_reset(lun);
	return error < 0 ? fails(name, error) : 0;
}

int do_scsi(int argc, char **argv)
{
	if (argc == 1 || (argc == 2 && strcmp(argv[1], "luns") == 0))
		return list();
	if (argc == 2 && strcmp(argv[1], "scan") == 0)
		return scan();
	if (argc == 2 && strcmp(argv[1], "sense") == 0)
		return sense();
	if (argc == 3 && strcmp(argv[1], "reset") == 0)
		return reset(argv[2]);
	return USAGE;
}
