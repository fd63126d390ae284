# SPDX-License-Identifier: BSD-2-Clause
# What is measured: see the head of each script in bench/.

BENCH = $(O)/bench
BENCH_CFLAGS = -std=gnu11 $(WARNINGS) -O2

ifeq ($(ARCH),host)
bench: all $(BENCH)/floor-host | need-bench ## reads a second beside a bare loop and beside Linux, frames a second beside DPDK; time to the first read
	@O=$(abspath $(O)) bench/blk.py host $(ROUNDS)
	@O=$(abspath $(O)) bench/net.py $(ROUNDS)
else
bench: kernels floors $(IMAGES)/pattern.raw | need-bench
	@O=$(abspath $(O)) bench/first_read.py
	@O=$(abspath $(O)) bench/blk.py metal $(ROUNDS)
endif

bench-counts: kernels $(BENCH)/count.so | need-bench ## guest instructions, notifications and interrupts for a 4 KiB read: figures that repeat exactly; docs/evidence.md
	@O=$(abspath $(O)) bench/counts.py --evidence

# A plugin of the emulator that counts instructions.
$(BENCH)/count.so: bench/plugin/count.c | need-bench
	@mkdir -p $(@D)
	$(Q)gcc $(BENCH_CFLAGS) -fPIC -shared -o $@ $<

# ---- The bare loops: one program for each depth ---------------------------------
FLOOR_CFLAGS = $(BENCH_CFLAGS) -ffreestanding -nostdlib -static -fno-pic -no-pie -mgeneral-regs-only \
	-fno-stack-protector -Wl,--build-id=none
FLOOR_x86_64 = -mno-red-zone -fcf-protection=none -Wa,-mx86-used-note=no -Wl,-Ttext=0x100000
FLOOR_aarch64 = -mstrict-align -mno-outline-atomics -Wl,-Ttext=0x40200000
FLOORS = $(addprefix $(BENCH)/floor-,x86_64-1 x86_64-32 aarch64-1 aarch64-32)
floor_arch = $(word 2,$(subst -, ,$(@F)))
floor_depth = $(word 3,$(subst -, ,$(@F)))
floors: $(FLOORS)
$(BENCH)/floor-x86_64-%: bench/floor/pci_x86_64.c bench/floor/loop.h bench/bench.mk | need-bench
	$(floor)
$(BENCH)/floor-aarch64-%: bench/floor/mmio_aarch64.c bench/floor/loop.h bench/bench.mk | need-bench
	$(floor)
# COUNT is bench/blk.py's READS.
define floor
	@mkdir -p $(@D)
	$(Q)$(floor_arch)-linux-gnu-gcc $(FLOOR_CFLAGS) $(FLOOR_$(floor_arch)) -DDEPTH=$(floor_depth) \
		-DCOUNT=$(if $(filter 1,$(floor_depth)),50000,500000) -o $@ $<
endef
$(BENCH)/floor-host: bench/floor/vhost_user.c bench/floor/loop.h bench/bench.mk | need-bench
	@mkdir -p $(@D)
	$(Q)gcc $(BENCH_CFLAGS) -o $@ $<

# ---- Linux: Debian's cloud kernels, fetched by apt when this is asked for --------------
bench-linux: $(foreach arch,$(METAL),$(BENCH)/linux/$(arch)/initrd) ## fetch Debian's kernels, for make bench to compare with
$(BENCH)/linux/%/init: bench/linux/init.c | need-bench
	@mkdir -p $(@D)
	$(Q)$*-linux-gnu-gcc $(BENCH_CFLAGS) -ffreestanding -nostdlib -static -fno-pic -no-pie \
		-fno-stack-protector -Wl,--build-id=none -o $@ $<
$(BENCH)/linux/%/initrd: $(BENCH)/linux/%/init bench/linux/fetch.sh bench/linux/initrd.py
	@bench/linux/fetch.sh $* $(@D) $<

.PHONY: bench bench-counts bench-linux floors
