# SPDX-License-Identifier: BSD-2-Clause
"""A guest at the monitor's prompt, for all who type there.

Owns: booting it, typing, and waiting for the answer. Must never: judge by time; only a hang costs
seconds.
"""

import os
import pathlib
import re
import tempfile

import pexpect
import pytest

from runner.prepare import Builds, qemu_args
from runner.qemu import Guest
from runner.table import Run

BUILDS = Builds(pathlib.Path(os.environ.get("FANLIGHT_BUILD", "build")).resolve())
PROMPT = b"fanlight> "
PATIENCE = 60


class Monitor:
    """A guest whose prompt we type at."""

    def __init__(self, guest, until):
        self.guest, self.port = guest, guest.serial
        self.port.timeout = PATIENCE
        self.booted = self.wait(until)

    def wait(self, mark=PROMPT):
        """What was said until the prompt came."""
        self.port.expect_exact(mark)
        return self.port.before.decode("latin-1")

    def type(self, text):
        """Sends keys, and waits for no answer."""
        self.port.send(text)

    def ask(self, line):
        """Types a line; the lines that come before the next prompt."""
        self.type(line + "\r")
        self.port.expect_exact(b"\r\n")
        assert self.port.before.decode("latin-1") == line, "the echo"
        return self.wait().replace("\r", "").splitlines()

    def says(self, line, *patterns):
        """The same, and each pattern must match some line. Returns the groups of the last one."""
        lines, found = self.ask(line), None
        for pattern in patterns:
            found = next((m for m in map(re.compile(pattern).search, lines) if m), None)
            assert found, f"{line}: nothing matches {pattern!r} in\n" + "\n".join(lines)
        return found.groups() if found else None

    def ended(self):
        """Why the guest ended, when it has."""
        self.port.expect([pexpect.EOF, pexpect.TIMEOUT])  # it is gone, or stands still, readable
        return self.guest.ended()


class Booted:
    """Boots a guest up to its prompt."""

    def __init__(self, board="vexpress-a15", bootargs="monitor", memory="8G", until=PROMPT,
                 **changes):
        self._until = until
        self.run = Run(name="monitor", board=board, bootargs=bootargs, memory=memory, **changes)

    def __enter__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="monitor.")
        work = pathlib.Path(self._folder.name)
        self._guest = Guest(qemu_args(self.run, BUILDS, work), work / "errors")
        guest = self._guest.__enter__()
        try:
            guest.start()
            return Monitor(guest, self._until)
        except BaseException:
            self.__exit__(None, None, None)
            raise

    def __exit__(self, *exc):
        self._guest.__exit__(*exc)
        self._folder.cleanup()


@pytest.fixture(name="m", scope="module", params=["vexpress-a15", "qemu-virt"])
def fixture_m(request):
    with Booted(request.param) as monitor:
        monitor.board = request.param
        yield monitor


@pytest.fixture(autouse=True)
def fixture_leaves_nothing_open(request):
    """Each test begins at the prompt with nothing open, whatever became of the one before."""
    if "m" in request.fixturenames:
        m = request.getfixturevalue("m")
        at_the_prompt(m)
        m.ask("trace off")
        m.ask("close all")


def at_the_prompt(m):
    """Whatever went before: it answers, and nothing broke."""
    m.type("\x03")
    m.type("\r\x03what 0x1000\r")
    m.wait(b"user virtual address, no mapping: user part")
    m.wait()
