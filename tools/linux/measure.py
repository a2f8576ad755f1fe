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
import math
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
_OURS = re.compile(r"@(bench|boot|info|calibration|error)\b")
_LINE = re.compile(r"(?:\[ *\d+\.\d+\] )?@(bench|boot|info|calibration|error) (\{.*\})\s*")
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


def _lines(log: str) -> dict[str, list[dict]]:
    """What module and programs said, by kind. A line that one of them began must be whole."""
    found: dict[str, list[dict]] = {kind: [] for kind in ("bench", "boot", "info", "calibration",
                                                          "error")}
    for line in log.split("\n"):
        if not _OURS.search(line):
            continue
        m = _LINE.fullmatch(line)
        try:
            if not m:
                raise ValueError("torn")
            found[m[1]].append(json.loads(m[2]))
        except (ValueError, RecursionError) as error:
            raise NotMeasured(f"an unreadable line {line!r}: {error}") from error
    return found


def _number(said: dict, key: str, least: float = 0) -> float:
    """A figure of a line. Raises NotMeasured."""
    value = said.get(key)
    if isinstance(value, bool) or not isinstance(value, (int, float)) \
            or not (math.isfinite(value) and value >= least):
        raise NotMeasured(f"{json.dumps(said)}: {key} is no figure")
    return value


def _calibrated(calibrations: list[dict], rows: list[dict]) -> None:
    """Module and program each counted a loop of known length first, if they measured. Raises NotMeasured."""
    for who, process in (("the module", False), ("the program", True)):
        mine = [one for one in calibrations if one.get("process", False) is process]
        measured = any(row["process"] is process for row in rows)
        if len(mine) != measured:
            raise NotMeasured(f"{who} has {len(mine)} @calibration lines, not {int(measured)}")
        for one in mine:
            length, counted = _number(one, "instructions", 1), _number(one, "counted")
            if abs(counted - length) > EXACT * length:
                raise NotMeasured(f"{length} instructions were counted as {counted:.0f}: "
                                  "QEMU runs without -icount")


def _rows(said: list[dict]) -> list[dict]:
    """Each @bench line's name, figure and whether a process measured it. Raises NotMeasured."""
    rows = [{"op": one.get("op"), "insns": _number(one, "insns"),
             "process": one.get("process", False)} for one in said]
    for row in rows:
        if not isinstance(row["op"], str) or not row["op"] or not isinstance(row["process"], bool):
            raise NotMeasured(f"{json.dumps(row)}: no operation")
    if len({row["op"] for row in rows}) != len(rows):
        raise NotMeasured("an operation was measured twice")
    return rows


def parse(log: str) -> Said:
    """The lines of a whole boot. Raises NotMeasured."""
    found = _lines(log)
    if found["error"]:
        raise NotMeasured("; ".join(str(e.get("text")) for e in found["error"]))
    version = _VERSION.search(log)
    if not version or len(found["boot"]) != 1 or len(found["info"]) != 1:
        raise NotMeasured("no version, @boot or @info line, or two of them")
    rows = _rows(found["bench"])
    _calibrated(found["calibration"], rows)
    boot = found["boot"][0]
    cost = _number(boot, "ticks", 1) * 16 - _number(found["info"][0], "idle_us") * 1000
    return Said(f"{version[1]} ({version[2]})", {row["op"]: row["insns"] for row in rows},
                frozenset(row["op"] for row in rows if row["process"]), cost,
                _number(boot, "lowmem_free", 1))


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
    figures = {op: round(value, 1) for op, value in figures.items()}
    if nothing := [op for op, value in figures.items() if value <= 0]:
        raise NotMeasured(f"{name}: {', '.join(nothing)}: no cost at all")
    return (ops.version, figures, ops.processes | {"boot_first_program"})


def _first_line(*argv: str) -> str:
    """The first line that a program says. Raises NotMeasured."""
    command = " ".join(argv)
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
    except OSError as error:
        raise NotMeasured(f"{command}: {error.strerror} (try `make deps`)") from error
    if done.returncode or not done.stdout:
        raise NotMeasured(f"{command}: exit status {done.returncode}: {done.stderr.strip()}")
    return done.stdout.splitlines()[0]


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
