# SPDX-License-Identifier: BSD-2-Clause
# The hosted unit tests. Each is tests/host/NAME.c with the sources under test, built with the
# address and undefined-behaviour sanitizers by gcc and by clang; it prints KTAP (check.h).

HOST_TESTS = test_fdt test_pci test_pci_scan \
	test_format test_cmdline test_sha256 test_pages test_acpi test_mptable test_example_port \
	test_virtq test_virtq_events test_virtq_faults test_virtq_order
HOST_HEADERS = $(wildcard lib/*.h lib/*/*.h drivers/*/*.h kernel/*.h arch/*/*.h tests/host/*.h)

test_format = lib/format.c lib/error.c
test_fdt = $(wildcard lib/fdt*.c)
test_pci = $(wildcard drivers/pci/*.c) lib/format.c
test_pci_scan = $(test_pci)
test_acpi = kernel/acpi.c
test_mptable = arch/x86_64/mptable.c
test_cmdline = kernel/cmdline.c
test_sha256 = lib/sha256.c
test_pages = kernel/pages.c kernel/ranges.c
# The port that docs/porting.md explains, with the kit but vhost-user, which asks for more than port.h.
test_example_port = docs/example_port.c $(filter-out drivers/virtio/vhost%,$(sort $(KIT:.o=.c) \
	drivers/virtio/mmio.c))

RINGS = $(addprefix drivers/virtio/,virtq.c split.c packed.c)
RING_DEVICE = $(addprefix tests/host/,ring_device.c ring_device_split.c ring_device_packed.c dma_arena.c)
test_virtq = $(RINGS) $(RING_DEVICE)
test_virtq_events = $(test_virtq)
test_virtq_faults = $(test_virtq)
test_virtq_order = $(test_virtq)

# One program for each test and compiler.
HOSTED = $(foreach compiler,gcc clang,$(HOST_TESTS:%=$(O)/tests/$(compiler)/%))
hosted: $(HOSTED)
$(HOSTED): tests/host/$$(@F).c $$($$(@F)) $(HOST_HEADERS) Makefile tests/host/tests.mk | need-test
	$(call say,HOST,$@)
	@mkdir -p $(@D)
	$(Q)$(notdir $(@D)) -std=gnu11 $(WARNINGS) -g -O1 -fsanitize=address,undefined \
		-fno-sanitize-recover=all -fno-omit-frame-pointer -I. -Itests/host -o $@ $(filter %.c,$^)
