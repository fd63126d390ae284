/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The error codes of the kit: a function returns 0 or a positive result when it
 * worked, and one of these (all negative) when it did not. They are our own
 * because the kit is built without a C library, whose errno values differ.
 */
#ifndef LIB_ERROR_H
#define LIB_ERROR_H

enum error {
	ERR_IO = -1,          /* the device reported an error, or lied */
	ERR_NOMEM = -2,       /* out of memory, or of address space */
	ERR_FULL = -3,        /* no room in the queue now; try again after a pop */
	ERR_BROKEN = -4,      /* the queue or device broke a rule: nothing until its reset */
	ERR_RANGE = -5,       /* outside the object: past a disk's end, outside a BAR */
	ERR_NODEV = -6,       /* no such device, or it is gone */
	ERR_UNSUPPORTED = -7, /* well-formed, but not something this kit or device does */
	ERR_TIMEOUT = -8,     /* the deadline passed */
	ERR_READ_ONLY = -9,   /* a write to something that cannot be written */
	ERR_BUSY = -10,       /* in use by somebody else */
	ERR_INVALID = -11,    /* an argument is wrong: unaligned, zero length */
	/* a table (FDT, ACPI, capability list, partitions, tar) is malformed, or a device says what cannot be of itself */
	ERR_FORMAT = -12,
	ERR_NO_MEDIUM = -13,  /* a drive with nothing in it */
	ERR_NOT_FOUND = -14,  /* no file, folder or link of that name */
	ERR_NOT_FOLDER = -15, /* a folder was wanted */
	ERR_FOLDER = -16,     /* a file was wanted */
	ERR_LOOP = -17,       /* symbolic links lead on and on */
	ERR_NO_ARCHIVE = -18, /* the disk holds no files that can be read */
	ERR_CLOSED = -19,     /* the other end does not take anything any more */
	ERR_NO_SPACE = -20,   /* what the host keeps a disk in is full */
	ERR_MEDIUM = -21,     /* another medium is in the drive than the one that was meant */
};

/* A short sentence for a code, never NULL. */
const char *error_text(int code);

#endif
