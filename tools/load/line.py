# SPDX-License-Identifier: BSD-2-Clause
"""What comes over a line, kept to look for things in; and a line that is gone, as an error.

Must never: take silence for a lost line.
"""

from __future__ import annotations

import time

import pexpect

from runner.port import PortError


class Listener:
    """Around a runner's Port, or what reads and sends like one."""

    def __init__(self, port) -> None:
        self.port = port
        self.heard = b""

    def read(self, timeout: float) -> bytes:
        """What came, b"" if nothing did in time. PortError if the line is gone."""
        try:
            return self.port.read_nonblocking(65536, timeout)
        except pexpect.TIMEOUT:
            return b""
        except pexpect.EOF as error:
            raise PortError(f"the line was lost ({error.value}): cable out, or power?") from error

    def more(self, timeout: float) -> bool:
        """Take what comes in time; whether something did."""
        data = self.read(timeout)
        self.heard += data
        return bool(data)

    def send(self, data: bytes) -> None:
        """Type."""
        self.port.send(data)

    def until(self, pattern, timeout: float):
        """The first match of a compiled pattern, taken with all before it; None in time."""
        end = time.monotonic() + timeout
        while not (match := pattern.search(self.heard)):
            left = end - time.monotonic()
            if left <= 0:
                return None
            self.more(min(left, 0.5))
        self.heard = self.heard[match.end():]
        return match

    def forget(self) -> None:
        """Drop what was heard."""
        self.heard = b""
