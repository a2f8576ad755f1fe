# SPDX-License-Identifier: BSD-2-Clause
"""Counts instructions in the guest and holds them against the targets of bench.toml.

Owns: which boots a benchmark needs, the join of the release and COUNT builds, the table.
Must never: judge by wall-clock, or leave out a row that was not measured.
"""

from __future__ import annotations

import argparse
import dataclasses
import pathlib
import re
import struct
import sys
import tomllib

from linux import record

from . import session, table
from .judge import Verdict
from .prepare import Builds, Unavailable

PLAN = pathlib.Path(__file__).with_name("bench.toml")
ICOUNT = ("-icount", "shift=0,align=off,sleep=off")
PAGE = 4096


class NotMeasured(Exception):
    """A boot of the benchmark did not pass."""

    def __init__(self, verdict: Verdict, why: str) -> None:
        super().__init__(why)
        self.verdict = verdict


@dataclasses.dataclass(frozen=True)
class Row:
    """One line of the table. None: not known."""

    op: str
    linux: float | None
    ours: float | None
    target: float | None
    counts: tuple[float | None, float | None, float | None] = (None, None, None)
    at_least: bool = False
    tlbi: int | None = None
    linux_op: str = ""  # the name of Linux's figure in its record

    @property
    def bound(self) -> str:
        """The target as it is printed."""
        if self.target is None:
            return "-"
        return (">= " if self.at_least else "<= ") + record.number(self.target)

    @property
    def verdict(self) -> str:
        """ok, RED, or - where nothing is asked."""
        if self.ours is None:
            return "RED: not measured"
        if self.target is not None:
            if (self.ours < self.target) if self.at_least else (self.ours > self.target):
                return "RED"
        if self.tlbi is not None and self.counts[0] != self.tlbi:
            return f"RED: {self.counts[0]} tlbi, not {self.tlbi}"
        return "ok" if self.target is not None else "-"


def _boot(builds: Builds, name: str, memory: str, bootargs: str, **other) -> session.Outcome:
    base = next(r for r in table.runs() if r.name == "bench")
    run = dataclasses.replace(base, **{"name": name, "memory": memory, "smp": 1, "args": ICOUNT,
                                       "bootargs": bootargs, **other})
    print(f"bench: {name}", file=sys.stderr, flush=True)
    outcome = session.boot(run, builds, rerun="make bench")
    if outcome.verdict is not Verdict.PASS:
        raise NotMeasured(outcome.verdict, f"{name}: {outcome.verdict}: "
                          f"{'; '.join(outcome.reasons)}; log {outcome.folder}/serial.log")
    return outcome


def _by_op(outcome: session.Outcome) -> dict[str, dict]:
    return {row["op"]: row for row in outcome.stream.bench}


def _boot_cost(builds: Builds, memory: str, name: str = "bench-boot",
               **other) -> tuple[int, session.Outcome]:
    outcome = _boot(builds, f"{name}-{memory.lower()}", memory,
                    "bench=boot_to_report panic=poweroff", **other)
    row = _by_op(outcome).get("boot_to_report")
    if row is None:
        raise NotMeasured(Verdict.FAIL, f"no boot_to_report at {memory}")
    return row["insns"], outcome


def _flash_row(plan: dict, builds: Builds) -> Row:
    """From the reset vector to `@boot`: the loader says when it leaves, the kernel counts from there on.

    The loader's clock is the system counter, of which 62.5 million ticks are 10^9 instructions here.
    What it needs to send that last line, some thousand, is between the two and in neither.
    """
    cost, outcome = _boot_cost(builds, plan["memory"], name="bench-flash", smp=4, flash=True)
    log = (outcome.folder / "serial.log").read_text("latin-1")
    left = re.search(r"^flash: booting slot A, (\d+) ticks of 62500000 Hz", log, re.MULTILINE)
    ours = int(left[1]) * plan["instructions_per_tick"] + cost if left else None
    return Row(f"flash, reset to @boot at {plan['memory']}", None, ours, plan["target"])


def _slope(costs: dict[str, int]) -> float:
    """Instructions per further page of RAM: the worst of the steps."""
    points = sorted((table.parse_size(m), cost) for m, cost in costs.items())
    return max((b[1] - a[1]) / ((b[0] - a[0]) / PAGE)
               for a, b in zip(points, points[1:], strict=False))


def image_bytes(image: pathlib.Path) -> int:
    """What the image takes in memory, BSS included: the file, or what its zImage header says."""
    data = image.read_bytes()
    start, end = struct.unpack_from("<2I", data, 0x28)
    return max(len(data), end - start)


def _op_rows(plan: dict, release: dict, counted: dict, linux: dict[str, float]) -> list[Row]:
    rows = []
    for op in [*plan, *(o for o in release if o not in plan)]:
        want, row, count = plan.get(op, {}), release.get(op), counted.get(op, {})
        target = want.get("target")
        if "share_of" in want:
            whole, share = want["share_of"]
            target = round(release.get(whole, {}).get("insns", 0) * share, 1)
        twin = want.get("linux", op if op in linux else "")
        rows.append(Row(op, linux.get(twin), row and row["insns"], target,
                        tuple(count.get(k) for k in ("tlbi", "dsb", "isb")),
                        tlbi=want.get("tlbi"), linux_op=twin))
    return rows


def _cpu_rows(plan: dict, builds: Builds) -> list[Row]:
    """What all CPUs execute together: a call, and windows that must not cost more with more CPUs."""
    rows = []
    for board, smp in plan["machines"]:
        ops = _by_op(_boot(builds, f"bench-{smp}-cpus", "2G",
                           "bench=smp_call,kmap_local_high_*_cpus panic=poweroff",
                           board=board, smp=smp))
        call = ops.get("smp_call", {}).get("insns")
        rows.append(Row(f"smp_call, {smp} CPUs", None, call, plan["smp_call_per_cpu"] * smp))
        alone = ops.get("kmap_local_high_1_cpus", {}).get("insns")
        for count in (n for n in plan["kmap_local_high"] if n <= smp):
            ours = ops.get(f"kmap_local_high_{count}_cpus", {}).get("insns")
            rows.append(Row(f"kmap_local_high, {count} of {smp} CPUs", None, ours,
                            round((alone or 0) * plan["spread"], 1)))
    return rows


def operations(builds: Builds) -> dict[str, dict]:
    """One boot that counts every operation: what each @bench line says. Raises NotMeasured."""
    return _by_op(_boot(builds, "bench-release", "2G", "bench panic=poweroff"))


def measure(builds: Builds, count_builds: Builds, linux: dict[str, float]) -> list[Row]:
    """All rows, beside Linux's figures. Raises NotMeasured, Unavailable."""
    plan = tomllib.loads(PLAN.read_text())
    release = operations(builds)
    counted = _by_op(_boot(count_builds, "bench-count", "2G", "bench panic=poweroff"))
    rows = _op_rows(plan["op"], release, counted, linux) + _cpu_rows(plan["cpus"], builds)
    costs = {m: _boot_cost(builds, m)[0] for m in plan["boot"]["sizes"]}
    boot = plan["boot"]
    rows.append(Row("boot, per further 4 KiB page", linux.get(boot["linux"]), _slope(costs),
                    boot["per_page"], linux_op=boot["linux"]))
    rows.append(_flash_row(plan["flash"], builds))
    limits = plan["limits"]
    _, big = _boot_cost(builds, limits["lowmem_free_at"])
    free = big.stream.layout.get("mem", {}).get("lowmem_free")
    rows.append(Row(f"lowmem free at {limits['lowmem_free_at']}, bytes",
                    linux.get(limits["linux_lowmem"]), free, limits["lowmem_free_bytes"],
                    at_least=True, linux_op=limits["linux_lowmem"]))
    rows.append(Row("image with BSS, bytes", None, image_bytes(builds.image("release")),
                    limits["image_bytes"]))
    return rows


def render(rows: list[Row]) -> str:
    """The table as text."""
    lines = [("op", "Linux", "Fanlight", "target", "ratio", "tlbi", "dsb", "isb", "verdict")]
    for row in rows:
        ratio = f"{row.ours / row.linux:.2f}" if row.linux and row.ours is not None else "-"
        lines.append((row.op, record.number(row.linux), record.number(row.ours), row.bound, ratio,
                      *(record.number(c) for c in row.counts), row.verdict))
    return record.columns(lines)


def command(options: argparse.Namespace) -> int:
    """Measure, print the table; 0 only if every row was measured and none is red."""
    builds = Builds(options.build.resolve())
    count = Builds((options.count_build or options.build / "count").resolve())
    try:
        linux = record.load()
        rows = measure(builds, count, linux.fair)
    except (NotMeasured, Unavailable, record.RecordError) as trouble:
        print(f"bench: {trouble}", file=sys.stderr)
        return getattr(trouble, "verdict", Verdict.INFRA)
    text = render(rows)
    folder = builds.root / "results"
    (folder / "bench.txt").write_text(text + "\n")
    print(f"Instructions per operation (-icount shift=0, one CPU, 2 GiB; {linux.linux},\n"
          f"init_on_alloc=0, recorded {linux.date}; tlbi, dsb, isb from the COUNT=1 build)")
    print(text)
    red = [row.op for row in rows if row.verdict.startswith("RED")]
    print(f"bench: {len(rows)} rows, {len(red)} red" + (": " + ", ".join(red) if red else ""))
    return Verdict.FAIL if red else Verdict.PASS
