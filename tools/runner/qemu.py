# SPDX-License-Identifier: BSD-2-Clause
"""One QEMU process: its serial port, its control socket (QMP), and how it ended.

Owns: starting it paused, telling power-off from reset, and always ending what it started.
Must never: judge, or end a process it did not start.

Both sockets are made here and handed over as file descriptors: no paths, no ports, no waiting for
a listener. The serial bytes are exactly what the guest sent (no terminal in between).

A guest whose serial socket is full spins inside QEMU with QEMU's big lock held, and then the
control socket is dead too. So whoever waits for either socket reads both (Wires.pump).
"""

from __future__ import annotations

import json
import os
import pathlib
import select
import socket
import subprocess
import time

import pexpect
from pexpect import spawnbase

from .judge import Ending


DRAINED = 0.05  # seconds in which bytes of a guest that has ended come, if any do


class QemuError(Exception):
    """QEMU did not start, or died by itself."""


class Wires:
    """The two sockets to QEMU, and what has come through them."""

    def __init__(self, serial: socket.socket, control: socket.socket) -> None:
        self.serial = serial
        self.control = control
        self.serial_bytes = b""
        self.control_bytes = b""
        self.shut_down = False  # QEMU said so; under -no-shutdown it stays, and so do the sockets
        self._open = [serial, control]

    def is_open(self, sock: socket.socket) -> bool:
        """Whether more can come from this one."""
        return sock in self._open

    def pump(self, timeout: float) -> None:
        """Wait for bytes on either socket, and take them."""
        ready, _, _ = select.select(self._open, [], [], max(0.0, timeout))
        for sock in ready:
            try:
                data = sock.recv(65536)
            except ConnectionError:
                data = b""
            if not data:
                self._open.remove(sock)
            elif sock is self.serial:
                self.serial_bytes += data
            else:
                self.control_bytes += data
                self.shut_down = self.shut_down or b'"SHUTDOWN"' in self.control_bytes

    def close(self) -> None:
        """Hang up."""
        self._open = []
        self.serial.close()
        self.control.close()


class SerialPort(spawnbase.SpawnBase):
    """The serial line as pexpect sees it: expect(), send(), read_nonblocking()."""

    def __init__(self, wires: Wires) -> None:
        super().__init__(timeout=30)
        self._wires = wires

    def read_nonblocking(self, size: int = 1, timeout: float | None = None) -> bytes:
        """At least one byte; raises pexpect.TIMEOUT or pexpect.EOF."""
        wires, until = self._wires, time.monotonic() + (self.timeout if timeout is None else timeout)
        while not wires.serial_bytes:
            if not wires.is_open(wires.serial):
                raise pexpect.EOF("the guest is gone")
            left = until - time.monotonic()
            if left <= 0:
                raise pexpect.TIMEOUT("silence")
            wires.pump(min(left, DRAINED) if wires.shut_down else left)
            if wires.shut_down and not wires.serial_bytes and wires.is_open(wires.serial):
                raise pexpect.TIMEOUT("the guest has ended, and nothing more was on its way")
        data, wires.serial_bytes = wires.serial_bytes[:size], wires.serial_bytes[size:]
        self._log(data, "read")
        return data

    def send(self, data: str | bytes) -> int:
        """Type something."""
        raw = data.encode() if isinstance(data, str) else data
        self._log(raw, "send")
        self._wires.serial.sendall(raw)
        return len(raw)


class Qmp:
    """The control socket: commands with answers, and the events that came meanwhile."""

    def __init__(self, wires: Wires) -> None:
        self._wires = wires
        self.events: list[dict] = []

    def _message(self, timeout: float) -> dict | None:
        """The next message; None when none came in time or the other side is gone."""
        wires, until = self._wires, time.monotonic() + timeout
        while b"\n" not in wires.control_bytes:
            left = until - time.monotonic()
            if left <= 0 or not wires.is_open(wires.control):
                return None
            wires.pump(left)
        line, wires.control_bytes = wires.control_bytes.split(b"\n", 1)
        return json.loads(line)

    def greet(self) -> None:
        """Take the greeting and leave negotiation mode; from here on events arrive."""
        if not self._message(30):
            raise QemuError("QEMU said nothing on its control socket")
        self.command("qmp_capabilities")

    def command(self, name: str, **arguments) -> dict:
        """Run one command and return its result."""
        request = {"execute": name, "arguments": arguments}
        try:
            self._wires.control.sendall(json.dumps(request).encode() + b"\n")
        except OSError as error:
            raise QemuError(f"QMP {name}: {error}") from error
        while message := self._message(30):
            if "event" in message:
                self.events.append(message)
            elif "error" in message:
                raise QemuError(f"QMP {name}: {message['error'].get('desc')}")
            else:
                return message["return"]
        raise QemuError(f"QMP {name}: no answer")

    def shutdown_reason(self) -> str | None:
        """QEMU's own word for why the guest ended: guest-shutdown, guest-reset, …"""
        while True:
            for event in self.events:
                if event["event"] == "SHUTDOWN":
                    return event["data"]["reason"]
            message = self._message(5.0)  # QEMU hangs up when it ends
            if message is None:
                return None
            if "event" in message:
                self.events.append(message)


class Guest:
    """A running QEMU. A context manager: leaving it ends the process."""

    def __init__(self, args: list[str], errors: pathlib.Path) -> None:
        self.args = args
        self._errors = errors
        self._process: subprocess.Popen | None = None

    def __enter__(self) -> Guest:
        serial, serial_guest = socket.socketpair()
        control, control_guest = socket.socketpair()
        argv = [*self.args, "-S",
                "-chardev", f"socket,id=serial,fd={serial_guest.fileno()}",
                "-serial", "chardev:serial",
                "-chardev", f"socket,id=control,fd={control_guest.fileno()}",
                "-mon", "chardev=control,mode=control"]
        try:
            with open(self._errors, "wb") as errors:
                self._process = subprocess.Popen(
                    argv, stdin=subprocess.DEVNULL, stdout=errors, stderr=errors,
                    pass_fds=(serial_guest.fileno(), control_guest.fileno()),
                    env={**os.environ, "QEMU_AUDIO_DRV": "none"})
        except OSError as error:
            serial.close()
            control.close()
            raise QemuError(f"{argv[0]}: {error.strerror} (try `make deps`)") from error
        finally:
            serial_guest.close()
            control_guest.close()
        self._wires = Wires(serial, control)
        self.serial = SerialPort(self._wires)
        self.qmp = Qmp(self._wires)
        try:
            self.qmp.greet()
        except QemuError as error:
            self.close()
            raise QemuError(self._why(str(error))) from error
        return self

    def __exit__(self, *exc) -> None:
        self.close()

    def start(self) -> None:
        """Let the guest run from its first instruction."""
        self.qmp.command("cont")

    def read(self, timeout: float) -> bytes | None:
        """Serial bytes; b"" when none came in time, None when the guest is gone, or shut down."""
        try:
            return self.serial.read_nonblocking(65536, timeout)
        except pexpect.TIMEOUT:
            return None if self._wires.shut_down else b""
        except pexpect.EOF:
            return None

    def ended(self) -> Ending:
        """Why the guest is gone. QemuError if it was not the guest's doing."""
        reason = self.qmp.shutdown_reason()
        if reason == "guest-shutdown":
            return Ending.POWEROFF
        if reason == "guest-reset":
            return Ending.RESET
        try:
            status = self._process.wait(10)
        except subprocess.TimeoutExpired:
            status = None
        raise QemuError(self._why(f"QEMU ended by itself, status {status}, reason {reason}"))

    def trouble(self, _stream) -> str:
        """What else made the stream worthless: nothing can, between here and QEMU."""
        return ""

    def hints(self, _stream) -> list[str]:
        """Advice to a person whose run went wrong: none, there is no cable to look at."""
        return []

    def _why(self, what: str) -> str:
        lines = self._errors.read_text(errors="replace").splitlines()
        said = "; ".join(line for line in lines if not line.startswith("qemu: module audio"))
        return f"{what}; it said: {said}" if said else what

    def close(self) -> None:
        """End the process, politely first."""
        process = self._process
        if process.poll() is None:
            try:
                self.qmp.command("quit")
            except QemuError:
                process.terminate()
        self._wires.close()  # a guest that still sends must not be waited for
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
