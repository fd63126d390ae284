/* SPDX-License-Identifier: BSD-2-Clause */
/* The old interrupt controllers, which must be quiet before the APICs take over. */
#ifndef ARCH_X86_64_INTERRUPTS_H
#define ARCH_X86_64_INTERRUPTS_H

/* Masks all lines of both 8259s. Should one fire all the same (a spurious interrupt cannot be masked),
 * it comes by a vector that is ignored, not by an exception's. Harmless where there are none. */
void interrupts_mask_8259(void);

#endif
