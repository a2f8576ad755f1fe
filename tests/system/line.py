# SPDX-License-Identifier: BSD-2-Clause
"""A serial line that can be spoiled: a pseudo-terminal bridged to QEMU's serial port.

Owns: the bytes between both, and what becomes of them: a flipped bit, a cut at a byte, a hang-up.
Must never: lose a byte that it was not told to lose.
"""

import os
import pty
import select
import socket
import subprocess
import threading
import time
import tty

QEMU = "qemu-system-aarch64"


class Line:
    """The port's name is `name`. To the board: `spoil(data, at)` sees each piece and where it starts.

    spoil returns the bytes to pass on, or None to hang up.
    """

    def __init__(self, spoil=None, spoil_back=None):
        self.master, slave = pty.openpty()
        tty.setraw(slave)
        self.name = os.ttyname(slave)
        os.close(slave)  # a port that somebody has open is busy
        self.board, self.guest = socket.socketpair()
        self._spoil = spoil or (lambda data, at: data)
        self._spoil_back = spoil_back or (lambda data, at: data)
        self._thread = threading.Thread(target=self._carry, daemon=True)
        self.sent = self.received = 0
        self._stop = False
        self._thread.start()

    def _carry(self):
        while self.master >= 0 and not self._stop:
            ready, _, _ = select.select([self.master, self.board], [], [], 0.2)
            if self.board in ready:
                data = self.board.recv(4096)
                if not data:
                    break
                if not self._pass_on(False, data):
                    self.hang_up()
                    return
            if self.master in ready:
                try:
                    data = os.read(self.master, 4096)
                except OSError:  # nobody has the port open: not yet, or not any more
                    time.sleep(0.02)
                    continue
                if not self._pass_on(True, data):
                    self.hang_up()

    def _pass_on(self, to_board, data):
        if to_board:
            data, self.sent = self._spoil(data, self.sent), self.sent + len(data)
            if data is not None:
                self.board.sendall(data)
        else:
            data, self.received = self._spoil_back(data, self.received), self.received + len(data)
            if data is not None:
                view = memoryview(data)
                while view:
                    view = view[os.write(self.master, view):]
        return data is not None

    def hang_up(self):
        """As if the cable had been pulled: the port's reader gets no more than an error."""
        master, self.master = self.master, -1
        os.close(master)

    def close(self):
        """The end of it."""
        self._stop = True
        self._thread.join()
        self.board.close()
        self.guest.close()


class UBootBoard:
    """Debian's U-Boot for qemu_arm, waiting at its autoboot or behind it, on a Line."""

    def __init__(self, uboot, memory="1G", smp=4, machine="virt", **spoils):
        self.line = Line(**spoils)
        argv = [QEMU, "-machine", machine, "-cpu", "cortex-a15", "-m", memory, "-smp", str(smp),
                "-display", "none", "-nodefaults", "-nic", "none", "-no-reboot", "-bios", uboot,
                "-chardev", f"socket,id=serial,fd={self.line.guest.fileno()}",
                "-serial", "chardev:serial"]
        self._process = subprocess.Popen(argv, stdin=subprocess.DEVNULL,
                                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                         pass_fds=(self.line.guest.fileno(),),
                                         env={**os.environ, "QEMU_AUDIO_DRV": "none"})
        self.line.guest.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self._process.kill()
        self._process.wait()
        self.line.close()
