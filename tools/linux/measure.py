# SPDX-License-Identifier: BSD-2-Clause
"""Boots Linux as often as its figures need, and reads them from the serial port.

Owns: which boots, the lines that module and programs print, and what makes them worthless.
Must never: judge a figure, or leave out one that should have come.

Counted as ours is (runner.bench.ICOUNT): one instruction is one nanosecond of the guest's time,
whichever clock it is read from.
"""

from __future__ import annotations

import dataclasses
import json
import pathlib
import re
import subprocess
import sys
import time

from runner import table
from runner.qemu import Guest, QemuError

from . import guest, packages, record

ICOUNT = ("-icount", "shift=0,align=off,sleep=off")
# The time of day too, or what Linux does at boot differs from run to run.
CLOCK = ("-rtc", "base=2026-01-01T00:00:00,clock=vm")
BOOTARGS = {"default": "", "noinit": "init_on_alloc=0"}
SMALL, LARGE = "2G", "8G"  # boots whose difference is the cost of a page
HUGE = "30G"
PATIENCE = 300.0  # seconds without a byte: only a hang costs them
EXACT = 0.002  # of a loop of known length; interrupts come between
_LINE = re.compile(r"@(bench|boot|info|calibration|error) (\{.*\})\s*$", re.MULTILINE)
_VERSION = re.compile(r"Linux version (\S+) .*#\d+ .*(Debian \S+)")


class NotMeasured(Exception):
    """A boot did not give what it should have; the text says what."""


@dataclasses.dataclass(frozen=True)
class Said:
    """One boot's figures. Instructions are without the time in which the CPU was idle."""

    version: str
    ops: dict[str, float]
    processes: frozenset[str]  # those of ops that processes measured
    boot: int
    lowmem_free: int


def parse(log: str) -> Said:
    """The lines of a whole boot. Raises NotMeasured."""
    found: dict[str, list[dict]] = {}
    for m in _LINE.finditer(log):
        try:
            found.setdefault(m[1], []).append(json.loads(m[2]))
        except ValueError as error:
            raise NotMeasured(f"an unreadable line {m[0]!r}: {error}") from error
    if "error" in found:
        raise NotMeasured("; ".join(str(e.get("text")) for e in found["error"]))
    version = _VERSION.search(log)
    if not version or len(found.get("boot", [])) != 1 or len(found.get("info", [])) != 1:
        raise NotMeasured("no version, @boot or @info line, or two of them")
    try:
        for one in found.get("calibration", []):
            if abs(one["counted"] - one["instructions"]) > EXACT * one["instructions"]:
                raise NotMeasured(f"{one['instructions']} instructions were counted as "
                                  f"{one['counted']:.0f}: QEMU runs without -icount")
        ops = {row["op"]: row["insns"] for row in found.get("bench", [])}
        if len(ops) != len(found.get("bench", [])):
            raise NotMeasured("an operation was measured twice")
        boot = found["boot"][0]
        cost = boot["ticks"] * 16 - found["info"][0]["idle_us"] * 1000
        processes = frozenset(row["op"] for row in found.get("bench", []) if row.get("process"))
        return Said(f"{version[1]} ({version[2]})", ops, processes, cost, boot["lowmem_free"])
    except KeyError as error:
        raise NotMeasured(f"a line lacks {error}") from error


@dataclasses.dataclass(frozen=True)
class Bench:
    """Where to boot from, and where each boot's serial log goes."""

    linux: packages.Linux
    initrd: pathlib.Path
    folder: pathlib.Path

    def boot(self, name: str, bootargs: str, memory: str = SMALL, counted: bool = True) -> Said:
        """One boot. Raises NotMeasured."""
        print(f"bench-linux: {name}", file=sys.stderr, flush=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        argv = guest.arguments(self.linux, self.initrd, bootargs, memory,
                               more=(*ICOUNT, *CLOCK) if counted else CLOCK)
        try:
            with Guest(argv, self.folder / f"{name}.err") as process:
                process.start()
                one = guest.Boot(process, self.linux.version)
                try:
                    one.until(r"^INIT_DONE", PATIENCE)
                finally:
                    (self.folder / f"{name}.log").write_text(one.said)
            return parse(one.said)
        except (guest.Silent, QemuError, NotMeasured) as why:
            raise NotMeasured(f"{name}: {why}; log {self.folder / name}.log") from why


def variant(bench: Bench, name: str) -> tuple[str, dict[str, float], frozenset[str]]:
    """Linux's version, all figures of a variant in the table's order, and which are processes'."""
    extra = BOOTARGS[name]
    ops = bench.boot(f"{name}-operations", f'task=measure module="mode=bench" {extra}')
    large = bench.boot(f"{name}-{LARGE.lower()}", f"task=boot {extra}", LARGE)
    huge = bench.boot(f"{name}-{HUGE.lower()}", f"task=boot {extra}", HUGE, counted=False)
    pages = (table.parse_size(LARGE) - table.parse_size(SMALL)) / 4096
    kernel = {op: insns for op, insns in ops.ops.items() if op not in ops.processes}
    processes = {op: insns for op, insns in ops.ops.items() if op in ops.processes}
    if not kernel or not processes:
        raise NotMeasured(f"{name}: the module or the program measured nothing")
    figures = {**kernel, "boot_page": (large.boot - ops.boot) / pages,
               "lowmem_free_30g": huge.lowmem_free, **processes, "boot_first_program": ops.boot}
    return (ops.version, {op: round(value, 1) for op, value in figures.items()},
            ops.processes | {"boot_first_program"})


def _first_line(*argv: str) -> str:
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.splitlines()[0]


def measure(build: pathlib.Path) -> record.Measurement:
    """All of it, some minutes. Raises NotMeasured, packages.Unavailable and BuildError."""
    linux = packages.fetch(build)
    bench = Bench(linux, packages.bench_initrd(build, linux), build / "results" / "bench-linux")
    found = {name: variant(bench, name) for name in record.VARIANTS}
    version, default, processes = found["default"]
    noinit = found["noinit"][1]
    if set(default) != set(noinit):
        raise NotMeasured("the two variants do not have the same rows")
    return record.Measurement(
        date=time.strftime("%Y-%m-%d"), linux=f"Linux {version}",
        qemu=_first_line(table.board("vexpress-a15").binary, "--version"),
        gcc=_first_line(packages.CROSS + "gcc", "--version"), default=default, noinit=noinit,
        processes=tuple(op for op in default if op in processes))
