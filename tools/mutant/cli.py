# SPDX-License-Identifier: BSD-2-Clause
"""The commands behind `make MUTANT=name`, `make run MUTANT=name` and `make mutants`.

Owns: the order of things, what is printed, exit statuses: 0 as the table says, 1 not, 7 trouble.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import dataclasses
import pathlib
import subprocess
import sys
import time

from runner.prepare import Unavailable
from runner.table import ROOT, with_args
from runner.terminal import Folder

from . import kill, overlay, table
from .table import Mutant, MutantError

LINES_MAX = 12
TROUBLE = 7  # as the runner's: not the mutant's doing


@dataclasses.dataclass(frozen=True)
class Result:
    """What came of one mutant."""

    mutant: Mutant
    killed_by: frozenset[str]
    lines: tuple[str, ...]
    seconds: float
    trouble: str = ""

    @property
    def right(self) -> bool:
        """Killed by whom the table names, and by nobody else; or alive where it must be."""
        return not self.trouble and self.killed_by == set(self.mutant.killers)


def _built(trees: overlay.Trees, mutant: Mutant, jobs: int) -> kill.Subject:
    """Its tree, built. A refusal of the compiler is a BuildError."""
    tree = overlay.make(trees, mutant)
    if mutant.host:
        overlay.run_make(tree, trees.name, "release", jobs, f"host/test_{mutant.host}")
    if mutant.looks != ("host",):
        overlay.run_make(tree, trees.name, mutant.run.build, jobs)
    return kill.Subject(mutant, tree, tree / trees.name,
                        tree / overlay.variant(trees.name, mutant.run.build))


def _judged(trees: overlay.Trees, mutant: Mutant, jobs: int, on_data=lambda data: None) -> Result:
    began = time.monotonic()
    words, lines, trouble = set(), [], ""
    try:
        with overlay.held(trees, mutant.name):
            words, lines = kill.found(_built(trees, mutant, jobs), on_data)
    except overlay.BuildError as error:
        text = str(error)
        words = {k for k in mutant.killers if k.startswith("build ") and k[6:] in text}
        trouble = "" if words else f"it does not build: {text.strip()[-1500:]}"
    except (kill.LookError, MutantError, OSError, Unavailable, subprocess.SubprocessError) as error:
        trouble = str(error)
    return Result(mutant, frozenset(words), tuple(lines), time.monotonic() - began, trouble)


def _base(trees: overlay.Trees, mutants: list[Mutant], jobs: int) -> None:
    """Our own builds, of which mutants take what they do not change."""
    inside = trees.out.is_relative_to(trees.root)
    out = str(trees.out.relative_to(trees.root) if inside else trees.out)
    with overlay.held(trees, ""):
        for build in dict.fromkeys(mutant.run.build for mutant in mutants):
            overlay.run_make(trees.root, out, build, jobs)


def _tell(trees: overlay.Trees, mutant: Mutant) -> None:
    expected = ", ".join(mutant.killers) or "nobody: it is right"
    print(f"MUTANT {mutant.name}: {mutant.bug}\n\n{mutant.diff(trees.root)}\n\n"
          f"build {mutant.run.build}; killed by {expected}\n", flush=True)


def command_build(trees: overlay.Trees, options: argparse.Namespace) -> int:
    """Build one, and say what is wrong with it."""
    for mutant in table.select(table.load(trees.root), options.names):
        _tell(trees, mutant)
        _base(trees, [mutant], options.jobs)
        with overlay.held(trees, mutant.name):
            print(f"  {_built(trees, mutant, options.jobs).variant}/fanlight.zImage")
    return 0


def command_run(trees: overlay.Trees, options: argparse.Namespace) -> int:
    """Let one bite: say what is wrong, build, boot or look, and say who caught it."""
    for mutant in table.select(table.load(trees.root), options.names):
        mutant = dataclasses.replace(mutant, run=with_args(mutant.run, options.args))
        _tell(trees, mutant)
        _base(trees, [mutant], options.jobs)
        folder = Folder()
        result = _judged(trees, mutant, options.jobs, folder.data)
        folder.finish()
        if result.trouble:
            print(f"mutant: {result.trouble}", file=sys.stderr)
            return TROUBLE
        for line in _few(result.lines):
            print(f"mutant: {line}", file=sys.stderr)
        print(f"mutant: {mutant.name}: " + (f"killed by {_words(result.killed_by)}"
              if result.killed_by else "alive"), file=sys.stderr)
        if result.killed_by != set(mutant.killers):
            print(f"mutant: the table says {_words(mutant.killers)}", file=sys.stderr)
            return 1
    return 0


def _words(killers) -> str:
    return ", ".join(sorted(killers)) or "nobody"


def _few(lines) -> list[str]:
    """As many as a person reads; one wrong attribute is wrong in a thousand entries."""
    more = [f"and {len(lines) - LINES_MAX} lines more"] if len(lines) > LINES_MAX else []
    return [*lines[:LINES_MAX], *more]


def _row(result: Result) -> str:
    state = "ok" if result.right else "WRONG"
    by = "?" if result.trouble else _words(result.killed_by)
    return f"{result.mutant.name:32} {_words(result.mutant.killers):52} {by:52} {state}" \
           f" ({result.seconds:.0f} s)"


def command_all(trees: overlay.Trees, options: argparse.Namespace) -> int:
    """Each selected mutant, and a table: name, killer expected, killed by, ok."""
    mutants = table.select(table.load(trees.root), options.names or "*")
    if options.quick:
        mutants = [mutant for mutant in mutants if mutant.quick]
    began = time.monotonic()
    _base(trees, mutants, options.jobs)
    print(f"{'mutant':32} {'killer expected':52} {'killed by':52}", flush=True)
    wrong = 0
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for job in [pool.submit(_judged, trees, mutant, 1) for mutant in mutants]:
            result = job.result()
            print(_row(result), flush=True)
            if not result.right:
                wrong += 1
                for line in _few(result.trouble.splitlines() or result.lines):
                    print(f"    {line}", flush=True)
    alive = sum(not mutant.killers for mutant in mutants)
    print(f"mutants: {len(mutants)}, of them {len(mutants) - wrong} as the table says"
          f" ({alive} must survive), in {time.monotonic() - began:.0f} s")
    return 1 if wrong else 0


def command_known(trees: overlay.Trees, options: argparse.Namespace) -> int:
    """Say what is wrong with the name, if anything is."""
    if options.names != table.LIST:
        table.select(table.load(trees.root), options.names)
    return 0


def command_list(trees: overlay.Trees, _options: argparse.Namespace) -> int:
    """All mutants: name, build, the first sentence of what is wrong, killers."""
    mutants = table.load(trees.root)
    for mutant in mutants:
        print(f"{mutant.name:44} {mutant.run.build:10} {mutant.sentence}\n{'':55} killed by "
              f"{', '.join(mutant.killers) or 'nobody'}")
    print(f"mutants: {len(mutants)}")
    return 0


def command_doc(trees: overlay.Trees, _options: argparse.Namespace) -> int:
    """docs/mutants.md, on standard output."""
    print(table.document(table.load(trees.root)), end="")
    return 0


def _jobs(text: str) -> int:
    """How many at a time: each has a build folder, a QEMU and sockets of its own."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"JOBS={text}: a number from 1 on")
    return int(text)


def main(argv: list[str]) -> int:
    """Run one command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="mutant", description="kernels that are wrong on purpose")
    parser.add_argument("command", choices=("build", "run", "all", "known", "doc", "list"))
    parser.add_argument("names", nargs="?", default="", help="names or globs, with commas")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "build")
    parser.add_argument("--jobs", type=_jobs, default=2)
    parser.add_argument("--args", default="", help="more boot arguments")
    parser.add_argument("--quick", action="store_true", help="only those with quick = true")
    options = parser.parse_args(argv)
    if options.names == table.LIST and options.command != "known":
        options.command = "list"
    commands = {"list": command_list, "build": command_build, "run": command_run, "all": command_all,
                "known": command_known, "doc": command_doc}
    try:
        return commands[options.command](overlay.Trees(ROOT, options.out.resolve()), options)
    except (MutantError, overlay.BuildError, OSError) as error:
        print(f"mutant: {error}", file=sys.stderr)
        return TROUBLE
