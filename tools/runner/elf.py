# SPDX-License-Identifier: BSD-2-Clause
"""What an image says it holds: its tests' names and its build-id, by the cross binutils.

Must never guess: a missing tool or a strange image is an ElfError.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import pathlib
import re
import subprocess

CROSS = os.environ.get("CROSS_COMPILE", "arm-none-eabi-")


class ElfError(Exception):
    """The image cannot be read."""


@dataclasses.dataclass(frozen=True)
class Elf:
    """Names are as the stream prints them: `suite.test`, and for fatal ones `fatal.name`."""

    path: pathlib.Path
    build_id: str
    tests: frozenset[str]
    fatals: frozenset[str]


def _tool(*argv: str) -> str:
    try:
        done = subprocess.run([CROSS + argv[0], *argv[1:]], capture_output=True, text=True,
                              check=False)
    except OSError as error:
        raise ElfError(f"{CROSS}{argv[0]}: {error.strerror} (try `make deps`)") from error
    if done.returncode:
        raise ElfError(done.stderr.strip() or f"{argv[0]} failed")
    return done.stdout


@functools.lru_cache(maxsize=None)
def read(path: pathlib.Path) -> Elf:
    """Read one image. Raises ElfError."""
    if not path.is_file():
        raise ElfError(f"{path} does not exist: build it first")
    rows = [line.split() for line in _tool("nm", str(path)).splitlines()]
    names = [row[2] for row in rows if len(row) == 3 and row[1] in "dDrRbB"]  # objects
    # gcc names a function's static variable `fatal` fatal.0: ours begin with a letter.
    tests = [n[len("test."):] for n in names if re.fullmatch(r"test\.[a-z][\w-]*\.[\w.-]+", n)]
    fatals = [n for n in names if re.fullmatch(r"fatal\.[a-z][\w.-]*", n)]
    for what in (tests, fatals):
        if len(set(what)) != len(what):
            raise ElfError(f"{path}: two tests share a name")
    m = re.search(r"Build ID: ([0-9a-f]+)", _tool("readelf", "-n", str(path)))
    if not m:
        raise ElfError(f"{path} has no build-id note")
    return Elf(path, m.group(1), frozenset(tests), frozenset(fatals))
