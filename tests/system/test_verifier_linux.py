# SPDX-License-Identifier: BSD-2-Clause
"""tools/ptread on Debian's Linux, which no rule is fitted to: what is true of it, and what is spoilt."""

import os
import pathlib
import tempfile

import pytest

from linux import guest as linux_guest
from linux import packages
from ptread import linux, lpae, reader, rsp
from runner.prepare import Builds

BUILDS = Builds(pathlib.Path(os.environ.get("FANLIGHT_BUILD", "build")).resolve())


# What the rules find in Debian's kernel, and why Linux has it so.
LINUX_HAS = {
    ("user", 0xffff0000): "the vectors' page, which holds the kernel's helpers for user programs"
                          " (Documentation/arm/kernel_user_helpers.rst): they may read and run it",
    ("wx", 0xffff0000): "its page is lowmem, and the direct mapping is writable",
    ("wx", 0xffff1000): "the vectors' second page, for the kernel alone, likewise",
}


@pytest.fixture(scope="module", name="beside")
def fixture_beside(tmp_path_factory):
    """(a stopped Linux, where its stub listens)"""
    work = tmp_path_factory.mktemp("linux")
    try:
        with linux_guest.booted(BUILDS.root, work / "qemu.err") as one, \
                tempfile.TemporaryDirectory(prefix="verify.") as folder:
            one.until(r"^INIT_STAYS")
            qmp = one.guest.qmp.command
            qmp("stop")
            qmp("human-monitor-command",
                **{"command-line": f"gdbserver unix:{folder}/gdb,server=on,wait=off"})
            yield qmp, f"{folder}/gdb"
    except packages.Unavailable as why:
        pytest.skip(str(why))


def test_debians_linux_is_read_and_judged(beside):
    found = reader.look(reader.stopped(*beside), linux.LAYOUT, None, linux.RULES)
    assert {(problem.rule, problem.va) for problem in found.problems} == set(LINUX_HAS)
    leaves = found.tables.leaves
    user = [leaf for leaf in leaves if leaf.half == 0 and leaf.va < linux.MODULES_VADDR]
    assert [leaf for leaf in user if leaf.user_exec and not leaf.kernel_exec], "init's text"
    assert len([leaf for leaf in leaves if leaf.half == 1]) > 500
    assert any(leaf.level == 2 and leaf.kernel_exec for leaf in leaves), "Linux's text, by blocks"


# Bits of the entry that maps the last 2 MiB of its lowmem, and the rule that must see them changed.
LINUX_SPOILT = {1 << 54: "wx", 1 << 10: "af", 1 << 45: "arch", 3 << 8: "share",
                1 << 5: "ns", 1 << 52: "contig", 1 << 6: "user"}


@pytest.mark.parametrize("bits", LINUX_SPOILT, ids=LINUX_SPOILT.values())
def test_what_is_spoilt_in_linux_is_found(beside, bits):
    qmp, gdb = beside
    source = reader.stopped(qmp, gdb)
    steps = lpae.resolve(source.cpus[0].registers, source.memory, linux.PAGE_OFFSET + (640 << 20))
    level, table, index, entry = steps[-1]
    assert level == 2 and entry & 3 == 1

    def write(value):
        with rsp.Stub(gdb) as stub:     # it talks to one at a time
            assert stub.ask("Qqemu.PhyMemMode:1") == "OK"
            data = value.to_bytes(8, "little").hex()
            assert stub.ask(f"M{table + 8 * index:x},8:{data}") == "OK"
            stub.ask("Qqemu.PhyMemMode:0")
    write(entry ^ bits)
    try:
        found = reader.look(reader.stopped(qmp, gdb), linux.LAYOUT, None, linux.RULES)
    finally:
        write(entry)
    assert LINUX_SPOILT[bits] in {p.rule for p in found.problems
                                  if (p.rule, p.va) not in LINUX_HAS}
