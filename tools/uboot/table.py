# SPDX-License-Identifier: BSD-2-Clause
"""Boards by what U-Boot tools need of them, read from boards.toml.

Owns: the meaning of its keys, and where a board's device tree comes from.
Must never: touch a device or a port.
"""

from __future__ import annotations

import dataclasses
import pathlib
import subprocess
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[2]
BOARDS = pathlib.Path(__file__).with_name("boards.toml")
SECTOR = 512
TREE_MAX = 0x1ff000  # what the kernel takes (include/mm/fdtmap.h)


class BoardError(Exception):
    """Something about a board that a person must put right; the text says what."""


@dataclasses.dataclass(frozen=True)
class Board:
    """One table of boards.toml."""

    name: str
    page: str
    compatible: str
    dtb: str
    image_at: int
    dtb_at: int
    args: str
    start: int
    reserved: tuple[tuple[int, int, str], ...]
    first: str = ""
    card: bool = True
    write: tuple[str, ...] = ()


def boards(path: pathlib.Path = BOARDS) -> dict[str, Board]:
    """All of them. BoardError for a table that contradicts itself."""
    found = {}
    try:
        raw = tomllib.loads(path.read_text())
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise BoardError(f"{path}: {error}") from error
    for name, entry in raw.items():
        try:
            one = Board(name=name, **{**entry, "reserved": tuple(map(tuple, entry["reserved"])),
                                      "write": tuple(entry.get("write", ()))})
        except (TypeError, KeyError) as error:
            raise BoardError(f"{path}: {name}: {error}") from error
        for first, behind, what in one.reserved:
            if not 1 <= first < behind <= one.start:
                raise BoardError(f"{path}: {name}: {what}: sectors {first} to {behind} are not "
                                 f"between the partition table and the partition at {one.start}")
        found[name] = one
    return found


def board(name: str) -> Board:
    """One by name."""
    known = boards()
    if name not in known:
        raise BoardError(f"BOARD={name}: not in {BOARDS.relative_to(ROOT)}, which has "
                         + ", ".join(sorted(known)))
    return known[name]


def fetch_debian(name: str, build: pathlib.Path) -> pathlib.Path:
    """Debian's own tree of a board, fetched once into the build folder's cache."""
    folder = build / "cache" / "dtbs"
    if not (folder / name).is_file():
        subprocess.run([str(ROOT / "tools" / "fetch-dtbs.sh"), str(folder)], check=False,
                       capture_output=True)
    if not (folder / name).is_file():
        why = folder / ".why"
        raise BoardError(f"no {name}: " + (why.read_text().strip() if why.is_file() else
                                           "fetching failed") + "; or say DTB=FILE")
    return folder / name


def tree_file(one: Board, given: str, build: pathlib.Path) -> pathlib.Path | None:
    """The device tree to send or to pack; None if the board has its own in memory."""
    if given:
        path = pathlib.Path(given)
        if not path.is_file():
            raise BoardError(f"DTB={given}: no such file")
        return path
    if one.dtb in ("control", "firmware"):
        return None
    if one.dtb == "own":
        path = build / f"{one.name}.dtb"
        if not path.is_file():
            raise BoardError(f"{path}: not there: build it first")
        return path
    if not one.dtb:
        raise BoardError(f"{one.name}: Debian has no device tree for it: say DTB=FILE ({one.page})")
    return fetch_debian(one.dtb, build)
