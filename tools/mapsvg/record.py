# SPDX-License-Identifier: BSD-2-Clause
"""Boots the kernel under QEMU, opens one window of each kind onto one page, and asks what is there.

Owns: what is typed. Must never: interpret what comes back.
"""

import dataclasses
import pathlib
import tempfile

import pexpect

from runner import table
from runner.prepare import Builds, PrepareError, qemu_args
from runner.qemu import Guest, QemuError

PROMPT = b"\nfanlight> "
OPEN = ("alloc high", "kmap #1", "klocal #1", "fixmap #1", "vmap #1")
COMMANDS = ("banks", "kmaps", "vmallocs", "ptdump")
PATIENCE = 120


class Trouble(Exception):
    """No run to draw."""


class Conversation:
    """A guest at the monitor's prompt, and all that it has said."""

    def __init__(self, guest):
        self._port, self.text = guest.serial, b""
        self._wait()

    def _wait(self):
        try:
            self._port.expect_exact(PROMPT, timeout=PATIENCE)
        except (pexpect.EOF, pexpect.TIMEOUT) as error:
            last = (self.text + (self._port.before or b"")).decode("latin-1").splitlines()[-3:]
            raise Trouble("no prompt came; last was: " + " | ".join(last)) from error
        self.text += self._port.before + PROMPT

    def ask(self, command):
        self._port.send(command + "\r")
        self._wait()


def run(board):
    """What `make run` boots, but the suites; for a board that it does not know, with its own RAM."""
    found = next((r for r in table.runs() if r.name == f"make-run-{board}"),
                 table.Run(name="map", board=board))
    return dataclasses.replace(found, name="map", bootargs="monitor panic=poweroff")


def record(folder, board):
    """The serial log of such a run of the build in `folder`, as text."""
    with tempfile.TemporaryDirectory(prefix="mapsvg.") as work:
        try:
            args = qemu_args(run(board), Builds(folder), pathlib.Path(work))
            with Guest(args, pathlib.Path(work, "errors")) as guest:
                guest.start()
                talk = Conversation(guest)
                for command in OPEN + COMMANDS:
                    talk.ask(command)
        except (QemuError, PrepareError) as error:
            raise Trouble(str(error)) from error
    return talk.text.decode("latin-1")
