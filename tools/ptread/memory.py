# SPDX-License-Identifier: BSD-2-Clause
"""Physical memory of a stopped guest, by QMP's pmemsave: any address, whatever the MMU does."""

import json
import os
import socket
import tempfile

PAGE = 4096


class QmpError(Exception):
    """QEMU refused a command."""


class Qmp:
    """A control socket of our own, given by its path."""

    def __init__(self, path, timeout=20):
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(timeout)
        self._socket.connect(path)
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


class Memory:
    """Reads through `command`, a function (name, **arguments) that runs a QMP command."""

    def __init__(self, command):
        self._command = command
        self._pages = {}

    def read(self, pa, size):
        """Bytes from a physical address. Pages are read once: the guest must be stopped."""
        data = b""
        while size:
            offset = pa % PAGE
            part = self._page(pa - offset)[offset:offset + size]
            data, pa, size = data + part, pa + len(part), size - len(part)
        return data

    def _page(self, pa):
        if pa not in self._pages:
            handle, path = tempfile.mkstemp(prefix="ptread.")
            os.close(handle)
            try:
                self._command("pmemsave", val=pa, size=PAGE, filename=path)
                with open(path, "rb") as stream:
                    self._pages[pa] = stream.read()
            finally:
                os.unlink(path)
        return self._pages[pa]
