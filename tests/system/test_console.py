# SPDX-License-Identifier: BSD-2-Clause
"""The raw log while every CPU prints, and while one panics: each line whole, and in its place.

Owns: what the stream's judge does not look at, because to it such lines are words. Must never: demand
an order between CPUs.
"""

import json
import re

import pytest

from runner import session
from runner.judge import Verdict
from runner.table import Run

SAYS = re.compile(r"    # (thread|visitor|idle) (\d) says (\d+): (\w+)")
LETTERS = 40

SUITES = {  # board, build, CPUs
    "vexpress": ("vexpress-a15", "release", 4),
    "vexpress-debug": ("vexpress-a15", "debug", 4),
    "virt": ("qemu-virt", "release", 8),
    "virt-debug": ("qemu-virt", "debug", 4),
}
PANICS = ("others_keep_printing", "all_at_once", "inside_a_line")


def boot(builds, name, **keys):
    """The log's lines, each without its ending; the stream must be as good as it should be."""
    outcome = session.boot(Run(name=name, at_once=True, **keys), builds)
    assert outcome.verdict is Verdict.PASS, "\n".join(outcome.reasons)
    raw = (outcome.folder / "serial.log").read_bytes().decode("latin-1")
    return raw.split("\r\n")


def speakers(lines):
    """How many lines each speaker got out: all of them whole, none lost, none twice."""
    count = {}
    for line in lines:
        m = SAYS.fullmatch(line)
        if not m:
            assert not re.search(r"# (thread|visitor|idle)|(\w)\2{9}", line), f"torn: {line!r}"
            continue
        who, cpu, n, text = m[1], int(m[2]), int(m[3]), m[4]
        assert text == chr(ord("a") + (cpu * 7 + n) % 26) * LETTERS, line
        assert n == count.get((who, cpu), 0), f"not the one that should come: {line}"
        count[who, cpu] = n + 1
    return count


@pytest.mark.parametrize("suite", SUITES)
def test_lines_of_all_cpus_stay_whole(suite, builds):
    board, build, cpus = SUITES[suite]
    lines = boot(builds, f"console-{suite}", board=board, build=build, smp=cpus,
                 bootargs="selftest=console.*,highmem.* panic=poweroff")
    # Behind @end the power goes, also in the middle of a line.
    count = speakers(lines[lines.index("KTAP version 1"):lines.index('@end {"verdict":"pass"}')])
    for cpu in range(cpus):
        assert count["thread", cpu] == 16
        assert count["visitor", cpu] > 0
    at = lines.index("ok 2 console")
    assert lines[at + 1].startswith('@sum {"suite":"console",'), lines[at + 1]
    if build == "debug":  # they did speak across the suite's end
        others = [i for i, line in enumerate(lines) if line.startswith("    # idle ")]
        assert others[0] < at < others[-1]


@pytest.mark.parametrize("build", ["release", "debug"])
@pytest.mark.parametrize("panic", PANICS)
def test_report_is_whole_and_nobody_elses_line_is_in_it(panic, build, builds):
    name = f"fatal.panic.{panic}"
    lines = boot(builds, f"panic-{panic.replace('_', '-')}-{build}", board="vexpress-a15",
                 build=build, smp=4, kind="fatal", fatal=name,
                 bootargs=f"selftest={name} panic=poweroff")
    at = lines.index("# interrupted")
    assert lines[at + 1].startswith("@panic ")
    assert json.loads(lines[at + 1][len("@panic "):])["rule"] == "test.panic"
    report = lines[at + 2:]
    assert not [line for line in report if "noise" in line or "@" in line or "interrupted" in line]
    # A host may stop a CPU for as long as it likes between its last look at who speaks and one byte.
    assert report[-2] == "# panic: poweroff" and len(report[-1]) < 4, report[-2:]
    if panic == "inside_a_line":
        assert lines[at - 1] == "# half a line"
    else:
        spoken = [line for line in lines[:at] if "noise" in line]
        whole = re.compile(r"# noise \d+ from a CPU that does not listen")
        # The last one may be cut: its CPU cannot be told to finish it.
        assert all(whole.fullmatch(line) for line in spoken[:-1])
