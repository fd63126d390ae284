#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Fetches Debian's cloud kernel for an architecture and makes an initial file system with our /init and the
# modules that a virtio disk needs. Nothing is installed: apt works in a folder of its own, from the sources
# of this machine, with the other architecture beside this one's.
#
#   bench/linux/fetch.sh x86_64|aarch64 FOLDER INIT      FOLDER gets vmlinuz and initrd
set -eu
case $1 in x86_64) debian=amd64 ;; aarch64) debian=arm64 ;; *) exit 2 ;; esac
folder=$2 init=$3
here=$(dirname "$0")
mkdir -p "$folder/apt/lists/partial" "$folder/apt/archives/partial" "$folder/unpacked"
folder=$(cd "$folder" && pwd)
: >"$folder/apt/status"
cat >"$folder/apt/apt.conf" <<END
Dir::State "$folder/apt";
Dir::State::lists "$folder/apt/lists";
Dir::State::status "$folder/apt/status";
Dir::Cache "$folder/apt";
Dir::Cache::archives "$folder/apt/archives";
APT::Architectures { "$(dpkg --print-architecture)"; "$debian"; };
Acquire::Languages "none";
END
export APT_CONFIG="$folder/apt/apt.conf"
apt-get update -q >"$folder/apt/log" 2>&1 || { cat "$folder/apt/log" >&2; exit 1; }
package=$(apt-cache depends "linux-image-cloud-$debian:$debian" |
	sed -n 's/^ *Depends: \(linux-image-[0-9][^: ]*\).*/\1/p' | head -1)
[ -n "$package" ] || { echo "no package linux-image-cloud-$debian: do the sources of apt name its architecture?" >&2; exit 1; }
cd "$folder/apt/archives"
apt-get download -q "$package:$debian" >>"$folder/apt/log" 2>&1 || { cat "$folder/apt/log" >&2; exit 1; }
cd - >/dev/null
dpkg-deb -x "$folder/apt/archives/$package"_*.deb "$folder/unpacked"
"$here/initrd.py" "$folder/unpacked" "$init" "$folder/initrd"
cp "$folder"/unpacked/boot/vmlinuz-* "$folder/vmlinuz"
rm -rf "$folder/unpacked" "$folder/apt"
echo "bench: $package is in $folder"
