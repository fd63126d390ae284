/* SPDX-License-Identifier: BSD-2-Clause */
/* Part of a tree that breaks the layer rules on purpose: this header breaks none. */
#include "lib/error.h"
