# SPDX-License-Identifier: BSD-2-Clause
# Fuzz targets: each is a file here with the sources under test, built by clang with libFuzzer and the
# address and undefined-behaviour sanitizers. Seeds are in tests/fuzz/corpus/TARGET, dictionaries in
# tests/fuzz/TARGET.dict; what a run finds stays in build/fuzz.

FUZZ_TARGETS = split packed pci_layout msix pci_scan fdt acpi mptable cmdline vhost device tar partition scsi http console net frame
SECONDS ?= 60

fuzz_split = tests/fuzz/ring.c $(RINGS)
fuzz_packed = $(fuzz_split)
fuzz_pci_layout = tests/fuzz/pci_layout.c drivers/virtio/pci_layout.c lib/format.c \
	$(addprefix drivers/pci/,capability.c bar.c function.c)
fuzz_msix = tests/fuzz/msix.c lib/format.c \
	$(addprefix drivers/pci/,capability.c bar.c function.c msix.c)
fuzz_pci_scan = tests/fuzz/pci_scan.c $(wildcard drivers/pci/*.c) lib/format.c
fuzz_fdt = tests/fuzz/fdt.c $(wildcard lib/fdt*.c)
fuzz_acpi = tests/fuzz/acpi.c kernel/acpi.c
fuzz_mptable = tests/fuzz/mptable.c arch/x86_64/mptable.c
fuzz_cmdline = tests/fuzz/cmdline.c kernel/cmdline.c kernel/settings.c
fuzz_vhost = tests/fuzz/vhost.c $(addprefix drivers/virtio/,vhost_user.c vhost_connection.c vhost_message.c) \
	lib/error.c lib/format.c

fuzz_device = tests/fuzz/device.c $(filter-out tests/host/fake/%,$(RING_DEVICE)) \
	$(addprefix tests/host/fake/,device.c mmio.c pci.c) $(RINGS) $(test_pci) lib/error.c kernel/event.c kernel/cpu.c \
	$(addprefix drivers/virtio/,config.c queue.c queue_interrupt.c queue_resize.c recover.c mmio.c pci.c pci_layout.c pci_interrupt.c)

fuzz_frame = tests/fuzz/frame.c apps/capture/frame.c lib/format.c
fuzz_http = tests/fuzz/http.c apps/httpd/request.c
fuzz_tar = tests/fuzz/tar.c kernel/archive.c lib/tar.c
fuzz_partition = tests/fuzz/partition.c $(addprefix drivers/virtio/,partition_gpt.c partition_mbr.c) \
	$(addprefix lib/,crc32.c error.c format.c)
fuzz_scsi = tests/fuzz/scsi.c $(filter-out drivers/virtio/scsi.c,$(wildcard drivers/virtio/scsi*.c)) \
	$(RINGS) lib/error.c lib/format.c
fuzz_console = tests/fuzz/console.c $(addprefix drivers/virtio/console,_port.c _transmit.c _control.c _sync.c) \
	$(RINGS) lib/error.c lib/format.c
fuzz_net = tests/fuzz/net.c $(filter-out drivers/virtio/net.c,$(wildcard drivers/virtio/net*.c)) $(RINGS) \
	lib/error.c lib/format.c
$(O)/fuzz/net: drivers/virtio/net.c
$(O)/fuzz/console: drivers/virtio/console.c
$(O)/fuzz/partition: drivers/virtio/partition.c

# Sources that a target includes.
FUZZ_INCLUDED = $(addprefix drivers/virtio/,partition.c console.c net.c) drivers/virtio/device.c $(addprefix tests/host/fake/,port.c memory.c)
$(O)/fuzz/device: $(FUZZ_INCLUDED)

# Every load of shared memory asks the fuzzer first.
FUZZ_RING = -include tests/fuzz/hostile_loads.h
fuzz_flags_split = $(FUZZ_RING) -DFUZZ_FORMAT=VIRTQ_SPLIT
fuzz_flags_packed = $(FUZZ_RING) -DFUZZ_FORMAT=VIRTQ_PACKED
fuzz_flags_cmdline = -Iarch/host/include
fuzz_flags_device = -Iarch/host/include -Itests/host

FUZZERS = $(FUZZ_TARGETS:%=$(O)/fuzz/%)
fuzzers: $(FUZZERS)
$(FUZZERS): $$(fuzz_$$(@F)) $(wildcard tests/fuzz/*.h) $(HOST_HEADERS) tests/fuzz/fuzz.mk | need-fuzz
	$(call say,FUZZ,$@)
	@mkdir -p $(@D)
	$(Q)clang -std=gnu11 $(WARNINGS) -g -O1 -fsanitize=fuzzer,address,undefined \
		-fno-sanitize-recover=all -fno-omit-frame-pointer -I. $(fuzz_flags_$(@F)) \
		-o $@ $(filter-out $(FUZZ_INCLUDED),$(filter %.c,$^))

fuzz: $(if $(TARGET),$(TARGET:%=$(O)/fuzz/%),fuzzers) | need-fuzz ## fuzz each target for SECONDS; docs/evidence.md (TARGET='split packed': only these, and not into it)
	@O=$(abspath $(O)) tests/fuzz/run.py $(if $(TARGET),--part) --seconds $(SECONDS) $(or $(TARGET),$(FUZZ_TARGETS))

fuzz-seeds: | need-fuzz ## make the seed corpora that scripts make: tests/fuzz/corpus
	tests/fuzz/seeds.py tests/fuzz/corpus

.PHONY: fuzzers fuzz fuzz-seeds
