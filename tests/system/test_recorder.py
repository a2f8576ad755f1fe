# SPDX-License-Identifier: BSD-2-Clause
"""The recorder (arch/record.h, DEBUG=1) counts what QEMU executes: each DSB, ISB and TLBI, by kind.

Owns: the comparison of the kernel's own counts, which its test prints, with those of barriers.c, a
plugin that knows the instructions by their encodings. And that it can fail: in an image where one
hook is a NOP the two differ. Must never: expect a number; only that both have the same.
"""

import re
import shutil
import struct
import subprocess

import pytest

from runner import elf, session
from runner.judge import Verdict
from runner.prepare import Builds
from runner.table import Run

TEST = "record.what_is_recorded_between_two_marks"
RECORDED = re.compile(r"# recorded (.*?): (\d+)")
# Each is executed between the marks. DEBUG=1 has the barriers for walks that bypass the data cache.
KINDS = {"TLBIMVAA", "TLBIALL", "TLBIMVAAIS", "TLBIALLIS", "DSB ISH", "DSB ISHST", "DSB NSH", "ISB"}
POINTS = {  # an erratum's work-around has a TLBI, a DSB and interrupts of its own
    "virt-one": {"board": "qemu-virt", "smp": 1},
    "virt": {"board": "qemu-virt", "smp": 4, "at_once": True},
    "errata": {"board": "vexpress-a15", "smp": 4, "errata": " errata=force:798181"},
}
IMAGE_START, NOP_W = 0xffc00000, struct.pack("<2H", 0xf3af, 0x8000)


def counts(builds, name, board, smp, errata="", **keys):
    """{instruction: how often} as the kernel recorded it, and as QEMU executed it."""
    plugin = builds.root / "host" / "barriers.so"
    assert plugin.is_file(), f"{plugin} does not exist: make host-tests"
    out = builds.root / "results" / f"recorder-{name}.counts"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.unlink(missing_ok=True)
    listing = subprocess.run([elf.CROSS + "nm", builds.elf("debug")], capture_output=True,
                             text=True, check=True).stdout
    marks = {m[2]: int(m[1], 16) for m in re.finditer(r"(\w+) . (mark_\w+)", listing)}
    option = f"{plugin},begin={marks['mark_begin']:#x},end={marks['mark_end']:#x},out={out}"
    outcome = session.boot(Run(name=f"recorder-{name}", board=board, build="debug", memory="512M",
                               smp=smp, args=["-plugin", option],
                               bootargs=f"selftest={TEST}{errata} panic=poweroff", **keys), builds)
    assert outcome.verdict is Verdict.PASS, "\n".join(outcome.reasons)
    said = (outcome.folder / "serial.log").read_text("latin-1")
    recorded = {}
    for kind, count in RECORDED.findall(said):
        recorded[kind] = recorded.get(kind, 0) + int(count)
    executed = {}
    for line in out.read_text().splitlines():
        kind, count = line.rsplit(" ", 1)
        executed[kind] = int(count)
    return recorded, {kind: n for kind, n in executed.items() if n or kind in recorded}


@pytest.mark.parametrize("point", POINTS)
def test_what_is_recorded_is_what_is_executed(point, builds):
    recorded, executed = counts(builds, point, **POINTS[point])
    assert recorded == executed
    assert all(executed[kind] > 0 for kind in KINDS), executed
    assert (executed["TLBIMVAIS"] > 0) == (point == "errata")


def without_hook(builds, folder, function):
    """A build whose function calls record() for barriers no more: NOPs in place of the calls."""
    made = folder / "debug"
    made.mkdir()
    (folder / "host").symlink_to(builds.root / "host")
    shutil.copy(builds.elf("debug"), made / "fanlight")
    image = bytearray(builds.image("debug").read_bytes())
    code = subprocess.run([elf.CROSS + "objdump", "-d", f"--disassemble={function}",
                           builds.elf("debug")], capture_output=True, text=True,
                          check=True).stdout
    calls = [int(at, 16) for at in re.findall(r"^(\w+):.*\bbl\s+\w+ <record>", code, re.MULTILINE)]
    assert calls, f"{function} has no hook"
    for at in calls:
        image[at - IMAGE_START:at - IMAGE_START + len(NOP_W)] = NOP_W
    (made / "fanlight.zImage").write_bytes(image)
    return Builds(folder)


def test_hook_that_is_missing_is_seen(builds, tmp_path):
    spoilt = without_hook(builds, tmp_path, "bigwin_unmap")
    recorded, executed = counts(spoilt, "no-hook", **POINTS["virt-one"])
    less = {kind: executed[kind] - recorded.get(kind, 0) for kind in executed}
    # One tlb_flush_local_all().
    assert {kind: n for kind, n in less.items() if n} == {
        "TLBIALL": 1, "DSB NSH": 2, "ISB": 1}
