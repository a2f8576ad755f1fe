# SPDX-License-Identifier: BSD-2-Clause
"""`make bench-linux`: both kernels measured in one run, and the table of the two.

Owns: the join of Linux's figures with the rows of `make bench`, and when it is red.
Must never: leave out a row that Linux has; what we do not have yet says so.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys

from runner import bench
from runner.judge import Verdict
from runner.prepare import Builds
from runner.prepare import Unavailable as NotBuilt

from . import measure, packages, record
from .record import Measurement

NOT_YET = "not yet"


@dataclasses.dataclass(frozen=True)
class Pair:
    """One line of the table: Linux's two columns and ours, where there is one."""

    op: str
    default: float | None
    noinit: float | None
    ours: bench.Row | None
    otherwise: str = ""  # the verdict where we have no such operation

    @property
    def verdict(self) -> str:
        """As in `make bench`; red too where Linux's figure did not come."""
        if self.noinit is None:
            return "RED: Linux not measured"
        return self.ours.verdict if self.ours else self.otherwise

    def cells(self) -> tuple[str, ...]:
        """The line's columns."""
        ours, target, ratio = (self.otherwise or "-"), "-", "-"
        if self.ours:
            ours, target = record.number(self.ours.ours), self.ours.bound
            if self.ours.ours is not None and self.noinit:
                ratio = f"{self.ours.ours / self.noinit:.3f}"
        return (self.op, record.number(self.default), record.number(self.noinit), ours, target,
                ratio, self.verdict)


def join(measured: Measurement, rows: list[bench.Row], recorded: Measurement) -> list[Pair]:
    """Ours that have a twin in Linux, in our order; then what only Linux has, or had in the record."""
    pairs = [Pair(row.op, measured.default.get(row.linux_op), measured.noinit.get(row.linux_op),
                  row) for row in rows if row.linux_op]
    ours = {row.linux_op for row in rows if row.linux_op}
    names = {row.op for row in rows}
    processes = {*measured.processes, *recorded.processes}
    for op in dict.fromkeys([*measured.noinit, *recorded.noinit]):
        if op not in names and (op in processes or op not in ours):
            pairs.append(Pair(op, measured.default.get(op), measured.noinit.get(op), None,
                              NOT_YET if op in processes else "-"))
    return pairs


def render(measured: Measurement, pairs: list[Pair]) -> str:
    """The table, with what it was measured on."""
    heads = ("op", "Linux", "no init_on_alloc", "Fanlight", "target", "ratio", "verdict")
    return "\n".join([
        "Instructions per operation (-icount shift=0, one CPU, 2 GiB)",
        measured.linux, measured.qemu,
        f"ratio: Fanlight to Linux with {measure.BOOTARGS[record.FAIR]}", "",
        record.columns([heads, *(pair.cells() for pair in pairs)])])


def against_record(measured: Measurement, recorded: Measurement) -> tuple[list[str], bool]:
    """How it differs from the record, and whether that is an error: the same versions count the same."""
    found = record.changed(recorded, measured)
    if not found:
        return [f"the record of {recorded.date} says the same, within {record.NOISE:.1%}"], False
    same = measured.versions == recorded.versions
    what = "RED: differs from the record of the same versions" if same else \
        f"differs from the record of {recorded.linux}, {recorded.qemu}; RECORD=1 makes this the record"
    return [what, *(f"  {line}" for line in found)], same


def _last(options: argparse.Namespace, measured: Measurement) -> Measurement:
    """The record so far; where a new one is to be made, and none can be read, what was measured."""
    try:
        return record.load()
    except record.RecordError:
        if not options.record:
            raise
        return measured


def command(options: argparse.Namespace) -> int:
    """Measure both, print the table; 0 only if every row came and none is red."""
    builds = Builds(options.build)
    try:
        measured = measure.measure(options.build)
        recorded = _last(options, measured)
        rows = bench.measure(builds, Builds(options.count_build or options.build / "count"),
                             measured.fair)
    except (measure.NotMeasured, packages.Unavailable, packages.BuildError, bench.NotMeasured,
            NotBuilt, record.RecordError) as trouble:
        print(f"bench-linux: RED: {trouble}", file=sys.stderr)
        return getattr(trouble, "verdict", Verdict.INFRA)
    pairs = join(measured, rows, recorded)
    shown = render(measured, pairs)
    notes, wrong = ([], False) if options.record else against_record(measured, recorded)
    record.save(measured, builds.root / "results" / "bench-linux.json")
    (builds.root / "results" / "bench-linux.txt").write_text(shown + "\n")
    if gone := [op for op in recorded.noinit if op not in measured.noinit] if options.record else []:
        notes, wrong = [f"RED: not recorded: the record has {', '.join(gone)}, which did not come"], True
    elif options.record:
        record.save(measured)
        notes = [f"recorded in {record.RECORDED}; `tools/transcripts.py --bench`: into the docs"]
    print("\n".join([shown, *notes]))
    red = [pair.op for pair in pairs if pair.verdict.startswith("RED")]
    print(f"bench-linux: {len(pairs)} rows, {len(red)} red" + ": " * bool(red) + ", ".join(red))
    return Verdict.FAIL if red or wrong else Verdict.PASS
