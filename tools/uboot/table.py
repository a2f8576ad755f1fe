# SPDX-License-Identifier: BSD-2-Clause
"""Real boards, as U-Boot tools need them: hardware.toml, and where the device tree comes from.

Must never: touch a device or a port.
"""

from __future__ import annotations

import pathlib
import subprocess

from runner import table
from runner.table import ROOT, Hardware

SECTOR = 512
TREE_MAX = 0x1ff000  # what the kernel takes (include/mm/fdtmap.h)
USUAL = "selftest panic=halt"


class BoardError(Exception):
    """Something about a board that a person must put right; the text says what."""


def board(name: str) -> Hardware:
    """One by name."""
    try:
        return table.hardware(name)
    except table.TableError as error:
        raise BoardError(f"BOARD={name}: {error}") from error


def arguments(one: Hardware, asked: str) -> str:
    """The boot arguments: what was asked for, or all suites, and what the board needs beside."""
    return f"{asked or USUAL} {one.bootargs}".strip()


def _fetched(name: str, build: pathlib.Path) -> pathlib.Path:
    """Debian's own tree of a board, fetched once into the build folder's cache."""
    folder = build / "cache" / "dtbs"
    if not (folder / name).is_file():
        subprocess.run([str(ROOT / "tools" / "fetch-linux.sh"), str(folder)], check=False,
                       capture_output=True)
    if not (folder / name).is_file():
        why = folder / ".why"
        raise BoardError(f"no {name}: " + (why.read_text().strip() if why.is_file() else
                                           "Debian's kernel package has none")
                         + ": say DTB=FILE")
    return folder / name


def tree_file(one: Hardware, given: str, build: pathlib.Path) -> pathlib.Path | None:
    """The device tree to send or to pack; None if the board's firmware has it at dtb_at."""
    if given:
        path = pathlib.Path(given)
        if not path.is_file():
            raise BoardError(f"DTB={given}: no such file")
        return path
    if not one.dtb:
        return None
    ours = build / one.dtb
    return ours if ours.is_file() else _fetched(one.dtb, build)
