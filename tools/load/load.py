# SPDX-License-Identifier: BSD-2-Clause
"""The way from a reset to bootz: find U-Boot, compare board and memory, send, check, boot.

Owns: the order, and what a person is told at each step.
Must never: boot what was not checked by CRC on the other side, or save anything there.
"""

from __future__ import annotations

import dataclasses
import pathlib
import re
import sys
import zlib

from uboot import tree
from uboot.table import BoardError, Hardware

from . import memory
from .uboot import UBoot, UBootError
from .ymodem import Sender

IMAGE_ROOM = 0x100000  # what the image may need, moved within its page


@dataclasses.dataclass(frozen=True)
class Job:
    """What to load where."""

    board: Hardware
    image: pathlib.Path
    dtb: pathlib.Path | None  # None: the tree that the board has in memory
    args: str
    image_at: int | None = None
    dtb_at: int | None = None
    memory: str = ""  # "tree": pass on what the tree names
    force: bool = False


def say(text: str) -> None:
    """To the person; the board's own words go to standard output."""
    print(f"load: {text}", file=sys.stderr, flush=True)


def check_files(job: Job) -> bytes:
    """The image; BoardError for what is no whole image, or not this board's tree."""
    try:
        data = job.image.read_bytes()
    except OSError as error:
        raise BoardError(f"{job.image}: {error.strerror}") from error
    if data[0x24:0x28] != b"\x18\x28\x6f\x01":
        raise BoardError(f"{job.image}: no zImage: no magic number at 0x24")
    start, end = (int.from_bytes(data[at:at + 4], "little") for at in (0x28, 0x2c))
    if end - start != len(data):
        raise BoardError(f"{job.image}: cut: its header says {end - start} bytes, "
                         f"it has {len(data)}")
    if job.dtb:
        tree.check(job.dtb)
        tree.check_owner(job.board, job.dtb, job.force)
    bad = re.search(r"[^ -~]|[\"'$\\;&|`{}]", job.args)
    if bad:
        raise BoardError(f"ARGS: {bad.group(0)!r} cannot be typed at U-Boot's prompt")
    return data


def _compare_boards(uboot: UBoot, job: Job) -> None:
    """Whose tree U-Boot itself runs on, and whose is sent."""
    control = uboot.variable("fdtcontroladdr")
    names: list[str] = []
    if control and uboot.tell(f"fdt addr {control}")[0]:
        good, said = uboot.tell("fdt print / compatible")
        names = re.findall(r'"([^"]+)"', said) if good else []
    if not names:
        board = uboot.variable("board_name") or uboot.variable("board") or "(it does not say)"
        say(f"U-Boot is for {board}; it has no tree to compare ours with")
        return
    wanted = tree.compatible(job.dtb) if job.dtb else [job.board.compatible]
    if set(names) & set(wanted):
        return
    text = (f"this U-Boot runs on {names[0]}, and {job.dtb or 'BOARD=' + job.board.name} is for "
            f"{', '.join(wanted)}: the wrong board, or the wrong board's tree")
    if not job.force:
        raise BoardError(text + " (FORCE=1 goes on all the same)")
    say("warning: " + text)


def _send(uboot: UBoot, name: str, data: bytes, at: int) -> None:
    say(f"{name}, {len(data)} bytes, to {at:#010x}")
    command = f"loady {at:#x}"
    mark = uboot.begin(command)

    def progress(done: int, total: int) -> None:
        if sys.stderr.isatty():
            print(f"\rload: {done * 100 // total:3d} %", end="\n" if done == total else "",
                  file=sys.stderr, flush=True)

    heard = uboot.line.until(re.compile(rb"download to [^\n]*\n"), 15)
    if not heard:
        raise UBootError("U-Boot does not start `loady`: has it no YMODEM?")
    Sender(uboot.line, progress).send(name, data)
    uboot.line.heard = b"\n" + uboot.line.heard  # the echo is long gone
    good, said = uboot.finish(command, mark, 30)
    if not good:
        raise UBootError(f"U-Boot's loady failed: {said.strip()[-200:]}")
    _check_crc(uboot, name, data, at)


def _check_crc(uboot: UBoot, name: str, data: bytes, at: int) -> None:
    said = uboot.ask(f"crc32 {at:#x} {len(data):#x}", timeout=60)
    found = re.search(r"==>\s*([0-9a-f]{8})", said)
    if not found:
        raise UBootError(f"U-Boot says no CRC: {said.strip()!r}")
    mine = f"{zlib.crc32(data):08x}"
    if found.group(1) != mine:
        raise UBootError(f"{name}: CRC mismatch: {mine} here, {found.group(1)} in the board's "
                         "memory: not booted")


def _places(uboot: UBoot, job: Job) -> tuple[int, str]:
    """Where image and tree go: as told, or by U-Boot's own variables, or by the table."""
    image_at = job.image_at or uboot.address("kernel_addr_r") or job.board.image_at
    dtb_at = job.board.dtb_at
    if job.dtb:
        dtb_at = job.dtb_at or uboot.address("fdt_addr_r") or dtb_at
    if image_at - tree.TREE_MAX < dtb_at < image_at + IMAGE_ROOM:
        raise BoardError(f"image at {image_at:#x} and tree at {dtb_at:#x} lie over each other: "
                         "say IMAGE_AT= or DTB_AT=")
    return image_at, hex(dtb_at)


def _memory_arguments(uboot: UBoot, job: Job, dtb_at: str) -> str:
    """Says where U-Boot and the tree differ; the `mem=` words, if they are to be passed on."""
    good, said = uboot.tell("bdinfo")
    known = memory.of_bdinfo(said) if good else []
    named = tree.memory(job.dtb) if job.dtb else memory.in_tree(uboot, dtb_at)
    text = memory.difference(known, named)
    if not text:
        return ""
    if " mem=" in f" {job.args}":
        say("memory: as ARGS= says: U-Boot and the tree do not agree")
        return ""
    say("memory: " + text)
    if job.memory != "tree":
        say("memory: nothing passed on; MEM=tree does, or ARGS='… mem=…'")
        return ""
    return " " + tree.mem_line(named)


def to_bootz(uboot: UBoot, job: Job, data: bytes) -> str:
    """From the prompt to where nothing is missing but bootz; returns that command."""
    _compare_boards(uboot, job)
    for command in job.board.before_boot:
        uboot.ask(command)
    image_at, dtb_at = _places(uboot, job)
    args = job.args + _memory_arguments(uboot, job, dtb_at)
    _send(uboot, job.image.name, data, image_at)
    if job.dtb:
        _send(uboot, job.dtb.name, job.dtb.read_bytes(), int(dtb_at, 16))
    uboot.ask(f"setenv bootargs '{args}'")
    say(f"bootz, with {args!r}")
    return f"bootz {image_at:#x} - {dtb_at}"


def boot(uboot: UBoot, command: str) -> None:
    """Types it, to `Starting kernel`; what comes behind that is still to be read."""
    mark = uboot.begin(command)
    pattern = re.compile(rb"Starting kernel[^\n]*\n|fl(?:yes|not)" + mark.encode() + rb"\r?\n")
    found = uboot.line.until(pattern, 60)
    if not found or not found.group(0).startswith(b"Starting"):
        said = (found.string if found else uboot.line.heard).decode("latin-1")
        raise UBootError(f"`{command}` did not start the kernel: {said.strip()[-300:]}")
