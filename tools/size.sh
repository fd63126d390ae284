#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Prints the size of stripped images against their limits, and what each layer has of code:
#
#   tools/size.sh MAKE        (make size)
#
# A stripped image is the ELF file without debug information and symbols on x86_64, the Image on
# aarch64: what a loader is given. README.md shows this table, and is told where it is off by more than a hundredth.
set -eu
make=$1
out=${O:-build}

row() { printf '%-8s %-36s %8s %8s  %s\n' "$@"; }
# The web server, where there is the source of a TCP/IP stack.
images="disksum hello"
[ ! -e "$out/lwip/fetched.mk" ] || images="$images httpd"
row arch programs bytes limit ""
for arch in x86_64 aarch64; do
	for image in $images; do
		[ "$image" = httpd ] && drivers="blk net rng" || drivers=blk
		"$make" --no-print-directory -s ARCH="$arch" APPS="$image" DRIVERS="$drivers" IMAGE="size-$image" \
			"$out/$arch/size-$image.elf" >/dev/null
	done
	"$make" --no-print-directory -s ARCH="$arch" all >/dev/null
	for name in $(printf 'size-%s ' $images) ringlet; do
		case $name in
		size-disksum) limit=98304 what="APPS=disksum DRIVERS=blk" ;;
		size-hello) limit=163840 what="APPS=hello DRIVERS=blk" ;;
		size-httpd) limit=409600 what="APPS=httpd DRIVERS='blk net rng'" ;;
		ringlet) limit='' what="all of them" ;;
		esac
		elf=$out/$arch/$name.elf stripped=$out/$arch/$name.stripped
		if [ "$arch" = aarch64 ]; then
			"$arch-linux-gnu-objcopy" -O binary "$elf" "$stripped"
		else
			"$arch-linux-gnu-strip" -o "$stripped" "$elf"
		fi
		bytes=$(wc -c <"$stripped")
		case $limit in
		"") verdict= ;;
		*) if [ "$bytes" -le "$limit" ]; then verdict=within; else verdict="TOO LARGE"; fi ;;
		esac
		said=$(sed -n "s/^$arch  *$what  *\([0-9][0-9]*\) .*/\1/p" README.md)
		[ $(((bytes - said) * 100 / bytes)) -eq 0 ] || verdict="$verdict (README.md: $said)"
		row "$arch" "$what" "$bytes" "$limit" "$verdict"
	done
done

echo
printf '%-8s %-28s %8s %8s\n' arch layer text data
for arch in x86_64 aarch64; do
	for layer in lib drivers/pci drivers/virtio kernel "arch/$arch" "boot/$arch" apps; do
		find "$out/$arch/$layer" -name '*.o' | grep -v "^$out/$arch/apps/[a-z]*\.o$" |
			xargs "$arch-linux-gnu-size" | awk -v arch="$arch" -v layer="$layer" \
			'NR > 1 { text += $1; data += $2 + $3 }
			END { printf "%-8s %-28s %8d %8d\n", arch, layer, text, data }'
	done
done
