# SPDX-License-Identifier: BSD-2-Clause
# What is measured: see the head of each script in bench/.

BENCH = $(O)/bench
BENCH_CFLAGS = -std=gnu11 $(WARNINGS) -O2

bench-counts: kernels $(BENCH)/count.so | need-run ## guest instructions, notifications and interrupts for a 4 KiB read: figures that repeat exactly
	@O=$(abspath $(O)) bench/counts.py

# A plugin of the emulator that counts instructions.
$(BENCH)/count.so: bench/plugin/count.c | need-build
	@mkdir -p $(@D)
	$(Q)gcc $(BENCH_CFLAGS) -fPIC -shared -o $@ $<

.PHONY: bench-counts
