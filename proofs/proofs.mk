# SPDX-License-Identifier: BSD-2-Clause
# What is proved rather than tried: Frama-C Eva (proofs/eva), Relacy's litmus tests (proofs/relacy), and mutants,
# which ask whether the tests and the proof would notice a missing check.

prove: | need-prove ## Frama-C Eva over both rings and the FDT reader, and Relacy over the barriers and the event loop; docs/evidence.md
	proofs/eva/eva.py --build $(O)/eva --evidence
	proofs/relacy/relacy.py --build $(O)/relacy --evidence

# All that looks at what a device, a disk or firmware says. (MUTANT_OPTIONS=--resume goes on where a run was ended.)
MUTANT_FILES = $(addprefix drivers/virtio/,virtq.h virtq_format.h virtq.c split.c packed.c device.c config.c queue.c queue_interrupt.c queue_resize.c recover.c \
	mmio.c pci.c pci_layout.c pci_interrupt.c blk.c blk_config.c blk_request.c block_parts.c block_queue.c block_queue.h \
	partition.c partition_gpt.c partition_mbr.c) \
	$(sort $(wildcard drivers/pci/*.c lib/fdt*.c)) kernel/acpi.c arch/x86_64/mptable.c kernel/cmdline.c \
	drivers/virtio/rng.c lib/tar.c kernel/archive.c kernel/disk_reader.c \
	$(sort $(foreach driver,console scsi net iommu,$(wildcard drivers/virtio/$(driver)*.c)))
mutant_test = '$(1)|$(HOST_INCLUDE)||tests/host/$(1).c $($(1))'
mutant_replay = 'fuzz_$(1)|$(fuzz_flags_$(1))|tests/fuzz/corpus/$(1)/*|tests/fuzz/replay.c $(filter-out $(FUZZ_INCLUDED),$(fuzz_$(1)))'
MUTANT_REPLAYS = split packed pci_layout msix pci_scan fdt acpi mptable cmdline partition device tar scsi console net
# Without lwIP's, which has a compiler's options of its own.
MUTANT_TESTS = $(filter-out $(STACK_TESTS),$(HOST_TESTS))

mutants: | need-mutants ## break each check of a device's value in turn: do the tests notice? docs/evidence.md
	@tools/mutants.py --build $(O)/mutants $(MUTANT_OPTIONS) --files $(MUTANT_FILES) \
		--programs $(foreach test,$(MUTANT_TESTS),$(call mutant_test,$(test))) \
		$(foreach target,$(MUTANT_REPLAYS),$(call mutant_replay,$(target)))

# A changed line takes its mutants along: what was said of them is to be looked at anew.
mutants-check: | need-lint
	@tools/mutants.py --check --files $(MUTANT_FILES)

.PHONY: prove mutants mutants-check
