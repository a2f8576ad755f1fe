# SPDX-License-Identifier: BSD-2-Clause
"""What must hold of every `@layout`, whatever the run: the address map adds up.

Pure. The table may ask for more (the key `layout` of a run).
"""

from __future__ import annotations

import re

PAGE_OFFSETS = {"3g": 0xc0000000, "2g": 0x80000000, "1g": 0x40000000}
TOP = 1 << 32
LEVEL2 = 2 << 20
ONE_ENTRY = ("pkmap", "fixmap")  # exactly one level-2 entry each


def soundness(layout: dict, build: str):
    """Yields what is wrong, as text."""
    split = layout.get("split")
    if split not in PAGE_OFFSETS:
        yield f"split is {split!r}"
        return
    asked = re.fullmatch(r"vmsplit-(.*)", build)
    if split != (asked.group(1) if asked else "3g"):
        yield f"split is {split}, the build is {build}"
    if int(layout["page_offset"], 0) != PAGE_OFFSETS[split]:
        yield f"page_offset is {layout['page_offset']} with split {split}"
    mem = layout["mem"]
    if mem["lowmem"] + mem["highmem"] != mem["total"]:
        yield "lowmem and highmem do not add up to total"
    if mem["highmem"] == 0:
        yield "no highmem: every machine has some"
    if mem["free"] > mem["total"] or mem["lowmem_free"] > mem["lowmem"]:
        yield "more free memory than there is"
    yield from _regions(layout["regions"], PAGE_OFFSETS[split])


def _regions(regions: list[dict], page_offset: int):
    end = page_offset
    for region in regions:
        start, size = int(region["start"], 0), int(region["size"], 0)
        if start < end:
            yield f"region {region['name']} overlaps what is below it"
        end = start + size
        if region["name"] in ONE_ENTRY and (size != LEVEL2 or start % LEVEL2):
            yield f"region {region['name']} is not one level-2 entry"
    if end > TOP:
        yield "the regions do not fit below 4 GiB"
    missing = {"lowmem", "vmalloc", "pkmap", "fixmap", "image"} - {r["name"] for r in regions}
    if missing:
        yield f"no region {', '.join(sorted(missing))}"


def problems(layout: dict | None, build: str) -> list[str]:
    """What is wrong with a layout; a missing key is a problem, not an exception."""
    try:
        return list(soundness(layout or {}, build))
    except (KeyError, TypeError, ValueError) as error:
        return [f"@layout is incomplete: {error!r}"]
