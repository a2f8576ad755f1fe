# SPDX-License-Identifier: BSD-2-Clause
"""`make load`: over a pseudo-terminal into Debian's real U-Boot, and every way that can go wrong.

Owns: the lines that are spoiled. Real YMODEM is slow under QEMU, whose UART takes a byte at a time:
the whole kernel goes over once; faults are shown with a stand-in of 4 KiB.
"""

import os
import pathlib
import pty
import re
import select
import struct
import subprocess
import sys
import threading
import time

import pytest

from conftest import builds
from line import Line, UBootBoard
from runner import table
from runner.table import ROOT
from uboot import tree
from uboot.table import board as board_of

UBOOT = table.board("qemu-virt").uboot
LOAD = [sys.executable, str(ROOT / "tools" / "load")]
INFRA = 7


def stand_in(folder):
    """A build folder whose kernel is 4 KiB: it jumps to itself."""
    code = struct.pack("<I", 0xeafffffe).ljust(0x24, b"\0") + struct.pack("<3I", 0x016f2818, 0, 4096)
    (folder / "fanlight.zImage").write_bytes(code.ljust(4096, b"\xa5"))
    for name in ("fanlight", "vexpress-a15.dtb", "midway.dtb"):
        (folder / name).symlink_to(builds().root / name)
    return folder


@pytest.fixture(name="small")
def fixture_small(tmp_path):
    return stand_in(tmp_path)


def load(port, build, *more, board="qemu-virt", stdin=subprocess.DEVNULL, timeout=120):
    argv = [*LOAD, "--serial", port, "--board", board, "--build", str(build), *more]
    return subprocess.run(argv, stdin=stdin, capture_output=True, timeout=timeout, check=False,
                          encoding="latin-1")


def refused(done, *patterns):
    """Status 7, one line that says why, and no traceback."""
    errors = [line for line in done.stderr.splitlines() if line.startswith("load: error: ")]
    assert done.returncode == INFRA, done.stderr
    assert len(errors) == 1 and "Traceback" not in done.stderr, done.stderr
    for pattern in patterns:
        assert re.search(pattern, errors[0]), done.stderr


# -- it boots --------------------------------------------------------------------------------


def test_the_kernel_over_a_line_that_flips_a_bit():
    """5 GiB, of which U-Boot sees 1: said, and repaired by what the tree names."""
    def flip(data, at):
        if at <= 50000 < at + len(data):
            data = bytearray(data)
            data[50000 - at] ^= 0x20
        return bytes(data)

    with UBootBoard(UBOOT, memory="5G", spoil=flip) as b:
        done = load(b.line.name, builds().root, "--memory", "tree", "--args",
                    "selftest=highmem.* panic=poweroff", timeout=300)
        sent = b.line.sent
    assert done.returncode == 0, done.stderr
    assert "load: U-Boot 20" in done.stderr
    assert "U-Boot knows 1024 MiB of RAM (mem=1G@0x40000000), the device tree names 5120 MiB" \
        in done.stderr
    assert "this repairs it: mem=5G@0x40000000" in done.stderr
    assert re.search(r"memory +5120 MiB in 1 bank, 0x0040000000 to 0x0180000000", done.stdout)
    assert "mem=5G@0x40000000" in re.search(r"args +(.*)", done.stdout).group(1)
    assert '@end {"verdict":"pass"}' in done.stdout
    assert "load: pass; log" in done.stderr
    size = (builds().root / "fanlight.zImage").stat().st_size
    assert sent > size // 1024 * 1029 + 1029  # one block went twice


# -- refused before a board is touched -------------------------------------------------------


def test_a_port_that_is_not_there(small):
    refused(load("/dev/no-such-port", small), "/dev/no-such-port: no such port")


def test_a_file_that_is_no_port(small):
    refused(load(str(small / "fanlight.zImage"), small), "fanlight.zImage: ")


def test_a_port_that_somebody_has_open(small):
    line = Line()
    holder = subprocess.Popen(["sleep", "60"], stdin=open(line.name, "rb"))
    try:
        refused(load(line.name, small), rf"busy: sleep \(process {holder.pid}\) has it open")
    finally:
        holder.kill()
        holder.wait()


def test_a_port_that_is_locked(small):
    """By one whose open files we may not see: only the lock says so."""
    line = Line()
    code = ("import fcntl, os, sys; sys.path.insert(0, 'tools'); from load import port; "
            f"p = os.open({line.name!r}, os.O_RDWR | os.O_NOCTTY); fcntl.flock(p, fcntl.LOCK_EX); "
            f"port._others = lambda path: []\ntry: port.Port({line.name!r})\n"
            "except port.PortError as error: print(error)")
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True,
                          check=False)
    assert re.search(r"busy: somebody else holds it", done.stdout), done.stderr


def spoil_image(folder, change):
    path = folder / "fanlight.zImage"
    path.write_bytes(change(path.read_bytes()))


@pytest.mark.parametrize(("change", "why"), [
    (lambda data: data[:2000], "cut: its header says 4096 bytes, it has 2000"),
    (lambda data: bytes(64), "no zImage"),
    (lambda data: b"", "no zImage")])
def test_damaged_images(small, change, why):
    spoil_image(small, change)
    refused(load("/dev/null", small), why)


def spoiled_tree(folder, name):
    data = bytearray((builds().root / "vexpress-a15.dtb").read_bytes())
    path = folder / "some.dtb"
    if name == "cut":
        del data[len(data) // 2:]
    elif name == "noise":
        at = struct.unpack(">I", data[8:12])[0]
        data[at:at + 64] = bytes(range(64))
    elif name == "text":
        data = bytearray(b"/dts-v1/; / { compatible = \"x\"; };" * 3)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(("what", "why"), [
    ("cut", r"cut: it says \d+ bytes, and has \d+"), ("noise", "a damaged device tree"),
    ("text", "no device tree"), ("whole", "compatible with arm,vexpress.* another board's tree")])
def test_trees_that_are_not_this_boards(small, what, why):
    refused(load("/dev/null", small, "--dtb", str(spoiled_tree(small, what)), board="midway"), why)


def test_words_that_cannot_be_told(small):
    refused(load("/dev/null", small, board="no-board"), "BOARD=no-board: not in .*jetson-tk1")
    refused(load("/dev/null", small, board="keystone2"), "say DTB=FILE")
    refused(load("/dev/null", small, "--dtb", "/no/such"), "DTB=/no/such: no such file")
    refused(load("/dev/null", small, "--args", "a'; saveenv; '"), "ARGS: \"'\" cannot be typed")


def test_a_command_for_power_that_fails(small):
    line = Line()
    refused(load(line.name, small, "--power", "exit 3"), "`exit 3` ended with 3")


# -- nobody there, or somebody else ----------------------------------------------------------


def test_silence(small):
    line = Line()
    refused(load(line.name, small, "--wait", "1.5"), "no U-Boot prompt within 2 s: nothing came")


def test_something_that_is_not_uboot(small):
    """A login, whatever it is asked."""
    line = Line()

    def answer():
        while line.guest.recv(100):
            line.guest.sendall(b"\r\nboard login: ")

    threading.Thread(target=answer, daemon=True).start()
    refused(load(line.name, small, "--wait", "2"), "no U-Boot prompt.*board login:")
    line.close()


# -- with U-Boot, and a line that fails ------------------------------------------------------


def cut_at(byte):
    return lambda data, at: None if at + len(data) > byte else data


def test_the_line_is_cut_in_the_transfer(small):
    with UBootBoard(UBOOT, spoil=cut_at(3500)) as b:
        done = load(b.line.name, small)
    refused(done, "the line was lost")
    assert "4096 bytes, to" in done.stderr  # so it was under way
    assert "bootz" not in done.stderr


def test_the_line_is_cut_in_the_run(small):
    state = {"seen": b""}

    def cut(data, at):
        state["seen"] += data
        return None if b"Starting kernel ...\r\n" in state["seen"][:-1] else data

    with UBootBoard(UBOOT, spoil_back=cut) as b:
        done = load(b.line.name, small)
    assert done.returncode == INFRA
    assert re.search(r"the line was lost", done.stderr)


def test_a_kernel_that_says_nothing(small):
    with UBootBoard(UBOOT) as b:
        done = load(b.line.name, small, "--silence", "2")
    assert done.returncode == 3
    assert re.search("load: hang: no @end, not even @boot", done.stderr)


def test_a_line_that_damages_every_block(small):
    """Ten times the same block, then an end: nothing is booted."""
    def damage(data, at):
        return data.replace(b"\xa5\xa5\xa5\xa5", b"\xa5\xa5\xa4\xa5")

    with UBootBoard(UBOOT, spoil=damage) as b:
        done = load(b.line.name, small)
    refused(done, r"transfer failed: byte 0 was refused, or not answered, 10 times")


def test_memory_that_does_not_keep_it(small):
    """What U-Boot reads back has another CRC than what was sent."""
    tail = b""

    def change(data, at):
        nonlocal tail
        out = bytearray()
        for byte in data:
            tail = (tail + bytes([byte]))[-4:]
            out.append(byte)
            out += b"0" if tail == b"==> " else b""
        return bytes(out)

    with UBootBoard(UBOOT, spoil_back=change) as b:
        done = load(b.line.name, small)
    refused(done, "CRC mismatch: [0-9a-f]{8} here, 0[0-9a-f]{7} in the board's memory: not booted")


def test_the_wrong_board(small):
    """A Versatile Express's tree, and a U-Boot that runs on something else; then all the same."""
    with UBootBoard(UBOOT) as b:
        done = load(b.line.name, small, board="vexpress-a15")
        refused(done, "this U-Boot runs on linux,dummy-virt, and .*vexpress-a15.dtb is for "
                      "arm,vexpress,v2p-ca15, arm,vexpress: the wrong board")
        assert "to 0x" not in done.stderr
        # U-Boot stands at its prompt now: no autoboot to stop.
        done = load(b.line.name, small, "--force", "--image-at", "0x40400000", "--dtb-at",
                    "0x40410000", board="vexpress-a15")
        refused(done, "lie over each other")
        done = load(b.line.name, small, "--force", "--image-at", "0x40400000", "--dtb-at",
                    "0x44000000", "--silence", "2", board="vexpress-a15")
    assert "warning: this U-Boot runs on linux,dummy-virt" in done.stderr
    assert "vexpress-a15.dtb, " in done.stderr and "Starting" not in done.stderr
    assert done.returncode == 3


def test_the_terminal_is_handed_over(small):
    """What a person types goes to the board, ^] leaves, the terminal's mode is as before."""
    keys, terminal = pty.openpty()
    seen = []

    def watch(data, at):
        seen.append(data)
        return data

    with UBootBoard(UBOOT, spoil=watch) as b:
        argv = [*LOAD, "--serial", b.line.name, "--board", "qemu-virt", "--build", str(small)]
        with subprocess.Popen(argv, stdin=terminal, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE) as process:
            try:
                said = b""
                while b"^] leaves" not in said:
                    assert select.select([process.stderr], [], [], 60)[0], said
                    said += os.read(process.stderr.fileno(), 4096)
                os.write(keys, b"hello")
                until = time.monotonic() + 20
                while b"hello" not in b"".join(seen[-8:]) and time.monotonic() < until:
                    time.sleep(0.05)
                os.write(keys, b"\x1d")
                assert process.wait(20) == 0
            finally:
                process.kill()
    assert b"hello" in b"".join(seen[-8:])
    os.close(keys)
    os.close(terminal)


# -- the table -------------------------------------------------------------------------------


def test_mem_lines():
    assert tree.mem_line([(0x40000000, 0x140000000)]) == "mem=5G@0x40000000"
    assert tree.mem_line([(0, 0xff800000), (0x200000000, 3 << 32)]) == \
        "mem=4088M@0x0 mem=12G@0x200000000"
    assert tree.merged([(0x80000000, 1 << 30), (0x40000000, 1 << 30)]) == [(0x40000000, 2 << 30)]


@pytest.mark.parametrize("name", ["vexpress-a15", "midway", "orangepi-pc"])
def test_own_trees_are_their_boards(name):
    path = pathlib.Path(builds().root / f"{name}.dtb")
    tree.check(path)
    tree.check_owner(board_of(name), path)
