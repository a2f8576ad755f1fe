#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Makes the NOR flash of vexpress-a15: the loader, and two slots with a kernel and a device tree each.

    tools/flashimage.py --loader FILE --kernel FILE --dtb FILE [--kernel-b FILE] [--dtb-b FILE]
                        [--ram SIZE] [--append ARGS] --output FILE

It only makes a file; the same bytes each time. Whatever cannot be booted is refused by name, and the
file is then as it was before. Exit status: 0, or 1 if something was refused.

Owns: the layout that boards/vexpress-a15/flash/slot.h describes, and what goes into the slots' device
trees: how much RAM there is, for from reset nobody else says so, and the boot arguments.
Must never: write to a device, or leave half an image behind.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import pathlib
import re
import struct
import subprocess
import sys
import tempfile
import zlib

FLASH_BYTES = 64 << 20
BLOCK_BYTES = 256 << 10  # what is erased at once: the loader has one
SLOT_BYTES = 16 << 20
SLOT_AT = (SLOT_BYTES, 2 * SLOT_BYTES)
ERASED = b"\xff"
MAGIC, VERSION = 0x534c4746, 1
HEADER = struct.Struct("<8I")  # magic, version, kernel: at, bytes, CRC; device tree: at, bytes, CRC
KERNEL_IN_SLOT = 4096  # from the start of the slot; the device tree in the next page behind it

RAM_BASE = 0x80000000
RAM_LEAST, RAM_MOST = 256 << 20, (1 << 40) - RAM_BASE
KERNEL_ROOM = 0x08000000 - 0x00010000  # from where the kernel is put to where the device tree is
ZIMAGE_MAGIC, DTB_MAGIC = 0x016f2818, 0xd00dfeed


class Refused(Exception):
    """What was given cannot be booted, or does not fit."""


@dataclasses.dataclass(frozen=True)
class Slot:
    """What one slot is to hold."""

    kernel: bytes
    dtb: bytes

    def packed(self, version: int = VERSION) -> bytes:
        """The slot as it lies in flash, as far as it is used."""
        dtb_at = -(-(KERNEL_IN_SLOT + len(self.kernel)) // 4096) * 4096
        if dtb_at + len(self.dtb) > SLOT_BYTES:
            raise Refused(f"kernel, {len(self.kernel)} bytes, and device tree, {len(self.dtb)} "
                          f"bytes, are larger than a slot of {SLOT_BYTES}")
        fields = HEADER.pack(MAGIC, version, KERNEL_IN_SLOT, len(self.kernel),
                             zlib.crc32(self.kernel), dtb_at, len(self.dtb), zlib.crc32(self.dtb))
        header = fields + struct.pack("<I", zlib.crc32(fields))
        return (header.ljust(KERNEL_IN_SLOT, ERASED) + self.kernel).ljust(dtb_at, ERASED) + self.dtb


def image(loader: bytes, slots: tuple[bytes, ...]) -> bytes:
    """The whole flash from a loader and packed slots."""
    if not 32 <= len(loader) <= BLOCK_BYTES:
        raise Refused(f"the loader has {len(loader)} bytes: it is to fit the first block, "
                      f"{BLOCK_BYTES}")
    whole = bytearray(ERASED * FLASH_BYTES)
    for at, part in ((0, loader), *zip(SLOT_AT, slots, strict=True)):
        whole[at:at + len(part)] = part
    return bytes(whole)


def _read(path: pathlib.Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Refused(f"{path}: {error.strerror}") from error


def kernel(path: pathlib.Path) -> bytes:
    """A zImage that is all there. Refused."""
    data = _read(path)
    if len(data) < 0x30 or struct.unpack_from("<I", data, 0x24)[0] != ZIMAGE_MAGIC:
        raise Refused(f"{path}: not a zImage: its magic is not at 0x24")
    start, end = struct.unpack_from("<2I", data, 0x28)
    if end <= start or end - start > len(data):
        raise Refused(f"{path}: its header says {end - start} bytes, and there are {len(data)}: "
                      "it has been cut or damaged")
    if len(data) > KERNEL_ROOM:
        raise Refused(f"{path}: {len(data)} bytes: would lie over the device tree in RAM")
    return data


def _call(*argv: str) -> subprocess.CompletedProcess:
    try:
        return subprocess.run(argv, capture_output=True, text=True, check=False)
    except OSError as error:
        raise Refused(f"{argv[0]}: {error.strerror} (try `make deps`)") from error


def parse_size(text: str) -> int:
    """Bytes in "2G" or "512M"."""
    m = re.fullmatch(r"([0-9]+)([MG])", text)
    if not m:
        raise Refused(f"RAM of {text!r}: a number with M or G, as in 2G")
    return int(m.group(1)) << {"M": 20, "G": 30}[m.group(2)]


def _put_ram(path: str, ram: int) -> None:
    """The memory node of our own tree; two cells for the address, two for the size."""
    if not RAM_LEAST <= ram <= RAM_MOST:
        raise Refused(f"RAM of {ram >> 20} MiB: from {RAM_LEAST >> 20} to {RAM_MOST >> 20}")
    node = f"/memory@{RAM_BASE:x}"
    if len(_call("fdtget", "-t", "x", path, node, "reg").stdout.split()) != 4:
        raise Refused(f"the device tree has no {node} of one bank: nowhere to say how much RAM")
    cells = [f"{word:x}" for word in (RAM_BASE >> 32, RAM_BASE & 0xffffffff,
                                      ram >> 32, ram & 0xffffffff)]
    done = _call("fdtput", "-t", "x", path, node, "reg", *cells)
    if done.returncode:
        raise Refused(f"fdtput: {done.stderr.strip()}")


def device_tree(path: pathlib.Path, ram: str = "", append: str = "") -> bytes:
    """This board's tree, with its RAM and boot arguments. Refused."""
    data = _read(path)
    magic, total = struct.unpack_from(">2I", data.ljust(8, b"\0"))
    if magic != DTB_MAGIC:
        raise Refused(f"{path}: not a device tree: it begins with {magic:08x}")
    if total > len(data):
        raise Refused(f"{path}: a device tree of {total} bytes, and there are {len(data)}: it has "
                      "been cut")
    compatible = _call("fdtget", "-t", "s", str(path), "/", "compatible")
    if compatible.returncode:
        raise Refused(f"{path}: a damaged device tree: {compatible.stderr.strip()}")
    if "arm,vexpress" not in compatible.stdout.split():
        raise Refused(f"{path}: another board's device tree: {compatible.stdout.strip()}")
    with tempfile.NamedTemporaryFile(suffix=".dtb") as copy:
        copy.write(data)
        copy.flush()
        if ram:
            _put_ram(copy.name, parse_size(ram))
        if append:
            done = _call("fdtput", "-p", "-t", "s", copy.name, "/chosen", "bootargs", append)
            if done.returncode:
                raise Refused(f"fdtput: {done.stderr.strip()}")
        return pathlib.Path(copy.name).read_bytes()


def write(path: pathlib.Path, data: bytes) -> None:
    """All of it, or the file stays as it was. Refused."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise Refused(f"{path}: {error.strerror}") from error


def main(argv: list[str]) -> int:
    """Make one image; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("loader", "kernel", "dtb", "output"):
        parser.add_argument(f"--{name}", type=pathlib.Path, required=True)
    parser.add_argument("--kernel-b", type=pathlib.Path, help="slot B's, if it is another one")
    parser.add_argument("--dtb-b", type=pathlib.Path, help="likewise")
    parser.add_argument("--ram", default="", help="how much there is: 2G; else as the tree says")
    parser.add_argument("--append", default="", help="boot arguments; else the tree's")
    given = parser.parse_args(argv)
    try:
        slots = tuple(Slot(kernel(k), device_tree(d, given.ram, given.append))
                      for k, d in ((given.kernel, given.dtb),
                                   (given.kernel_b or given.kernel, given.dtb_b or given.dtb)))
        data = image(_read(given.loader), tuple(slot.packed() for slot in slots))
        write(given.output, data)
    except Refused as why:
        print(f"flashimage: {why}", file=sys.stderr)
        return 1
    for letter, slot in zip("AB", slots, strict=True):
        print(f"  {given.output}: slot {letter}: kernel {len(slot.kernel)} bytes, device tree "
              f"{len(slot.dtb)} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
