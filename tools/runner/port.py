# SPDX-License-Identifier: BSD-2-Clause
"""One serial port of this machine: opened for us alone, and what is wrong with it named.

Owns: who may open it, its speed (8 data bits, no parity, 1 stop bit, no flow control), reading and
writing. A port that cannot be had is a PortError that says what to do about it.
Must never: know what is said over the line, or take a port that somebody else reads.
"""

from __future__ import annotations

import errno
import fcntl
import glob
import grp
import os
import pathlib
import select
import stat
import struct
import termios
import time

import pexpect
import serial
from pexpect import spawnbase

TIOCGICOUNT = 0x545d  # <asm-generic/ioctls.h>; termios has no name for it
_ICOUNT = struct.Struct("20i")  # <linux/serial.h>, struct serial_icounter_struct
_COUNTED = {6: "framing errors", 7: "overruns of the UART", 8: "parity errors", 9: "breaks",
            10: "overruns of the driver's buffer"}
_WRITE_SECONDS = 10


class PortError(Exception):
    """The port cannot be had, or its settings cannot."""


def present() -> list[str]:
    """Serial ports that are plugged in, by the names that stay the same first."""
    found = sorted(glob.glob("/dev/serial/by-id/*"))
    return found or sorted(glob.glob("/dev/ttyUSB*") + glob.glob("/dev/ttyACM*"))


def holders(device: int) -> list[str]:
    """Other programs that have this terminal device open, as far as /proc lets us see."""
    found = []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        if int(process.name) == os.getpid():
            continue
        try:
            files = [os.stat(fd) for fd in (process / "fd").iterdir()]
            name = (process / "comm").read_text().strip()
        except OSError:
            continue  # it ended, or is another user's
        if any(stat.S_ISCHR(f.st_mode) and f.st_rdev == device for f in files):
            found.append(f"{name} (process {process.name})")
    return found


def _is_tty(device: int) -> bool:
    """Without opening it: that would raise DTR, which resets some boards."""
    if os.major(device) in range(136, 144):  # pseudo-terminals, which /sys does not have
        return True
    subsystem = f"/sys/dev/char/{os.major(device)}:{os.minor(device)}/subsystem"
    return not os.path.islink(subsystem) or os.path.basename(os.readlink(subsystem)) == "tty"


def check(path: str) -> None:
    """Raises PortError if the port is missing, no port, not ours to use, or in use."""
    try:
        found = os.stat(path)
    except OSError as error:
        there = present()
        raise PortError(f"{path}: {error.strerror}; "
                        + (f"there is {', '.join(there)}" if there else
                           "no USB adapter is plugged in (dmesg says what the kernel saw)")) from error
    if not stat.S_ISCHR(found.st_mode) or not _is_tty(found.st_rdev):
        raise PortError(f"{path} is not a serial port")
    if not os.access(path, os.R_OK | os.W_OK):
        try:
            group = grp.getgrgid(found.st_gid).gr_name
        except KeyError:
            group = str(found.st_gid)
        raise PortError(f"{path}: permission denied; it belongs to the group {group}: "
                        f"`sudo adduser $USER {group}`, then log in anew")
    if users := holders(found.st_rdev):
        raise PortError(f"{path} is busy: {', '.join(users)} has it open; end that first")


class Port(spawnbase.SpawnBase):
    """An open port, as pexpect sees it: expect(), send(), read_nonblocking()."""

    def __init__(self, path: str, baud: int) -> None:
        super().__init__(timeout=30)
        self.path = path
        self.lost = ""  # why nothing more can come, once that is so
        check(path)
        try:
            self._serial = serial.Serial(path, baud, exclusive=True, write_timeout=_WRITE_SECONDS)
        except (ValueError, termios.error) as error:
            raise PortError(f"{path}: no {baud} baud here, or not a serial port: {error}") from error
        except OSError as error:
            if error.errno in (errno.EBUSY, errno.EWOULDBLOCK) or "exclusively" in str(error):
                raise PortError(f"{path} is busy: a program that we may not see has it open "
                                f"(`sudo fuser -v {path}` names it); end that first") from error
            raise PortError(f"{path}: {error.strerror or error}") from error
        fcntl.ioctl(self._serial.fd, termios.TIOCEXCL)  # flock alone keeps out only who asks
        self._counts = self._icount()

    def fileno(self) -> int:
        """The port's file descriptor; it does not block."""
        return self._serial.fd

    def read_nonblocking(self, size: int = 1, timeout: float | None = None) -> bytes:
        """At least one byte; raises pexpect.TIMEOUT, or pexpect.EOF when the port is gone."""
        until = time.monotonic() + (self.timeout if timeout is None else timeout)
        while True:
            left = max(0.0, until - time.monotonic())
            try:
                ready, _, _ = select.select([self._serial.fd], [], [], left)
                data = os.read(self._serial.fd, size) if ready else None
            except BlockingIOError:
                continue
            except (OSError, TypeError, ValueError) as error:  # fd is None once closed
                self._lose(getattr(error, "strerror", None) or str(error))
            if data:
                self._log(data, "read")
                return data
            if data == b"":
                self._lose("the port hung up")
            if left == 0.0:
                raise pexpect.TIMEOUT("silence")

    def _lose(self, why: str) -> None:
        self.lost = why
        raise pexpect.EOF(why)

    def send(self, data: str | bytes) -> int:
        """Type something. Raises PortError when it cannot leave."""
        raw = data.encode() if isinstance(data, str) else data
        self._log(raw, "send")
        try:
            self._serial.write(raw)
        except OSError as error:
            raise PortError(f"{self.path}: cannot send: {error}") from error
        return len(raw)

    def drain(self, quiet: float, longest: float) -> None:
        """Throw away what comes until nothing came for a while."""
        until = time.monotonic() + longest
        try:
            while time.monotonic() < until:
                self.read_nonblocking(65536, quiet)
        except pexpect.TIMEOUT:
            return

    def _icount(self) -> tuple[int, ...] | None:
        """The driver's counts since the machine started; None where it keeps none."""
        try:
            return _ICOUNT.unpack(fcntl.ioctl(self._serial.fd, TIOCGICOUNT, bytes(_ICOUNT.size)))
        except (OSError, TypeError):
            return None

    def line_errors(self) -> list[str]:
        """What the UART counted since we opened it, in words: "7 framing errors"."""
        now = self._icount()
        if now is None or self._counts is None:
            return []
        return [f"{now[n] - self._counts[n]} {what}" for n, what in _COUNTED.items()
                if now[n] != self._counts[n]]

    def close(self) -> None:
        """Give it back."""
        try:
            fcntl.ioctl(self._serial.fd, termios.TIOCNXCL)
        except (OSError, TypeError):
            pass  # it is gone
        self._serial.close()
