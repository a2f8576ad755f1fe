# SPDX-License-Identifier: BSD-2-Clause
"""DEBUG=1: the oops of a use after kunmap, or beyond a window's page, names window, page, and who
mapped and who unmapped it, by file and line as they stand in the source."""

import re

import pytest

from runner import session
from runner.judge import Verdict
from runner.table import ROOT, Run

SOURCE = "fatal_fault.c"
OWNER = re.compile(r"address 0x([0-9a-f]{8}): (guard behind )?debug window of (all|CPU \d), "
                   r"page 0x([0-9a-f]{6}), mapped (\S+), unmapped (.+)")
CASES = {  # fatal test: whose window, what its function does last, and whether it was unmapped
    "fault.after_kunmap_local": ("CPU 0", "kmap_local_page(page)", "kunmap_local(", ""),
    "fault.after_kunmap": ("all", "kmap(page)", "kunmap(page)", ""),
    "fault.after_kunmap_of_lowmem": ("all", "kmap(page)", "kunmap(page)", ""),
    "fault.beyond_window": ("CPU 0", "kmap_local_page(page)", None, "guard behind "),
}


def line_of(lines, text, first):
    return next(n for n, line in enumerate(lines, 1) if n > first and text in line)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("board", ["vexpress-a15", "qemu-virt"])
def test_the_oops_names_window_page_and_both_places(case, board, builds):
    whose, opens, closes, guard = CASES[case]
    outcome = session.boot(Run(name=f"kmap-debug-{board}-{case.replace('.', '-').replace('_', '-')}",
                               board=board, build="debug", kind="fatal",
                               bootargs=f"selftest=fatal.{case} panic=poweroff"), builds)
    assert outcome.verdict is Verdict.PASS, "\n".join(outcome.reasons)
    log = (outcome.folder / "serial.log").read_bytes().decode("latin-1")
    found = OWNER.search(log)
    assert found, log[log.index("@panic"):]
    lines = (ROOT / "tests" / "kernel" / SOURCE).read_text(encoding="utf-8").splitlines()
    start = 0
    if opens == "kmap_local_page(page)":
        start = line_of(lines, f"FATAL_TEST({case},", 0)
    mapped = line_of(lines, opens, start)
    unmapped = f"{SOURCE}:{line_of(lines, closes, mapped)}" if closes else "not yet"
    assert found[2] == (guard or None)
    assert found[3] == whose
    assert found[5] == f"{SOURCE}:{mapped}"
    assert found[6].strip() == unmapped
    # The page that the window showed: no entry of the walk says it any more.
    assert int(found[4], 16) > 0
