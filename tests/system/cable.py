# SPDX-License-Identifier: BSD-2-Clause
"""A serial cable with a board at its end: a pseudo-terminal bridged to QEMU, which can do to the bytes
what real cables do.

Owns: the port's name, the board's power (a file that a user's command writes to), the bytes' fate.
Must never: know what the bytes mean.
"""

import os
import pathlib
import pty
import shlex
import sys
import threading
import time
import tty

from runner.qemu import Guest


class Cut(Exception):
    """From here on nothing comes any more, and the port is gone."""


class Cable:
    """A context manager. `fate(data, at)` says what becomes of the bytes from offset `at` on;
    `typing(data, at)` the same of what goes to the board.
    """

    def __init__(self, args, folder, fate=lambda data, at: data, on=False,
                 typing=lambda data, at: data):
        self._args, self._folder, self._fate, self._typing = args, pathlib.Path(folder), fate, typing
        self._switch = self._folder / "power"
        self._switch.write_text("on\n" if on else "")
        self.power = f"echo %s >>{shlex.quote(str(self._switch))}"
        self._stop = threading.Event()
        self._guest, self._done, self.sent, self.typed = None, 0, 0, 0

    def __enter__(self):
        self._master, slave = pty.openpty()
        tty.setraw(slave)
        self.port = os.ttyname(slave)
        os.close(slave)
        os.set_blocking(self._master, False)
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *exc):
        self._stop.set()
        self._thread.join()

    def words(self):
        """What was asked of the power switch."""
        return self._switch.read_text().split()

    def _work(self):
        try:
            while not self._stop.is_set():
                self._turn_switch()
                if self._guest:
                    self._to_port(self._guest.read(0.02) or b"")
                else:
                    time.sleep(0.02)
                self._to_guest()
        except Cut:
            pass
        except Exception as error:  # a thread's exception would only be printed
            print(f"cable: {error!r}", file=sys.stderr)
        finally:
            os.close(self._master)
            self._turn("off")

    def _turn_switch(self):
        words = self.words()
        for word in words[self._done:]:
            self._turn(word)
        self._done = len(words)

    def _turn(self, word):
        if self._guest:
            self._guest.__exit__(None, None, None)
            self._guest = None
        if word != "off":
            self._guest = Guest(self._args, self._folder / "qemu.err").__enter__()
            self._guest.start()

    def _to_port(self, data):
        out, at = self._fate(data, self.sent), 0
        self.sent += len(data)
        while at < len(out) and not self._stop.is_set():
            try:
                at += os.write(self._master, out[at:])
            except BlockingIOError:
                time.sleep(0.005)
        if data and self.sent >= getattr(self._fate, "cut_at", self.sent + 1):
            time.sleep(0.2)  # what was sent still arrives
            raise Cut

    def _to_guest(self):
        try:
            typed = os.read(self._master, 4096)
        except (BlockingIOError, OSError):  # nobody has the port open
            return
        out = self._typing(typed, self.typed)
        self.typed += len(typed)
        if out and self._guest:
            self._guest.serial.send(bytes(out))
        if self.typed >= getattr(self._typing, "cut_at", self.typed + 1):
            raise Cut


# -- fates -----------------------------------------------------------------------------------


def at_offset(where, change):
    """The byte at that offset becomes what change(byte) says."""
    def fate(data, at):
        n = where - at
        return data[:n] + change(data[n:n + 1]) + data[n + 1:] if 0 <= n < len(data) else data
    return fate


def cut_at(where):
    """The adapter is pulled behind that many bytes."""
    def fate(data, at):
        return data[:max(0, where - at)]
    fate.cut_at = where
    return fate


def slowly(data, _at):
    """Comes late, in small pieces."""
    time.sleep(0.05)
    return data


def misheard(data, ratio):
    """What a UART makes of 8N1 characters that were sent at `ratio` times its own speed."""
    bits = []
    for byte in data:
        bits += [0, *(byte >> n & 1 for n in range(8)), 1]
    bits += [1] * 40
    heard, at, step = bytearray(), 0.0, ratio
    while int(at) < len(bits):
        if bits[int(at)]:  # the line is idle: wait for a start bit
            at = float(int(at) + 1)
            continue
        samples = [int(at + (n + 0.5) * step) for n in range(1, 10)]
        if samples[-1] >= len(bits):
            break
        heard.append(sum(bits[s] << n for n, s in enumerate(samples[:8])))
        at += 9.5 * step
        while int(at) < len(bits) and not bits[int(at)]:  # no stop bit: wait until the line is high
            at = float(int(at) + 1)
    return bytes(heard)
