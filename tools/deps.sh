#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Installs what Fanlight needs, Debian and Ubuntu packages by name; does nothing when
# nothing is missing. NO_INSTALL=1 only checks. Asks before sudo on a terminal; prints
# the list where it cannot install. The only place that installs anything.
#
#	tools/deps.sh		all
#	tools/deps.sh run	without what only `make test` needs
#	tools/deps.sh linux	and with what `make bench-linux` builds programs for Linux with
set -euo pipefail

packages=(
	binutils-arm-none-eabi gcc-arm-none-eabi	# the kernel
	device-tree-compiler				# boards' device trees
	qemu-system-arm					# holds qemu-system-aarch64 too
	u-boot-tools					# uImage, FIT, boot script
	u-boot-qemu fdisk dosfstools mtools e2fsprogs	# disks, and a U-Boot that boots from them
	gcc libc6-dev libfdt-dev zlib1g-dev	# host tests, under ASan; the libraries are their oracles
	python3 python3-pexpect python3-pytest		# the harness
	python3-serial python3-yaml			# make test-board, make load; make lava
	python3-pyelftools				# the page-table verifier reads the kernel's own data
	clang-format					# make check
	cpio						# the initrd of the Linux beside us
	gdb-multiarch					# make gdb, and registers for the table reader
)

# labgrid brings 60 more; lava-common has LAVA's schema of jobs; clang is the kernel's second
# compiler, and libclang-rt-dev its sanitizers and libFuzzer.
test_packages=(python3-labgrid lava-common clang libclang-rt-dev)
linux_packages=(gcc-arm-linux-gnueabihf libc6-dev-armhf-cross)
case ${1:-} in
run) ;;
linux) packages+=("${linux_packages[@]}") ;;
*) packages+=("${test_packages[@]}") ;;
esac

have_dpkg() { command -v dpkg-query >/dev/null; }

missing=()
for p in "${packages[@]}"; do
	if ! have_dpkg || ! dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null | grep -qx installed; then
		missing+=("$p")
	fi
done
[ ${#missing[@]} -eq 0 ] && exit 0

echo "missing packages: ${missing[*]}"
cannot() {
	echo "deps: $1; please install: ${missing[*]}" >&2
	exit 1
}
[ "${NO_INSTALL:-0}" = 0 ] || cannot "NO_INSTALL is set"
have_dpkg && command -v apt-get >/dev/null || cannot "this is neither Debian nor Ubuntu"

as_root=()
if [ "$(id -u)" -ne 0 ]; then
	command -v sudo >/dev/null || cannot "not root, and there is no sudo"
	[ -t 0 ] || cannot "not root, and nobody to ask"
	read -r -p "Install them with sudo apt-get? [y/N] " answer
	[[ $answer == [yY]* ]] || cannot "not installed"
	as_root=(sudo)
fi
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get -qq update
"${as_root[@]}" apt-get -qq install -y --no-install-recommends "${missing[@]}"
