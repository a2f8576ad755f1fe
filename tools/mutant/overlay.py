# SPDX-License-Identifier: BSD-2-Clause
"""A mutant's tree: a copy of ours with the bug in it, and our objects, so that little is built anew.

Owns: <build>/mutants/NAME/. The copy keeps time stamps and lies under the same relative names, so
make there sees the changed files as newer and all else as it was. The file `.mutant` in it names
the mutant: the Makefile gives that name to the kernel, and refuses to put it onto a board.
Who builds or looks at one holds its lock, <build>/mutants/NAME.lock; two who want the same take turns.
Must never: touch the tree or the build that it copies.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import os
import pathlib
import shutil
import subprocess
import sys

from . import table

MARK = ".mutant"
# What make is told by its command line alone: it would take them from the environment too.
NOT_INHERITED = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "MUTANT", "BOARD", "VMSPLIT",
                 "DEBUG", "COUNT", "UBSAN", "COMPILER")
BUILT = ("obj", "include", "flags")  # of a build folder: what make needs to see what is done


class BuildError(Exception):
    """The compiler's or linker's words, when it refuses what was made."""


@dataclasses.dataclass(frozen=True)
class Trees:
    """Ours, its build folder, and that folder's name in it (`build`, wherever it is not in it)."""

    root: pathlib.Path
    out: pathlib.Path

    @property
    def name(self) -> str:
        inside = self.out.is_relative_to(self.root) and self.out != self.root
        return str(self.out.relative_to(self.root)) if inside else "build"

    def mutant(self, name: str) -> pathlib.Path:
        """Where one mutant's tree lies."""
        return self.out / "mutants" / name


def variant(out: str, build: str) -> str:
    """The folder that make is told to build in."""
    return out if build == "release" else f"{out}/{build}"


def run_make(root: pathlib.Path, out: str, build: str, jobs: int,
             target: str = "fanlight.zImage") -> None:
    """Builds one variant's image, or another file of its folder. Raises BuildError."""
    folder = variant(out, build)
    # Nothing of a make that called us: it may have been told MUTANT=.
    env = {k: v for k, v in os.environ.items() if k not in NOT_INHERITED}
    done = subprocess.run(["make", "--no-print-directory", f"-j{jobs}", f"O={folder}",
                           *table.BUILDS[build], f"{folder}/{target}"],
                          cwd=root, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildError(done.stdout + done.stderr)


def _copy_sources(trees: Trees, to: pathlib.Path) -> None:
    skipped = {".git", trees.name.split("/", maxsplit=1)[0], "build"}

    def ignored(folder: str, names: list[str]) -> set[str]:
        top = pathlib.Path(folder) == trees.root
        return {n for n in names if n in ("__pycache__", ".pytest_cache") or top and n in skipped}

    shutil.copytree(trees.root, to, ignore=ignored, symlinks=True)


def _copy_built(trees: Trees, to: pathlib.Path, build: str) -> None:
    built = trees.out if build == "release" else trees.out / build
    folder = to / variant(trees.name, build)
    folder.mkdir(parents=True)
    for name in BUILT:
        if (built / name).is_dir():
            shutil.copytree(built / name, folder / name)
        else:
            shutil.copy2(built / name, folder / name)
    (folder / "obj" / "kernel" / "report.o").unlink()  # it names the mutant


@contextlib.contextmanager
def held(trees: Trees, name: str, how: int = fcntl.LOCK_EX):
    """While inside nobody else has the mutant's tree; with "" for a name, our own builds. Waits."""
    path = trees.out / "mutants" / f"{name}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, how | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"mutant: {path}: another run has it; waiting for its end", file=sys.stderr,
                  flush=True)
            fcntl.flock(lock, how)
        yield


def make(trees: Trees, mutant: table.Mutant) -> pathlib.Path:
    """The mutant's tree, fresh; nothing is built yet. Caller holds it. Raises MutantError, OSError."""
    to = trees.mutant(mutant.name)
    texts = mutant.texts(trees.root)
    shutil.rmtree(to, ignore_errors=True)
    to.parent.mkdir(parents=True, exist_ok=True)
    with held(trees, "", fcntl.LOCK_SH):
        _copy_sources(trees, to)
        (to / MARK).write_text(mutant.name, encoding="utf-8")
        _copy_built(trees, to, mutant.run.build)
    for file, text in texts.items():
        (to / file).write_text(text, encoding="utf-8")
    return to
