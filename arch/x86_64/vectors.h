/* SPDX-License-Identifier: BSD-2-Clause */
/* Who has which interrupt vector. Assembly includes this too. */
#ifndef ARCH_X86_64_VECTORS_H
#define ARCH_X86_64_VECTORS_H

#define VECTOR_EXCEPTIONS 0x20 /* 0x00 … 0x1f */
#define VECTOR_8259 0x20  /* 0x20 … 0x2f: the old controllers, masked, but they may still fire */
#define VECTOR_FIRST 0x30 /* 0x30 … 0xef: given out, and the slot of irq_dispatch */
#define VECTOR_LAST 0xef
#define VECTOR_TIMER 0xf0
#define VECTOR_CPU 0xf1 /* from another CPU */
#define VECTOR_SPURIOUS 0xff
#define VECTOR_COUNT 0x100

#endif
