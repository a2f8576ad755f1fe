# SPDX-License-Identifier: BSD-2-Clause
"""A device tree as a loader sees it: is it whole, whose is it, which memory does it name.

Owns: reading DTB files by dtc (fdtget), and the `mem=` line for a list of banks.
Must never: guess: a tree that does not read is an error that says so.
"""

from __future__ import annotations

import pathlib
import struct
import subprocess

from .table import TREE_MAX, BoardError, Hardware

Bank = tuple[int, int]  # start, size


def _get(path: pathlib.Path, options: str, *where: str) -> list[str]:
    """What fdtget prints, in words; nothing if there is no such thing."""
    try:
        done = subprocess.run(["fdtget", *options.split(), str(path), *where],
                              capture_output=True, text=True, check=False)
    except OSError as error:
        raise BoardError(f"fdtget: {error.strerror} (try `make deps`)") from error
    return done.stdout.split() if done.returncode == 0 else []


def check(path: pathlib.Path) -> None:
    """BoardError if this is not one whole device tree."""
    data = path.read_bytes()
    if len(data) < 40 or data[:4] != b"\xd0\x0d\xfe\xed":
        raise BoardError(f"{path}: no device tree: it does not start with d00dfeed")
    total = struct.unpack(">I", data[4:8])[0]
    if total > len(data):
        raise BoardError(f"{path}: cut: it says {total} bytes, and has {len(data)}")
    if total > TREE_MAX:
        raise BoardError(f"{path}: {total} bytes: the kernel takes {TREE_MAX} at most")
    if not _get(path, "-l", "/"):
        raise BoardError(f"{path}: a damaged device tree: dtc's tools do not read it")


def compatible(path: pathlib.Path) -> list[str]:
    """The root's names, the most exact first."""
    return _get(path, "-t s", "/", "compatible")


def check_owner(board: Hardware, path: pathlib.Path, force: bool = False) -> None:
    """BoardError if the tree is another board's, unless that was asked for."""
    names = compatible(path)
    if board.compatible not in names and not force:
        raise BoardError(f"{path}: its root is compatible with {', '.join(names) or 'nothing'}, "
                         f"and {board.name} is {board.compatible}: another board's tree "
                         "(FORCE=1 takes it all the same)")


def banks_of(cells: list[int], address_cells: int, size_cells: int) -> list[Bank]:
    """What a memory node's reg says."""
    step, found = address_cells + size_cells, []

    def number(words: list[int]) -> int:
        value = 0
        for word in words:
            value = value << 32 | word
        return value

    for at in range(0, len(cells) - step + 1, step) if step else ():
        start = number(cells[at:at + address_cells])
        size = number(cells[at + address_cells:at + step])
        if size:
            found.append((start, size))
    return found


def merged(banks: list[Bank]) -> list[Bank]:
    """Sorted, with neighbours joined: some loaders name one bank in pieces."""
    found: list[Bank] = []
    for start, size in sorted(banks):
        if found and sum(found[-1]) >= start:
            found[-1] = (found[-1][0], max(sum(found[-1]), start + size) - found[-1][0])
        else:
            found.append((start, size))
    return found


def memory(path: pathlib.Path) -> list[Bank]:
    """The banks of all memory nodes below the root."""
    def cells(name: str, otherwise: int) -> int:
        words = _get(path, "-t u", "/", name)
        return int(words[0]) if words else otherwise

    address_cells, size_cells = cells("#address-cells", 2), cells("#size-cells", 1)
    found: list[Bank] = []
    for node in _get(path, "-l", "/"):
        if _get(path, "-t s", f"/{node}", "device_type") == ["memory"]:
            reg = [int(word, 16) for word in _get(path, "-t x", f"/{node}", "reg")]
            found += banks_of(reg, address_cells, size_cells)
    return merged(found)


def _size(value: int) -> str:
    for shift, unit in ((30, "G"), (20, "M"), (10, "K")):
        if value and value % (1 << shift) == 0:
            return f"{value >> shift}{unit}"
    return str(value)


def mem_line(banks: list[Bank]) -> str:
    """The boot arguments that name exactly these banks."""
    return " ".join(f"mem={_size(size)}@{start:#x}" for start, size in banks)
