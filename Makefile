# SPDX-License-Identifier: BSD-2-Clause
# Ringlet's build, which reads like a table of contents: what there is, how it is compiled, how it is
# linked, and what can be asked for. `make help` lists the targets; each architecture's part is in
# arch/<arch>/arch.mk. Nothing is made outside of build/.

# ---- What to build: set these on the command line ---------------------------
ARCH ?= x86_64
APPS ?= $(PROGRAMS)
COMPILER ?= $(if $(findstring clang,$(CC)),clang,gcc)
O ?= build
IMAGE ?= ringlet
CROSS ?= $(ARCH)-linux-gnu-
V ?= 0

ARCHES = x86_64 aarch64
ifeq ($(filter $(ARCH),$(ARCHES)),)
$(error ARCH=$(ARCH): there is $(ARCHES) (the host port is not there yet))
endif
B = $(O)/$(ARCH)
NEWLIB = $(O)/newlib/$(ARCH)
comma = ,
Q = $(if $(filter 1,$(V)),,@)
.DELETE_ON_ERROR:
.SUFFIXES:

# ---- What it is made of -----------------------------------------------------
# The kit: it stands alone, and needs vport_* and four mem* functions.
LIB = lib/error.o lib/format.o lib/fdt.o lib/fdt_find.o lib/fdt_address.o lib/fdt_interrupt.o
PCI =
VIRTIO =
KIT = $(LIB) $(PCI) $(VIRTIO)

# The kernel: the same on every architecture, and what joins it to newlib.
KERNEL =
LIBC =

# BOOT and ARCH_OBJECTS, the architecture's own.
include arch/$(ARCH)/arch.mk

# A program is a folder under apps/ with a main(): it is found, not listed.
PROGRAMS := $(sort $(patsubst apps/%/,%,$(dir $(wildcard apps/*/*.c))))
program_objects = $(patsubst %.c,$(B)/%.o,$(wildcard apps/$(1)/*.c))

OBJECTS = $(addprefix $(B)/,$(BOOT) $(ARCH_OBJECTS) $(KIT) $(KERNEL) $(LIBC))
APP_OBJECTS = $(APPS:%=$(B)/apps/%.o)

# ---- How it is compiled -----------------------------------------------------
compiler_gcc = $(CROSS)gcc
compiler_clang = clang --target=$(ARCH)-linux-gnu
COMPILE = $(compiler_$(COMPILER))
# Asked once, when the first recipe needs it: the compiler may be installed by then only.
compiler_include = $(eval compiler_include := $(shell $(COMPILE) -print-file-name=include))$(compiler_include)

WARNINGS = -Wall -Wextra -Wshadow -Wundef -Wvla -Wmissing-prototypes -Werror
CODE = -O2 -g -fno-pic -fno-pie -fno-stack-protector -fno-omit-frame-pointer \
	-fno-asynchronous-unwind-tables -ffunction-sections -fdata-sections $(ARCH_CFLAGS)
INCLUDE = -nostdinc -isystem $(compiler_include)
CFLAGS_ALL = -std=gnu11 $(WARNINGS) $(CODE) -I. -Iarch/$(ARCH)/include -MMD -MP
# Interrupt entry saves no vector registers, so nothing that may run there has any.
CFLAGS_KERNEL = $(CFLAGS_ALL) -ffreestanding -mgeneral-regs-only $(INCLUDE)
CFLAGS_LIBC = $(CFLAGS_KERNEL) $(NEWLIB_INCLUDE)
CFLAGS_APP = $(CFLAGS_ALL) $(INCLUDE) $(NEWLIB_INCLUDE)
NEWLIB_INCLUDE = -isystem $(NEWLIB)/include -D__DYNAMIC_REENT__ $(NOT_LINUX)
NOT_LINUX = -U__linux__ -U__gnu_linux__ -Ulinux -U__unix__ -Uunix

say = @$(if $(filter 1,$(V)),:,printf '  %-8s %s\n' $(1) $(2))

$(B)/%.o: %.c $(B)/flags | need-build
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(COMPILE) $(CFLAGS_KERNEL) -c -o $@ $<

$(B)/%.o: %.S $(B)/flags | need-build
	$(call say,AS,$@)
	@mkdir -p $(@D)
	$(Q)$(COMPILE) $(CODE) $(ARCH_ASFLAGS) -I. -MMD -MP -c -o $@ $<

$(addprefix $(B)/,$(LIBC)): $(B)/%.o: %.c $(B)/flags $(NEWLIB)/done | need-build
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(COMPILE) $(CFLAGS_LIBC) -c -o $@ $<

$(B)/apps/%.o: apps/%.c $(B)/flags $(NEWLIB)/done | need-build
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(COMPILE) $(CFLAGS_APP) -c -o $@ $<

# Flags are a file, which changes when they do: then everything is compiled again.
$(B)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(COMPILE) $(CFLAGS_ALL) $(ARCH_ASFLAGS)' | cmp -s - $@ || \
		echo '$(COMPILE) $(CFLAGS_ALL) $(ARCH_ASFLAGS)' > $@

need-build:
FORCE:
.PHONY: FORCE need-build
