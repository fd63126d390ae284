#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The tools that each purpose needs, and the Debian packages that they are in:
#
#   tools/deps.sh need PURPOSE…     nothing when all is there, otherwise what is missing, and status 1
#   tools/deps.sh install GOAL…     installs what those goals of make need (make deps GOAL…)
#   tools/deps.sh doctor            what is there and what is not
#
# ARCH, COMPILER, GOALS and O are the Makefile's. Only a shell is needed to run it.
set -eu
ARCH=${ARCH:-x86_64} COMPILER=${COMPILER:-gcc}
HERE=$(uname -m)
PATH=$PATH:/usr/sbin:/sbin

# One line a tool: its name, or a file that shows it is there, and its package.
cross() {
	case $1 in
	"$HERE") echo "$1-linux-gnu-gcc gcc" ;;
	x86_64) echo "x86_64-linux-gnu-gcc gcc-x86-64-linux-gnu" ;;
	aarch64) echo "aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu" ;;
	esac
}
emulator() {
	case $1 in
	x86_64) echo "qemu-system-x86_64 qemu-system-x86" ;;
	aarch64) echo "qemu-system-aarch64 qemu-system-arm" ;;
	esac
}
tools_for() {
	case $1 in
	build)
		echo "gcc gcc"
		echo "/usr/include/stdio.h libc6-dev"
		echo "python3 python3"
		if [ "$ARCH" != host ]; then
			echo "xz xz-utils"
			echo "/usr/src/newlib/newlib-*.tar.* newlib-source"
			cross "$ARCH"
		fi
		if [ "$COMPILER" = clang ]; then echo "clang clang"; fi
		;;
	lwip) # to fetch it: tools/lwip.sh. Only the network programs need it.
		echo "xz xz-utils"
		echo "patch patch"
		;;
	run)
		echo "python3 python3"
		if [ "$ARCH" != host ]; then echo "qemu-img qemu-utils"; fi
		emulator "$ARCH"
		;;
	images)
		echo "python3 python3"
		echo "sfdisk fdisk"
		echo "mkfs.ext4 e2fsprogs"
		echo "mkfs.vfat dosfstools"
		echo "mcopy mtools"
		echo "qemu-img qemu-utils"
		;;
	test)
		for ARCH in x86_64 aarch64; do tools_for build; tools_for run; done
		tools_for images
		tools_for lint
		tools_for fuzz
		tools_for vhost
		echo "iperf iperf"
		echo "ip iproute2"
		;;
	vhost)
		echo "python3 python3"
		echo "qemu-storage-daemon qemu-system-common"
		echo "dpdk-testpmd dpdk-dev"
		;;
	fuzz)
		echo "python3 python3"
		echo "clang clang"
		echo "/usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.asan-*.a $(runtime)"
		;;
	coverage)
		echo "python3 python3"
		echo "gcc gcc"
		echo "gcov gcc"
		;;
	prove)
		echo "python3 python3"
		echo "gcc gcc"
		echo "g++ g++"
		echo "frama-c frama-c-base"
		echo "/usr/include/relacy/relacy.hpp relacy-dev"
		;;
	mutants)
		echo "python3 python3"
		echo "gcc gcc"
		echo "frama-c frama-c-base"
		;;
	bench)
		for ARCH in x86_64 aarch64; do tools_for build; tools_for run; done
		tools_for vhost
		;;
	lint) echo "python3 python3"; echo "clang-format clang-format" ;;
	debug) tools_for run; echo "gdb-multiarch gdb-multiarch" ;;
	esac
}
# clang's sanitizers, in the version that the clang package means.
runtime() {
	version=$(apt-cache depends clang 2>/dev/null | sed -n 's/.*Depends: clang-\([0-9]*\)$/\1/p')
	echo "libclang-rt-${version:-14}-dev"
}

# What a goal of make needs.
purposes_of() {
	case $1 in
	all | size | compile_commands.json) echo build lwip ;;
	run) echo build run lwip ;;
	bench | bench-counts | bench-profile | bench-linux) echo bench lwip ;;
	debug | gdb) echo build debug lwip ;;
	test | test-host | test-boot | test-vhost | test-qtest) echo test lwip ;;
	lint | format | format-check) echo lint ;;
	images) echo images ;;
	fuzz | fuzzers | fuzz-seeds) echo fuzz ;;
	coverage) echo coverage ;;
	prove) echo prove ;;
	mutants) echo mutants ;;
	docs) echo lint ;;
	"") echo test debug lwip ;;
	esac
}

there() {
	case $1 in
	/*) for file in $1; do [ -e "$file" ] && return 0; done; return 1 ;;
	*) command -v "$1" >/dev/null 2>&1 ;;
	esac
}
# The lines of the tools that are not there.
missing() {
	for purpose; do tools_for "$purpose"; done | sort -u | while read -r tool package; do
		there "$tool" || echo "$tool $package"
	done
}
packages_of() { cut -d' ' -f2 | sort -u | tr '\n' ' '; }

need() {
	gone=$(missing "$@")
	[ -n "$gone" ] || return 0
	echo "$gone" | while read -r tool package; do
		echo "missing: $tool (package $package)" >&2
	done
	echo "install it with: make deps ${GOALS:-all} ARCH=$ARCH" >&2
	return 1
}

install() {
	set -- $(for goal in "${@:-}"; do purposes_of "$goal"; done)
	install_packages "$@"
	case " $* " in *" lwip "*) "$(dirname "$0")/lwip.sh" "${O:-build}/lwip" ;; esac
}

install_packages() {
	gone=$(missing "$@")
	[ -n "$gone" ] || return 0
	packages=$(echo "$gone" | packages_of)
	echo "make deps is about to install: $packages"
	as_root=
	if [ "$(id -u)" != 0 ]; then as_root=sudo; fi
	command -v apt-get >/dev/null || {
		echo "this is no Debian: install what these packages hold yourself" >&2
		exit 1
	}
	# shellcheck disable=SC2086 # both are lists of words
	{
		$as_root apt-get update -q &&
		$as_root env DEBIAN_FRONTEND=noninteractive \
			apt-get install -q -y --no-install-recommends $packages
	} </dev/null
	gone=$(missing "$@")
	[ -z "$gone" ] || { echo "still missing: $(echo "$gone" | cut -d' ' -f1 | tr '\n' ' ')" >&2; exit 1; }
}

doctor() {
	for purpose in build run images lint debug test fuzz coverage prove; do
		for ARCH in x86_64 aarch64; do tools_for "$purpose"; done
	done | sort -u | while read -r tool package; do
		if there "$tool"; then echo "  there    $tool"; else echo "  MISSING  $tool (package $package)"; fi
	done
}

command=$1
shift
"$command" "$@"
