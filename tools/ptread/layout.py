# SPDX-License-Identifier: BSD-2-Clause
"""The kernel's own description: the JSON object of its @layout line."""

import json
from dataclasses import dataclass

WORD = "@layout "
BOOT = "@boot "
KINDS = {list: "a list", str: "a string", type(None): "null", bool: "true or false"}


@dataclass(frozen=True)
class Region:
    name: str
    start: int
    size: int
    kind: str

    @property
    def end(self):
        return self.start + self.size


@dataclass(frozen=True)
class Layout:
    page_offset: int
    phys_offset: int
    registers: dict         # name: value, as the kernel printed them
    regions: tuple          # by rising address

    @property
    def kernel_start(self):
        """The first address that is not the user's."""
        return self.page_offset

    def find(self, name):
        return next((region for region in self.regions if region.name == name), None)

    def at(self, va):
        return next((region for region in self.regions if region.start <= va < region.end), None)


def loads(text):
    """json.loads(), but that whatever is wrong is a ValueError."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def number(value):
    if isinstance(value, str):
        return int(value, 0)
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"the layout says {json.dumps(value)[:40]} where a number is wanted")
    return value


def from_json(data):
    if not isinstance(data, dict):
        raise ValueError(f"the layout is {KINDS.get(type(data), 'a number')}: an object is wanted")
    if not isinstance(data["regions"], list) or not all(isinstance(r, dict) for r in data["regions"]):
        raise ValueError("the layout's regions are no list of objects")
    regions = [Region(r["name"], number(r["start"]), number(r["size"]), r["kind"])
               for r in data["regions"]]
    registers = {name: number(data[name])
                 for name in ("ttbr0", "ttbr1", "ttbcr", "mair0", "mair1", "sctlr")
                 if name in data}
    return Layout(number(data["page_offset"]), number(data["phys_offset"]), registers,
                  tuple(sorted(regions, key=lambda region: region.start)))


def from_text(text):
    """Out of a JSON file, or out of a serial log (its last @layout line)."""
    found = [line[len(WORD):] for line in text.splitlines() if line.startswith(WORD)]
    if not found and not text.lstrip().startswith(("{", "[")):
        raise ValueError("no @layout line")
    return from_json(loads(found[-1] if found else text))


def build_of(text):
    """The build-id that the last @boot line of a serial log names; "" without one."""
    found = [line[len(BOOT):] for line in text.splitlines() if line.startswith(BOOT)]
    boot = loads(found[-1]) if found else {}
    return str(boot.get("build", "")) if isinstance(boot, dict) else ""
