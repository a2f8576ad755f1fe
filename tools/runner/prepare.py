# SPDX-License-Identifier: BSD-2-Clause
"""Makes the files a run needs (DTB, boot stub, initrd, flash, disk) and QEMU's arguments.

Owns: where things are placed in the guest.
Must never: start QEMU, or hide that something could not be had (Unavailable says why).

Placing. QEMU itself loads a raw kernel at RAM + 64 KiB and rewrites the memory node of the DTB it
is given. A run that wants the image elsewhere, or the DTB untouched, boots a stub of some words in
the kernel's place, which sets r2 and jumps; QEMU's loader device puts image and DTB where the
stub points to. Entry modes and the pen of the other CPUs stay what they are for any raw kernel.
"""

from __future__ import annotations

import dataclasses
import pathlib
import random
import shlex
import struct
import subprocess
import threading

from card import card, image
from uboot.table import BoardError

from . import flash, table
from .table import ROOT, Run

INITRD_MAGIC = b"fanlight initrd\n"

_fetch_lock = threading.Lock()


class Unavailable(Exception):
    """Something this run needs can't be had on this machine: a visible skip."""


class PrepareError(Exception):
    """The run cannot be set up: trouble of the infrastructure."""


@dataclasses.dataclass(frozen=True)
class Builds:
    """Where the Makefile put the release build, its variants, and where results go."""

    root: pathlib.Path
    own: str = "release"  # the build that is in the root itself

    def variant(self, name: str) -> pathlib.Path:
        """The folder of one variant; its own is the root itself."""
        return self.root if name == self.own else self.root / name

    def elf(self, name: str) -> pathlib.Path:
        """The variant's ELF."""
        return self.variant(name) / "fanlight"

    def image(self, name: str) -> pathlib.Path:
        """The variant's bootable image."""
        return self.variant(name) / "fanlight.zImage"

    def words(self) -> list[str]:
        """O= for make, where it would not build anyway."""
        return [] if self.root == ROOT / "build" else [f"O={shlex.quote(str(self.root))}"]

    def command(self, name: str) -> str:
        """What builds a variant."""
        words = ["make"] if name == self.own else ["make", "variants"]
        return " ".join(words + self.words())

    def results(self, run: Run) -> pathlib.Path:
        """The folder of one run's artifacts."""
        return self.root / "results" / run.name


def _call(*argv: str | pathlib.Path) -> None:
    try:
        done = subprocess.run([str(a) for a in argv], capture_output=True, text=True, check=False)
    except OSError as error:
        raise PrepareError(f"{argv[0]}: {error.strerror} (try `make deps`)") from error
    if done.returncode:
        raise PrepareError(f"{' '.join(str(a) for a in argv)}: {done.stderr.strip()}")


def fetch_debian_dtb(name: str, builds: Builds) -> pathlib.Path:
    """Debian's own DTB of a board; all are fetched once into the build folder's cache."""
    if not name:
        raise PrepareError("the board has no debian_dtb")
    folder = builds.root / "cache" / "dtbs"
    with _fetch_lock:
        if not (folder / ".done").exists() and not (folder / ".why").exists():
            subprocess.run([str(ROOT / "tools" / "fetch-linux.sh"), str(folder)], check=False,
                           capture_output=True)
    found = folder / name
    if not found.is_file():
        why = folder / ".why"
        raise Unavailable(f"no {name}: "
                          + (why.read_text().strip() if why.is_file() else "fetching failed"))
    return found


def _compile_dts(source: pathlib.Path, out: pathlib.Path) -> None:
    _call("dtc", "-q", "-I", "dts", "-O", "dtb", "-i", ROOT / "boards", "-o", out, source)


def _own_dtb(run: Run, builds: Builds, work: pathlib.Path) -> pathlib.Path:
    made = builds.variant(run.build) / f"{run.board}.dtb"
    if made.is_file():
        return made
    out = work / "board.dtb"
    _compile_dts(ROOT / "boards" / run.board / f"{run.board}.dts", out)
    return out


def _spoiled(run: Run, builds: Builds, work: pathlib.Path) -> bytes:
    """Device trees nobody should believe; the same bytes in every run."""
    noise = random.Random(1).randbytes(8192)
    if run.dtb == "random":
        return b"\x00" + noise
    whole = _own_dtb(run, builds, work).read_bytes()
    header = struct.unpack(">10I", whole[:40])
    struct_at = header[2]
    if run.dtb == "noise-inside":
        return whole[:struct_at] + noise[:len(whole) - struct_at].ljust(len(whole) - struct_at)
    if run.dtb == "cut":
        half = struct_at + (len(whole) - struct_at) // 2
        return whole[:half] + bytes(len(whole) - half)
    if run.dtb == "huge":
        return struct.pack(">2I", header[0], 0x40000000) + whole[8:]
    raise PrepareError(f"unknown DTB {run.dtb!r}")


def _dtb(run: Run, builds: Builds, work: pathlib.Path) -> pathlib.Path | None:
    """The DTB file this run boots with; None when QEMU makes its own, or for no DTB at all."""
    if run.dtb == "none" or (not run.dtb and table.board(run.board).dtb == "qemu"):
        return None
    if not run.dtb:
        return _own_dtb(run, builds, work)
    if run.dtb == "debian":
        return fetch_debian_dtb(table.board(run.board).debian_dtb, builds)
    out = work / "run.dtb"
    source = ROOT / "tests" / "system" / "dts" / f"{run.dtb}.dts"
    if source.is_file():
        _compile_dts(source, out)
    else:
        out.write_bytes(_spoiled(run, builds, work))
        return out
    if run.dtb_at is not None:
        _call("fdtput", "-p", "-t", "s", out, "/chosen", "bootargs", run.bootargs)
    return out


def stub(image_at: int, dtb_at: int | None, cntfrq: int = 0) -> bytes:
    """r0 = 0, r2 = dtb_at (or what QEMU passed), jump to image_at. CNTFRQ, if one is given."""
    rate = struct.pack("<4I",
                       0xe59f0004,  # ldr r0, word 3
                       0xee0e0f10,  # mcr p15, 0, r0, c14, c0, 0
                       0xea000000,  # b word 4
                       cntfrq)
    return (rate if cntfrq else b"") + struct.pack("<6I",
                       0xe3a00000,  # mov r0, #0
                       0xe1a00000 if dtb_at is None else 0xe59f2004,  # nop | ldr r2, word 4
                       0xe59ff004,  # ldr pc, word 5
                       0xe320f003,  # wfi
                       dtb_at or 0, image_at)


def _loader(path: pathlib.Path, at: int) -> list[str]:
    return ["-device", f"loader,file={path},addr={at:#x},force-raw=on"]


def _flash(run: Run, builds: Builds, work: pathlib.Path) -> list[str]:
    """The flash of a run; from reset, so QEMU loads nothing itself."""
    out = work / "flash.img"
    try:
        flash.make(out, builds.root / "flash" / f"{run.board}.bin", builds.image(run.build),
                   _own_dtb(run, builds, work), run.memory or table.board(run.board).memory,
                   run.bootargs, run.damage)
    except flash.Refused as why:
        raise PrepareError(str(why)) from why
    return flash.drive(out)


def _kernel(run: Run, builds: Builds, work: pathlib.Path) -> list[str]:
    image = builds.image(run.build)
    if not image.is_file():
        raise PrepareError(f"{image} does not exist: `{builds.command(run.build)}` builds it")
    if run.flash:
        return _flash(run, builds, work)
    dtb = _dtb(run, builds, work)
    if run.image_at is None and run.dtb_at is None and run.dtb != "none":
        args = ["-kernel", str(image), "-append", run.bootargs]
        return args + (["-dtb", str(dtb)] if dtb else [])
    stub_file = work / "stub.bin"
    base = table.board(run.board).ram_base
    image_at = base + 0x200000 if run.image_at is None else run.image_at
    dtb_at = run.dtb_at or 0 if run.dtb == "none" else run.dtb_at
    if dtb_at == "behind-image":
        dtb_at = image_at + image.stat().st_size
    stub_file.write_bytes(stub(image_at, dtb_at, run.cntfrq))
    args = ["-kernel", str(stub_file), *_loader(image, image_at)]
    if run.together:
        # Without a -kernel nobody waits in QEMU's pen: each CPU starts where a loader device says.
        stub_at = base + 0x8000
        args[:2] = _loader(stub_file, stub_at)
        for cpu in range(run.smp or table.board(run.board).smp):
            args += ["-device", f"loader,addr={stub_at:#x},cpu-num={cpu}"]
        return args + _loader(dtb, dtb_at)
    if dtb and dtb_at is not None:
        # QEMU refuses 4 GiB and more without a DTB of its own to boot a raw kernel with.
        own = table.board(run.board).dtb == "own"
        spare = ["-dtb", str(_own_dtb(run, builds, work))] if own else []
        return args + _loader(dtb, dtb_at) + spare
    if run.dtb != "none":
        args += ["-append", run.bootargs]
    return args + (["-dtb", str(dtb)] if dtb else [])


def _damaged(run: Run, whole: pathlib.Path, out: pathlib.Path) -> pathlib.Path:
    """The file with one bit changed in the middle of the kernel, or without its second half."""
    data = bytearray(whole.read_bytes())
    if run.disk_damage == "flip":
        data[len(data) // 2] ^= 0x10
    else:
        del data[len(data) // 2:]
    out.write_bytes(data)
    return out


def _loader_disk(run: Run, builds: Builds, work: pathlib.Path) -> list[str]:
    """U-Boot as firmware, and a disk with what `make` built for it."""
    uboot = pathlib.Path(table.board(run.board).uboot)
    if not uboot.is_file():
        raise PrepareError(f"{uboot} does not exist (try `make deps`)")
    folder, how = builds.variant(run.build), run.loader.removeprefix("uboot-")
    names = {"bootz": "fanlight.zImage", "uimage": "uImage", "fit": "fanlight.itb"}
    files = {name: folder / name for name in ("boot.scr", *names.values())}
    if run.disk_damage:
        files[names[how]] = _damaged(run, files[names[how]], work / "damaged")
    try:
        (work / "fanlight.txt").write_text(card.settings(
            how=how, config="qemu-virt", tree="control", args=run.bootargs, **{"else": "poweroff"}))
        files["fanlight.txt"] = work / "fanlight.txt"
        image.make(work / "disk.img", files, filesystem=run.disk)
    except BoardError as error:
        raise PrepareError(str(error)) from error
    return ["-bios", str(uboot),
            "-drive", f"if=none,id=disk,format=raw,file={work / 'disk.img'}",
            "-device", "virtio-blk-device,drive=disk"]


def qemu_args(run: Run, builds: Builds, work: pathlib.Path) -> list[str]:
    """QEMU's command line for a run, without the serial port and the control sockets."""
    board = table.board(run.board)
    memory = run.memory or board.memory
    machine = ",".join(part for part in (board.machine, board.entry[run.entry]) if part)
    args = [run.binary or board.binary]
    if run.ram_alias:
        preload = builds.root / "host" / "ram_alias.so"
        if not preload.is_file():
            raise PrepareError(f"{preload} does not exist: make host-tests")
        args = ["env", f"LD_PRELOAD={preload}", *args, "-object",
                f"memory-backend-memfd,id=ram,size={memory},share=on,reserve=off"]
        machine += ",memory-backend=ram"
    elif table.parse_size(memory) >> 20 >= board.reserve_from:
        args += ["-object", f"memory-backend-ram,id=ram,size={memory},reserve=off"]
        machine += ",memory-backend=ram"
    args += ["-machine", machine, "-cpu", run.cpu or board.cpu, "-m", memory,
             "-accel", f"tcg,thread={'multi' if run.at_once else 'single'}",
             "-smp", str(run.smp or board.smp), "-display", "none", "-nodefaults", "-no-reboot",
             *board.args, *(_loader_disk if run.loader else _kernel)(run, builds, work)]
    if run.initrd:
        initrd = work / "initrd"
        size = table.parse_size(run.initrd)
        initrd.write_bytes((INITRD_MAGIC * (size // len(INITRD_MAGIC) + 1))[:size])
        args += ["-initrd", str(initrd)]
    return args + list(run.args)
