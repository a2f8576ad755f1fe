# SPDX-License-Identifier: BSD-2-Clause
"""A disk image with one partition, FAT or ext4, made from files without being root.

Owns: the order of sfdisk, mkfs.fat and mtools, or mke2fs -d. Nothing is mounted.
Must never: leave half an image behind: it grows beside its place and is moved there at the end.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import tempfile

from uboot.table import SECTOR, BoardError

MIB = 1 << 20
# Fixed, so that the same files make the same image (FAT; ext4 keeps times that nobody can set).
SERIAL = "464c3031"
UUID = "f1a9f1a9-0000-4000-8000-0000464c3031"


def _call(argv: list[str | pathlib.Path], said: str = "") -> None:
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    environment = {**os.environ, "PATH": path, "MTOOLS_SKIP_CHECK": "1", "LC_ALL": "C.UTF-8",
                   "SOURCE_DATE_EPOCH": os.environ.get("SOURCE_DATE_EPOCH", "1700000000"),
                   "TZ": "UTC", "E2FSPROGS_FAKE_TIME":
                       os.environ.get("SOURCE_DATE_EPOCH", "1700000000")}
    try:
        done = subprocess.run([str(word) for word in argv], input=said, capture_output=True,
                              text=True, check=False, env=environment)
    except OSError as error:
        raise BoardError(f"{argv[0]}: {error.strerror} (try `make deps`)") from error
    if done.returncode:
        raise BoardError(f"{' '.join(map(str, argv))}: {(done.stderr or done.stdout).strip()}")


def _collect(files: dict[str, pathlib.Path], root: pathlib.Path) -> None:
    """Copies under their names on the card, all of one age."""
    root.mkdir()
    when = int(os.environ.get("SOURCE_DATE_EPOCH", "1700000000"))
    for name, path in files.items():
        shutil.copyfile(path, root / name)
        os.utime(root / name, (when, when))


def _fat(part: pathlib.Path, root: pathlib.Path) -> None:
    _call(["mkfs.fat", "-i", SERIAL, "-n", "FANLIGHT", "--invariant", part])
    _call(["mcopy", "-i", part, "-m", *sorted(root.iterdir()), "::"])


def _ext4(part: pathlib.Path, root: pathlib.Path) -> None:
    # What U-Boot's reader has known for long: no checksums of metadata, no 64-bit layout.
    _call(["mke2fs", "-q", "-t", "ext4", "-O", "^metadata_csum,^64bit,^has_journal", "-L",
           "fanlight", "-U", UUID, "-E", f"hash_seed={UUID},root_owner=0:0", "-d", root, part])


def make(out: pathlib.Path, files: dict[str, pathlib.Path], start: int = 2048,
         filesystem: str = "fat") -> None:
    """Write `out`: a partition table, and from sector `start` on a partition with the files."""
    for name, path in files.items():
        if not path.is_file():
            raise BoardError(f"{path}: not there, to be put on the card as {name}")
    content = sum(path.stat().st_size for path in files.values())
    part_bytes = max(16 * MIB, (content * 2 + MIB - 1) // MIB * MIB)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as work:
        folder = pathlib.Path(work)
        part, whole = folder / "part", folder / "whole"
        with open(part, "wb") as file:
            file.truncate(part_bytes)
        _collect(files, folder / "root")
        (_fat if filesystem == "fat" else _ext4)(part, folder / "root")
        with open(whole, "wb") as file:
            file.truncate(start * SECTOR + part_bytes)
        kind = "c" if filesystem == "fat" else "83"
        _call(["sfdisk", "--quiet", whole], f"label: dos\nlabel-id: 0x{SERIAL}\n"
              f"start={start}, size={part_bytes // SECTOR}, type={kind}, bootable\n")
        with open(whole, "r+b") as file:
            file.seek(start * SECTOR)
            file.write(part.read_bytes())
        os.replace(whole, out)
