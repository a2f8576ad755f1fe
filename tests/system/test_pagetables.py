# SPDX-License-Identifier: BSD-2-Clause
"""The booted kernel's page tables, read from outside by tools/ptread, have no problem.

Owns: when to look: at the @layout line, in the middle of the suites, and after power-off (QEMU
keeps the guest under -no-shutdown). Must never: use anything of the kernel's but its @layout line.
"""

import contextlib
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import pytest

from ptread import layout as layouts
from ptread import lpae, reader, rsp, show
from ptread.memory import Memory
from runner.prepare import Builds, qemu_args
from runner.qemu import Guest
from runner.table import ROOT, Run

BUILDS = Builds(pathlib.Path(os.environ.get("FANLIGHT_BUILD", "build")).resolve())
PATIENCE = 120.0    # seconds without a byte: only a hang costs them

# Worlds (the registers have other names in each), boards, splits, and sizes on both sides of 4 GiB.
POINTS = {
    "vexpress-secure": {"board": "vexpress-a15", "memory": "8G"},
    "vexpress-hyp": {"board": "vexpress-a15", "entry": "hyp", "memory": "2G"},
    "vexpress-256m": {"board": "vexpress-a15", "entry": "nonsecure", "memory": "256M"},
    "vexpress-2g": {"board": "vexpress-a15", "build": "vmsplit-2g", "memory": "4G"},
    "vexpress-1g": {"board": "vexpress-a15", "build": "vmsplit-1g", "memory": "8G"},
    "virt": {"board": "qemu-virt", "memory": "1G"},
    "virt-2g": {"board": "qemu-virt", "build": "vmsplit-2g", "memory": "5G"},
    "virt-1g": {"board": "qemu-virt", "build": "vmsplit-1g", "memory": "8G"},
}

# That the reader sees what is wrong in a real guest too: flipped bits of lowmem's first descriptor.
SPOILT = {1 << 54 | 1 << 53: "xn", 1 << 54 | 1 << 53 | 1 << 7: "exec", 1 << 6: "user",
          1 << 10: "af", 1 << 45: "arch", 1 << 11: "global"}


class Session:
    """A running guest and what it has said."""

    def __init__(self, guest, work):
        self.guest, self.work, self.said = guest, work, b""
        self.gdb = f"{work}/gdb"

    def until(self, mark):
        """Reads the serial port until a whole line begins with mark; None waits for power-off."""
        heard = time.monotonic()
        while not self.reached(mark):
            data = self.guest.read(0.1)
            if data:
                self.said, heard = self.said + data, time.monotonic()
            if data is None or time.monotonic() - heard > PATIENCE:
                tail = self.said[-2000:].decode("latin-1")
                pytest.fail(f"waited for {mark or 'power-off'} in vain; it said:\n{tail}")

    def reached(self, mark):
        if mark is None:
            return self.guest.qmp.shutdown_reason() == "guest-shutdown"
        return any(line.startswith(mark) for line in self.said.split(b"\n")[:-1])

    def inspect(self):
        """Stops the guest and reads its tables: the text of what was found, and the problems."""
        self.guest.qmp.command("stop")
        layout = layouts.from_text(self.said.decode("latin-1"))
        tables, problems = reader.inspect(self.guest.qmp.command, self.gdb, layout)
        return show.text(tables, layout, problems), problems

    def clean(self, when):
        text, problems = self.inspect()
        assert not problems, f"{when}:\n{text}"
        return text

    def spoil(self, va, bits):
        """Flips bits of the descriptor that maps va, in the stopped guest's memory."""
        with rsp.Stub(self.gdb) as stub:
            stub.select(stub.cpus()[0])
            steps = lpae.resolve(rsp.translation(stub), Memory(self.guest.qmp.command), va)
            _, table, index, entry = steps[-1]
            assert entry & 1, f"{va:#x} is not mapped"
            data = (entry ^ bits).to_bytes(8, "little").hex()
            assert stub.ask("Qqemu.PhyMemMode:1") == "OK"
            assert stub.ask(f"M{table + 8 * index:x},8:{data}") == "OK"
            stub.ask("Qqemu.PhyMemMode:0")


@contextlib.contextmanager
def opened(name, bootargs="selftest panic=poweroff", **point):
    """A session with a guest that has just been started."""
    run = Run(name=f"pagetables-{name}", bootargs=bootargs, **point)
    # A UNIX socket's path must be short: pytest's folders are not.
    with tempfile.TemporaryDirectory(prefix="ptread.") as folder:
        work = pathlib.Path(folder)
        args = [*qemu_args(run, BUILDS, work), "-no-shutdown",
                "-gdb", f"unix:{work}/gdb,server=on,wait=off",
                "-qmp", f"unix:{work}/qmp,server=on,wait=off"]
        with Guest(args, work / "errors") as guest:
            guest.start()
            yield Session(guest, work)


@pytest.fixture
def session(request):
    with opened(request.param, **POINTS[request.param]) as opened_session:
        yield opened_session


@pytest.mark.parametrize("session", POINTS, indirect=True)
def test_tables_are_clean_at_layout_in_the_suites_and_after_power_off(session):
    session.until(b"@layout ")
    text = session.clean("at @layout")
    assert "image:" in text and "lowmem:" in text
    session.guest.qmp.command("cont")

    session.until(b"@sum ")
    session.clean("after the first suite")
    session.guest.qmp.command("cont")

    session.until(None)
    text = session.clean("after power-off")
    assert "fixmap:" in text

    layout = layouts.from_text(session.said.decode("latin-1"))
    for bits, rule in SPOILT.items():
        session.spoil(layout.page_offset, bits)
        _, problems = session.inspect()
        assert rule in {problem.rule for problem in problems}
        session.spoil(layout.page_offset, bits)
    session.clean("after all was repaired")


@pytest.mark.parametrize("session", ["vexpress-hyp"], indirect=True)
def test_the_command_line_and_gdb_show_the_same(session):
    session.until(b"@layout ")
    expected = session.clean("at @layout")
    log = session.work / "serial.log"
    log.write_bytes(session.said)
    reader_done = subprocess.run(
        [sys.executable, ROOT / "tools" / "ptread", "--qmp", session.work / "qmp", "--gdb-socket",
         session.gdb, "--layout", log], capture_output=True, text=True, check=False)
    assert reader_done.returncode == 0 and reader_done.stdout.startswith(expected)
    more = reader_done.stdout[len(expected):].split("\n")    # CPUs that are not there yet, if any
    assert not [line for line in more if line and not line.endswith(("MMU off", "on its way in"))]

    page_offset = layouts.from_text(session.said.decode("latin-1")).page_offset
    commands = [f"source {ROOT}/tools/gdb.py", f"fl-connect {session.gdb}",
                f"fl-walk {page_offset:#x}", f"fl-layout {log}"]
    gdb_done = subprocess.run(
        ["gdb-multiarch", "-nx", "-batch", str(BUILDS.elf("release")),
         *(word for command in commands for word in ("-ex", command))],
        capture_output=True, text=True, check=False, timeout=120)
    assert expected in gdb_done.stdout, gdb_done.stderr
    assert f"{page_offset:#010x} -> " in gdb_done.stdout
