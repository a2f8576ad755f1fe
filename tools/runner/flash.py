# SPDX-License-Identifier: BSD-2-Clause
"""The flash that a run starts from: what tools/flashimage.py makes, and then what is to be wrong in it.

Owns: the kinds of damage. Each is one that a board may meet: a bit that flipped, an update that was cut
off, an erased slot, a slot of another version of the format, a header that a wrong builder sealed.
Must never: know what the loader makes of it; the tests say what they expect.
"""

from __future__ import annotations

import pathlib
import struct
import zlib

from flashimage import HEADER, SLOT_AT, SLOT_BYTES, Refused, Slot, device_tree, image, kernel

__all__ = ["DAMAGES", "Refused", "damaged", "drive", "make"]


def _flip(slot: bytearray, at: int) -> None:
    slot[at] ^= 0x10


def _seal(slot: bytearray, **changes: int) -> None:
    """Change fields of the header, and give it the CRC that fits."""
    names = ("magic", "version", "kernel_at", "kernel_bytes", "kernel_crc",
             "dtb_at", "dtb_bytes", "dtb_crc")
    fields = dict(zip(names, HEADER.unpack_from(slot), strict=True)) | changes
    HEADER.pack_into(slot, 0, *fields.values())
    struct.pack_into("<I", slot, HEADER.size, zlib.crc32(slot[:HEADER.size]))


def _part(slot: bytearray, which: int) -> tuple[int, int]:
    """Where kernel (2) or device tree (5) lie in the slot, and how long they are."""
    fields = HEADER.unpack_from(slot)
    return fields[which], fields[which + 1]


def _magic(slot: bytearray) -> None:
    _flip(slot, 1)


def _header(slot: bytearray) -> None:
    _flip(slot, 13)


def _kernel_byte(slot: bytearray) -> None:
    at, length = _part(slot, 2)
    _flip(slot, at + length // 2)


def _dtb_byte(slot: bytearray) -> None:
    at, length = _part(slot, 5)
    _flip(slot, at + length - 1)


def _cut(slot: bytearray) -> None:
    at, length = _part(slot, 2)
    half = at + length // 2
    slot[half:] = b"\xff" * (len(slot) - half)


def _length(slot: bytearray) -> None:
    _seal(slot, kernel_bytes=SLOT_BYTES)


def _version(slot: bytearray) -> None:
    _seal(slot, version=2)


def _erased(slot: bytearray) -> None:
    slot[:] = b"\xff" * len(slot)


DAMAGES = {"magic": _magic, "header": _header, "kernel": _kernel_byte, "dtb": _dtb_byte, "cut": _cut,
           "length": _length, "version": _version, "erased": _erased}


def damaged(slot: bytes, kinds: list[str]) -> bytes:
    """A packed slot with these kinds of damage. Refused if there is no such kind."""
    spoiled = bytearray(slot)
    for kind in kinds:
        if kind not in DAMAGES:
            raise Refused(f"damage {kind!r}: there are {', '.join(DAMAGES)}")
        DAMAGES[kind](spoiled)
    return bytes(spoiled)


def make(out: pathlib.Path, loader: pathlib.Path, zimage: pathlib.Path, dtb: pathlib.Path, ram: str,
         bootargs: str, damage: tuple[str, ...] = ()) -> None:
    """Write a flash whose slots hold the same, but for the damage: "A kernel" and the like."""
    if not loader.is_file():
        raise Refused(f"{loader} does not exist: `make flash-loader` first")
    slot = Slot(kernel(zimage), device_tree(dtb, ram, bootargs)).packed()
    words = [text.split() for text in damage]
    if any(len(word) != 2 or word[0] not in ("A", "B") for word in words):
        raise Refused(f"damage {damage}: a slot, A or B, and a kind")
    slots = (damaged(slot, [kind for where, kind in words if where == letter])
             for letter, _ in zip("AB", SLOT_AT, strict=True))
    out.write_bytes(image(loader.read_bytes(), tuple(slots)))


def drive(path: pathlib.Path) -> list[str]:
    """QEMU's arguments for it."""
    return ["-drive", f"if=pflash,index=0,format=raw,readonly=on,file={path}"]
