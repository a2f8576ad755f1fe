# SPDX-License-Identifier: BSD-2-Clause
"""Physical memory of a stopped guest: any address, whatever the MMU does.

By QMP's pmemsave (Memory), or out of the file that the guest's RAM is (MemoryFile). What is not RAM is
not there: of a device or a hole QEMU would give zeros, and an empty table is a sound one.
"""

import json
import mmap
import os
import re
import socket
import tempfile

from .trouble import Trouble

PAGE = 4096
CHUNK = 1 << 17     # read at once: a command costs as much as that


# "  0000000080000000-00000000bfffffff (prio 0, ram): vexpress.highmem", and behind the name what of it
RAM = re.compile(r"^ *([0-9a-f]{16})-([0-9a-f]{16}) \(prio -?\d+, ram\):", re.MULTILINE)
GREETING_S = 5


class QmpError(Trouble):
    """QEMU does not answer, or refused a command."""


class Qmp:
    """A control socket of our own, given by its path."""

    def __init__(self, path, timeout=20, patience=GREETING_S):
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(patience)
        try:
            self._socket.connect(path)
        except OSError as error:
            raise QmpError(f"{path}: {error.strerror or error}") from error
        self._stream = self._socket.makefile("r", encoding="utf-8")
        self._greeted(patience)
        self._socket.settimeout(timeout)
        self.command("qmp_capabilities")

    def _greeted(self, patience):
        """QEMU speaks first, and to one client at a time."""
        try:
            line = self._stream.readline()
        except TimeoutError as error:
            raise QmpError(f"{self._path}: no greeting came in {patience} s: is it QEMU's control socket,"
                           " and nobody else connected?") from error
        if "QMP" not in self._parsed(line, "the greeting"):
            raise QmpError(f"{self._path}: what came is no greeting of QEMU's control socket")

    def _parsed(self, line, what):
        try:
            found = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise QmpError(f"{self._path}: {what} is no JSON: {line[:40]!r}") from error
        if not isinstance(found, dict):
            raise QmpError(f"{self._path}: {what} is no object: {line[:40]!r}")
        return found

    def command(self, name, **arguments):
        request = json.dumps({"execute": name, "arguments": arguments})
        try:
            self._socket.sendall(request.encode("utf-8") + b"\n")
            for line in self._stream:
                answer = self._parsed(line, f"the answer to {name}")
                if "error" in answer:
                    raise QmpError(f"{name}: {answer['error']['desc']}")
                if "return" in answer:
                    return answer["return"]
        except OSError as error:
            raise QmpError(f"{self._path}: {name}: {error.strerror or error}") from error
        raise QmpError(f"{self._path}: {name}: QEMU closed the connection")

    def close(self):
        self._stream.close()
        self._socket.close()


class BadMemory(Trouble):
    """There is nothing at an address that something leads to."""


class Memory:
    """Reads through `command`, a function (name, **arguments) that runs a QMP command.

    What is near is read too, and kept: the guest must be stopped. RAM begins and ends on such a
    boundary, so nothing of a device is.
    """

    def __init__(self, command):
        self._command = command
        self._chunks = {}
        self._file = None
        self._ram = None

    def ram(self):
        """[(start, end)] of the machine's RAM, as QEMU's own map of its address spaces says."""
        if self._ram is None:
            text = self._command("human-monitor-command", **{"command-line": "info mtree -f"})
            found = {(int(start, 16), int(last, 16) + 1) for start, last in RAM.findall(text)}
            self._ram = joined(sorted(found))
        return self._ram

    def read(self, pa, size):
        """Bytes from a physical address."""
        if not any(start <= pa and pa + size <= end for start, end in self.ram()):
            raise BadMemory(f"{pa:#012x} is not RAM")
        data = bytearray()
        while size:
            offset = pa % CHUNK
            part = self._chunk(pa - offset)[offset:offset + size]
            if not part:
                raise BadMemory(f"QEMU has nothing at {pa:#012x}")
            data += part
            pa, size = pa + len(part), size - len(part)
        return bytes(data)

    def _chunk(self, pa):
        if pa not in self._chunks:
            if self._file is None:
                self._file = tempfile.NamedTemporaryFile(prefix="ptread.")
            self._command("pmemsave", val=pa, size=CHUNK, filename=self._file.name)
            with open(self._file.name, "rb") as stream:
                self._chunks[pa] = stream.read()
        return self._chunks[pa]


def joined(ranges):
    """Neighbours become one: where a bank ends and the next begins is nothing to a reader."""
    found = []
    for start, end in ranges:
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


class MemoryFile:
    """A file that is the guest's RAM from `base` on (QEMU's memory-backend-file,share=on). Never written.
    """

    def __init__(self, path, base):
        self._base = base
        with open(path, "rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            if size == 0:
                raise BadMemory(f"{path}: empty")
            self._map = mmap.mmap(stream.fileno(), size, prot=mmap.PROT_READ)

    def read(self, pa, size):
        at = pa - self._base
        if at < 0 or at + size > len(self._map):
            raise BadMemory(f"{pa:#012x} is outside the memory file, {self._base:#012x}-"
                            f"{self._base + len(self._map):#012x}")
        return self._map[at:at + size]

    def close(self):
        self._map.close()
