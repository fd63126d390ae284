#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Fetches lwIP, the TCP/IP stack, as Debian's source package, and unpacks it with Debian's patches:
#
#   tools/lwip.sh FOLDER      FOLDER gets source/ and, last of all, fetched.mk
#
# apt checks what it downloads against the signed lists. Where that cannot be done, one line says so, and what would
# help: all but the network programs builds without. With what is there already it does nothing.
set -eu
folder=$1
[ ! -e "$folder/fetched.mk" ] || exit 0
. "$(dirname "$0")/private_apt.sh"
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
exec 9>"$folder/lock"
flock 9
[ ! -e "$folder/fetched.mk" ] || exit 0

leave_out() {
	echo "lwip: $1, so the network programs are left out; $2, then make deps tries again" >&2
	exit 0
}

for tool in apt-get dpkg tar xz patch; do
	command -v $tool >/dev/null || leave_out "there is no $tool" "install it"
done
rm -rf "$folder/apt" "$folder/source"
echo "  FETCH    $folder (lwIP's source, once)"
# Some source of apt's may have no sources, or be away: what counts is whether one has lwip.
private_apt "$folder/apt" deb-src || :
cd "$folder/apt/archives"
apt-get source -q --download-only lwip >>"$folder/apt/log" 2>&1 </dev/null ||
	leave_out "its source package could not be fetched ($folder/apt/log)" \
		"have a Debian mirror in /etc/apt that can be reached"
mkdir "$folder/source"
tar -xf lwip_*.orig.tar.* -C "$folder/source" --strip-components=1
tar -xf lwip_*.debian.tar.* -C "$folder/source"
cd "$folder/source"
sed 's/[[:blank:]]*#.*//; /^$/d' debian/patches/series | while read -r name; do
	patch -s -p1 <"debian/patches/$name"
done
rm -rf "$folder/apt"
echo "# lwIP is here: kernel/net/net.mk" >"$folder/fetched.mk"
