# SPDX-License-Identifier: BSD-2-Clause
"""tools/flashimage.py: the same bytes each time, what slot.h says, and nothing that cannot be booted.

What the loader makes of it is shown by tests/system/test_flash.py.
"""

import pathlib
import struct
import subprocess
import sys
import zlib

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOL = ROOT / "tools" / "flashimage.py"
SLOT = 16 << 20


def zimage(size, end=None):
    """What has the header of one."""
    head = bytes(0x24) + struct.pack("<3I", 0x016f2818, 0, size if end is None else end)
    return head + bytes(i % 251 for i in range(size - len(head)))


@pytest.fixture(name="parts")
def fixture_parts(tmp_path):
    """A loader, a kernel, the board's tree, and another board's."""
    (tmp_path / "loader").write_bytes(bytes(range(256)))
    (tmp_path / "kernel").write_bytes(zimage(5000))
    for name, source in (("dtb", "vexpress-a15/vexpress-a15.dts"), ("other", "midway/midway.dts")):
        subprocess.run(["dtc", "-q", "-O", "dtb", "-o", tmp_path / name, ROOT / "boards" / source],
                       check=True)
    return tmp_path


def build(parts, *extra, **changed):
    """Runs the tool; keywords name other files for its inputs."""
    files = {"loader": "loader", "kernel": "kernel", "dtb": "dtb", "output": "img"} | changed
    argv = [word for name, file in files.items() for word in (f"--{name}", str(parts / file))]
    return subprocess.run([sys.executable, TOOL, *argv, *extra], capture_output=True, text=True,
                          check=False)


def made(parts, *extra, **changed):
    """The image's bytes, and gone it is."""
    done = build(parts, *extra, **changed)
    assert done.returncode == 0, done.stderr
    data = (parts / "img").read_bytes()
    (parts / "img").unlink()
    return data


def test_layout_is_what_slot_h_says(parts):
    data = made(parts, "--ram", "3G", "--append", "selftest panic=halt")
    assert len(data) == 64 << 20
    assert data[:256] == bytes(range(256))
    assert data[256:SLOT] == b"\xff" * (SLOT - 256)
    for base in (SLOT, 2 * SLOT):
        magic, version, kernel_at, kernel_bytes, kernel_crc, dtb_at, dtb_bytes, dtb_crc, crc = \
            struct.unpack_from("<9I", data, base)
        kernel = data[base + kernel_at:][:kernel_bytes]
        dtb = data[base + dtb_at:][:dtb_bytes]
        assert (magic, version) == (0x534c4746, 1)
        assert crc == zlib.crc32(data[base:base + 32])
        assert (kernel, kernel_crc) == (zimage(5000), zlib.crc32(kernel))
        assert dtb_crc == zlib.crc32(dtb)
        (parts / "out").write_bytes(dtb)
        for node, prop, kind, value in (("/memory@80000000", "reg", "x", "0 80000000 0 c0000000"),
                                        ("/chosen", "bootargs", "s", "selftest panic=halt")):
            assert subprocess.run(["fdtget", "-t", kind, parts / "out", node, prop], check=True,
                                  capture_output=True, text=True).stdout.strip() == value
    assert data[3 * SLOT:] == b"\xff" * SLOT


def test_same_bytes_each_time(parts):
    assert made(parts, "--ram", "2G", "--append", "x") == made(parts, "--ram", "2G", "--append", "x")


def test_slot_b_may_be_another(parts):
    (parts / "old").write_bytes(zimage(7000))
    data = made(parts, "--kernel-b", str(parts / "old"))
    assert [struct.unpack_from("<I", data, base + 12)[0] for base in (SLOT, 2 * SLOT)] == [5000, 7000]


def test_ram_above_4_gib(parts):
    data = made(parts, "--ram", "8G")
    assert struct.pack(">4I", 0, 0x80000000, 2, 0) in data[SLOT:SLOT + 65536]


BAD = {  # what is given instead, and what is said of it
    "no-kernel": ({"kernel": "none"}, (), "none: No such file or directory"),
    "wrong-magic": ({"kernel": bytes(5000)}, (), "not a zImage: its magic is not at 0x24"),
    "tiny": ({"kernel": b"MZ"}, (), "not a zImage"),
    "cut-kernel": ({"kernel": zimage(5000)[:4999]}, (),
                   "its header says 5000 bytes, and there are 4999: it has been cut or damaged"),
    "senseless-kernel": ({"kernel": zimage(5000, 0)}, (), "cut or damaged"),
    "too-large": ({"kernel": zimage(SLOT - 4096)}, (), "are larger than a slot of 16777216"),
    "no-dtb": ({"dtb": b"/dts-v1/;"}, (), "not a device tree: it begins with 2f647473"),
    "empty-dtb": ({"dtb": b""}, (), "not a device tree"),
    "cut-dtb": ({"dtb": "cut"}, (), "it has been cut"),
    "damaged-dtb": ({"dtb": "damaged"}, (), "a damaged device tree"),
    "wrong-board": ({"dtb": "other"}, (), "another board's device tree: calxeda,ecx-2000"),
    "large-loader": ({"loader": bytes(262145)}, (), "the loader has 262145 bytes"),
    "no-loader": ({"loader": b""}, (), "the loader has 0 bytes"),
    "ram-unit": ({}, ("--ram", "2T"), "RAM of '2T': a number with M or G"),
    "ram-least": ({}, ("--ram", "128M"), "RAM of 128 MiB: from 256"),
    "ram-most": ({}, ("--ram", "1023G"), "RAM of 1047552 MiB"),
    "folder": ({"output": "none/img"}, (), "none/img: No such file or directory"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_named_and_the_old_image_stays(case, parts):
    changed, extra, said = BAD[case]
    dtb = (parts / "dtb").read_bytes()
    (parts / "cut").write_bytes(dtb[:-1])
    (parts / "damaged").write_bytes(dtb[:56] + bytes(len(dtb) - 56))
    (parts / "img").write_bytes(b"old")
    names = {}
    for name, given in changed.items():
        names[name] = given if isinstance(given, str) else "bad"
        if isinstance(given, bytes):
            (parts / "bad").write_bytes(given)
    before = sorted(parts.iterdir())
    done = build(parts, *extra, **names)
    assert done.returncode == 1
    assert said in done.stderr
    assert done.stderr.startswith("flashimage: ")
    assert len(done.stderr.splitlines()) == 1
    assert (parts / "img").read_bytes() == b"old"
    assert sorted(parts.iterdir()) == before


def test_a_full_disk_leaves_nothing(parts):
    (parts / "img").write_bytes(b"old")
    files = {name: str(parts / name) for name in ("loader", "kernel", "dtb")}
    argv = " ".join(f"--{name} {path}" for name, path in files.items())
    done = subprocess.run(["bash", "-c", f"ulimit -f 1024; trap '' XFSZ; "
                           f"{sys.executable} {TOOL} {argv} --output {parts}/img"],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"flashimage: {parts}/img: File too large" in done.stderr
    assert (parts / "img").read_bytes() == b"old"
    assert not list(parts.glob(".img*"))
