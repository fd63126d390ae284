/* SPDX-License-Identifier: BSD-2-Clause */
/* Breaks the rules on purpose: the kernel includes an architecture's header, and a file by its name. */
#include "arch/x86_64/lapic.h"
#include "neighbour.h"
