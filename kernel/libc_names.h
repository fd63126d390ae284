/* SPDX-License-Identifier: BSD-2-Clause */
/* newlib's names of the same system function: f on some targets, _f on others. */
#ifndef KERNEL_LIBC_NAMES_H
#define KERNEL_LIBC_NAMES_H

/* Stands behind the definition of f, and defines _f as the same function. */
#define LIBC_ALSO(f) extern __typeof__(f) _##f __attribute__((alias(#f)))

#endif
