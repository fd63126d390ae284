# SPDX-License-Identifier: BSD-2-Clause
# The TCP/IP stack: lwIP, whose source `make deps` fetches (tools/lwip.sh), its port and sockets for programs. All of it
# is one archive, of which a program that uses no sockets gets nothing. Included by the Makefile.

LWIP = $(O)/lwip
# The programs that need it, and the drivers that it needs.
NETWORK_PROGRAMS = $(filter capture dhcp dns echo httpd iperf net ping sockettest,$(PROGRAMS))
$(foreach app,$(NETWORK_PROGRAMS),$(eval needs_$(app) = net rng))
lwip_is_here = $(wildcard $(LWIP)/fetched.mk)

# Which programs there are depends on it. So where `make deps` is asked for, it comes before the rest of this is read:
# a makefile that is to be included is made first, and then everything is read anew.
ifneq ($(filter deps,$(MAKECMDGOALS)),)
-include $(LWIP)/fetched.mk
$(LWIP)/fetched.mk:
	@ARCH=$(ARCH) COMPILER=$(COMPILER) O=$(O) tools/deps.sh install $(filter-out deps,$(MAKECMDGOALS))
else ifeq ($(lwip_is_here),)
$(foreach app,$(filter $(NETWORK_PROGRAMS),$(APP) $(APPS)),$(error $(app) needs lwIP, which is not in $(LWIP): make deps fetches it))
endif

ifneq ($(filter $(ARCH),$(METAL)),)
NOT_HERE += $(if $(lwip_is_here),,$(NETWORK_PROGRAMS))
all: $(if $(lwip_is_here),,without-lwip)
NETWORK_ARCHIVE = $(if $(lwip_is_here),$(B)/network.a)
else
NOT_HERE += $(NETWORK_PROGRAMS)
endif

# ---- What it is made of ------------------------------------------------------
LWIP_CORE = init def dns inet_chksum ip mem memp netif pbuf raw tcp tcp_in tcp_out timeouts udp
LWIP_IPV4 = dhcp etharp icmp ip4_frag ip4 ip4_addr
LWIP_IPV6 = ethip6 icmp6 inet6 ip6 ip6_addr ip6_frag mld6 nd6
LWIP_FILES = $(LWIP_CORE:%=core/%) $(LWIP_IPV4:%=core/ipv4/%) $(LWIP_IPV6:%=core/ipv6/%) netif/ethernet
# Those that are one: kernel/net/port/passage.c.
LWIP_PASSAGE = core/pbuf core/inet_chksum core/raw core/udp core/ipv4/ip4_addr core/ipv4/etharp core/ipv4/ip4 netif/ethernet
LWIP_OBJECTS = kernel/net/port/passage.o $(patsubst %,lwip/%.o,$(filter-out $(LWIP_PASSAGE),$(LWIP_FILES)))
NETWORK = $(addprefix kernel/net/,stack.o interface.o acknowledge.o receive.o packet.o merge.o cut.o lost.o time_wait.o address.o checksum.o offload.o memory.o \
	random.o socket.o socket_transfer.o socket_queue.o socket_stream.o socket_datagram.o socket_address.o socket_option.o name.o)

# ---- How it is compiled --------------------------------------------------------
# lwIP by its own standards, what is ours by ours.
# What only lwIP's headers include is in no list of dependencies that a compiler writes.
NETWORK_CONFIG = $(wildcard kernel/net/port/*.h kernel/net/port/arch/*.h)
NETWORK_INCLUDE = -isystem $(LWIP)/source/src/include -Ikernel/net/port
$(B)/kernel/net/%.o $(B)/lwip/%.o: OPTIMISE = -O2 -fomit-frame-pointer
$(B)/kernel/net/port/passage.o: OPTIMISE = -O3 -fomit-frame-pointer
$(B)/lwip/%.o $(B)/kernel/net/port/passage.o: WARNINGS = -w

$(addprefix $(B)/,$(NETWORK)): $(B)/%.o: %.c $(NETWORK_CONFIG) $(B)/flags $(C_LIBRARY) | need-build need-lwip
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(COMPILE) $(CFLAGS_LIBC) $(NETWORK_INCLUDE) -c -o $@ $<

$(LWIP_FILES:%=$(B)/lwip/%.o): $(B)/lwip/%.o: $(LWIP)/source/src/%.c $(NETWORK_CONFIG) $(B)/flags $(C_LIBRARY) | need-build need-lwip
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(COMPILE) $(CFLAGS_LIBC) $(NETWORK_INCLUDE) -c -o $@ $<

$(B)/kernel/net/port/passage.o: kernel/net/port/passage.c $(LWIP_PASSAGE:%=$(LWIP)/source/src/%.c) $(NETWORK_CONFIG) $(B)/flags $(C_LIBRARY) | need-build need-lwip
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(COMPILE) $(CFLAGS_LIBC) $(NETWORK_INCLUDE) -isystem $(LWIP)/source/src -c -o $@ $<

$(B)/network.a: $(addprefix $(B)/,$(NETWORK) $(LWIP_OBJECTS))
	$(call say,AR,$@)
	@rm -f $@
	$(Q)$(CROSS)ar rcs $@ $^

without-lwip:
	@echo "lwip: it is not in $(LWIP), so $(NETWORK_PROGRAMS) are left out; make deps fetches it"
need-lwip:
	@[ -e $(LWIP)/fetched.mk ] || { echo "lwIP is not in $(LWIP): make deps fetches it" >&2; false; }
.PHONY: without-lwip need-lwip
