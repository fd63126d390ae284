# SPDX-License-Identifier: BSD-2-Clause
# host: the kernel's loop, the drivers and the programs as a Linux process, with the machine's own C
# library. SANITIZE=1 builds it with the address and undefined-behaviour sanitizers.

ARCH_OBJECTS = $(addprefix arch/host/,main.o cpu.o memory.o wait.o registers.o vhost_socket.o qtest.o \
	qtest_machine.o)
KERNEL += kernel/options.o kernel/discover.o kernel/pci_access.o
# Its devices are other processes: back ends by a transport of their own, and QEMU's by PCI and MMIO.
VIRTIO += $(addprefix drivers/virtio/,vhost_user.o vhost_connection.o vhost_message.o)
# These programs test what only a machine of one's own has, or open files on its disks, which the
# machine's own C library knows nothing of.
NOT_HERE = crash selftest smp filesum filetest porttest

SANITIZE ?= 0
CODE = $(if $(filter 1,$(SANITIZE)),-fsanitize=address$(comma)undefined -fno-sanitize-recover=all)
SMALL = -O2
# Optimised together by the link itself; a sanitizer shall see each access as it is written.
LTO = $(if $(filter 0,$(SANITIZE)),-flto -ffat-lto-objects)
CFLAGS_KERNEL = $(CFLAGS_ALL)
CFLAGS_APP = $(CFLAGS_ALL)

.SECONDEXPANSION:
$(W)/$(IMAGE): $$(OBJECTS) $$(APP_OBJECTS) $(W)/apps.o
	$(call say,LINK,$@)
	$(Q)$(COMPILE) $(CODE) $(if $(TOGETHER),$(FAST) $(LTO)) -o $@ $^
PRODUCTS = $(W)/$(IMAGE)
