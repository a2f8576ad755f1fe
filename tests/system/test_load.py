# SPDX-License-Identifier: BSD-2-Clause
"""`make load`: over a pseudo-terminal into Debian's real U-Boot, and every way that can go wrong.

Owns: the lines that are spoiled. Real YMODEM is slow under QEMU, whose UART takes a byte at a time:
the whole kernel goes over once; faults are shown with a stand-in of 2 KiB.
"""

import contextlib
import os
import pty
import re
import select
import struct
import subprocess
import sys
import threading
import time
import tty

import pytest

from ahead import ahead
from cable import Cable, at_offset
from conftest import builds
from runner import table
from runner.table import ROOT
from uboot import tree

LOAD = [sys.executable, str(ROOT / "tools" / "load")]
WHOLE = "test_the_kernel_over_a_line_that_flips_a_bit"
INFRA = 7


def uboot(folder, memory="1G", **how):
    """Debian's U-Boot for qemu_arm behind a cable."""
    board = table.board("qemu-virt")
    args = [board.binary, "-machine", board.machine, "-cpu", board.cpu, "-m", memory, "-smp", "4",
            "-display", "none", "-nodefaults", "-no-reboot", *board.args, "-bios", board.uboot]
    return Cable(args, folder, on=True, **how)


@contextlib.contextmanager
def nobody():
    """A port with nothing behind it, and the descriptor where a board would be."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    name = os.ttyname(slave)
    os.close(slave)
    yield name, master
    os.close(master)


def stand_in(folder):
    """A build folder whose kernel is 2 KiB: it jumps to itself."""
    code = struct.pack("<I", 0xeafffffe).ljust(0x24, b"\0") + struct.pack("<3I", 0x016f2818, 0, 2048)
    (folder / "fanlight.zImage").write_bytes(code.ljust(2048, b"\xa5"))
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


@contextlib.contextmanager
def whole(tmp_path_factory):
    """The whole kernel, over a line that flips a bit."""
    flip = at_offset(50000, lambda byte: bytes([byte[0] ^ 0x20]))
    with uboot(tmp_path_factory.mktemp("whole"), memory="5G", typing=flip) as b:
        done = load(b.port, builds().root, "--memory", "tree", "--args",
                    "selftest=highmem.* panic=poweroff", timeout=300)
        yield done, b.typed


@pytest.fixture(name="loaded", scope="module", autouse=True)
def fixture_loaded(request, tmp_path_factory):
    with ahead(request, WHOLE, lambda: whole(tmp_path_factory)) as futures:
        yield futures


# -- refused before a board is touched -------------------------------------------------------


def test_a_port_that_is_not_there(small):
    refused(load("/dev/no-such-port", small), "/dev/no-such-port: No such file")


def test_a_port_that_somebody_has_open(small):
    """All else about ports is test_board.py's."""
    with nobody() as (port, _):
        holder = subprocess.Popen(["sleep", "60"], stdin=open(port, "rb"))
        try:
            refused(load(port, small), rf"is busy: sleep \(process {holder.pid}\) has it open")
        finally:
            holder.kill()
            holder.wait()


def spoil_image(folder, change):
    path = folder / "fanlight.zImage"
    path.write_bytes(change(path.read_bytes()))


@pytest.mark.parametrize(("change", "why"), [
    (lambda data: data[:1000], "cut: its header says 2048 bytes, it has 1000"),
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
    refused(load("/dev/null", small, board="no-board"), "BOARD=no-board: .*real boards: .*jetson-tk1")
    refused(load("/dev/null", small, "--dtb", "/no/such"), "DTB=/no/such: no such file")
    refused(load("/dev/null", small, "--args", "a'; saveenv; '"), "ARGS: \"'\" cannot be typed")


def test_a_command_for_power_that_fails(small):
    with nobody() as (port, _):
        refused(load(port, small, "--power", "exit 3"), "`exit 3` ended with 3")


# -- nobody there, or somebody else ----------------------------------------------------------


def test_silence(small):
    with nobody() as (port, _):
        refused(load(port, small, "--wait", "1.5"), "no U-Boot prompt within 2 s: nothing came")


def test_something_that_is_not_uboot(small):
    """A login, whatever it is asked."""
    with nobody() as (port, board):
        over = threading.Event()

        def answer():
            while not over.is_set():
                try:
                    os.read(board, 100)
                    os.write(board, b"\r\nboard login: ")
                except OSError:  # nobody has the port open yet
                    time.sleep(0.02)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        refused(load(port, small, "--wait", "2"), "no U-Boot prompt.*board login:")
        over.set()
        thread.join()


# -- with U-Boot, and a line that fails ------------------------------------------------------


def test_the_line_is_cut_in_the_transfer(small):
    """In the first block of the image, by what only it holds."""
    def typing(data, at):
        if b"\xa5" * 64 in data:
            typing.cut_at = at + len(data)
            return data[:len(data) // 2]
        return data

    with uboot(small, typing=typing) as b:
        done = load(b.port, small)
    refused(done, "the line was lost|cannot send")
    assert "2048 bytes, to" in done.stderr  # so it was under way
    assert "bootz" not in done.stderr


def test_the_line_is_cut_in_the_run(small):
    """Behind `Starting kernel`."""
    seen = b""

    def fate(data, at):
        nonlocal seen
        seen += data
        if b"Starting kernel ...\r\n" in seen:
            fate.cut_at = at + len(data)
        return data

    with uboot(small, fate=fate) as b:
        done = load(b.port, small)
    assert done.returncode == INFRA
    assert re.search(r"the line was lost .*, in the middle of the run", done.stderr)


def test_a_kernel_that_says_nothing(small):
    with uboot(small) as b:
        done = load(b.port, small, "--silence", "2")
    assert done.returncode == 3
    assert re.search("load: hang: no @end, not even @boot", done.stderr)


def test_a_line_that_damages_every_block(small):
    """Ten times the same block, then an end: nothing is booted."""
    def damage(data, _at):
        return data.replace(b"\xa5\xa5\xa5\xa5", b"\xa5\xa5\xa4\xa5")

    with uboot(small, typing=damage) as b:
        done = load(b.port, small)
    refused(done, r"transfer failed: byte 0 was refused, or not answered, 10 times")


def test_memory_that_does_not_keep_it(small):
    """What U-Boot reads back has another CRC than what was sent."""
    tail = b""

    def change(data, _at):
        nonlocal tail
        out = bytearray()
        for byte in data:
            tail = (tail + bytes([byte]))[-4:]
            out.append(byte)
            out += b"0" if tail == b"==> " else b""
        return bytes(out)

    with uboot(small, fate=change) as b:
        done = load(b.port, small)
    refused(done, "CRC mismatch: [0-9a-f]{8} here, 0[0-9a-f]{7} in the board's memory: not booted")


def test_the_wrong_board(small):
    """A Versatile Express's tree, and a U-Boot that runs on something else; then all the same."""
    with uboot(small) as b:
        done = load(b.port, small, board="vexpress-a15")
        refused(done, "this U-Boot runs on linux,dummy-virt, and .*vexpress-a15.dtb is for "
                      "arm,vexpress,v2p-ca15, arm,vexpress: the wrong board")
        assert "to 0x" not in done.stderr
        # U-Boot stands at its prompt now: no autoboot to stop.
        done = load(b.port, small, "--force", "--image-at", "0x40400000", "--dtb-at",
                    "0x40410000", board="vexpress-a15")
        refused(done, "lie over each other")
        done = load(b.port, small, "--image-at", "0x40080000")  # the tree that the firmware put there
        refused(done, "tree at 0x40000000 lie over each other")
        done = load(b.port, small, "--force", "--image-at", "0x40400000", "--dtb-at",
                    "0x44000000", "--silence", "2", board="vexpress-a15")
    assert "warning: this U-Boot runs on linux,dummy-virt" in done.stderr
    assert "vexpress-a15.dtb, " in done.stderr and "Starting" not in done.stderr
    assert done.returncode == 3


def test_as_the_loader_of_test_board(small):
    """Its LOAD= gets the port as standard input, and leaves all behind bootz to be read."""
    with uboot(small) as b, open(b.port, "r+b", buffering=0) as port:
        tty.setraw(port)
        argv = [*LOAD, "--board", "qemu-virt", "--build", str(small)]
        done = subprocess.run(argv, stdin=port, stdout=port, stderr=subprocess.PIPE, timeout=120,
                              check=False, encoding="latin-1")
        assert done.returncode == 0, done.stderr
        said = b""
        while b"Starting kernel" not in said:
            assert select.select([port], [], [], 20)[0], said
            said += port.read(4096)


def test_the_terminal_is_handed_over(small):
    """What a person types goes to the board, ^] leaves, the terminal's mode is as before."""
    keys, terminal = pty.openpty()
    seen = []

    def watch(data, _at):
        seen.append(data)
        return data

    with uboot(small, typing=watch) as b:
        argv = [*LOAD, "--serial", b.port, "--board", "qemu-virt", "--build", str(small)]
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


# -- the whole kernel, at last ---------------------------------------------------------------


def test_the_kernel_over_a_line_that_flips_a_bit(loaded):
    """5 GiB, of which U-Boot sees 1: said, and repaired by what the tree names."""
    done, sent = loaded[WHOLE].result()
    assert done.returncode == 0, done.stderr
    assert "load: U-Boot 20" in done.stderr
    assert "U-Boot knows 1024 MiB of RAM (mem=1G@0x40000000), the device tree names 5120 MiB" \
        in done.stderr
    assert "this repairs it: mem=5G@0x40000000" in done.stderr
    assert re.search(r"memory +5120 MiB in 1 bank, 0x0040000000 to 0x0180000000", done.stdout)
    assert "mem=5G@0x40000000" in re.search(r"args +(.*)", done.stdout).group(1)
    assert '@end {"verdict":"pass"}' in done.stdout
    assert "load: pass\nload: log" in done.stderr
    log = (builds().root / "results" / "load.log").read_text(errors="replace")
    assert "U-Boot 20" in log and '@end {"verdict":"pass"}' in log  # from the first byte to the last
    size = (builds().root / "fanlight.zImage").stat().st_size
    assert sent > size // 1024 * 1029 + 1029  # one block went twice


# -- the table -------------------------------------------------------------------------------


def test_mem_lines():
    assert tree.mem_line([(0x40000000, 0x140000000)]) == "mem=5G@0x40000000"
    assert tree.mem_line([(0, 0xff800000), (0x200000000, 3 << 32)]) == \
        "mem=4088M@0x0 mem=12G@0x200000000"
    assert tree.merged([(0x80000000, 1 << 30), (0x40000000, 1 << 30)]) == [(0x40000000, 2 << 30)]
