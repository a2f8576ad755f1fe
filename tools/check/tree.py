# SPDX-License-Identifier: BSD-2-Clause
"""What every check needs: the tree's files, their text, the build, and a result to return."""

import functools
import pathlib
import re
import shlex
import tomllib
from dataclasses import dataclass, field

HERE = pathlib.Path(__file__).resolve().parent

# The folders that hold sources; output folders may lie anywhere else.
FOLDERS = ("arch", "boards", "drivers", "fs", "include", "kernel", "lib", "mm", "tests", "tools",
           "user")
IGNORED = {"__pycache__", ".pytest_cache", "build"}


@dataclass
class Result:
    """What a check found. A check fails when problems is not empty."""
    note: str = ""
    problems: list = field(default_factory=list)
    warnings: list = field(default_factory=list)


class Tree:
    """A source tree and, when given, a finished build of it."""

    def __init__(self, root, build=None, cflags=None):
        self.root = pathlib.Path(root)
        self.build = pathlib.Path(build) if build else None
        self._cflags = cflags

    @functools.cached_property
    def files(self):
        """All source files as sorted paths relative to the root, with forward slashes."""
        found = []
        for folder in FOLDERS:
            for path in (self.root / folder).rglob("*"):
                relative = path.relative_to(self.root)
                if path.is_file() and not IGNORED & set(relative.parts):
                    found.append(relative.as_posix())
        found += [p.name for p in self.root.glob("*") if p.is_file()]
        return sorted(found)

    @functools.cached_property
    def documents(self):
        """All documents, likewise: those in docs/ too, which holds no sources."""
        found = [path.relative_to(self.root).as_posix()
                 for path in (self.root / "docs").rglob("*.md")]
        return sorted([*found, *self.select(".md")])

    def select(self, *suffixes, under=""):
        return [f for f in self.files if f.endswith(suffixes) and f.startswith(under)]

    @functools.lru_cache(maxsize=None)
    def text(self, path):
        return (self.root / path).read_text(encoding="utf-8", errors="replace")

    @functools.lru_cache(maxsize=None)
    def code(self, path):
        """The text with comments and string contents blanked, line numbers and columns kept."""
        return blank(self.text(path))

    def rules(self, name):
        """A data file: the tree's own when it has one (so that tests can bring theirs)."""
        own = self.root / "tools" / "check" / name
        with open(own if own.is_file() else HERE / name, "rb") as stream:
            return tomllib.load(stream)

    @functools.cached_property
    def cflags(self):
        """What the compiler is told: given, or out of the build's file `flags`, or built in."""
        if self._cflags:
            return shlex.split(self._cflags)
        if self.build and (self.build / "flags").is_file():
            return compile_flags(shlex.split((self.build / "flags").read_text(encoding="utf-8")))
        return self.rules("rules.toml")["headers"]["cflags"]

    @property
    def elf(self):
        path = self.build / "fanlight" if self.build else None
        return path if path and path.is_file() else None


def compile_flags(words):
    """Out of all words of a build (compiler, flags of every tool, sources): the compiler's."""
    found, take = [], False
    for word in words:
        if take or (word.startswith("-") and not word.startswith(("-Wl,", "-nostdlib", "-static"))):
            found.append(word)
        take = word in ("-I", "-D", "-include")
    return found


# Order matters: whichever starts first swallows the others inside it.
_TOKENS = re.compile(r"""
    (?P<comment> /\*.*?\*/ | //[^\n]* )
  | (?P<string>  "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])+' )
""", re.VERBOSE | re.DOTALL)


def blank(text):
    """Comments to spaces, and the insides of strings to underscores; newlines stay."""
    def replacement(match):
        token = match.group()
        if match.lastgroup == "comment":
            return re.sub(r"[^\n]", " ", token)
        return token[0] + re.sub(r"[^\n]", "_", token[1:-1]) + token[-1]
    return _TOKENS.sub(replacement, text)


def line_of(text, index):
    return text.count("\n", 0, index) + 1


def allowed(text, line, marker):
    """True when the line, or a comment right above it, says `marker: reason`."""
    lines = text.split("\n")
    here = lines[line - 1]
    above = lines[line - 2].strip() if line > 1 else ""
    pattern = re.compile(re.escape(marker) + r":\s*\w+")
    return bool(pattern.search(here) or (above.startswith(("/*", "//", "*"))
                                         and pattern.search(above)))
