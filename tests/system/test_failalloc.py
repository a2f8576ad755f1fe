# SPDX-License-Identifier: BSD-2-Clause
"""Every call in the image that asks for memory, address space or a thread was refused once.

`failalloc.*` (DEBUG=1) refuses calls in turn, `failalloc_stress.*` on all CPUs while the stress runs;
both find that nothing is lost, and name each call by its return address. Here the disassembly says which calls there are. One that was not refused must stand
in failalloc.toml, with a reason; one that stands there for nothing is an error too.
"""

import re
import subprocess
import tomllib

import pytest

from runner import session
from runner.elf import CROSS
from runner.judge import Verdict
from runner.table import ROOT, Run

LIST = ROOT / "tests" / "system" / "failalloc.toml"
# What asks alloc_fails() first.
ALLOCATORS = ("alloc_page", "alloc_pages", "alloc_pages_bulk", "kmalloc_any", "kzalloc",
              "slab_alloc_slow", "vmalloc", "vzalloc", "vmap", "ioremap", "thread_create",
              "thread_create_on")
FUNCTION = re.compile(r"^[0-9a-f]+ <(.+)>:$")
CALL = re.compile(r"^([0-9a-f]+):\s+(\w+(?:\.w)?)\s+[0-9a-f]+ <([\w.]+)>")
REFUSED = re.compile(r"^    # refused: ([0-9a-f]{8}) (\d+) (\S+)$")
ACROSS = re.compile(r"^    # (\d+) tables are missing$")
CALL_BYTES = 4


def calls(elf):
    """{return address: (caller, allocator)} of every call outside tests/, from the disassembly."""
    done = subprocess.run([f"{CROSS}objdump", "-d", "--no-show-raw-insn", elf], check=True,
                          capture_output=True, text=True)
    function, found = None, {}
    for line in done.stdout.splitlines():
        if m := FUNCTION.match(line):
            function = m[1].split(".")[0]
        elif (m := CALL.match(line.strip())) and m[3].split(".")[0] in ALLOCATORS:
            assert m[2] in ("bl", "blx"), f"{function}: {m[2]} {m[3]}: a call that cannot be told"
            found[int(m[1], 16) + CALL_BYTES] = (function, m[3].split(".")[0])
    done = subprocess.run([f"{CROSS}addr2line", "-a", "-i", "-e", elf,
                           *(hex(at - CALL_BYTES) for at in found)],
                          check=True, capture_output=True, text=True)
    at = None
    for line in done.stdout.splitlines():  # an address, then where it is, and in what that is inlined
        if line.startswith("0x"):
            at = int(line, 16) + CALL_BYTES
        elif "tests/kernel/" in line:
            found.pop(at, None)
    return found


def unreached():
    """{(caller, allocator)} that the list excuses; each with a reason."""
    entries = tomllib.loads(LIST.read_text()).get("call", [])
    assert all(set(e) == {"caller", "allocators", "reason"} and e["reason"] for e in entries)
    return {(e["caller"], a) for e in entries for a in e["allocators"]}


@pytest.mark.parametrize("board", ["vexpress-a15"])
def test_each_call_is_refused_once(board, builds):
    # Alone, so that the tables of the vmalloc area are not all made yet.
    outcome = session.boot(Run(name=f"failalloc-{board}", board=board, build="debug", memory="256M",
                               bootargs="selftest=failalloc* panic=poweroff"), builds)
    assert outcome.verdict is Verdict.PASS, "\n".join(outcome.reasons)
    lines = (outcome.folder / "serial.log").read_text(errors="replace").splitlines()
    refused = {int(m[1], 16): int(m[2]) for m in map(REFUSED.match, lines) if m}
    assert any(int(m[1]) > 20 for m in map(ACROSS.match, lines) if m), "tables are there already"
    there = calls(builds.elf("debug"))
    assert len(there) > 30, "hardly any calls: does the disassembly look different?"
    missed = {call for at, call in there.items() if at not in refused}
    reached = {call for at, call in there.items() if at in refused}
    excused = unreached()
    print(f"{len(reached)} calls of {len(there)} were refused")
    assert not missed - excused, f"never refused: {sorted(missed - excused)}"
    assert not excused - missed, f"excused for nothing: {sorted(excused - missed)}"
