#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Makes the disks that the tests read, the same to the last byte on every run:
#
#   test-images/make.sh DIRECTORY
#
#   pattern.raw   64 MiB in which every sector tells its own number (pattern.py)
#   pattern.qcow2 the same, as qcow2
#   gpt.raw       48 MiB, a GPT with a FAT16 (16 MiB) and an ext4 (24 MiB) partition, a few files in each
#
# No root, no loop device: each partition is made as a file of its own and copied to its place.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
out=$(cd "$1" && pwd)
PATH=$PATH:/usr/sbin:/sbin
export TZ=UTC LC_ALL=C
# The one time that everything happens at: 2020-01-01.
now=1577836800
export SOURCE_DATE_EPOCH=$now E2FSPROGS_FAKE_TIME=$now MTOOLS_SKIP_CHECK=1

work=$(mktemp -d "$out/work.XXXXXX")
trap 'rm -rf "$work"' EXIT

# ---- The pattern ------------------------------------------------------------
"$here/pattern.py" "$work/pattern.raw" $((64 << 20))
qemu-img convert -f raw -O qcow2 "$work/pattern.raw" "$work/pattern.qcow2"

# ---- The files in the file systems ------------------------------------------
mkdir -p "$work/files/folder"
echo "Ringlet reads this." >"$work/files/readme.txt"
"$here/pattern.py" "$work/files/folder/pattern.bin" 1000000
find "$work/files" -exec touch -h -d "@$now" {} +

# ---- FAT16 ------------------------------------------------------------------
truncate -s 16M "$work/fat"
mkfs.vfat --invariant -F 16 -n RINGLET "$work/fat" >/dev/null
mcopy -s -m -i "$work/fat" "$work/files/readme.txt" "$work/files/folder" ::

# ---- ext4 -------------------------------------------------------------------
truncate -s 24M "$work/ext4"
mkfs.ext4 -q -L ringlet -U 52494e47-4c45-5400-8000-000000000002 \
	-E hash_seed=52494e47-4c45-5400-8000-000000000003,root_owner=0:0,lazy_itable_init=0 "$work/ext4"
# Not by mkfs.ext4 -d, which takes the files in the order of the folder that they lie in, with their
# owner and the time at which this script ran.
{
	echo "mkdir /folder"
	echo "write $work/files/readme.txt /readme.txt"
	echo "write $work/files/folder/pattern.bin /folder/pattern.bin"
	for file in /folder /readme.txt /folder/pattern.bin; do
		for field in ctime atime mtime crtime; do
			echo "set_inode_field $file $field @$now"
			echo "set_inode_field $file ${field}_extra 0"
		done
		echo "set_inode_field $file uid 0"
		echo "set_inode_field $file gid 0"
	done
	echo "set_inode_field /folder mode 040755"
	echo "set_inode_field /readme.txt mode 0100644"
	echo "set_inode_field /folder/pattern.bin mode 0100644"
} | debugfs -w -f - "$work/ext4" >"$work/log" 2>&1

# ---- The disk: 1 MiB, FAT, 1 MiB, ext4 --------------------------------------
truncate -s 48M "$work/gpt.raw"
sfdisk --quiet "$work/gpt.raw" <<-END
	label: gpt
	label-id: 52494e47-4c45-5400-8000-000000000000
	first-lba: 2048
	start=2048, size=32768, type=EBD0A0A2-B9E5-4433-87C0-68B6B72699C7, uuid=52494e47-4c45-5400-8000-000000000001, name=fat
	start=36864, size=49152, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4, uuid=52494e47-4c45-5400-8000-000000000002, name=ext4
END
dd if="$work/fat" of="$work/gpt.raw" bs=1M seek=1 conv=notrunc status=none
dd if="$work/ext4" of="$work/gpt.raw" bs=1M seek=18 conv=notrunc status=none

# Each appears under its name only when it is whole.
mv "$work/pattern.raw" "$work/pattern.qcow2" "$work/gpt.raw" "$out"
