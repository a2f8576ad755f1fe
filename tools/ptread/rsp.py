# SPDX-License-Identifier: BSD-2-Clause
"""The few packets of GDB's remote serial protocol that reading registers takes.

QEMU stops the guest when a debugger connects; closing the connection leaves it stopped.
"""

import re
import socket
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass

from .lpae import Registers
from .trouble import Trouble

MODE_USER = 0x10        # CPSR[4:0]
# QEMU says unasked that the guest stops: it ran when we connected. Nothing else begins so, but the
# answer to a question for just that.
STOPPED = ("T", "S")
RESUMES = "?cCsSv"


class GdbError(Trouble):
    """The stub does not answer as it should."""


class Stub:
    """A connection to a gdb stub. `address` is (host, port) or the path of a UNIX socket."""

    def __init__(self, address, timeout=20):
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        self._socket.settimeout(timeout)
        name = address if isinstance(address, str) else ":".join(map(str, address))
        try:
            self._socket.connect(address)
        except OSError as error:
            raise GdbError(f"{name}: {error.strerror or error}") from error
        self._buffer, self._name = b"", name
        self.ask("qSupported:xmlRegisters=arm;multiprocess+")
        self._numbers = None

    def close(self):
        self._socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def ask(self, command):
        """Sends one packet and returns the answer's text."""
        data = command.encode("ascii")
        try:
            self._socket.sendall(b"$" + data + f"#{sum(data) & 0xff:02x}".encode("ascii"))
            while True:
                answer = self._packet()
                self._socket.sendall(b"+")
                if answer[:1] not in STOPPED or command[0] in RESUMES:
                    return answer
        except OSError as error:
            raise GdbError(f"{self._name}: no answer of a gdb stub's: {error.strerror or error}") \
                from error

    def _packet(self):
        while True:
            match = re.search(rb"\$([^#$]*)#([0-9a-f]{2})", self._buffer)
            if match:
                break
            data = self._socket.recv(65536)
            if not data:
                raise GdbError("the gdb stub closed the connection")
            self._buffer += data
        self._buffer = self._buffer[match.end():]
        body = match.group(1)
        if sum(body) & 0xff != int(match.group(2), 16):
            raise GdbError("a packet of the gdb stub has a wrong sum")
        # Escapes (}) and runs (*), as the protocol describes them.
        body = re.sub(rb"\}(.)", lambda m: bytes([m.group(1)[0] ^ 0x20]), body, flags=re.DOTALL)
        body = re.sub(rb"(.)\*(.)", lambda m: m.group(1) * (m.group(2)[0] - 28), body,
                      flags=re.DOTALL)
        return body.decode("latin-1")

    def _feature(self, name):
        text = ""
        while True:
            answer = self.ask(f"qXfer:features:read:{name}:{len(text):x},7f0")
            if not answer or answer[0] not in "lm":
                raise GdbError(f"no target description {name}: {answer!r}")
            text += answer[1:]
            if answer[0] == "l":
                return text

    def registers(self):
        """Register numbers by lower-case name, from the target description."""
        if self._numbers is None:
            try:
                self._numbers = self._described()
            except (ElementTree.ParseError, AttributeError, TypeError, ValueError) as error:
                raise GdbError(f"the gdb stub's target description makes no sense: {error}") from error
        return self._numbers

    def _described(self):
        found, number = {}, 0
        target = ElementTree.fromstring(plain(self._feature("target.xml")))
        for include in target.iter():
            if not include.tag.endswith("include"):
                continue
            feature = ElementTree.fromstring(plain(self._feature(include.get("href"))))
            for reg in feature.iter("reg"):
                number = int(reg.get("regnum", number))
                size = int(reg.get("bitsize"))
                found.setdefault(reg.get("name").lower(), []).append((number, size))
                number += 1
        return found

    def cpus(self):
        """Thread names, one per CPU."""
        found, answer = [], self.ask("qfThreadInfo")
        while answer.startswith("m"):
            found += answer[1:].split(",")
            answer = self.ask("qsThreadInfo")
        return found

    def select(self, cpu):
        if self.ask(f"Hg{cpu}") != "OK":
            raise GdbError(f"no such CPU: {cpu}")

    def read(self, name):
        """The register's value; the widest one when several have this name."""
        if name not in self.registers():
            raise GdbError(f"the gdb stub shows no register {name}")
        number, _ = max(self.registers()[name], key=lambda entry: entry[1])
        answer = self.ask(f"p{number:x}")
        if not answer or answer.startswith("E") and len(answer) == 3:
            raise GdbError(f"register {name} can't be read: {answer!r}")
        return int.from_bytes(bytes.fromhex(answer), "little")


def plain(xml):
    """Without the document type (there is nobody to fetch it) and the include prefix."""
    return re.sub(r"<!DOCTYPE[^>]*>", "", xml).replace("xi:include", "include")


def translation(stub):
    """The selected CPU's translation registers.

    A CPU with the Security Extensions has two banks: NAME_S is the secure one, in use while
    SCR.NS is 0 (and in monitor mode).
    """
    banked = current_bank(stub)
    return Registers(ttbr0=banked("ttbr0"), ttbr1=banked("ttbr1"), ttbcr=banked("ttbcr"),
                     mair0=banked("mair0"), mair1=banked("mair1"), sctlr=banked("sctlr"))


def current_bank(stub):
    """A function from a register's name to its value in the world that the CPU is in."""
    known = stub.registers()
    secure = "ttbr1_s" in known and not (stub.read("scr") & 1 if "scr" in known else 0)

    def banked(name):
        return stub.read(name + "_s" if secure and name + "_s" in known else name)
    return banked


@dataclass(frozen=True)
class Cpu:
    """What one stopped CPU holds."""
    name: str
    registers: Registers
    thread: int         # TPIDRPRW
    pc: int
    user: bool          # it is in user mode


def cpus(stub):
    """All CPUs that the stub knows."""
    found = []
    for name in stub.cpus():
        stub.select(name)
        thread = current_bank(stub)("tpidrprw") if "tpidrprw" in stub.registers() else 0
        found.append(Cpu(name, translation(stub), thread & 0xffffffff, stub.read("pc"),
                         stub.read("cpsr") & 0x1f == MODE_USER))
    if not found:
        raise GdbError("the gdb stub knows no CPU")
    return found
