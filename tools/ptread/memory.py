# SPDX-License-Identifier: BSD-2-Clause
"""Physical memory of a stopped guest: any address, whatever the MMU does.

By QMP's pmemsave (Memory), or out of the file that the guest's RAM is (MemoryFile).
"""

import json
import mmap
import os
import socket
import tempfile

PAGE = 4096
CHUNK = 1 << 17     # read at once: a command costs as much as that


class QmpError(Exception):
    """QEMU refused a command."""


class Qmp:
    """A control socket of our own, given by its path."""

    def __init__(self, path, timeout=20):
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(timeout)
        try:
            self._socket.connect(path)
        except OSError as error:
            raise QmpError(f"{path}: {error.strerror or error}") from error
        self._stream = self._socket.makefile("r", encoding="utf-8")
        self._stream.readline()
        self.command("qmp_capabilities")

    def command(self, name, **arguments):
        request = json.dumps({"execute": name, "arguments": arguments})
        self._socket.sendall(request.encode("utf-8") + b"\n")
        for line in self._stream:
            answer = json.loads(line)
            if "error" in answer:
                raise QmpError(f"{name}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]
        raise QmpError(f"{name}: QEMU closed the connection")

    def close(self):
        self._stream.close()
        self._socket.close()


class BadMemory(Exception):
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

    def read(self, pa, size):
        """Bytes from a physical address."""
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
