# SPDX-License-Identifier: BSD-2-Clause
# Ringlet's build, which reads like a table of contents: what there is, how it is compiled, how it is
# linked, and what can be asked for. `make help` lists the targets; each architecture's part is in
# arch/<arch>/arch.mk. Nothing is made outside of build/.

# ---- What to build: set these on the command line ---------------------------
ARCH ?= x86_64
APPS ?= $(HERE)
DRIVERS ?= blk console iommu net rng scsi partition
COMPILER ?= $(or $(firstword $(foreach known,clang gcc,$(findstring $(known),$(CC)))),$(patsubst cc,gcc,$(CC)))
O ?= build
IMAGE ?= ringlet
V ?= 0

METAL = x86_64 aarch64
ARCHES = $(METAL) host
ifeq ($(filter $(ARCH),$(ARCHES)),)
$(error ARCH=$(ARCH): there is $(ARCHES))
endif
ifeq ($(filter $(COMPILER),gcc clang),)
$(error COMPILER=$(COMPILER): there is gcc clang)
endif
B = $(O)/$(ARCH)
W = $(B)/$(IMAGE)
comma = ,
Q = $(if $(filter 1,$(V)),,@)
MAKEFLAGS += $(if $(filter 0,$(MAKELEVEL)),-j$(shell nproc))
.DELETE_ON_ERROR:
.SUFFIXES:

# ---- What it is made of -----------------------------------------------------
# The kit: it stands alone, and needs vport_* and four mem* functions.
LIB = lib/error.o lib/format.o lib/fdt.o lib/fdt_find.o lib/fdt_address.o lib/fdt_interrupt.o \
	lib/sha256.o lib/crc32.o lib/tar.o
PCI = $(addprefix drivers/pci/,function.o capability.o bar.o msix.o scan.o assign.o)
VIRTIO = $(addprefix drivers/virtio/,virtq.o split.o packed.o device.o config.o queue.o queue_interrupt.o queue_resize.o recover.o \
	mmio.o pci.o pci_layout.o pci_interrupt.o drivers.o block.o block_sync.o inspect.o \
	$(sort $(foreach driver,$(DRIVERS),$(or $(driver_$(driver)),$(error DRIVERS=$(driver): there is blk console iommu net rng scsi partition)))))
driver_blk = blk.o blk_config.o blk_request.o block_queue.o block_parts.o
driver_console = $(addprefix console,.o _port.o _transmit.o _control.o _sync.o)
driver_iommu = iommu.o
driver_net = $(addprefix net,.o _config.o _pool.o _send.o _outbox.o _receive.o _coalesce.o _offload.o _control.o _command.o)
driver_rng = rng.o
driver_scsi = $(addprefix scsi,.o _data.o _command.o _answer.o _sense.o _cdb.o _scan.o _unit.o _round.o _disk.o _page.o \
	_control.o _event.o _attend.o _mode.o) block_queue.o block_parts.o
driver_partition = partition.o partition_mbr.o partition_gpt.o
KIT = $(LIB) $(PCI) $(VIRTIO)

# The kernel, as far as it is the same on every port.
KERNEL = $(addprefix kernel/,cmdline.o app.o console.o exit.o settings.o event.o cpu.o ranges.o \
	pages.o ktap.o disk_reader.o archive.o files.o)

# BOOT, ARCH_OBJECTS, PRODUCTS and how they are compiled and linked: the architecture's own.
include arch/$(ARCH)/arch.mk

# A program is a folder under apps/ with a main(): it is found, not listed.
PROGRAMS := $(sort $(patsubst apps/%/,%,$(dir $(wildcard apps/*/*.c))))
include kernel/net/net.mk
# What it needs of DRIVERS stands in its folder: apps/NAME/needs.mk; of those that use sockets, in kernel/net/net.mk.
include $(wildcard apps/*/needs.mk)
without = $(filter-out $(DRIVERS),$(needs_$(1)))
NOT_HERE += $(foreach app,$(PROGRAMS),$(if $(call without,$(app)),$(app)))
$(foreach app,$(APP) $(APPS),$(if $(call without,$(app)),$(error $(app) needs DRIVERS $(needs_$(app)))))
HERE = $(filter-out $(NOT_HERE),$(PROGRAMS))
$(foreach app,$(filter-out $(HERE),$(APPS)),$(error APPS=$(app): there is $(HERE)))
program_objects = $(patsubst %.c,$(B)/%.o,$(wildcard apps/$(1)/*.c))

OBJECTS = $(addprefix $(B)/,$(BOOT) $(ARCH_OBJECTS) $(KIT) $(KERNEL) $(LIBC))
APP_OBJECTS = $(APPS:%=$(B)/apps/%.o)

# ---- How it is compiled -----------------------------------------------------
compiler_gcc = $(CROSS)gcc
compiler_clang = clang $(CLANG_TARGET)
COMPILE = $(compiler_$(COMPILER))

WARNINGS = -Wall -Wextra -Wshadow -Wundef -Wvla -Wmissing-prototypes -Werror
# Small (SMALL), but where each request passes by.
OPTIMISE = $(SMALL)
FAST = -O2 -fno-align-functions $(if $(filter gcc,$(COMPILER)),-fno-align-loops -fno-align-jumps)
$(addprefix $(B)/,kernel/event.o kernel/cpu.o): private OPTIMISE = $(FAST)
# What each request passes by keeps no frame pointers: a fault in there loses its caller in the backtrace.
HOT = $(addprefix drivers/virtio/,split.o packed.o queue_interrupt.o blk_request.o scsi_data.o scsi_cdb.o net_send.o net_receive.o net_pool.o) \
	kernel/irq.o $(ARCH_HOT)
$(addprefix $(B)/,$(HOT)): private OPTIMISE = $(FAST) -fomit-frame-pointer
LEAN = $(addprefix drivers/virtio/,virtq.o queue.o mmio.o block_queue.o)
$(addprefix $(B)/,$(LEAN)): private OPTIMISE = $(SMALL) -fomit-frame-pointer
$(B)/apps/bench/% $(B)/apps/netbench/%: private OPTIMISE = $(FAST) -fomit-frame-pointer
# And optimised as if it were one file (linker/metal.mk), so that calls from layer to layer cost little. gcc only.
TOGETHER = $(if $(filter gcc,$(COMPILER)),$(HOT) $(LEAN) kernel/event.o kernel/port.o)
$(addprefix $(B)/,$(TOGETHER)): private CODE += $(LTO)
CFLAGS_ALL = -std=gnu11 $(WARNINGS) -g -fno-omit-frame-pointer $(OPTIMISE) $(CODE) $(ARCH_CFLAGS) \
	-I. -Iarch/$(ARCH)/include -MMD -MP

say = @$(if $(filter 1,$(V)),:,printf '  %-8s %s\n' $(1) $(2))

$(B)/%.o: %.c $(B)/flags | need-build
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(COMPILE) $(CFLAGS_KERNEL) -c -o $@ $<

$(W)/%.o: $(W)/%.c $(B)/flags
	$(Q)$(COMPILE) $(CFLAGS_KERNEL) -c -o $@ $<

$(B)/%.o: %.S $(B)/flags | need-build
	$(call say,AS,$@)
	@mkdir -p $(@D)
	$(Q)$(COMPILE) $(CODE) $(ARCH_CFLAGS) $(ARCH_ASFLAGS) -I. -MMD -MP -c -o $@ $<

$(addprefix $(B)/,$(LIBC)): $(B)/%.o: %.c $(B)/flags $(C_LIBRARY) | need-build
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(COMPILE) $(CFLAGS_LIBC) -c -o $@ $<

$(B)/apps/%.o: apps/%.c $(B)/flags $(C_LIBRARY) | need-build
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(COMPILE) $(CFLAGS_APP) -c -o $@ $<

# Flags are a file, which changes when they do: then everything is compiled again.
remember = mkdir -p $(@D); echo '$(1)' | cmp -s - $@ || echo '$(1)' > $@
$(B)/flags: FORCE | need-build
	@$(call remember,$(COMPILE) $(CFLAGS_KERNEL) $(ARCH_ASFLAGS) $(OPTIMISE) $(FAST) $(HOT) $(LEAN) $(LTO) $(TOGETHER))

# ---- How it is linked (the rest is in linker/metal.mk, and in arch/host/arch.mk) ----------
LD = $(CROSS)ld

# Each program is one object, in which only its main can be seen, as app_main_NAME.
.SECONDEXPANSION:
$(PROGRAMS:%=$(B)/apps/%.o): $(B)/apps/%.o: $$(call program_objects,$$*)
	$(call say,PROGRAM,$*)
	$(Q)$(LD) -r -o $@ $^
	$(Q)$(CROSS)objcopy --redefine-sym main=app_main_$* --keep-global-symbol=app_main_$* $@

# The table of programs, in the order of their names (kernel/app.h).
$(W)/programs: FORCE
	@$(call remember,$(sort $(APPS)) $(DRIVERS))
$(W)/apps.c: $(W)/programs
	@{ echo '#include "kernel/app.h"'; \
	printf 'int app_main_%s(int, char **);\n' $(sort $(APPS)); \
	echo 'const struct app app_table[] = {'; \
	for app in $(sort $(APPS)); do echo "{ \"$$app\", app_main_$$app },"; done; \
	echo '}; const unsigned app_count = sizeof app_table / sizeof *app_table;'; } > $@

# The kit in one object, to show that it needs nothing but its port: for any linker, without what is for this one's optimiser.
$(B)/kit.o: $(addprefix $(B)/,$(KIT))
	$(Q)$(LD) -r -nostdlib -o $@ $^
	$(Q)$(CROSS)objcopy --wildcard --remove-section='.gnu.*lto_*' $@

# ---- What can be asked for --------------------------------------------------
IMAGES = $(O)/images
C_FILES = $(shell find lib drivers kernel arch boot apps tests docs -name '*.[ch]')

all: $(PRODUCTS) ## build the kernel and its programs for ARCH

run: all $(if $(filter host,$(ARCH)),,$(IMAGES)/pattern.raw) | need-run ## boot it in QEMU, with APP, ARGS and the other variables below
	@ARCH=$(ARCH) O=$(O) tools/run

debug: all $(IMAGES)/pattern.raw | need-debug ## the same, but wait for a debugger before the first instruction
	@ARCH=$(ARCH) O=$(O) GDB=1 tools/run

gdb: | need-debug ## the debugger for a `make debug` in another terminal
	$(if $(GDB_ARCH),,$(error ARCH=$(ARCH): that is a program like any other, which gdb starts itself))
	gdb-multiarch -ex 'set architecture $(GDB_ARCH)' -ex 'target remote :$(or $(GDB_PORT),1234)' $(W).elf

test: kernels processes images hosted fuzzers | need-test ## everything: lint, test-host, test-boot, test-vhost and test-qtest
	@O=$(abspath $(O)) tests/run.py $(TEST_OPTIONS) lint kit host fuzz images tools boot network vhost qtest

test-host: kernels images hosted fuzzers | need-test ## the tests that boot nothing: hosted ones by gcc and clang, sanitized
	@O=$(abspath $(O)) tests/run.py $(TEST_OPTIONS) kit host fuzz images

test-boot: kernels images | need-test ## boot the matrix of machines, and try the commands (TEST_OPTIONS='--filter virt -v --junit FILE')
	@O=$(abspath $(O)) tests/run.py $(TEST_OPTIONS) tools boot network

size: | need-build ## size of the stripped images against their limits, and of each layer
	@O=$(O) tools/size.sh $(MAKE)

lint: format-check mutants-check | need-lint ## format, layers, licence lines and the other rules of the house
	tools/layers.py
	tools/house_rules.py
	tools/docs.py

format: | need-lint ## put all C files into the house style
	clang-format -i $(C_FILES)

format-check: | need-lint ## say which C files are not in the house style
	clang-format --dry-run -Werror $(C_FILES)

docs: | need-lint ## which clause of the specification is kept where: build/docs/clauses.md
	@mkdir -p $(O)/docs
	tools/clauses.py >$(O)/docs/clauses.md

compile_commands.json: | need-build ## for editors and analysers
	$(MAKE) --no-print-directory -B -n V=1 all | tools/compile_commands.py >$@

deps: ## install what the other goals on the command line need (Debian)
	@ARCH=$(ARCH) COMPILER=$(COMPILER) O=$(O) tools/deps.sh install $(filter-out deps,$(MAKECMDGOALS))

doctor: ## say which tools are there and which are not
	@tools/deps.sh doctor

help: ## print this
	@tools/help.sh $(MAKEFILE_LIST)

clean: ## remove what was built, except newlib, lwIP's source and the disk images
	rm -rf $(filter-out $(O)/newlib $(O)/lwip $(O)/images,$(wildcard $(O)/*))

distclean: ## remove everything that was built
	rm -rf $(O) compile_commands.json

# ---- What those need --------------------------------------------------------
images: $(IMAGES)/gpt.raw ## the disks that tests and `make run` read: build/images
$(IMAGES)/gpt.raw $(IMAGES)/pattern.qcow2: test-images/make.sh test-images/pattern.py | need-images
	$(call say,IMAGES,$(IMAGES))
	@test-images/make.sh $(IMAGES)
# A person who only boots needs no tools for file systems.
$(IMAGES)/pattern.raw: test-images/pattern.py | need-run
	@mkdir -p $(@D)
	@test-images/pattern.py $@ 67108864

kernels: $(METAL:%=kernel-%)
kernel-%: | need-build
	@$(MAKE) --no-print-directory $(if $(filter 1,$(V)),,-s) ARCH=$* all $(O)/$*/kit.o

include apps/shell/shell.mk
include tests/host/tests.mk
include bench/bench.mk
include tests/fuzz/fuzz.mk
include tests/vhost/vhost.mk
include tests/qtest/qtest.mk
include tests/coverage.mk
include proofs/proofs.mk
include tools/rings/rings.mk
include tests/soak/soak.mk

# A missing tool is named together with the command that installs it, before it is needed.
export GOALS ?= $(MAKECMDGOALS)
NEEDS = $(addprefix need-,build run images test lint debug bench fuzz coverage prove mutants)
$(NEEDS): need-%: $(if $(filter deps,$(MAKECMDGOALS)),deps)
	@ARCH=$(ARCH) COMPILER=$(COMPILER) tools/deps.sh need $*

.PHONY: FORCE all run debug gdb test test-host test-boot bench size lint format format-check docs \
	compile_commands.json deps doctor help clean distclean images kernels hosted $(NEEDS)
.DEFAULT_GOAL = all
-include $(shell find $(B) -name '*.d' 2>/dev/null)
