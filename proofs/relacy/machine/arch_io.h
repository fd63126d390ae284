/* SPDX-License-Identifier: BSD-2-Clause */
/* Takes the place of arch/<arch>/include/arch_io.h for Relacy: the event loop touches no register. */
