# SPDX-License-Identifier: BSD-2-Clause
"""What a person sees of a run: everything, or, on a terminal, passing suites as one line each; and
what the person types, when there is a prompt.

Must never hold back a line of a suite that did not pass, nor anything at the end of a run; and
never leave the terminal in another mode than it had.
"""

from __future__ import annotations

import os
import re
import select
import sys
import termios
import tty

_END = re.compile(r"(not )?ok [0-9]+ (\S+)")


class Folder:
    """Takes serial bytes, writes text. Unfolded, it writes the bytes through as they come."""

    def __init__(self, out=None, fold: bool | None = None) -> None:
        self._out = out or sys.stdout
        self._fold = self._out.isatty() if fold is None else fold
        self._partial = b""
        self._held: list[str] | None = None
        self._drop_sum = False

    def data(self, data: bytes) -> None:
        """Show these bytes."""
        if not self._fold:
            self._write(data.decode("latin-1").replace("\r\n", "\n"))
            return
        *lines, self._partial = (self._partial + data).split(b"\n")
        for line in lines:
            self._line(line.rstrip(b"\r").decode("latin-1"))

    def finish(self) -> None:
        """The run is over: show whatever was held back."""
        self.show_all("\n")

    def show_all(self, end: str = "") -> None:
        """Show whatever was held back, the unfinished line too."""
        self._release()
        if self._partial:
            self._write(self._partial.decode("latin-1") + end)
            self._partial = b""

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()

    def _release(self) -> None:
        for line in self._held or ():
            self._write(line + "\n")
        self._held = None

    def _line(self, text: str) -> None:
        if self._drop_sum and text.startswith("@sum "):
            self._drop_sum = False
            return
        self._drop_sum = False
        if text == "    KTAP version 1":
            self._release()
            self._held = [text]
            return
        if self._held is None:
            self._write(text + "\n")
            return
        self._held.append(text)
        m = _END.match(text)
        if m and not m.group(1) and not any(h.startswith("    not ok") for h in self._held):
            results = [h for h in self._held if h.startswith("    ok ")]
            skipped = sum(" # SKIP" in h for h in results)
            more = f", {skipped} skipped" if skipped else ""
            self._write(f"ok {m.group(2)} ({len(results)} tests{more})\n")
            self._held = None
            self._drop_sum = True
        elif m or "# interrupted" in text or "@panic {" in text or "@boot {" in text:
            self._release()


class Conversation:
    """Key by key between this terminal and a guest's serial port, until the guest ends or ^]."""

    QUIT = b"\x1d"

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    def __call__(self, guest, log) -> None:
        """Talk; what the guest says goes to the log too."""
        self._folder.show_all()
        keys, out = sys.stdin.fileno(), sys.stdout.fileno()
        mode = termios.tcgetattr(keys)
        tty.setraw(keys, termios.TCSADRAIN)  # what was typed ahead is kept
        try:
            while (said := guest.read(0.02)) is not None:
                os.write(out, said)
                log.write(said)
                typed = os.read(keys, 1024) if select.select([keys], [], [], 0)[0] else b""
                if self.QUIT in typed:
                    return
                if typed:
                    guest.serial.send(typed)
        finally:
            termios.tcsetattr(keys, termios.TCSADRAIN, mode)
            sys.stdout.write("\n")
