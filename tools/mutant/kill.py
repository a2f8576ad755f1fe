# SPDX-License-Identifier: BSD-2-Clause
"""What kills a mutant: looks at it in the ways that its entry names, and says all that failed.

Owns: the words for what failed, the same as in the table: `test suite.name`, `fatal name`, `rule
name` (of a panic), `stream verdict`, `verifier rule`, `check name`, `pytest name`, `host program.test`.
Must never: call a mutant killed because something of ours went wrong: that is LookError.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
import re
import subprocess
import sys

from runner import prepare, session
from runner.judge import Verdict
from runner.qemu import Guest

from .table import Mutant

# Of `make check`: they look at a text's form, which no bug is in. An entry may name one all the same.
FORM = frozenset({"format", "braces", "learner", "tidy", "docs", "links", "mutants"})
TABLES = re.compile(r"tables, [^:]*: (\w+):")  # what the runner says of a verifier's problem


class LookError(Exception):
    """The looking failed, not the mutant."""


@dataclasses.dataclass(frozen=True)
class Subject:
    """A mutant that is built: its tree, the build folder of it, and that of its variant."""

    mutant: Mutant
    tree: pathlib.Path
    out: pathlib.Path
    variant: pathlib.Path


def found(subject: Subject, on_data=lambda data: None) -> tuple[set[str], list[str]]:
    """All that failed, in the table's words, and the lines that say why. Raises LookError."""
    words: set[str] = set()
    lines: list[str] = []
    for look in subject.mutant.looks:
        seen, said = LOOKS[look](subject, on_data)
        words |= seen
        lines += said
    return words, lines


# ---- under QEMU ----


def _boot(subject: Subject, on_data):
    mutant, builds = subject.mutant, prepare.Builds(subject.out)

    def guest(folder: pathlib.Path) -> Guest:
        return Guest([*prepare.qemu_args(mutant.run, builds, folder), "-no-shutdown"],
                     folder / "qemu.err")

    def expected():
        return dataclasses.replace(session.expectation(mutant.run, builds), mutant=mutant.name)

    outcome = session.listen(mutant.run, builds.results(mutant.run), guest, expected,
                             f"make run MUTANT={mutant.name}", on_data,
                             elf=builds.elf(mutant.run.build))
    if outcome.verdict is Verdict.INFRA:
        raise LookError("; ".join(outcome.reasons))
    return _of_outcome(outcome), list(outcome.reasons)


def _of_outcome(outcome: session.Outcome) -> set[str]:
    rules = {f"verifier {TABLES.match(problem).group(1)}" for problem in outcome.verified.problems}
    if rules and outcome.seen is outcome.run.verdict:
        return rules  # the stream is what it should be
    return rules | _of_stream(outcome)


def _of_stream(outcome: session.Outcome) -> set[str]:
    """A crash is its rules: what did not come behind it is part of it."""
    stream, run = outcome.stream, outcome.run
    if outcome.verdict is Verdict.PASS:
        return set()
    if run.kind == "fatal" and stream.fatal:  # once it has begun, all is its own failure
        return {f"fatal {run.fatal.removeprefix('fatal.')}"}
    words = {f"test {t.name}" for t in stream.tests if t.status == "fail"}
    words |= {f"skip {t.name}" for t in outcome.tests if t.reason.startswith("unlisted skip")}
    words |= {f"rule {panic['rule']}" if panic.get("rule") else f"stream {Verdict.CRASH}"
              for panic in stream.panics}
    explained = Verdict.CRASH if stream.panics else Verdict.FAIL
    if not words or outcome.seen is not explained:
        words.add(f"stream {outcome.verdict}")
    return words


# ---- on the host ----


def _python(subject: Subject, on_data, *argv: str) -> tuple[int, str]:
    env = {**os.environ, "FANLIGHT_BUILD": str(subject.out), "T": "", "RUN": "", "SHARD": ""}
    done = subprocess.run([sys.executable, *argv], cwd=subject.tree, capture_output=True, text=True,
                          check=False, env=env)
    text = done.stdout + done.stderr
    on_data(text.encode("latin-1", "replace"))
    return done.returncode, text


def _words(what: str, status: int, text: str, pattern: str) -> set[str]:
    names = set(re.findall(pattern, text, re.MULTILINE))
    if status not in (0, 1) or bool(status) != bool(names):
        raise LookError(f"{what}: status {status}: {text.strip()[-500:]}")
    return {f"{what} {name}" for name in names}


def _check(subject: Subject, on_data):
    """All of `make check` that looks at what code does, and what of the rest the entry names."""
    named = {k.removeprefix("check ") for k in subject.mutant.killers if k.startswith("check ")}
    status, text = _python(subject, on_data, "tools/check/check", "--build", str(subject.variant),
                           "--without", ",".join(sorted(FORM - named)))
    return (_words("check", status, text, r"^check (\S+) +FAIL"),
            [line.strip() for line in text.splitlines() if line.startswith("    ")])


def _pytest(subject: Subject, on_data):
    status, text = _python(subject, on_data, "-m", "pytest", "-p", "no:cacheprovider", "-rf",
                           *subject.mutant.pytest.split())
    return (_words("pytest", status, text, r"^FAILED \S*?::(\w+)"),
            [line for line in text.splitlines() if line.startswith("FAILED")])


def _host(subject: Subject, on_data):
    """The unit tests of one program, each in a process of its own."""
    status, text = _python(subject, on_data, "-m", "pytest", "-p", "no:cacheprovider", "-rf",
                           "tests/host/test_host.py", "-k", f"test_{subject.mutant.host}")
    return (_words("host", status, text, r"^FAILED \S*?::test_host\[test_([\w.]+)\]"),
            [line for line in text.splitlines() if line.startswith("FAILED")])


LOOKS = {"boot": _boot, "check": _check, "pytest": _pytest, "host": _host}
