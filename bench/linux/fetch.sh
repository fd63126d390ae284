#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Fetches Debian's cloud kernel for an architecture, and its modules. Nothing is installed: see
# tools/private_apt.sh.
#
#   bench/linux/fetch.sh x86_64|aarch64 FOLDER      FOLDER gets vmlinuz, and modules
set -eu
case $1 in x86_64) debian=amd64 ;; aarch64) debian=arm64 ;; *) exit 2 ;; esac
folder=$2
here=$(dirname "$0")
. "$here/../../tools/private_apt.sh"
mkdir -p "$folder/unpacked"
folder=$(cd "$folder" && pwd)
private_apt "$folder/apt" deb "$debian" || { cat "$folder/apt/log" >&2; exit 1; }
package=$(apt-cache depends "linux-image-cloud-$debian:$debian" |
	sed -n 's/^ *Depends: \(linux-image-[0-9][^: ]*\).*/\1/p' | head -1)
[ -n "$package" ] || { echo "no package linux-image-cloud-$debian: do the sources of apt name its architecture?" >&2; exit 1; }
cd "$folder/apt/archives"
apt-get download -q "$package:$debian" >>"$folder/apt/log" 2>&1 || { cat "$folder/apt/log" >&2; exit 1; }
cd - >/dev/null
dpkg-deb -x "$folder/apt/archives/$package"_*.deb "$folder/unpacked"
rm -rf "$folder/modules"
mv "$folder"/unpacked/lib/modules/* "$folder/modules"
cp "$folder"/unpacked/boot/vmlinuz-* "$folder/vmlinuz"
rm -rf "$folder/unpacked" "$folder/apt"
echo "bench: $package is in $folder"
