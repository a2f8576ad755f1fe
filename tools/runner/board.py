# SPDX-License-Identifier: BSD-2-Clause
"""A real board at the end of a serial line, in a guest's place: read(), ended(), and how it is started.

Owns: the order of a board's run: the port, power off, what was still on its way thrown away, power
on, the loader's turn, perhaps the monitor's prompt, then the stream; and power off behind it.
Must never: judge the stream, or write into a board's flash or card.

What the line itself may do to a stream is named here: it is lost in the middle, it runs at another
speed, nobody is at its other end.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
import re
import subprocess
import sys
import time

import pexpect

from .judge import Ending
from .port import Port, PortError
from .stream import Stream

PROMPT = b"fanlight> "
OFF_SECONDS = 2.0  # without power, so that its RAM forgets
POWER_SECONDS = 120
LOAD_SECONDS = 900
_LOADER_AGAIN = re.compile(rb"[\r\n]U-Boot (?:SPL |TPL )?20[0-9]{2}\.[0-9]{2}")
_NOT_TEXT = re.compile(rb"[^\x20-\x7e\t\r\n\x1b\x08]")
_ENOUGH = 64  # bytes by which a wrong speed can be told


@dataclasses.dataclass(frozen=True)
class Wiring:
    """How to reach and start one board; the commands are a user's, for the shell."""

    port: str
    baud: int = 115200
    power: str = ""  # "… %s", called with off and on; without %s a reset, called once
    load: str = ""  # called when the board is on, with the port as its standard input and output
    at_prompt: str = ""  # what to type at the monitor's prompt; "": the boot runs by itself
    wait: float = 300.0  # seconds for the first byte, or the prompt
    environment: dict = dataclasses.field(default_factory=dict, hash=False)  # for both commands


class Board:
    """The board while it runs. A context manager: leaving it switches the board off."""

    def __init__(self, wiring: Wiring, folder: pathlib.Path) -> None:
        self._wiring = wiring
        self._folder = folder
        self._first = b""  # belongs to the stream, and was read already
        self._bytes = self._noise = 0
        self._tail = b""
        self._booted = self._loader_again = False

    def __enter__(self) -> Board:
        self.serial = Port(self._wiring.port, self._wiring.baud)
        return self

    def __exit__(self, *exc) -> None:
        if "%s" in self._wiring.power:
            try:
                self._power("off")
            except PortError as error:
                _say(f"{error}; the board may still be on")
        self.serial.close()

    # -- from power to the stream ------------------------------------------------------------

    def start(self) -> None:
        """Bring it to where its stream begins. Raises PortError."""
        power = self._wiring.power
        if not power:
            self._ask()
        elif "%s" in power:
            self._power("off")
            time.sleep(OFF_SECONDS)
            self.serial.drain(0.2, 5)
            self._power("on")
        else:
            self.serial.drain(0.2, 5)
            self._power("")
        if self._wiring.load:
            self._load()
        if self._wiring.at_prompt:
            self._at_prompt()
        else:
            self._first_byte()

    def _command(self, command: str, seconds: float, **streams) -> subprocess.CompletedProcess:
        environment = {**os.environ, **self._wiring.environment}
        try:
            return subprocess.run(["/bin/sh", "-c", command], env=environment, timeout=seconds,
                                  check=False, **streams)
        except subprocess.TimeoutExpired as error:
            raise PortError(f"`{command}` did not end within {seconds:g} s") from error

    def _power(self, word: str) -> None:
        command = self._wiring.power.replace("%s", word)
        done = self._command(command, POWER_SECONDS, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode:
            said = done.stdout.decode(errors="replace").strip()
            raise PortError(f"POWER: `{command}` ended with {done.returncode}: {said or 'no words'}")

    def _ask(self) -> None:
        """A person is the power switch; at the prompt, none is needed."""
        if self._wiring.at_prompt and not self._wiring.load:
            return
        if sys.stdin.isatty():
            _say("switch the board off, then press Enter")
            sys.stdin.readline()
        self.serial.drain(0.2, 5)
        _say(f"{self._wiring.port}: switch the board on, or reset it, now")

    def _load(self) -> None:
        """The loader's turn: it ends with 0 when the boot command was typed."""
        fd = self.serial.fileno()
        os.set_blocking(fd, True)  # what it inherits is this very open file
        try:
            done = self._command(self._wiring.load, LOAD_SECONDS, stdin=fd, stdout=fd)
        finally:
            os.set_blocking(fd, False)
        if done.returncode:
            raise PortError(f"LOAD: `{self._wiring.load}` ended with {done.returncode}")

    def _first_byte(self) -> None:
        try:
            self._first = self.serial.read_nonblocking(65536, self._wiring.wait)
        except pexpect.TIMEOUT as error:
            raise PortError(self._silent()) from error
        except pexpect.EOF:
            pass  # read() says it

    def _at_prompt(self) -> None:
        """From the prompt on: this boot's @boot and @layout by `report`, then what is to run.

        What was said before goes to before.log. Where no prompt comes, all of it is the stream.
        """
        port, wiring = self.serial, self._wiring
        if not (wiring.power or wiring.load):
            port.send("\x03\r")  # it is there already; a board that boots might take a key as a stop
        try:
            port.expect_exact(PROMPT, timeout=wiring.wait)
        except (pexpect.TIMEOUT, pexpect.EOF) as error:
            self._first = port.before
            if not self._first and not port.lost:
                raise PortError(self._silent()) from error
            return
        (self._folder / "before.log").write_bytes(port.before + PROMPT)
        self._first = self._report()
        port.send(wiring.at_prompt + "\r")

    def _silent(self) -> str:
        return (f"not one byte came over {self._wiring.port} in {self._wiring.wait:g} s: "
                "is the board on, is it this port, are RX and TX crossed?")

    def _report(self) -> bytes:
        port = self.serial
        port.drain(0.5, 5)
        port.send("report\r")
        try:
            port.expect(rb"(@boot \{[^\r\n]*\r*\n@layout \{[^\r\n]*\r*\n)", timeout=30)
            lines = port.match.group(1)
            port.expect_exact(PROMPT, timeout=30)  # behind an earlier run's results, which are not ours
        except (pexpect.TIMEOUT, pexpect.EOF) as error:
            raise PortError("at the prompt, `report` is not answered by @boot and @layout") from error
        return lines

    # -- the stream --------------------------------------------------------------------------

    def read(self, timeout: float) -> bytes | None:
        """Serial bytes; b"" when none came in time, None when no more can come."""
        data, self._first = self._first, b""
        if not data and self._loader_again:
            return None
        try:
            data = data or self.serial.read_nonblocking(65536, timeout)
        except pexpect.TIMEOUT:
            return b""
        except pexpect.EOF:
            return None
        self._look(data)
        return data

    def _look(self, data: bytes) -> None:
        """Notes what the line's other end must be, or that it is no text at all."""
        self._bytes += len(data)
        self._noise += len(_NOT_TEXT.findall(data))
        self._tail = (self._tail + data)[-4096:]
        at = self._tail.find(b"@boot {")
        self._booted = self._booted or at >= 0
        if self._booted and _LOADER_AGAIN.search(self._tail, max(at, 0)):
            self._loader_again = True

    def ended(self) -> Ending:
        """Why no more can come."""
        return Ending.RESET if self._loader_again else Ending.LOST

    def trouble(self, stream: Stream) -> str:
        """What the line did to the stream; "" if it did nothing."""
        if self.serial.lost and stream.end is None and stream.panic_end is None:
            where = f", in suite {stream.open_suite}" if stream.open_suite else ""
            return (f"the line {self._wiring.port} was lost behind {self._bytes} bytes{where}: "
                    f"{self.serial.lost}; was the adapter pulled, or the board that powers it?")
        if not stream.boots and self._bytes >= _ENOUGH and self._noise * 4 > self._bytes:
            return (f"{self._noise} of {self._bytes} bytes are no text: most likely the board does not "
                    f"speak at {self._wiring.baud} baud, or the level is wrong")
        return ""

    def hints(self, stream: Stream) -> list[str]:
        """What else may help a person at the board."""
        counted = self.serial.line_errors()
        found = [f"the port counted {', '.join(counted)}: speed, level or cable"] if counted else []
        if stream.faults and stream.boots and not stream.crashed:
            found.append("the line lost or changed bytes: a shorter cable, another adapter, fewer "
                         "programs on this machine; the kernel sends without flow control")
        if not stream.boots and not self.trouble(stream):
            words = self._tail[-80:].decode("latin-1").strip().splitlines()
            last = words[-1].strip() if words else ""
            found.append(f"no kernel spoke; the last words were {last!r}" + (
                ": that is a loader's prompt, and LOAD= is what would type there"
                if re.search(r"(=>|#|>)$", last) else ""))
        return found


def _say(text: str) -> None:
    print(f"runner: {text}", file=sys.stderr, flush=True)
