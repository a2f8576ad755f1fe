# SPDX-License-Identifier: BSD-2-Clause
"""Boards and runs, read from boards/*/board.toml, boards/*/hardware.toml and tests/runs.toml.

Owns: the meaning of every key in those files (described in docs/testing.md).
Must never: start anything, or accept a key it does not know.

A run whose `memory`, `entry`, `build`, `cpu`, `dtb`, `smp` or `loader` is a list stands for one run per
combination; its name then holds those keys in braces.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import pathlib
import re
import tomllib

from .judge import Verdict

ROOT = pathlib.Path(__file__).resolve().parents[2]
RUNS = ROOT / "tests" / "runs.toml"
EXPANDED = ("memory", "entry", "build", "cpu", "dtb", "smp", "loader")
DEBUG_BUILDS = ("debug", "clang-debug")  # those with DEBUG=1
LOADERS = ("", "uboot-bootz", "uboot-uimage", "uboot-fit")
DISKS = ("fat", "ext4")
DISK_DAMAGES = ("", "flip", "cut")


class TableError(Exception):
    """A table says something we do not understand."""


@dataclasses.dataclass(frozen=True)
class Board:
    """One boards/<name>/board.toml: how QEMU plays the board."""

    name: str
    machine: str
    cpu: str
    smp: int
    memory: str
    ram_base: int
    dtb: str  # "own": ours; "qemu": QEMU makes it
    entry: dict[str, str]  # entry mode -> machine options
    reserve_from: int  # from this many MiB on, RAM the host need not have
    binary: str = "qemu-system-aarch64"
    args: tuple[str, ...] = ()
    uboot: str = ""  # a U-Boot for this board, for runs with a loader
    debian_dtb: str = ""  # the board's device tree in Debian's kernel package


@dataclasses.dataclass(frozen=True)
class Hardware:
    """One boards/<name>/hardware.toml: the real board at the end of a cable."""

    name: str
    doc: str  # its page
    image_at: int  # where its loader puts image and device tree
    dtb_at: int
    dtb: str = ""  # the device tree's file name; "": the firmware's own, at dtb_at
    baud: int = 115200
    bootargs: str = ""  # what this board needs beside selftest
    may_skip: tuple[str, ...] = ()
    silence: float = 60.0  # seconds, as for a run
    total: float = 900.0
    lava: str = ""  # LAVA's device type; "" where it has none
    before_boot: tuple[str, ...] = ()  # U-Boot commands that must come first
    compatible: str = ""  # the root of its device tree; what has it not is another board's
    card_start: int = 2048  # the first sector, of 512 bytes, of a card's partition; 0: it has none
    # [first sector, sector behind, what]: its own loader, before the partition; never written
    reserved: tuple[tuple[int, int, str], ...] = ()


@dataclasses.dataclass(frozen=True)
class Run:
    """One line of the table: what to boot, and what must come of it."""

    name: str
    board: str
    build: str = "release"  # folder under the build folder; "release" is that folder itself
    memory: str = ""
    cpu: str = ""
    smp: int = 0
    at_once: bool = False  # a host thread for each CPU; else they take turns on one
    entry: str = "default"
    dtb: str = ""  # "": the board's; debian, none, random, magic, or tests/system/dts/<name>.dts
    image_at: int | None = None  # place the image here, through a boot stub
    cntfrq: int = 0  # with image_at: the stub writes this into CNTFRQ, which takes a secure entry
    dtb_at: int | str | None = None  # place the DTB here, untouched by QEMU; or "behind-image"
    together: bool = False  # all CPUs enter the image at once, as from a reset
    ram_alias: bool = False  # RAM has two addresses: tests/system/ram_alias.c
    initrd: str = ""  # size of a made-up initrd
    flash: bool = False  # from reset, through the board's own flash loader
    damage: tuple[str, ...] = ()  # what is wrong in that flash: "A kernel", …; flash.DAMAGES
    loader: str = ""  # uboot-bootz, uboot-uimage, uboot-fit: from a disk, by a real U-Boot
    disk: str = "fat"  # the disk's file system: fat, ext4
    disk_damage: str = ""  # what has become of the file that the loader loads: flip, cut
    bootargs: str = "selftest panic=poweroff"
    args: tuple[str, ...] = ()  # more QEMU arguments
    binary: str = ""  # another QEMU than the board's
    kind: str = "suites"  # suites | fatal | bench | memtest | memtest-all
    verdict: Verdict = Verdict.PASS
    text: tuple[str, ...] = ()  # regular expressions that lines of the stream must match
    absent: tuple[str, ...] = ()  # regular expressions that no line may match
    may_skip: tuple[str, ...] = ()
    layout: dict = dataclasses.field(default_factory=dict)  # dotted path in @layout -> value
    power_off: bool = True  # the guest must end by itself
    silence: float = 60.0  # seconds without a byte that count as a hang
    total: float = 400.0  # seconds that count as a hang in any case
    verify: bool = True  # its page tables are looked at when it has switched itself off
    stops: int = 0  # how often it is stopped in the middle, and its page tables looked at
    fatal: str = ""  # set when a fatal run is expanded from an ELF
    tags: tuple[str, ...] = ()

    def __hash__(self) -> int:
        return hash(self.name)


def _fields(cls) -> set[str]:
    return {field.name for field in dataclasses.fields(cls)}


def _read(path: pathlib.Path) -> dict:
    try:
        return tomllib.loads(path.read_text())
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise TableError(f"{path}: {error}") from error


def parse_size(text: str) -> int:
    """Bytes in "256M", "30G", "64K" or "4096"."""
    m = re.fullmatch(r"([0-9]+)([KMG]?)", text)
    if not m:
        raise TableError(f"not a size: {text!r}")
    return int(m.group(1)) << {"": 0, "K": 10, "M": 20, "G": 30}[m.group(2)]


@functools.lru_cache(maxsize=None)
def board(name: str) -> Board:
    """The description of one board."""
    raw = _read(ROOT / "boards" / name / "board.toml")
    unknown = set(raw) - _fields(Board)
    if unknown:
        raise TableError(f"board {name}: unknown keys {sorted(unknown)}")
    raw["args"] = tuple(raw.get("args", ()))
    return Board(name=name, **raw)


@functools.lru_cache(maxsize=None)
def hardware(name: str) -> Hardware:
    """The description of one real board."""
    path = ROOT / "boards" / name / "hardware.toml"
    if not path.is_file():
        known = sorted(p.parent.name for p in ROOT.glob("boards/*/hardware.toml"))
        raise TableError(f"there is no {path.relative_to(ROOT)}; real boards: {', '.join(known)}")
    raw = _read(path)
    if unknown := set(raw) - _fields(Hardware):
        raise TableError(f"{path}: unknown keys {sorted(unknown)}")
    if missing := {"doc", "image_at", "dtb_at"} - set(raw):
        raise TableError(f"{path}: no {', '.join(sorted(missing))}")
    for key in ("may_skip", "before_boot"):
        raw[key] = tuple(raw.get(key, ()))
    raw["reserved"] = tuple(tuple(area) for area in raw.get("reserved", ()))
    found = Hardware(name=name, **raw)
    for first, behind, what in found.reserved:
        if not 1 <= first < behind <= found.card_start:
            raise TableError(f"{path}: {what}: sectors {first} to {behind} are not between the "
                             f"partition table and the partition at {found.card_start}")
    return found


def _expand(entry: dict):
    """One dict per combination of the keys that hold lists."""
    keys = [k for k in EXPANDED if isinstance(entry.get(k), list)]
    for values in itertools.product(*(entry[k] for k in keys)):
        chosen = dict(zip(keys, values, strict=True))
        name = entry["name"]
        for key, value in chosen.items():
            if "{" + key + "}" not in name:
                raise TableError(f"run {name}: {key} is a list and not in the name")
            name = name.replace("{" + key + "}", str(value).lower())
        yield {**entry, **chosen, "name": name}


def _run(entry: dict) -> Run:
    unknown = set(entry) - _fields(Run)
    if unknown:
        raise TableError(f"run {entry.get('name')}: unknown keys {sorted(unknown)}")
    entry = dict(entry)
    for key in ("args", "text", "absent", "may_skip", "tags", "damage"):
        entry[key] = tuple(entry.get(key, ()))
    if "verdict" in entry:
        entry["verdict"] = Verdict[entry["verdict"].upper()]
    run = Run(**entry)
    if run.loader not in LOADERS or run.disk not in DISKS or run.disk_damage not in DISK_DAMAGES:
        raise TableError(f"run {run.name}: loader {run.loader!r}, disk {run.disk!r} or "
                         f"disk_damage {run.disk_damage!r} is unknown")
    if run.loader and not board(run.board).uboot:
        raise TableError(f"run {run.name}: board {run.board} has no uboot")
    if run.entry not in board(run.board).entry:
        raise TableError(f"run {run.name}: board {run.board} has no entry mode {run.entry!r}")
    if run.flash and not (ROOT / "boards" / run.board / "flash").is_dir():
        raise TableError(f"run {run.name}: board {run.board} has no flash loader")
    if run.damage and not run.flash:
        raise TableError(f"run {run.name}: damage is of a flash")
    placed = run.image_at, run.dtb_at, run.dtb or None, run.initrd or None, run.together or None
    if run.flash and any(what is not None for what in placed):
        raise TableError(f"run {run.name}: from flash nobody else places anything")
    return run


def _with_defaults(raw: dict, given: dict) -> dict:
    entry = {**raw.get("default", {}), **raw.get(given.get("board"), {}), **given}
    always = ["qemu"] if entry.get("at_once") else ["qemu", "in-turns"]
    if entry.get("build") in DEBUG_BUILDS and "may_skip" not in given:
        always.append("debug")
    listed = [name for of in always for name in raw.get(of, {}).get("may_skip", ())]
    return {**entry, "may_skip": [*entry.get("may_skip", ()), *listed]}


def made(entry: dict) -> Run:
    """A run that is in no table, with the table's defaults for its board."""
    return _run(_with_defaults(_read(RUNS), entry))


def of_variables(run: Run, variables: str) -> Run:
    """The run of another image than the release: of what make built with these variables."""
    split = next((word[8:] for word in variables.split() if word.startswith("VMSPLIT=")), "")
    if split:
        run = dataclasses.replace(run, build=f"vmsplit-{split}",
                                  layout={**run.layout, "split": split})
    return dataclasses.replace(run, may_skip=(*run.may_skip, *skips_of(variables)))


def skips_of(variables: str) -> tuple[str, ...]:
    """What an image may skip, wherever it runs, that make built with these variables."""
    debug = "DEBUG=1" in variables.split()
    return tuple(_read(RUNS)["debug"]["may_skip"]) if debug else ()


def runs(path: pathlib.Path = RUNS) -> list[Run]:
    """The whole table, expanded, in order. Names are unique."""
    raw = _read(path)
    found: list[Run] = []
    for entry in raw.get("run", []):
        found += [_run(_with_defaults(raw, single)) for single in _expand(entry)]
    names = [run.name for run in found]
    double = {name for name in names if names.count(name) > 1}
    if double:
        raise TableError(f"{path}: two runs are named {sorted(double)}")
    return found


def fatal_runs(template: Run, fatals: frozenset[str]) -> list[Run]:
    """One run per fatal test of an ELF, from a table entry of kind fatal."""
    return [dataclasses.replace(template, name=f"{template.name}.{name.removeprefix('fatal.')}",
                                fatal=name, bootargs=f"selftest={name} {template.bootargs}")
            for name in sorted(fatals)]


def with_monitor(run: Run) -> Run:
    """The run with the monitor's prompt behind what it runs, which else would not be asked for."""
    asked = {word.split("=")[0] for word in run.bootargs.split()}
    suites = "" if asked & {"selftest", "bench", "memtest"} else " selftest"
    return dataclasses.replace(run, bootargs=f"{run.bootargs}{suites} monitor")


def with_args(run: Run, extra: str) -> Run:
    """The run with more boot arguments; its kind follows from what they ask for.

    What the table says of the plain run's text and layout need not hold then.
    """
    words = extra.split()
    if not words:
        return run
    kind = run.kind
    if not any(w.split("=")[0] == "selftest" for w in words):
        for word, means in (("bench", "bench"), ("memtest", "memtest")):
            if any(w.split("=")[0] == word for w in words):
                kind = means
        if any(re.match(r"memtest=all(,|$)", w) for w in words):
            kind = "memtest-all"
    return dataclasses.replace(run, bootargs=f"{run.bootargs} {extra}".strip(), kind=kind,
                               text=(), layout={})
