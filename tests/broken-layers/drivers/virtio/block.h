/* SPDX-License-Identifier: BSD-2-Clause */
/* Breaks the rules on purpose: a driver depends on the architecture. */
#include <stdint.h>
#ifdef __x86_64__
#endif
#if defined(__aarch64__)
#endif
