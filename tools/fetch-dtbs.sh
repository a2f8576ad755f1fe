#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# Fetches the device trees of Debian's 32-bit ARM LPAE kernel package: the corpus
# for the device tree reader's host tests, and the unmodified vexpress DTB that
# the system tests boot with.
#
#	tools/fetch-dtbs.sh [FOLDER]		(default build/cache/dtbs)
#
# Does its work through apt, from whatever sources the machine has, with a private
# apt state inside FOLDER: needs no root, adds no architecture, installs nothing.
# Never names a host; never keeps a half-filled folder (FOLDER/.done marks a whole one).
#
# Exit: 0 the .dtb files are in FOLDER; 2 they can't be had here, with the reason.
# The reason is kept in FOLDER/.why, so that tests can say why they skip.
set -u
LC_ALL=C
export LC_ALL

dir=${1:-build/cache/dtbs}
meta=linux-image-armmp-lpae
limit=${FETCH_TIMEOUT:-300}

mkdir -p "$dir" || exit 2
dir=$(cd "$dir" && pwd)
if [ -e "$dir/.done" ]; then
	echo "fetch-dtbs: $(cat "$dir/.done") (cached)"
	exit 0
fi

work=$dir/.apt
trap 'rm -rf "$work"' EXIT
trap 'exit 2' HUP INT TERM

give_up()
{
	echo "fetch-dtbs: $*" >&2
	echo "$*" >"$dir/.why"
	exit 2
}

# apt with its own lists, cache and (empty) package database, for armhf alone
apt_private()
{
	cmd=$1
	shift
	timeout "$limit" "$cmd" -qq \
		-o Dir::State="$work/state" -o Dir::State::status="$work/status" \
		-o Dir::Cache="$work/cache" \
		-o APT::Architecture=armhf -o APT::Architectures=armhf \
		-o APT::Sandbox::User="$(id -un)" -o APT::Get::List-Cleanup=0 \
		-o Acquire::Languages=none "$@" 2>>"$work/log"
}

for tool in apt-get apt-cache dpkg-deb tar timeout; do
	command -v "$tool" >/dev/null || give_up "no $tool on this machine"
done
rm -rf "$work"
mkdir -p "$work/state/lists/partial" "$work/cache/archives/partial" "$work/deb" "$work/dtb" ||
	give_up "can't write to $dir"
: >"$work/status"

# One index that fails (a mirror being updated) does not matter while another has the package.
apt_private apt-get update || updated="; apt-get update: $(tail -n 1 "$work/log")"
package=$(apt_private apt-cache depends --important "$meta" |
	sed -n 's/^ *|*Depends: *\(linux-image-[^ ]*-armmp-lpae\)$/\1/p' | head -n 1)
[ -n "$package" ] || give_up "no package $meta for armhf in this machine's apt sources${updated:-}"
(cd "$work/deb" && apt_private apt-get download "$package") ||
	give_up "can't download $package: $(tail -n 1 "$work/log")"

for deb in "$work"/deb/*.deb; do
	dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$work/dtb" --wildcards '*.dtb' ||
		give_up "can't unpack $package"
done
find "$work/dtb" -name '*.dtb' -exec mv -f {} "$dir/" \;
count=$(find "$dir" -maxdepth 1 -name '*.dtb' | wc -l)
[ "$count" -gt 0 ] || give_up "$package has no .dtb files"
rm -f "$dir/.why"
echo "$count device trees of $package" >"$dir/.done"
echo "fetch-dtbs: $(cat "$dir/.done")"
