# SPDX-License-Identifier: BSD-2-Clause
# What is proved rather than tried: Frama-C Eva (proofs/eva), Relacy's litmus tests (proofs/relacy), and mutants,
# which ask whether the tests and the proof would notice a missing check.

prove: | need-prove ## Frama-C Eva over both rings and the FDT reader, and Relacy over the barriers; docs/evidence.md
	proofs/eva/eva.py --evidence
	proofs/relacy/relacy.py --build $(O)/relacy --evidence

MUTANT_FILES = $(addprefix drivers/virtio/,virtq.c split.c packed.c config.c queue.c pci_layout.c pci.c mmio.c \
	blk_request.c blk.c) $(sort $(wildcard drivers/pci/*.c)) $(sort $(wildcard lib/fdt*.c))
mutant_test = '$(1)|$(HOST_INCLUDE)||tests/host/$(1).c $($(1))'
mutant_replay = 'fuzz_$(1)|$(fuzz_flags_$(1))|tests/fuzz/corpus/$(1)/*|tests/fuzz/replay.c $(fuzz_$(1))'
MUTANT_REPLAYS = split packed pci_layout msix pci_scan fdt

mutants: | need-mutants ## break each check of a device's value in turn: do the tests notice? docs/evidence.md
	@tools/mutants.py --build $(O)/mutants $(MUTANT_OPTIONS) --files $(MUTANT_FILES) \
		--programs $(foreach test,$(HOST_TESTS),$(call mutant_test,$(test))) \
		$(foreach target,$(MUTANT_REPLAYS),$(call mutant_replay,$(target)))

.PHONY: prove mutants
