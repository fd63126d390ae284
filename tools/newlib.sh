#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Builds newlib for one architecture from Debian's newlib-source package:
#
#   tools/newlib.sh ARCH DIRECTORY CROSS
#
# and leaves DIRECTORY/include, DIRECTORY/lib, DIRECTORY/done. The compiler is the distribution's own
# for Linux; newlib's configure is told that it is a bare-metal one. Several of these may run at the
# same time, for the same architecture too: the first one builds, the others wait for it.
set -eu

arch=$1 out=$2 cross=$3
tarball=$(ls /usr/src/newlib/newlib-*.tar.* 2>/dev/null | tail -n 1)
if [ -z "$tarball" ]; then
	echo "newlib's source is missing: make deps installs it (newlib-source)" >&2
	exit 1
fi

mkdir -p "$out"
out=$(cd "$out" && pwd)
exec 9>"$out/lock"
flock 9
if [ "$out/done" -nt "$0" ]; then
	exit 0
fi

# The kernel's own rules (Makefile): where it is linked, no red zone, frame pointers for backtraces.
case $arch in
x86_64) model="-mcmodel=kernel -mno-red-zone -fcf-protection=none" ;;
aarch64) model="-mno-outline-atomics" ;;
*) echo "newlib.sh: no architecture $arch" >&2; exit 1 ;;
esac
# A reentrancy structure for each CPU, found by __getreent(): -D__DYNAMIC_REENT__.
flags="-O2 -ffreestanding -fno-pic -fno-pie -fno-stack-protector -fno-omit-frame-pointer \
-fno-asynchronous-unwind-tables -ffunction-sections -fdata-sections $model -D__DYNAMIC_REENT__ \
-U__linux__ -U__gnu_linux__ -Ulinux -U__unix__ -Uunix"
# Not a host's headers: newlib's own, and the compiler's.
compiler="${cross}gcc -nostdinc -isystem $("${cross}gcc" -print-file-name=include)"

echo "  NEWLIB   $out (from $(basename "$tarball"), half a minute, once)"
rm -rf "$out/source" "$out/objects" "$out/install"
mkdir "$out/source" "$out/objects"
tar -xf "$tarball" -C "$out/source" --strip-components=1
cd "$out/objects"
# The variables of the make that called us (CC, V, O …) mean nothing to newlib's.
unset MAKEFLAGS MFLAGS MAKEOVERRIDES MAKELEVEL
{
	MAKEINFO=true "$out/source/configure" --target="$arch-elf" --prefix="$out/install" \
		--disable-multilib --disable-libgloss --disable-newlib-supplied-syscalls \
		--enable-newlib-retargetable-locking --enable-newlib-io-c99-formats \
		CC_FOR_TARGET="$compiler" AS_FOR_TARGET="${cross}as" LD_FOR_TARGET="${cross}ld" \
		AR_FOR_TARGET="${cross}ar" RANLIB_FOR_TARGET="${cross}ranlib" \
		NM_FOR_TARGET="${cross}nm" OBJCOPY_FOR_TARGET="${cross}objcopy" \
		OBJDUMP_FOR_TARGET="${cross}objdump" STRIP_FOR_TARGET="${cross}strip" \
		READELF_FOR_TARGET="${cross}readelf" CFLAGS_FOR_TARGET="$flags" &&
	make -j"$(nproc)" MAKEINFO=true all-target-newlib &&
	make MAKEINFO=true install-target-newlib
} >"$out/log" 2>&1 </dev/null || {
	tail -n 20 "$out/log" >&2
	echo "newlib did not build: the whole of it is in $out/log" >&2
	exit 1
}
rm -rf "$out/include" "$out/lib"
mv "$out/install/$arch-elf/include" "$out/install/$arch-elf/lib" "$out"
cd "$out" && rm -rf source objects install
touch "$out/done"
