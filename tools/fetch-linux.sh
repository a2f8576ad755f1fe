#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# Fetches from Debian's 32-bit ARM LPAE kernel package: the kernel that ours is measured and
# checked beside, and its device trees, the corpus for the device tree reader's host tests, with
# the unmodified vexpress DTB that the system tests boot with. Also what a module for that kernel
# is built with.
#
#	tools/fetch-linux.sh [FOLDER]		*.dtb, vmlinuz-VERSION (default build/cache/dtbs)
#	tools/fetch-linux.sh --headers FOLDER	usr/ as the headers' packages have it, for FOLDER's kernel
#
# Does its work through apt, from whatever sources the machine has, with a private
# apt state inside FOLDER: needs no root, adds no architecture, installs nothing.
# Never names a host; never keeps a half-filled folder (FOLDER/.done marks a whole one).
#
# Exit: 0 the files are in FOLDER; 2 they can't be had here, with the reason.
# The reason is kept in FOLDER/.why, so that tests can say why they skip.
set -u
LC_ALL=C
export LC_ALL

headers=
if [ "${1:-}" = --headers ]; then
	headers=1
	shift
fi
dir=${1:-build/cache/dtbs}
meta=linux-image-armmp-lpae
limit=${FETCH_TIMEOUT:-300}
why=.why
[ -z "$headers" ] || why=.why-headers

mkdir -p "$dir" || exit 2
dir=$(cd "$dir" && pwd)
# One at a time: who comes second finds it done.
exec 9>"$dir/.lock" && flock 9
vmlinuz=$(find "$dir" -maxdepth 1 -name 'vmlinuz-*' | head -n 1)
version=${vmlinuz##*/vmlinuz-}
work=$dir/.apt$headers
trap 'rm -rf "$work"' EXIT
trap 'exit 2' HUP INT TERM

give_up()
{
	echo "fetch-linux: $*" >&2
	echo "$*" >"$dir/$why"
	exit 2
}

# apt with its own lists, cache and (empty) package database, for armhf; tools are the machine's own
apt_private()
{
	cmd=$1
	shift
	timeout "$limit" "$cmd" -qq \
		-o Dir::State="$work/state" -o Dir::State::status="$work/status" \
		-o Dir::Cache="$work/cache" \
		-o APT::Architecture=armhf -o APT::Architectures="$architectures" \
		-o APT::Sandbox::User="$(id -un)" -o APT::Get::List-Cleanup=0 \
		-o Acquire::Languages=none "$@" 2>>"$work/log"
}

# One index that fails (a mirror being updated) does not matter while another has the package.
apt_start()
{
	architectures=$1
	for tool in apt-get apt-cache dpkg dpkg-deb tar timeout; do
		command -v "$tool" >/dev/null || give_up "no $tool on this machine"
	done
	rm -rf "$work"
	mkdir -p "$work/state/lists/partial" "$work/cache/archives/partial" "$work/deb" "$work/new" ||
		give_up "can't write to $dir"
	: >"$work/status"
	updated=
	apt_private apt-get update || echo "apt-get update failed" >>"$work/log"
	[ ! -s "$work/log" ] || updated=" (no network? apt-get update: $(tail -n 1 "$work/log"))"
}

# What package $1 depends on that has a name like $2 (sed's)
depends()
{
	apt_private apt-cache depends --important "$1" |
		sed -n "s/^ *|*Depends: *\($2\)\$/\1/p" | head -n 1
}

download()
{
	(cd "$work/deb" && apt_private apt-get download "$@") ||
		give_up "can't download $*: $(tail -n 1 "$work/log")"
}

fetch_image()
{
	apt_start armhf
	package=$(depends "$meta" 'linux-image-[^ ]*-armmp-lpae')
	[ -n "$package" ] || give_up "no package $meta for armhf in this machine's apt sources$updated"
	download "$package"
	for deb in "$work"/deb/*.deb; do
		dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$work/new" --wildcards '*.dtb' './boot/vmlinuz-*' ||
			give_up "can't unpack $package"
	done
	count=$(find "$work/new" -name '*.dtb' | wc -l)
	[ "$count" -gt 0 ] || give_up "$package has no .dtb files"
	rm -f "$dir"/vmlinuz-*
	find "$work/new" \( -name '*.dtb' -o -name 'vmlinuz-*' \) -exec mv -f {} "$dir/" \;
	rm -f "$dir/.why"
	echo "$count device trees and the kernel of $package" >"$dir/.done"
}

fetch_headers()
{
	[ -n "$version" ] || give_up "there is no kernel in $dir: fetch that first"
	apt_start "armhf,$(dpkg --print-architecture)"
	package=linux-headers-$version
	common=$(depends "$package" 'linux-headers-[^ ]*')
	kbuild=$(depends "$package" 'linux-kbuild-[^ ]*')
	[ -n "$common" ] && [ -n "$kbuild" ] ||
		give_up "no package $package in this machine's apt sources$updated; a newer kernel" \
			"is fetched if $dir is removed"
	download "$package" "$common" "$kbuild:$(dpkg --print-architecture)"
	for deb in "$work"/deb/*.deb; do
		dpkg-deb -x "$deb" "$work/new" || give_up "can't unpack $package"
	done
	rm -rf "$dir/usr" "$dir/$why"
	mv "$work/new/usr" "$dir/usr"
	echo "$package" >"$dir/.done-headers"
}

if [ -n "$headers" ]; then
	[ "$(cat "$dir/.done-headers" 2>/dev/null)" = "linux-headers-$version" ] || fetch_headers
	echo "fetch-linux: $(cat "$dir/.done-headers")"
elif [ -e "$dir/.done" ] && [ -n "$version" ]; then
	echo "fetch-linux: $(cat "$dir/.done") (cached)"
else
	rm -f "$dir/.done" "$dir/.done-headers"
	fetch_image
	echo "fetch-linux: $(cat "$dir/.done")"
fi
