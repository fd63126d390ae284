/* SPDX-License-Identifier: BSD-2-Clause */
/* Breaks the rules on purpose: nobody said which layer this is. */
