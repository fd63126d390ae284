# SPDX-License-Identifier: BSD-2-Clause
# What the kernels that boot have in common: newlib for a C library, one virtual address to be linked
# at, and a table of their own functions' names. Included by arch/x86_64 and arch/aarch64.

KERNEL += $(addprefix kernel/,main.o cpu_start.o backtrace.o mmu.o irq.o port.o $(if $(filter console,$(DRIVERS)),virtio_console.o) \
	discover.o pci_access.o $(if $(word 2,$(DRIVERS)),options.o))
LIBC = kernel/libc.o kernel/libc_file.o kernel/libc_disk.o kernel/libc_lock.o kernel/libc_poll.o \
	$(if $(filter console,$(DRIVERS)),kernel/libc_port.o)

# ---- How they are compiled ---------------------------------------------------
CROSS ?= $(ARCH)-linux-gnu-
SMALL = -Os
CLANG_TARGET = --target=$(ARCH)-linux-gnu
# Asked once, when the first recipe needs it: the compiler may be installed by then only.
compiler_include = $(eval compiler_include := $(shell $(COMPILE) -print-file-name=include))$(compiler_include)

CODE = -fno-pic -fno-pie -fno-stack-protector -fno-asynchronous-unwind-tables \
	-fno-delete-null-pointer-checks -ffunction-sections -fdata-sections
INCLUDE = -nostdinc -isystem $(compiler_include)
# Interrupt entry saves no vector registers, so nothing that may run there has any.
CFLAGS_KERNEL = $(CFLAGS_ALL) -ffreestanding -mgeneral-regs-only $(INCLUDE)
CFLAGS_LIBC = $(CFLAGS_KERNEL) $(NEWLIB_INCLUDE)
CFLAGS_APP = $(CFLAGS_ALL) $(INCLUDE) $(NEWLIB_INCLUDE)
NEWLIB = $(O)/newlib/$(ARCH)
C_LIBRARY = $(NEWLIB)/done
# newlib has no <sys/dirent.h> of its own for these machines: kernel/include comes first.
NEWLIB_INCLUDE = -isystem kernel/include -isystem $(NEWLIB)/include -D__DYNAMIC_REENT__ $(NOT_LINUX)
NOT_LINUX = -U__linux__ -U__gnu_linux__ -Ulinux -U__unix__ -Uunix

$(NEWLIB)/done: tools/newlib.sh | need-build
	@tools/newlib.sh $(ARCH) $(NEWLIB) $(CROSS)

# ---- How they are linked -------------------------------------------------------
LDFLAGS = -nostdlib -static --gc-sections --build-id=none -z noexecstack -z max-page-size=4096 \
	--fatal-warnings --no-warn-rwx-segments -T $(B)/linker.ld
LIBRARIES = --start-group $(NETWORK_ARCHIVE) $(NEWLIB)/lib/libc.a $(NEWLIB)/lib/libm.a \
	$(shell $(CROSS)gcc -print-libgcc-file-name) --end-group
# Objects that are optimised together are joined into one first. Each is a plain object besides, for whoever links the kit.
LTO = -flto -ffat-lto-objects
JOINED = $(filter $(addprefix $(B)/,$(TOGETHER)),$(OBJECTS))
JOIN = $(if $(JOINED),$(COMPILE) $(CODE) $(ARCH_CFLAGS) -mgeneral-regs-only $(FAST) -flto -flto-partition=one -flinker-output=nolto-rel -nostdlib -r -o $(W)/together.o $(JOINED),:)
LINK = $(LD) $(LDFLAGS) $(filter-out $(JOINED),$(OBJECTS)) $(if $(JOINED),$(W)/together.o) $(APP_OBJECTS) $(W)/apps.o
function_names = $(CROSS)nm -n $(1) | tools/symbols.py

$(B)/linker.ld: linker/$(ARCH).ld $(B)/flags
	@$(COMPILE) -E -P -x assembler-with-cpp $(NOT_LINUX) -I. -MMD -MP -MF $@.d -MT $@ -o $@ $<

# Linked twice: the first link tells the functions' addresses for the table of their names, which
# backtraces print (kernel/symbols.h). It is read-only data behind the code: nothing moves. (OBJECTS
# is known only once this file has been read: hence the second expansion.)
.SECONDEXPANSION:
$(W).elf: $$(OBJECTS) $$(APP_OBJECTS) $(W)/apps.o $$(NETWORK_ARCHIVE) $(B)/linker.ld $(NEWLIB)/done tools/symbols.py
	$(call say,LINK,$@)
	$(Q)$(JOIN)
	$(Q)tools/symbols.py </dev/null >$(W)/none.c
	$(Q)$(COMPILE) $(CFLAGS_KERNEL) -c -o $(W)/none.o $(W)/none.c
	$(Q)$(LINK) $(W)/none.o $(LIBRARIES) -o $(W)/first.elf
	$(Q)$(call function_names,$(W)/first.elf) >$(W)/symbols.c
	$(Q)$(COMPILE) $(CFLAGS_KERNEL) -c -o $(W)/symbols.o $(W)/symbols.c
	$(Q)$(LINK) $(W)/symbols.o $(LIBRARIES) -Map $(W)/map -o $@
	$(Q)$(call function_names,$@) | cmp -s - $(W)/symbols.c || \
		{ echo "$@: the second link moved functions"; rm $@; false; }

$(B)/Image: $(W).elf
	$(call say,IMAGE,$@)
	$(Q)$(CROSS)objcopy -O binary $< $@
