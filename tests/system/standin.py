# SPDX-License-Identifier: BSD-2-Clause
"""A guest that is not a kernel: says a recorded stream of the kit in a real QEMU, then ends as told.

Owns: guest.S as machine code, an ELF that names the kit's tests, and the image made of both.
"""

import functools
import pathlib
import struct
import subprocess
import tempfile
import tomllib

from runner import elf
from runner.table import ROOT

KIT = ROOT / "tests" / "streams"
MANIFEST = tomllib.loads((KIT / "streams.toml").read_text())
POWER_OFF, RESET, STAY = range(3)


def _cross(*argv):
    subprocess.run([elf.CROSS + argv[0], *map(str, argv[1:])], check=True)


@functools.lru_cache(maxsize=None)
def _made():
    """(code, ELF): made once, kept in memory."""
    with tempfile.TemporaryDirectory(prefix="standin.") as name:
        folder = pathlib.Path(name)
        _cross("gcc", "-c", ROOT / "tests/system/guest.S", "-o", folder / "guest.o")
        _cross("objcopy", "-O", "binary", folder / "guest.o", folder / "guest.bin")
        names = [f"test.{t}" for t in MANIFEST["tests"]] + ["fatal.kunmap.double"]
        text = "".join(f"\t.type {n}, %object\n{n}:\n\t.word 0\n" for n in names)
        (folder / "names.S").write_text("\t.data\n" + text)
        _cross("gcc", "-nostdlib", f"-Wl,--build-id=0x{MANIFEST['build']}", "-Wl,-e,0",
               folder / "names.S", "-o", folder / "fanlight")
        return (folder / "guest.bin").read_bytes(), (folder / "fanlight").read_bytes()


def put(folder, stream, ending=STAY):
    """fanlight.zImage, which says the stream (the kit's name for it, or bytes), and fanlight."""
    data = stream if isinstance(stream, bytes) else (KIT / f"{stream}.bin").read_bytes()
    code, names = _made()
    (folder / "fanlight.zImage").write_bytes(code + struct.pack("<2I", ending, len(data)) + data)
    (folder / "fanlight").write_bytes(names)
