#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Writes docs/memory.md (to standard output) from the one list of regions, include/layout.h.

    tools/memdoc.py > docs/memory.md

A small host program includes the header, once for each split, and prints what the list says; no
number is repeated here. `make check` compares the document with what this prints.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
from collections import namedtuple

SPLITS = (3, 2, 1)

Region = namedtuple("Region", "name start end kind rule")

PROGRAM = r"""
#include <layout.h>
#include <stdio.h>

static void line(const char *name, unsigned long start, unsigned long end, const char *kind,
		 const char *rule)
{
	printf("%s|%lx|%lx|%s|%s\n", name, start, end, kind, rule);
}

#define LINE(name, size, kind, rule) line(#name, REGION_START(name), REGION_END(name), kind, rule);

int main(void)
{
	unsigned long low = VMALLOC_END - VMALLOC_MIN - VMALLOC_GUARD;

	line("lowmem", PAGE_OFFSET, low, "direct", "");
	line("(guard)", low, low + VMALLOC_GUARD, "", "");
	line("vmalloc", VMALLOC_END - VMALLOC_MIN, VMALLOC_END, "vmalloc", "");
	LAYOUT_REGIONS(LINE)
	line("(end)", LAYOUT_END, 0x100000000ul, "", "");
	return 0;
}
"""

# The rules of what is not in the list, because its size is only known at boot.
RULES = {
    "lowmem": "RAM at a fixed distance: built once, never split, never executable; ends earlier"
              " when there is less RAM, or for a larger `vmalloc=`",
    "(guard)": "unmapped, between lowmem and the vmalloc area",
    "vmalloc": "vmalloc, vmap, ioremap, stacks, an unmapped page behind each; begins one guard"
               " behind lowmem: all that lowmem leaves",
    "(end)": "unmapped: no end wraps to zero, and small negative numbers never point at memory",
}

INTRO = """\
<!-- Made by tools/memdoc.py from include/layout.h: edit that list, not this file. -->
# The kernel's address map

A 32-bit CPU sees 4 GiB of addresses. TTBR0 covers the user part, TTBR1 exactly the kernel part, and
nothing of the kernel lies below it. Where the kernel part begins is the split, chosen when the
kernel is built: `make VMSPLIT=3g` (the default), `2g` or `1g`. All regions come from one list,
[include/layout.h](../include/layout.h): sizes are written there, starts follow from them.

Below, lowmem and the vmalloc area are shown as on a machine with so much RAM that lowmem is as
large as it gets. What a booted kernel really has is in its `@layout` line.

| kind | meaning |
|---|---|
| direct | direct mapping: the virtual address tells the physical one |
| vmalloc | pages from anywhere, contiguous in virtual addresses |
| temporary | windows of one CPU or one moment |
| permanent | kmap's windows: the same address on all CPUs until the last user is gone |
| fixed | the address is known when the kernel is compiled, what it shows is not |
| boot | used until the memory it shows has been copied |
"""


def regions(root, split, debug):
    """The list as the compiler sees it: [Region] by rising address, empty ones left out."""
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder, "memdoc.c")
        program = pathlib.Path(folder, "memdoc")
        source.write_text(PROGRAM, encoding="utf-8")
        subprocess.run([os.environ.get("HOSTCC", "cc"), "-std=gnu11", "-w", f"-I{root}/include",
                        f"-DCONFIG_VMSPLIT={split}", f"-DCONFIG_DEBUG={debug}", "-o", program,
                        source], check=True)
        output = subprocess.run([program], capture_output=True, text=True, check=True).stdout
    found = []
    for line in output.splitlines():
        name, start, end, kind, rule = line.split("|")
        if start != end:
            found.append(Region(name, int(start, 16), int(end, 16), kind, rule or RULES[name]))
    return found


def human(size):
    for shift, unit in ((30, "GiB"), (20, "MiB"), (10, "KiB")):
        if size % (1 << shift) == 0:
            return f"{size >> shift} {unit}"
    return f"{size} bytes"


def picture(split, found):
    """The whole 4 GiB, highest address on top. Heights only say which is larger."""
    lines = ["```"]
    for region in reversed(found):
        height = 0 if region.end - region.start < 1 << 25 else 1
        text = f"{region.name:<10} {human(region.end - region.start):>8}"
        if region.name == "(end)":
            text = f"{'unmapped':<10} {human(region.end - region.start):>8}"
        if region.name == "(guard)":
            text = f"{'unmapped':<10} {human(region.end - region.start):>8}"
        lines += [edge(region.end)] + [f"{'':12}| {'':28} |"] * height
        lines += [f"{'':12}| {text:<28} |"] + [f"{'':12}| {'':28} |"] * height
    lines += [edge(found[0].start) + "  PAGE_OFFSET"]
    user = f"{'user':<10} {human(found[0].start):>8}   TTBR0"
    blank = f"{'':12}| {'':28} |"
    return lines + [blank, f"{'':12}| {user:<28} |", blank, edge(0), "```"]


def edge(address):
    return f"{address:#011x} +{'-' * 30}+" if address >> 32 else f" {address:#010x} +{'-' * 30}+"


def table(found):
    lines = ["| region | start | end | size | kind | rule |", "|---|---|---|---|---|---|"]
    for region in found:
        lines.append(f"| {region.name} | `{region.start:#010x}` | `{region.end:#x}` |"
                     f" {human(region.end - region.start)} | {region.kind} | {region.rule} |")
    return lines


def document(root):
    lines = [INTRO]
    for split in SPLITS:
        found = regions(root, split, debug=0)
        check(found, split)
        default = ", the default" if split == 3 else ""
        lines += [f"## VMSPLIT={split}g{default}: {split} GiB of user space,"
                  f" kernel from `{found[0].start:#010x}`", ""]
        lines += picture(split, found) + [""] + table(found) + [""]
    lines += debug_difference(root)
    return "\n".join(lines).rstrip("\n") + "\n"


def debug_difference(root):
    """What `DEBUG=1` adds."""
    release = {r.name for r in regions(root, 3, debug=0)}
    added = [r for r in regions(root, 3, debug=1) if r.name not in release]
    if not added:
        return []
    return ["## DEBUG=1", "", "One region more, taken from the vmalloc area and lowmem:"
            if len(added) == 1 else "More regions, taken from the vmalloc area and lowmem:", "",
            *table(added)]


def check(found, split):
    """The picture would lie about gaps and overlaps: there must be none."""
    if found[0].start != split << 30 or found[-1].end != 1 << 32:
        sys.exit("memdoc: the regions do not cover the kernel's part")
    for below, above in zip(found, found[1:]):
        if below.end != above.start:
            sys.exit(f"memdoc: {below.name} ends at {below.end:#x}, but {above.name} starts at"
                     f" {above.start:#x}")


def main():
    parser = argparse.ArgumentParser(description="docs/memory.md from include/layout.h")
    parser.add_argument("--root", default=pathlib.Path(__file__).resolve().parents[1],
                        type=pathlib.Path)
    sys.stdout.write(document(parser.parse_args().root))


if __name__ == "__main__":
    main()
