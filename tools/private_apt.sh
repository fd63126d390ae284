# SPDX-License-Identifier: BSD-2-Clause
# apt in a folder of its own, with the sources of this machine: nothing is installed or changed outside of it, and
# nobody need be root. For scripts that include this:
#
#   private_apt FOLDER deb|deb-src [ARCHITECTURE]     reads the lists of packages, or of their sources, also of another
#                                                     of Debian's architectures; from then on apt-get means that folder
#
# Files are downloaded into the current folder, which may be FOLDER/archives; what apt says is added to FOLDER/log.

private_apt() {
	mkdir -p "$1/lists/partial" "$1/archives/partial" "$1/sources"
	apt_folder=$(cd "$1" && pwd)
	: >"$apt_folder/status"
	# As they are, but for what is fetched from them: packages or sources.
	for list in /etc/apt/sources.list /etc/apt/sources.list.d/*; do
		[ -f "$list" ] || continue
		case $list in
		*.list) sed -n "s/^[[:blank:]]*deb[[:blank:]]/$2 /p" "$list" ;;
		*.sources) sed "s/^Types:.*/Types: $2/" "$list" ;;
		esac >"$apt_folder/sources/$(basename "$list")"
	done
	apt_architectures="\"$(dpkg --print-architecture)\";${3:+ \"$3\";}"
	cat >"$apt_folder/apt.conf" <<END
Dir::State "$apt_folder";
Dir::State::lists "$apt_folder/lists";
Dir::State::status "$apt_folder/status";
Dir::Cache "$apt_folder";
Dir::Cache::archives "$apt_folder/archives";
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "$apt_folder/sources";
APT::Architectures { $apt_architectures };
Acquire::Languages "none";
END
	export APT_CONFIG="$apt_folder/apt.conf"
	apt-get update -q >"$apt_folder/log" 2>&1 </dev/null
}
