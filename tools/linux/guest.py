# SPDX-License-Identifier: BSD-2-Clause
"""One boot of Debian's kernel on vexpress-a15.

Owns: QEMU's command line for it, and waiting for what the first program says.
Must never: judge or count.

    with guest.booted(build, pathlib.Path("qemu.err")) as one:
        one.until(r"^INIT_STAYS")
        one.guest.qmp.command("stop")
"""

from __future__ import annotations

import contextlib
import pathlib
import re
import time

from runner import table
from runner.qemu import Guest

from . import packages

# Of one CPU: the device tree names two, and Linux would wait a second for the other.
ONE_CPU = "maxcpus=1"


class Silent(Exception):
    """The guest ended, or said nothing more, before it said what was waited for."""


class Boot:
    """A running Linux and what it has said."""

    def __init__(self, guest: Guest, version: str) -> None:
        self.guest = guest
        self.version = version
        self.said = ""

    def until(self, pattern: str, silence: float = 120.0) -> re.Match:
        """Read the serial port until a whole line matches. Raises Silent."""
        wanted = re.compile(pattern + r".*\n", re.MULTILINE)
        heard = time.monotonic()
        while not (m := wanted.search(self.said)):
            data = self.guest.read(0.5)
            if data:
                heard = time.monotonic()
                self.said += data.decode("latin-1").replace("\r", "")
            elif data is None or time.monotonic() - heard > silence:
                gone = "the guest ended" if data is None else f"silent for {silence:.0f} s"
                last = "\n".join(self.said.splitlines()[-5:])
                raise Silent(f"Linux {self.version}: {gone}, without {pattern!r}; "
                             f"the last lines:\n{last}")
        return m


def arguments(linux: packages.Linux, initrd: pathlib.Path, bootargs: str, memory: str = "2G",
              smp: int = 1, more: tuple[str, ...] = ()) -> list[str]:
    """QEMU's command line, without serial port and control sockets."""
    board = table.board("vexpress-a15")
    machine = board.machine
    argv = [board.binary]
    if table.parse_size(memory) >> 20 >= board.reserve_from:
        argv += ["-object", f"memory-backend-ram,id=ram,size={memory},reserve=off"]
        machine += ",memory-backend=ram"
    return [*argv, "-machine", machine, "-cpu", board.cpu, "-m", memory, "-smp", str(smp),
            "-accel", "tcg,thread=single", "-display", "none", "-nodefaults", "-no-reboot",
            "-kernel", str(linux.kernel), "-dtb", str(linux.dtb), "-initrd", str(initrd),
            "-append", f"console=ttyAMA0 {ONE_CPU if smp == 1 else ''} {bootargs}", *more]


@contextlib.contextmanager
def booted(build: pathlib.Path, errors: pathlib.Path, bootargs: str = "task=stay",
           again: bool = False, **how):
    """A Boot from its first instruction on; leaving it ends QEMU.

    Raises packages.Unavailable, which is a reason to skip, and packages.BuildError, which is none.
    """
    linux = packages.fetch(build, again)
    argv = arguments(linux, packages.initrd(build), bootargs, **how)
    with Guest(argv, errors) as guest:
        guest.start()
        yield Boot(guest, linux.version)
