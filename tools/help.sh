#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Prints every target of the makefiles that has a `##` comment, and the variables.
#
#   tools/help.sh MAKEFILE…
set -eu
echo "Targets:"
sed -n 's/^\([a-z_.-]*\):[^#]*## \(.*\)/\1\t\2/p' $(printf '%s\n' "$@" | grep -v '\.d$') | while IFS="$(printf '\t')" read -r target text; do
	printf '  %-22s %s\n' "$target" "$text"
done
cat <<'END'

Variables, with their defaults:
  ARCH=x86_64            x86_64 aarch64 host
  COMPILER=gcc           gcc clang (or CC=clang)
  APPS=                  the programs linked into the image; all whose drivers are there
  DRIVERS=               the drivers linked into it: blk console iommu net rng scsi partition; all
  APP=shell              the program to run; one of APPS
  ARGS=                  its arguments
  MACHINE=               q35 pc microvm (x86_64); virt (aarch64)
  TRANSPORT=             pci on q35, pc and virt; mmio on microvm and virt
  RING=split             split packed
  IRQ=                   msix intx poll; the best there is
  GIC=2                  2 3 (virt)
  DISK=                  raw and qcow2 images, a.img,b.img; none; ARCH=host: vhost-user:SOCKET
  RW=                    1: what the guest writes is kept; otherwise thrown away
  BUS=blk                blk scsi: what the disks are
  QUEUES=                queues of a disk, 1 to 64; 1, but on PCI QEMU's own choice: one a CPU
  NET=user               user none tap[:INTERFACE]; ARCH=host: vhost-user:SOCKET
  FWD=                   ports of this machine that are the guest's: 8080:80,udp:7007:7; httpd: 8080:80
  DUMP=                  1: write all frames to build/net0.pcap
  SMP=1 MEM=64           CPUs (1 to 8 are used), and MiB
  TIMEOUT=               seconds, then the guest is ended and the status is 124
  TRACE=                 1: print what is said to devices, with the clauses of the specification
  ACCEL=tcg              tcg kvm hvf
  QEMU= QEMU_ARGS=       another emulator; more of its options
  KERNEL_ARGS=           more of the kernel's command line: docs/kernel.md
  DRY=                   1: print the emulator's command line and stop
  V=                     1: print every command
  TEST_OPTIONS=          of tests/run.py: --filter REGEX, --jobs N, --junit FILE, -v, --list
  SECONDS=60             of make soak and make fuzz, for each machine or target
  REQUESTS=240000        of make soak-writes
  RUNS=20                of make soak-cpus; with less than these defaults docs/evidence.md stays as it is
  TARGET=                what make fuzz is for: 'split packed'; all
  O=build                where everything is made
Two commands on a fresh Debian 12:
  make deps run ARCH=aarch64
  make deps test
END
