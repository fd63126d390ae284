# SPDX-License-Identifier: BSD-2-Clause
# The hosted unit tests. Each is tests/host/NAME.c with the sources under test, built with the
# address and undefined-behaviour sanitizers by gcc and by clang; it prints KTAP (check.h).

HOST_TESTS = test_network test_fdt test_fdt_edges test_pci test_pci_scan test_pci_edges test_pci_tree_edges \
	test_format test_cmdline test_options test_sha256 test_tar test_archive test_pages test_acpi test_mptable test_example_port \
	test_virtq test_virtq_events test_virtq_faults test_virtq_order \
	test_config test_transport test_transport_bus test_transport_edges test_queues \
	test_blk test_blk_faults test_partition test_files test_rng test_console test_console_ports test_console_faults test_edit test_net test_scsi test_scsi_faults test_scsi_sense
HOST_TESTS += test_net_offload test_net_control test_net_pairs test_net_poll test_net_send test_net_coalesce test_net_outbox test_net_config test_net_faults \
	test_console_data test_scsi_changes test_scsi_recovery test_partition_refused test_partition_disk
HOST_TESTS += test_blk_config test_blk_prepared test_blk_prepared_faults test_blk_prepared_limits test_blk_ranges \
	test_blk_recovery test_blk_split test_scsi_modes test_scsi_edges test_scsi_answers test_scsi_scan test_blk_edges
HOST_TESTS += test_irq test_console_system test_blk_queues test_blk_config_edges test_virtq_many test_iommu test_disk_reader
# With lwIP, where it is.
STACK_TESTS = test_net_receive test_net_stream test_net_cut test_net_lost test_net_unread test_net_socket_error
HOST_TESTS += $(if $(lwip_is_here),$(STACK_TESTS))
HOST_HEADERS = $(wildcard lib/*.h lib/*/*.h drivers/*/*.h kernel/*.h kernel/net/*.h arch/*/*.h tests/host/*.h \
	tests/host/*/*.h)
HOST_INCLUDE = -I. -Iarch/host/include -Itests/host

test_format = lib/format.c lib/error.c
test_network = $(addprefix kernel/net/,memory.c checksum.c acknowledge.c merge.c)
test_net_receive = $(addprefix kernel/net/,receive.c packet.c merge.c cut.c lost.c time_wait.c interface.c acknowledge.c offload.c memory.c checksum.c \
	socket_queue.c) \
	$(LWIP_FILES:%=$(LWIP)/source/src/%.c)
test_net_stream = $(test_net_receive)
test_net_cut = $(test_net_receive)
test_net_lost = $(test_net_receive)
test_net_unread = $(test_net_receive)
test_net_socket_error = $(test_net_receive) kernel/net/socket_stream.c
test_fdt = $(wildcard lib/fdt*.c)
test_fdt_edges = $(test_fdt)
test_pci = $(wildcard drivers/pci/*.c) lib/format.c
test_pci_scan = $(test_pci)
test_pci_edges = $(test_pci)
test_pci_tree_edges = $(test_pci)
test_acpi = kernel/acpi.c
test_mptable = arch/x86_64/mptable.c
test_cmdline = kernel/cmdline.c
test_options = kernel/options.c kernel/cmdline.c
test_edit = apps/shell/edit.c lib/format.c
test_sha256 = lib/sha256.c
test_tar = lib/tar.c
test_archive = kernel/archive.c lib/tar.c
test_irq = kernel/irq.c
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
test_virtq_many = $(test_virtq)

# Real drivers and both transports against the fake devices of tests/host/fake; the event loop is the
# kernel's own.
FAKE = $(wildcard tests/host/fake/*.c)
test_config = $(filter-out drivers/virtio/vhost%,$(wildcard drivers/virtio/*.c)) $(test_pci) \
	lib/crc32.c lib/error.c kernel/event.c kernel/cpu.c $(RING_DEVICE) $(FAKE)
test_transport = $(test_config)
test_transport_bus = $(test_config)
test_transport_edges = $(test_config)
# Its driver is its own.
test_queues = $(filter-out drivers/virtio/drivers.c,$(test_config))
test_blk = $(test_config)
test_blk_config = $(test_config)
test_blk_config_edges = $(test_config)
test_blk_queues = $(test_config)
test_blk_prepared = $(test_config)
test_blk_prepared_faults = $(test_config)
test_blk_prepared_limits = $(test_config)
test_blk_ranges = $(test_config)
test_blk_recovery = $(test_config)
test_blk_split = $(test_config)
test_blk_faults = $(test_config)
test_partition = $(test_config)
test_files = $(test_config) $(addprefix kernel/,files.c archive.c disk_reader.c) lib/tar.c
test_rng = $(test_config)
test_console = $(test_config)
test_console_ports = $(test_config)
test_console_faults = $(test_config)
test_console_system = $(test_config) $(addprefix kernel/,console.c virtio_console.c)
test_net = $(test_config)
test_partition_disk = $(test_config)
test_partition_refused = $(test_config)
test_scsi_recovery = $(test_config)
test_scsi_changes = $(test_config)
test_console_data = $(test_config)
test_net_faults = $(test_config)
test_net_offload = $(test_config)
test_net_pairs = $(test_config)
test_net_poll = $(test_config)
test_net_send = $(test_config)
test_net_coalesce = $(test_config)
test_net_outbox = $(test_config)
test_net_config = $(test_config)
test_net_control = $(test_config)
test_scsi = $(test_config)
test_scsi_faults = $(test_config)
test_scsi_modes = $(test_config)
test_scsi_edges = $(test_config)
test_scsi_answers = $(test_config)
test_scsi_scan = $(test_config)
test_blk_edges = $(test_config)
test_iommu = $(test_config)
test_disk_reader = $(test_config) kernel/disk_reader.c
test_scsi_sense = drivers/virtio/scsi_sense.c lib/format.c

# One program for each test and compiler, linked from objects that they share.
HOST_CFLAGS = -std=gnu11 $(WARNINGS) -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer $(HOST_INCLUDE) -MMD -MP
HOSTED = $(foreach compiler,gcc clang,$(HOST_TESTS:%=$(O)/tests/$(compiler)/%))
hosted: $(HOSTED)
$(HOSTED): $$(patsubst %.c,$$(@D)/%.o,tests/host/$$(@F).c $$($$(@F))) | need-test
	$(call say,HOST,$@)
	$(Q)$(notdir $(@D)) -fsanitize=address,undefined -o $@ $^

# lwIP by its own standards, as everywhere.
HOST_LWIP = $(foreach compiler,gcc clang,$(STACK_TESTS:%=$(O)/tests/$(compiler)/tests/host/%.o) \
	$(patsubst %.c,$(O)/tests/$(compiler)/%.o,$(test_net_socket_error)))
$(HOST_LWIP): HOST_INCLUDE += $(NETWORK_INCLUDE)
$(foreach compiler,gcc clang,$(LWIP_FILES:%=$(O)/tests/$(compiler)/$(LWIP)/source/src/%.o)): WARNINGS = -w

define host_objects
$$(O)/tests/$(1)/%.o: %.c Makefile tests/host/tests.mk | need-test
	@mkdir -p $$(@D)
	$$(Q)$(1) $$(HOST_CFLAGS) -c -o $$@ $$<
endef
$(foreach compiler,gcc clang,$(eval $(call host_objects,$(compiler))))
-include $(shell find $(O)/tests -name '*.d' 2>/dev/null)
