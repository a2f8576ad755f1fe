# SPDX-License-Identifier: BSD-2-Clause
"""The late part of the image: what tools/pack.py packed, and what the kernel says of a damaged one."""

import struct
import subprocess
import sys
import zlib

import pytest

from runner.qemu import Guest
from runner.table import ROOT

PATIENCE = 60.0
LATE_TEXT = 0xffd00000      # where it runs
TOOL = ROOT / "tools" / "pack.py"


def relative_calls(text, address):
    """Each BL's distance, from where it leads to: what tools/pack.py did, backwards."""
    out, at = bytearray(text), 0
    while at + 4 <= len(out):
        high, low = struct.unpack_from("<HH", out, at)
        if high >> 11 == 0b11110 and low >> 11 == 0b11111:
            callee = (high % 2048 * 2048 + low % 2048) * 2
            distance = (callee - (address + at + 4)) // 2 % (1 << 22)
            struct.pack_into("<HH", out, at, 0xf000 + distance // 2048, 0xf800 + distance % 2048)
            at += 2
        at += 2
    return bytes(out)


def section(elf, name):
    """Where it is in the file, and its length."""
    said = subprocess.run(["arm-none-eabi-objdump", "-h", "-w", str(elf)], capture_output=True,
                          text=True, check=True).stdout
    word = next(line.split() for line in said.splitlines() if f" {name} " in line)
    return int(word[5], 16), int(word[2], 16)


def test_late_sections_are_what_is_packed(builds):
    elf = builds.image("release").with_name("fanlight")
    image = elf.read_bytes()
    at, room = section(elf, ".packed")
    length, crc = struct.unpack_from("<II", image, at)
    plain = zlib.decompress(image[at + 8:at + 8 + length], -zlib.MAX_WBITS)
    assert zlib.crc32(plain) == crc
    (text_at, text_size), (rodata_at, rodata_size) = (section(elf, name) for name in
                                                      (".late.text", ".late.rodata"))
    assert plain[text_size:] == image[rodata_at:rodata_at + rodata_size]
    assert plain[:text_size] != image[text_at:text_at + text_size]
    assert relative_calls(plain[:text_size], LATE_TEXT) == image[text_at:text_at + text_size]
    assert image[at:at + room] in builds.image("release").read_bytes()
    assert not any(image[at + 8 + length:at + room])


def test_too_little_room_is_an_error(builds, tmp_path):
    first = builds.image("release").with_name("obj") / "fanlight.first"
    done = subprocess.run([sys.executable, TOOL, first, "-o", tmp_path / "out"],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "do not fit into .packed" in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("where", ["length", "crc", "stream-start", "stream-middle"])
@pytest.mark.parametrize("action", ["poweroff", "monitor"])
def test_damage_is_a_panic(where, action, builds, tmp_path):
    """And panic=monitor does not call the monitor, which is in the damaged part."""
    elf = builds.image("release").with_name("fanlight")
    at, room = section(elf, ".packed")
    start, _ = section(elf, ".text")
    image = bytearray(builds.image("release").read_bytes())
    image[at - start + {"length": 1, "crc": 4, "stream-start": 8,
                        "stream-middle": room // 2}[where]] ^= 0x41
    (tmp_path / "damaged").write_bytes(image)
    command = ["qemu-system-aarch64", "-M", "vexpress-a15", "-m", "256M", "-display", "none",
               "-no-reboot", "-kernel", str(tmp_path / "damaged"), "-dtb",
               str(builds.image("release").with_name("vexpress-a15.dtb")),
               "-append", f"panic={action}"]
    with Guest(command, tmp_path / "qemu.err") as guest:
        guest.start()
        guest.serial.expect_exact(b'@panic {"rule":"","text":"the image is damaged: its late part'
                                  b' cannot be unpacked"}\r\n', timeout=PATIENCE)
        end = b"poweroff" if action == "poweroff" else b"halt"
        guest.serial.expect_exact(b"# panic: " + end + b"\r\n", timeout=PATIENCE)
