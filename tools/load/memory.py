# SPDX-License-Identifier: BSD-2-Clause
"""U-Boot's idea of the RAM beside the tree's: bootz overwrites the tree's with its own.

Owns: reading `bdinfo` and `fdt print`, and the words for a difference.
Must never: probe: nothing is read here but what U-Boot and the tree say.
"""

from __future__ import annotations

import re

from uboot.tree import Bank, banks_of, mem_line, merged

from .uboot import UBoot

_BANK = re.compile(r"-> start\s*=\s*0x([0-9a-fA-F]+)\s*-> size\s*=\s*0x([0-9a-fA-F]+)")
_CHILD = re.compile(r"^\t(memory(?:@[0-9a-f]+)?) \{", re.MULTILINE)


def of_bdinfo(text: str) -> list[Bank]:
    """The banks that bdinfo lists."""
    found = [(int(start, 16), int(size, 16)) for start, size in _BANK.findall(text)]
    return merged([bank for bank in found if bank[1]])


def _cells(text: str, name: str) -> list[int]:
    match = re.search(rf"^\s*{re.escape(name)} = <([^>]*)>;", text, re.MULTILINE)
    return [int(word, 16) for word in match.group(1).split()] if match else []


def in_tree(uboot: UBoot, at: str) -> list[Bank]:
    """The memory nodes of a tree in the board's memory; [] if U-Boot cannot read it."""
    good, _ = uboot.tell(f"fdt addr {at}")
    if not good:
        return []
    good, root = uboot.tell("fdt list /", timeout=60)
    address, size = (_cells(root, name) or [usual] for name, usual in (("#address-cells", 2),
                                                                        ("#size-cells", 1)))
    found: list[Bank] = []
    for node in _CHILD.findall(root) if good else ():
        good, text = uboot.tell(f"fdt print /{node}")
        if good and 'device_type = "memory"' in text:
            found += banks_of(_cells(text, "reg"), address[0], size[0])
    return merged(found)


def _mib(banks: list[Bank]) -> str:
    return f"{sum(size for _, size in banks) >> 20} MiB"


def difference(uboot: list[Bank], tree: list[Bank]) -> str:
    """What to say, and the line that repairs it; "" where both agree, or one is unknown."""
    if not uboot or not tree or uboot == tree:
        return ""
    return (f"U-Boot knows {_mib(uboot)} of RAM ({mem_line(uboot)}), the device tree names "
            f"{_mib(tree)}. bootz writes U-Boot's into the tree. If the tree is right, this "
            f"repairs it: {mem_line(tree)}")
