# SPDX-License-Identifier: BSD-2-Clause
"""The mutants of tests/mutants/*.toml: what each changes, the run that shows it, and who must kill it.

Owns: the meaning of every key in those files (described in docs/testing.md).
Must never: change a source, or accept a key, a killer or a text that it does not know.
"""

from __future__ import annotations

import dataclasses
import difflib
import fnmatch
import pathlib
import re
import tomllib

from runner import table as runs
from runner.judge import Verdict

# Folder of the build folder -> what make is told.
BUILDS = {"release": (), "debug": ("DEBUG=1",), "count": ("COUNT=1",),
          "vmsplit-2g": ("VMSPLIT=2g",), "vmsplit-1g": ("VMSPLIT=1g",)}
LOOKS = ("boot", "check", "pytest", "host")
KILLERS = ("test", "fatal", "rule", "stream", "verifier", "check", "pytest", "host", "build")
LIST = "list"  # no mutant's name: it asks for all of them
NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class MutantError(Exception):
    """An entry that cannot be, or a name that nobody has."""


@dataclasses.dataclass(frozen=True)
class Edit:
    """One place that is changed: the old text must be in the file exactly once."""

    file: str
    old: str
    new: str

    def applied(self, text: str) -> str:
        """The file's text with the bug in it."""
        count = text.count(self.old)
        if count != 1:
            raise MutantError(f"{self.file} has the old text {count} times, not once")
        return text.replace(self.old, self.new)


@dataclasses.dataclass(frozen=True)
class Mutant:
    """One wrong kernel."""

    name: str
    bug: str  # what is wrong, and where such a bug is known from
    edits: tuple[Edit, ...]
    killers: tuple[str, ...]  # all that fails, and nothing else; empty: it must survive
    run: runs.Run
    looks: tuple[str, ...] = ("boot",)
    pytest: str = ""  # for looks = pytest: the file of tests
    host: str = ""  # for looks = host: the program of tests/host/, without test_
    quick: bool = False  # also in `make test`

    @property
    def sentence(self) -> str:
        """The first sentence of what is wrong."""
        return re.split(r"(?<=[.!?]) (?=[A-Z`])", self.bug, maxsplit=1)[0]

    def texts(self, root: pathlib.Path) -> dict[str, str]:
        """Each changed file's text with all edits; MutantError where one does not apply."""
        changed: dict[str, str] = {}
        for edit in self.edits:
            try:
                text = changed.get(edit.file) or (root / edit.file).read_text(encoding="utf-8")
                changed[edit.file] = edit.applied(text)
            except (OSError, UnicodeError) as error:
                raise MutantError(f"{self.name}: {edit.file}: {error}") from error
            except MutantError as error:
                raise MutantError(f"{self.name}: {error}") from error
        return changed

    def diff(self, root: pathlib.Path) -> str:
        """The change as people read it."""
        parts = []
        for file, text in self.texts(root).items():
            old = (root / file).read_text(encoding="utf-8").splitlines()
            parts += difflib.unified_diff(old, text.splitlines(), f"a/{file}", f"b/{file}",
                                          lineterm="")
        return "\n".join(parts)


def _killer(where: str, text: str) -> str:
    kind, _, what = text.partition(" ")
    known = kind in KILLERS and what
    if kind == "stream" and what not in {str(v) for v in Verdict}:
        known = False
    if not known:
        raise MutantError(f"{where}: killer {text!r} is none of {', '.join(KILLERS)} and a name")
    return text


def _run(where: str, name: str, raw: dict) -> runs.Run:
    if raw.get("build", "release") not in BUILDS:
        raise MutantError(f"{where}: build {raw['build']!r} is none of {', '.join(BUILDS)}")
    try:
        return runs.made({"board": "vexpress-a15", **raw, "name": name})
    except runs.TableError as error:
        raise MutantError(f"{where}: {error}") from error


def _mutant(where: str, raw: dict) -> Mutant:
    if unknown := set(raw) - {"name", "bug", "edit", "killers", "run", "looks", "pytest", "host",
                             "quick"}:
        raise MutantError(f"{where}: unknown keys {sorted(unknown)}")
    if missing := {"name", "bug", "edit", "killers"} - set(raw):
        raise MutantError(f"{where}: no {', '.join(sorted(missing))}")
    if not NAME.fullmatch(raw["name"]) or raw["name"] == LIST:
        raise MutantError(f"{where}: the name must be lower case words with hyphens, and not {LIST}")
    looks = tuple(raw.get("looks", ("boot",)))
    if not looks or set(looks) - set(LOOKS) or any((k in looks) != (k in raw)
                                                   for k in ("pytest", "host")):
        raise MutantError(f"{where}: looks are {', '.join(LOOKS)}; the two last with a file in pytest,"
                          " a program in host")
    edits = []
    for edit in raw["edit"]:
        if set(edit) != {"file", "old", "new"} or edit["old"] == edit["new"] or not edit["old"]:
            raise MutantError(f"{where}: an edit has file, old and another text, new")
        edits.append(Edit(**edit))
    if not raw["killers"] and not raw["name"].startswith("identity"):
        raise MutantError(f"{where}: no killer; only identity mutants survive")
    return Mutant(name=raw["name"], bug=" ".join(raw["bug"].split()), edits=tuple(edits),
                  killers=tuple(_killer(where, k) for k in raw["killers"]),
                  run=_run(where, raw["name"], raw.get("run", {})), looks=looks,
                  pytest=raw.get("pytest", ""), host=raw.get("host", ""), quick=raw.get("quick", False))


def load(root: pathlib.Path) -> list[Mutant]:
    """All mutants of a tree, in the order of its files. Raises MutantError."""
    found: list[Mutant] = []
    for path in sorted((root / "tests" / "mutants").glob("*.toml")):
        try:
            raw = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, tomllib.TOMLDecodeError) as error:
            raise MutantError(f"{path.name}: {error}") from error
        if set(raw) != {"mutant"}:
            raise MutantError(f"{path.name}: [[mutant]] entries, and nothing else")
        found += [_mutant(f"{path.name}: {entry.get('name', 'an entry')}", entry)
                  for entry in raw["mutant"]]
    names = [mutant.name for mutant in found]
    if double := {name for name in names if names.count(name) > 1}:
        raise MutantError(f"two mutants are named {', '.join(sorted(double))}")
    return found


def select(mutants: list[Mutant], globs: str) -> list[Mutant]:
    """Those whose names fit one of the globs; MutantError, with what is near, for none."""
    chosen = []
    for glob in globs.split(","):
        fits = [m for m in mutants if fnmatch.fnmatchcase(m.name, glob)]
        if not fits:
            names = [m.name for m in mutants]
            words = [n for n in names if glob.strip("*") and glob.strip("*") in n]
            near = list(dict.fromkeys([*words, *difflib.get_close_matches(glob, names, 6, 0.4)]))
            raise MutantError(f"MUTANT={glob}: there is no mutant of that name; "
                              + (f"near it: {', '.join(near)}" if near else f"make mutants "
                                 f"MUTANT={LIST} names all"))
        chosen += [m for m in fits if m not in chosen]
    return chosen


def document(mutants: list[Mutant]) -> str:
    """docs/mutants.md."""
    rows = [f"| `{m.name}` | {m.bug.replace('|', chr(92) + '|')} | "
            f"{', '.join(f'`{k}`' for k in m.killers) or 'nobody'} |" for m in mutants]
    return "\n".join(["# Mutants", "",
                      "Made of `tests/mutants/*.toml` by `make docs`. What the killers' words mean, and how to"
                      " watch one: [testing.md](testing.md#mutants).", "",
                      "| mutant | what is wrong | killed by |", "|---|---|---|", *rows, ""])
