# SPDX-License-Identifier: BSD-2-Clause
"""The table of runs (tests/runs.toml): each run is booted once, each in-kernel test is a test here.

`RUN::suite.test` is one in-kernel test; `RUN::stream` is the run itself: its stream's verdict, held
against what the table expects. Names come from the ELFs, so a test that never reports fails.

Owns: which runs and tests are selected; conftest.py boots them, ahead of these tests and beside others.
"""

import dataclasses
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from conftest import builds, globs, matches, shard  # noqa: E402  (needs the path above)
from runner import elf, prepare, session, source, table  # noqa: E402
from runner.judge import Verdict  # noqa: E402

def selected_runs():
    """The runs of the table that RUN= and SHARD= select, fatal ones expanded, T= applied."""
    wanted, patterns = [], globs("T")
    for run in table.runs():
        if "soak" in run.tags and run.name not in globs("RUN"):
            continue  # takes an hour: only by its name
        for single in _expanded(run):
            if not globs("RUN") or matches(single.name, globs("RUN")) \
                    or matches(run.name, globs("RUN")):
                wanted.append(single)
    index, count = shard()
    for run in wanted[index - 1::count]:
        names = expected_tests(run)
        if patterns:
            chosen = [n for n in names
                      if matches(n, patterns) or matches(f"{run.name}::{n}", patterns)]
            run = _narrowed(run, [n for n in chosen if n != "stream"])
            # Results of a stream that was not sound are worth nothing: it is always judged too.
            names = [n for n in names if n in chosen or (chosen and n == "stream")]
        if names:
            yield run, names


def _expanded(run):
    """A fatal entry stands for one run per fatal test of its ELF."""
    if run.kind != "fatal" or run.fatal:
        return [run]
    try:
        fatals = elf.read(builds().elf(run.build)).fatals
    except elf.ElfError:
        fatals = frozenset()
    return table.fatal_runs(run, fatals) or [run]


def expected_tests(run):
    """What a run reports here: its in-kernel tests, then the run itself."""
    if run.kind == "fatal":
        return [run.fatal or "stream"]
    if run.kind != "suites" or run.verdict is not Verdict.PASS:
        return ["stream"]
    try:
        tests = elf.read(builds().elf(run.build)).tests
    except elf.ElfError:
        return ["stream"]
    return [*sorted(session.selected(tests, run.bootargs)), "stream"]


def _narrowed(run, names):
    """Boot only the tests that T= names, where the run's boot arguments allow to."""
    words = run.bootargs.split()
    if run.kind != "suites" or not names or "selftest" not in words:
        return run
    words[words.index("selftest")] = "selftest=" + ",".join(names)
    return dataclasses.replace(run, bootargs=" ".join(words))


def pytest_generate_tests(metafunc):
    """One parameter set per run and test."""
    if metafunc.function.__name__ == "test_run":
        cases = [(run, name) for run, names in selected_runs() for name in names]
        metafunc.parametrize(("run", "name"), cases,
                             ids=[f"{run.name}::{name}" for run, name in cases])


def report(outcome):
    """What a person needs to know of a run that went wrong."""
    return "\n".join([f"{outcome.run.name}: {outcome.verdict}", *outcome.reasons,
                      f"log: {outcome.folder}/serial.log",
                      f"again: {(outcome.folder / 'rerun').read_text().strip()}"])


def test_run(run, name, boots):
    try:
        outcome = boots.outcome(run)
    except prepare.Unavailable as why:
        pytest.skip(str(why))
    if name in ("stream", run.fatal):
        if outcome.verdict is not Verdict.PASS:
            pytest.fail(report(outcome), pytrace=False)
        return
    found = [test for test in outcome.tests if test.name == name]
    if not found:
        pytest.fail(f"not reported: {report(outcome)}", pytrace=False)
    if found[0].status == "fail":
        pytest.fail("\n".join([found[0].reason, *source.explained(found[0].log), report(outcome)]),
                    pytrace=False)
    if found[0].status == "skip":
        pytest.skip(f"{name}: {found[0].reason}")
