/* SPDX-License-Identifier: BSD-2-Clause */
/* The error codes in words, for the one line that a person gets to read. */
#include "lib/error.h"

const char *error_text(int code)
{
	switch ((enum error)code) {
	case ERR_IO:
		return "device error";
	case ERR_NOMEM:
		return "out of memory";
	case ERR_FULL:
		return "queue full";
	case ERR_BROKEN:
		return "device broke a rule";
	case ERR_RANGE:
		return "out of range";
	case ERR_NODEV:
		return "no such device";
	case ERR_UNSUPPORTED:
		return "not supported";
	case ERR_TIMEOUT:
		return "timed out";
	case ERR_READ_ONLY:
		return "read-only";
	case ERR_BUSY:
		return "busy";
	case ERR_INVALID:
		return "invalid argument";
	case ERR_FORMAT:
		return "damaged or impossible";
	case ERR_NOT_FOUND:
		return "no such file or folder";
	case ERR_NOT_FOLDER:
		return "not a folder";
	case ERR_FOLDER:
		return "a folder";
	case ERR_LOOP:
		return "too many symbolic links";
	case ERR_NO_ARCHIVE:
		return "no tar archive there";
	case ERR_CLOSED:
		return "closed by the other end";
	case ERR_NO_MEDIUM:
		return "no medium";
	case ERR_NO_SPACE:
		return "no space left on the host";
	case ERR_MEDIUM:
		return "the medium has changed";
	}
	return code >= 0 ? "no error" : "unknown error";
}
