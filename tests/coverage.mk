# SPDX-License-Identifier: BSD-2-Clause
# What the hosted tests and the fuzzers' seeds reach of rings, core, transports, PCI and device trees, as
# gcov counts it. Every source is compiled once, so that all programs count into the same file.

COVERED = $(addprefix drivers/virtio/,virtq.c split.c packed.c device.c config.c queue.c recover.c \
	mmio.c pci.c pci_layout.c pci_interrupt.c) $(sort $(wildcard drivers/pci/*.c lib/fdt*.c))
COVERAGE_FUZZERS = split packed pci_layout msix pci_scan fdt

C = $(O)/coverage
COVERAGE_FLAGS = -std=gnu11 $(WARNINGS) -g -O0 $(HOST_INCLUDE)
COVERAGE_TESTS = $(HOST_TESTS:%=$(C)/%)
COVERAGE_REPLAYS = $(COVERAGE_FUZZERS:%=$(C)/fuzz_%)
# The sources of a program: those that are counted as objects, the others as they are.
counted = $(patsubst %.c,$(C)/%.o,$(filter $(COVERED),$(1))) $(filter-out $(COVERED),$(1))

$(COVERED:%.c=$(C)/%.o): $(C)/%.o: %.c $(HOST_HEADERS) tests/coverage.mk | need-coverage
	$(call say,COVER,$@)
	@mkdir -p $(@D)
	$(Q)gcc $(COVERAGE_FLAGS) --coverage -c -o $@ $<
$(COVERAGE_TESTS): $(C)/%: tests/host/%.c $$(call counted,$$($$*)) $(HOST_HEADERS) | need-coverage
	$(call say,COVER,$@)
	$(Q)gcc $(COVERAGE_FLAGS) -o $@ $(filter %.c %.o,$^) -lgcov
$(COVERAGE_REPLAYS): $(C)/fuzz_%: tests/fuzz/replay.c $$(call counted,$$(fuzz_$$*)) \
		$(wildcard tests/fuzz/*.h) $(HOST_HEADERS) | need-coverage
	$(call say,COVER,$@)
	$(Q)gcc $(COVERAGE_FLAGS) $(filter -D%,$(fuzz_flags_$*)) -o $@ $(filter %.c %.o,$^) -lgcov

coverage: $(COVERAGE_TESTS) $(COVERAGE_REPLAYS) ## lines and branches that the hosted tests reach, against 95 and 90 %; docs/evidence.md
	@tools/coverage.py --programs $(COVERAGE_TESTS) --replays $(COVERAGE_REPLAYS) \
		--objects $(COVERED:%.c=$(C)/%.o)

.PHONY: coverage
