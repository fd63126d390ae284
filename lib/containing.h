/* SPDX-License-Identifier: BSD-2-Clause */
/* From a part to the whole: an event or a work item is a member of what it is about. */
#ifndef LIB_CONTAINING_H
#define LIB_CONTAINING_H

/* The `type` whose `member` this pointer points to; a pointer to anything else does not compile. */
#define containing(pointer, type, member) \
	({ \
		__typeof__(((type *)0)->member) *part_ = (pointer); \
		(type *)((char *)part_ - __builtin_offsetof(type, member)); \
	})

#endif
