#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Packs the late part of the linked kernel, for the section .packed that mm/image_late.c reads.

    pack.py --bytes ELF             prints how much room it needs, from a first link
    pack.py ELF -o PACKED           copies the second link's, with .packed filled in

Between the two links addresses move, and with them the bytes that are packed, a little: the room is
a bit more than was needed, and rounded up to a page by the linker. Too little is an error.

The format: bytes of the stream and CRC-32 of what it unpacks to, 32 bits each, then the stream, in
DEFLATE (RFC 1951) without a header; zeros up to the section's end.

Before it is packed, the distance in each call of the text becomes the callee's address: calls of one
function look alike then, and the stream is a twelfth shorter. calls_are_relative() in
arch/arm/thumb.c is the way back.
"""

import argparse
import array
import pathlib
import struct
import subprocess
import sys
import zlib

TEXT, CONSTANTS = ".late.text", ".late.rodata"
HEADER = struct.Struct("<II")
SPARE = 256             # bytes that a stream may grow by from one link to the next


def run(*argv):
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"pack: {' '.join(argv)}: {done.stderr.strip()}")
    return done.stdout


def absolute_calls(text, address):
    """The text with each BL's distance (ARM DDI 0406C, A8.8.25, T1) replaced by where it leads to.

    Only its 22 low bits, in half-words; those above, which say that it is a BL, stay.
    """
    halves = array.array("H", text)
    at = 0
    while at + 1 < len(halves):
        if halves[at] & 0xf800 == 0xf000 and halves[at + 1] & 0xf800 == 0xf800:
            distance = (halves[at] & 0x7ff) << 11 | halves[at + 1] & 0x7ff
            to = distance + address // 2 + at + 2
            halves[at] = 0xf000 | to >> 11 & 0x7ff
            halves[at + 1] = 0xf800 | to & 0x7ff
            at += 1
        at += 1
    return halves.tobytes()


def packed(data):
    stream = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS, 9)
    body = stream.compress(data) + stream.flush()
    return HEADER.pack(len(body), zlib.crc32(data)) + body


def section(cross, elf, name):
    """Its address, where it is in the file, and its length."""
    for line in run(cross + "objdump", "-h", "-w", elf).splitlines():
        word = line.split()
        if len(word) > 5 and word[1] == name:
            return int(word[3], 16), int(word[5], 16), int(word[2], 16)
    sys.exit(f"pack: {elf} has no section {name}")


def late_bytes(cross, elf):
    """Both sections as they lie in memory, one behind the other, whole pages; calls absolute."""
    image = pathlib.Path(elf).read_bytes()
    address, start, size = section(cross, elf, TEXT)
    _, start2, size2 = section(cross, elf, CONSTANTS)
    return absolute_calls(image[start:start + size], address) + image[start2:start2 + size2]


def filled(cross, elf, content):
    _, start, room = section(cross, elf, ".packed")
    if len(content) > room:
        sys.exit(f"pack: {len(content)} bytes do not fit into .packed, which has {room}")
    image = pathlib.Path(elf).read_bytes()
    return image[:start] + content + bytes(room - len(content)) + image[start + room:]


def main():
    parser = argparse.ArgumentParser(description="packs the late part of a linked kernel")
    parser.add_argument("elf")
    parser.add_argument("--cross", default="arm-none-eabi-", help="prefix of the binutils")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--bytes", action="store_true", help="print the room that it needs")
    what.add_argument("-o", "--output", help="write the copy")
    args = parser.parse_args()

    content = packed(late_bytes(args.cross, args.elf))
    if args.bytes:
        print(len(content) + SPARE)
        return
    output = pathlib.Path(args.output)
    output.write_bytes(filled(args.cross, args.elf, content))
    output.chmod(0o755)


if __name__ == "__main__":
    main()
