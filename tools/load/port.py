# SPDX-License-Identifier: BSD-2-Clause
"""One serial port, held alone.

Owns: opening, locking, and naming what went wrong. pyserial does the rest.
Must never: take a port that somebody else has open, or take silence for a lost line.
"""

from __future__ import annotations

import errno
import fcntl
import os
import pathlib
import termios
import time

import serial


class PortError(Exception):
    """The port or the line; the text names it."""


def _others(path: str) -> list[str]:
    """Who else has it open, as far as /proc lets us see."""
    found = []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        if process.name == str(os.getpid()):
            continue
        try:
            if any(os.path.realpath(fd) == path for fd in (process / "fd").iterdir()):
                name = (process / "comm").read_text().strip()
                found.append(f"{name} (process {process.name})")
        except OSError:
            continue
    return found


class Port:
    """Bytes to and from a board. A context manager."""

    def __init__(self, name: str, baud: int = 115200) -> None:
        self.name = name
        path = os.path.realpath(name)
        if not os.path.exists(path):
            raise PortError(f"{name}: no such port: is the cable plugged in?")
        if busy := _others(path):
            raise PortError(f"{name}: busy: {', '.join(busy)} has it open")
        try:
            self._serial = serial.Serial(path, baud, timeout=0, exclusive=True)
            fcntl.ioctl(self._serial.fd, termios.TIOCEXCL)
        except (serial.SerialException, OSError) as error:
            raise PortError(self._why(error)) from error
        self.lost = False

    def _why(self, error: Exception) -> str:
        number = getattr(error, "errno", None)
        if number == errno.EACCES:
            return f"{self.name}: not permitted: as a rule the group `dialout` is"
        if number in (errno.EBUSY, errno.EAGAIN) or "exclusively lock" in str(error):
            return f"{self.name}: busy: somebody else holds it"
        return f"{self.name}: {error}"

    def __enter__(self) -> Port:
        return self

    def __exit__(self, *exc) -> None:
        self._serial.close()

    def fileno(self) -> int:
        """For select."""
        return self._serial.fd

    def _gone(self, error: Exception) -> PortError:
        self.lost = True
        why = os.strerror(error.errno) if getattr(error, "errno", None) else "it was hung up"
        return PortError(f"{self.name}: the line was lost ({why}): cable out, or power?")

    def read(self, timeout: float) -> bytes:
        """What came, b"" if nothing did in time. PortError if the line is gone."""
        until = time.monotonic() + timeout
        try:
            while True:
                if data := self._serial.read(4096):
                    return data
                left = until - time.monotonic()
                if left <= 0:
                    return b""
                self._serial.timeout = left
                data = self._serial.read(1)
                self._serial.timeout = 0
                if data:
                    return data + self._serial.read(4096)
        except (serial.SerialException, OSError, termios.error) as error:
            raise self._gone(error) from error

    def write(self, data: bytes) -> None:
        """Send; PortError if the line is gone, or takes nothing for half a minute."""
        try:
            self._serial.write_timeout = 30
            self._serial.write(data)
        except serial.SerialTimeoutException as error:
            raise PortError(f"{self.name}: the line takes nothing any more") from error
        except (serial.SerialException, OSError, termios.error) as error:
            raise self._gone(error) from error


class Listener:
    """What came from the port so far, to look for things in. `echo` sees every byte once."""

    def __init__(self, port: Port, echo=lambda data: None) -> None:
        self.port = port
        self.heard = b""
        self._echo = echo

    def more(self, timeout: float) -> bool:
        """Take what comes in time; whether something did."""
        data = self.port.read(timeout)
        self._echo(data)
        self.heard += data
        return bool(data)

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
