# SPDX-License-Identifier: BSD-2-Clause
# What the hosted tests and the fuzzers' seeds reach of rings, core, transports, PCI, device trees and drivers, as
# gcov counts it. Every source is compiled once, so that all programs count into the same file.

COVERED = $(addprefix drivers/virtio/,virtq.c split.c packed.c device.c config.c queue.c queue_interrupt.c queue_resize.c recover.c \
	mmio.c pci.c pci_layout.c pci_interrupt.c) $(sort $(wildcard drivers/pci/*.c lib/fdt*.c)) \
	$(sort $(foreach driver,rng blk block partition scsi console net,$(wildcard drivers/virtio/$(driver)*.c)))
COVERAGE_FUZZERS = split packed pci_layout msix pci_scan fdt

C = $(O)/coverage
COVERAGE_TESTS = $(HOST_TESTS:%=$(C)/%)
COVERAGE_REPLAYS = $(COVERAGE_FUZZERS:%=$(C)/fuzz_%)
COVERAGE_CC = gcc -std=gnu11 $(WARNINGS) -g -O0 $(HOST_INCLUDE) -MMD -MP

$(COVERED:%.c=$(C)/%.o): COVERAGE_CC += --coverage
# lwIP by its own standards, as everywhere.
$(STACK_TESTS:%=$(C)/tests/host/%.o) $(patsubst %.c,$(C)/%.o,$(test_net_receive)): HOST_INCLUDE += $(NETWORK_INCLUDE)
$(LWIP_FILES:%=$(C)/$(LWIP)/source/src/%.o): WARNINGS = -w
$(C)/%.o: %.c tests/coverage.mk | need-coverage
	@mkdir -p $(@D)
	$(Q)$(COVERAGE_CC) -c -o $@ $<
$(COVERAGE_TESTS): $$(patsubst %.c,$(C)/%.o,tests/host/$$(@F).c $$($$(@F)))
	$(call say,COVER,$@)
	$(Q)gcc -Wl,-u,__gcov_dump -o $@ $^ -lgcov
$(COVERAGE_REPLAYS): tests/fuzz/replay.c $$(patsubst lib/%.c,$(C)/lib/%.o,$$(patsubst \
		drivers/%.c,$(C)/drivers/%.o,$$($$(@F))))
	$(call say,COVER,$@)
	$(Q)$(COVERAGE_CC) $(filter -D%,$(fuzz_flags_$(patsubst fuzz_%,%,$(@F)))) -MF $@.d -o $@ \
		$(filter %.c %.o,$^) -lgcov
-include $(shell find $(C) -name "*.d" 2>/dev/null)

coverage: $(COVERAGE_TESTS) $(COVERAGE_REPLAYS) ## lines and branches that the hosted tests reach, against 95 and 90 %; docs/evidence.md
	@tools/coverage.py --programs $(COVERAGE_TESTS) --replays $(COVERAGE_REPLAYS) \
		--objects $(COVERED:%.c=$(C)/%.o)

.PHONY: coverage
