# SPDX-License-Identifier: BSD-2-Clause
# What is measured: see the head of each script in bench/.

BENCH = $(O)/bench
BENCH_CFLAGS = -std=gnu11 $(WARNINGS) -O2

FLOORS = $(foreach arch,$(METAL),$(addprefix $(BENCH)/floor-$(arch)-,1 32 tx rx rr tx-pause rx-pause rr-pause sender taker))
FLOORS_BRIEF = $(foreach arch,$(METAL),$(addprefix $(BENCH)/floor-$(arch)-,\
	tx-pause-brief rx-pause-brief rr-pause-brief sender-brief))

ifeq ($(ARCH),host)
bench: all $(BENCH)/floor-host $(BENCH)/floor-host-indirect | need-bench ## reads a second beside a bare loop and beside Linux, frames a second beside DPDK; time to the first read
	@O=$(abspath $(O)) bench/blk.py host $(ROUNDS)
	@O=$(abspath $(O)) bench/net.py host $(ROUNDS)
else
bench: kernels floors $(BENCH)/peer $(IMAGES)/pattern.raw | need-bench
	@O=$(abspath $(O)) bench/first_read.py
	@O=$(abspath $(O)) bench/blk.py metal $(ROUNDS)
	@O=$(abspath $(O)) bench/net.py metal $(ROUNDS)
endif

# What make bench needs, built, and run briefly where that is quick: a test of the tests.
bench-smoke: kernels floors $(FLOORS_BRIEF) $(BENCH)/floor-host $(BENCH)/floor-host-indirect $(BENCH)/count.so $(BENCH)/peer
	@O=$(abspath $(O)) bench/net.py smoke

bench-counts: kernels $(BENCH)/count.so $(BENCH)/peer | need-bench ## guest instructions, notifications and interrupts for a 4 KiB read and for a frame: figures that repeat exactly; docs/evidence.md
	@O=$(abspath $(O)) bench/counts.py --evidence
	@O=$(abspath $(O)) bench/net_counts.py --evidence

bench-profile: kernels $(BENCH)/count.so | need-bench ## where a 4 KiB read of depth 1 by interrupts goes, by function; docs/evidence.md
	@O=$(abspath $(O)) bench/counts.py --parts --evidence

# A plugin of the emulator that counts instructions.
$(BENCH)/count.so: bench/plugin/count.c | need-bench
	@mkdir -p $(@D)
	$(Q)gcc $(BENCH_CFLAGS) -fPIC -shared -o $@ $<

# ---- The bare loops: one program for each depth ---------------------------------
FLOOR_CFLAGS = $(BENCH_CFLAGS) -ffreestanding -nostdlib -static -fno-pic -no-pie -mgeneral-regs-only \
	-fno-stack-protector -Wl,--build-id=none
FLOOR_x86_64 = -mno-red-zone -fcf-protection=none -Wa,-mx86-used-note=no -Wl,-Ttext=0x100000
FLOOR_aarch64 = -mstrict-align -mno-outline-atomics -Wl,-Ttext=0x40200000
floor_arch = $(word 2,$(subst -, ,$(@F)))
floor_kind = $(word 3,$(subst -, ,$(@F)))
# COUNT is bench/blk.py's READS, and bench/net.py's FRAMES, SEGMENTS and BRIEF.
FLOOR_1 = -DLOOP='"loop.h"' -DDEPTH=1 -DCOUNT=50000
FLOOR_32 = -DLOOP='"loop.h"' -DDEPTH=32 -DCOUNT=500000
FLOOR_tx = -DLOOP='"net.h"' -DWAY=TX -DCOUNT=100000
FLOOR_rx = -DLOOP='"net.h"' -DWAY=RX -DCOUNT=100000
FLOOR_rr = -DLOOP='"net.h"' -DWAY=RR -DCOUNT=20000
FLOOR_sender = -DLOOP='"stream.h"' -DSENDS=1 -DIRQ -DEVENTS -DCOUNT=440000
FLOOR_taker = -DLOOP='"stream.h"' -DSENDS=0 -DIRQ -DEVENTS -DCOUNT=UINT64_MAX
FLOOR_pause = -DPAUSE_TO_WAIT
FLOOR_brief = -UCOUNT -DCOUNT=1000
floors: $(FLOORS)
$(BENCH)/floor-x86_64-%: bench/floor/pci_x86_64.c bench/floor/msix.h bench/floor/loop.h bench/floor/net.h bench/floor/stream.h bench/floor/ring.h bench/frame.h bench/bench.mk | need-bench
	$(floor)
$(BENCH)/floor-aarch64-%: bench/floor/mmio_aarch64.c bench/floor/loop.h bench/floor/net.h bench/floor/stream.h bench/floor/ring.h bench/frame.h bench/bench.mk | need-bench
	$(floor)
define floor
	@mkdir -p $(@D)
	$(Q)$(floor_arch)-linux-gnu-gcc $(FLOOR_CFLAGS) $(FLOOR_$(floor_arch)) $(FLOOR_$(floor_kind)) \
		$(foreach word,$(wordlist 4,5,$(subst -, ,$(@F))),$(FLOOR_$(word))) -o $@ $<
endef
$(BENCH)/floor-host $(BENCH)/floor-host-indirect: bench/floor/vhost_user.c bench/floor/loop.h bench/floor/ring.h bench/bench.mk | need-bench
	@mkdir -p $(@D)
	$(Q)gcc $(BENCH_CFLAGS) $(if $(filter %-indirect,$@),-DINDIRECT) -o $@ $<

# ---- The other end of a network --------------------------------------------------------
$(BENCH)/peer: bench/peer.c bench/frame.h bench/bench.mk | need-bench
	@mkdir -p $(@D)
	$(Q)gcc $(BENCH_CFLAGS) -o $@ $<

# ---- Linux: Debian's cloud kernels, fetched by apt when this is asked for --------------
bench-linux: $(foreach arch,$(METAL),$(BENCH)/linux/$(arch)/initrd) ## fetch Debian's kernels, for make bench to compare with
$(BENCH)/linux/%/init: bench/linux/init.c bench/linux/net.c bench/linux/tcp.c bench/linux/system.h bench/frame.h | need-bench
	@mkdir -p $(@D)
	$(Q)$*-linux-gnu-gcc $(BENCH_CFLAGS) -ffreestanding -nostdlib -static -fno-pic -no-pie \
		-fno-stack-protector -Wl,--build-id=none -o $@ $(filter %.c,$^)
$(BENCH)/linux/%/vmlinuz: bench/linux/fetch.sh | need-bench
	@mkdir -p $(@D)
	@bench/linux/fetch.sh $* $(@D)
$(BENCH)/linux/%/initrd: $(BENCH)/linux/%/init $(BENCH)/linux/%/vmlinuz bench/linux/initrd.py
	@bench/linux/initrd.py $(@D)/modules $< $@
.PRECIOUS: $(BENCH)/linux/%/init $(BENCH)/linux/%/vmlinuz

.PHONY: bench bench-counts bench-profile bench-smoke bench-linux floors
