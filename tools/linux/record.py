# SPDX-License-Identifier: BSD-2-Clause
"""What Linux was measured to cost: a measurement, and the recorded one in measured.json.

Owns: the file's form, the figures' meaning, the text that docs/performance.md shows of it.
Must never: measure, or know what Fanlight costs. The runner reads it: nothing of the runner here.
"""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib

RECORDED = pathlib.Path(__file__).with_name("measured.json")
VARIANTS = ("default", "noinit")
FAIR = "noinit"  # the column for a kernel that does not zero all that it allocates
NOISE = 0.015  # what rows differ by between two builds of the module


class RecordError(Exception):
    """A record that can't be read."""


@dataclasses.dataclass(frozen=True)
class Measurement:
    """All figures of one `make bench-linux`: by variant and name, and which are processes'."""

    date: str
    linux: str
    qemu: str
    gcc: str
    default: dict[str, float]
    noinit: dict[str, float]
    processes: tuple[str, ...]

    @property
    def fair(self) -> dict[str, float]:
        """The figures that ours are compared with."""
        return self.noinit

    @property
    def versions(self) -> tuple[str, str, str]:
        """What decides the figures."""
        return self.linux, self.qemu, self.gcc


def text(measured: Measurement) -> str:
    """As it is stored: one figure a line, so that two records can be compared."""
    return json.dumps(dataclasses.asdict(measured), indent=1) + "\n"


def parse(stored: str) -> Measurement:
    """A stored measurement. Raises RecordError."""
    try:
        data = json.loads(stored)
        data["processes"] = tuple(data["processes"])
        found = Measurement(**data)
        if set(found.default) != set(found.noinit) or not set(found.processes) <= set(found.noinit):
            raise RecordError("the two columns do not have the same rows")
        for value in (*found.default.values(), *found.noinit.values()):
            if not isinstance(value, (int, float)) or value <= 0:
                raise RecordError(f"{value!r} is no figure")
    except (ValueError, KeyError, TypeError) as error:
        raise RecordError(f"{type(error).__name__}: {error}") from error
    return found


def load(path: pathlib.Path = RECORDED) -> Measurement:
    """The recorded measurement. Raises RecordError."""
    try:
        return parse(path.read_text())
    except (OSError, RecordError) as error:
        raise RecordError(f"{path}: {error}") from error


def save(measured: Measurement, path: pathlib.Path = RECORDED) -> None:
    """Whole, or not at all."""
    part = path.with_name(path.name + ".part")
    part.write_text(text(measured))
    os.replace(part, path)


def changed(old: Measurement, new: Measurement) -> list[str]:
    """Figures that differ by more than the noise, and rows that came or went."""
    found = []
    for variant in VARIANTS:
        before, now = getattr(old, variant), getattr(new, variant)
        for op in sorted(set(before) | set(now)):
            if op not in now or op not in before:
                found.append(f"{op}, {variant}: {'gone' if op in before else 'new'}")
            elif abs(now[op] - before[op]) > NOISE * before[op]:
                found.append(f"{op}, {variant}: {number(before[op])} recorded, "
                             f"{number(now[op])} now")
    return found


def number(value: float | None) -> str:
    """1,234 or 12.5; large ones without tenths."""
    if value is None:
        return "-"
    if value >= 1000 or value == int(value):
        return f"{round(value):,}"
    return f"{value:,.1f}"


def columns(lines: list[tuple[str, ...]]) -> str:
    """Text in columns: the first and the last to the left, the others to the right."""
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    made = []
    for line in lines:
        cells = [line[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(line[1:-1], widths[1:-1], strict=True)]
        made.append("  ".join([*cells, line[-1]]).rstrip())
    return "\n".join(made)


def render(measured: Measurement) -> str:
    """The table of Linux alone."""
    lines = [("op", "default", "init_on_alloc=0", "where")]
    for op, figure in measured.default.items():
        where = "process" if op in measured.processes else "kernel"
        lines.append((op, number(figure), number(measured.noinit[op]), where))
    return "\n".join([f"make bench-linux, {measured.date}", measured.linux, measured.qemu,
                      f"module: {measured.gcc}", "", columns(lines)])
