# SPDX-License-Identifier: BSD-2-Clause
"""Rules: the image's pages, held against the ELF; and no mapping shows memory that is free."""

from .areas import EARLY
from .kernel import PAGE
from .rules import Problem
from .scene import Unjudged, held, live, region_of
from .windows import PKMAP, pkmap_slots, slots

TEXT, CONSTANTS, DATA = "r-x ---", "r-- ---", "rw- ---"
# The linker script's: from, to, rights. First what the loader brought, then what is unpacked.
RESIDENT = (("__image_start", "__text_end", TEXT), ("__rodata_start", "__rodata_end", CONSTANTS),
            ("__data_start", "__content_end", DATA))
LATE = (("__late_start", "__late_text_end", TEXT), ("__late_text_end", "__late_rodata_end", CONSTANTS),
        ("__late_rodata_end", "__late_end", DATA))


def image_pages(scene):
    """image: each page of it has the rights of its section, and is the one that was loaded there, or for
    the late part a reserved one of its own; all else in the region is empty."""
    kernel, region = scene.kernel, region_of(scene, "image")
    leaves, symbol = live(scene, region), kernel.info.symbol
    distance = kernel.variable(EARLY, "boot_info").image_pa - symbol("__image_start")
    for va, rights in pages(symbol, RESIDENT):
        text = page_problem(leaves.pop(va, None), rights)
        if text is None and kernel.pa(va) != va + distance:
            text = f"{kernel.pa(va):#012x} is mapped, {va + distance:#012x} was loaded there"
        if text:
            yield Problem("image", va, text)
    # Before that its pages are being filled, and their rights change.
    unpacked, seen = kernel.variable("mm/image_late.c", "ready"), {}
    for va, rights in pages(symbol, LATE):
        leaf = leaves.pop(va, None)
        text = page_problem(leaf, rights) if unpacked else None
        if text is None and leaf is not None:
            text = late_problem(kernel, leaf, seen)
        if text:
            yield Problem("image", va, f"in the late part: {text}")
    for va, leaf in leaves.items():
        yield Problem("image", va, f"{leaf.pa:#012x} is mapped, and nothing of the image is there")


def pages(symbol, parts):
    """(address, rights) of each page."""
    for start, end, rights in parts:
        for va in range(symbol(start), symbol(end), PAGE):
            yield va, rights


def page_problem(leaf, rights):
    if leaf is None:
        return f"not mapped; its rights are {rights}"
    return None if leaf.rights == rights else f"its rights are {leaf.rights} instead of {rights}"


def late_problem(kernel, leaf, seen):
    """seen: {physical address: where} of the late part so far."""
    other, page = seen.setdefault(leaf.pa, leaf.va), kernel.pages.page(leaf.pa // PAGE)
    if other != leaf.va:
        return f"{leaf.pa:#012x} is also at {other:#010x}"
    if page is None or not kernel.pages.state_is(page, "PAGE_RESERVED"):
        return f"{leaf.pa:#012x} is not reserved"
    return None


def nothing_free(scene):
    """free: RAM that is shown outside the direct mapping is not the page allocator's.

    A pkmap window that nobody uses may still show its page. Under DEBUG what is freed is poisoned,
    and what is allocated is looked at, through windows of kmap_local, and debug windows.
    """
    kernel, ram = scene.kernel, banks(scene.kernel)
    lowmem = region_of(scene, "lowmem")
    excused = list(unused_windows(scene)) + list(poisoning(scene))
    for leaf in scene.tables.leaves:
        if leaf.half == 0 or lowmem.start <= leaf.va < lowmem.end \
                or any(start <= leaf.va < end for start, end in excused):
            continue
        for pa in range(leaf.pa, leaf.pa + leaf.size, PAGE):
            if any(start <= pa < end for start, end in ram) and kernel.pages.is_free(pa // PAGE):
                yield Problem("free", leaf.va, f"{pa:#012x} is mapped, and free")
                break


def banks(kernel):
    """[(start, end)] of the RAM that the kernel knows."""
    memory = kernel.variable("mm/memblock.c", "memblock").memory
    found = [memory.range[index] for index in range(memory.count)]
    return [(bank.start, bank.start + bank.size) for bank in found]


def unused_windows(scene):
    """Those of pkmap with a count of 1; all of them while one is being changed: see `kmap`."""
    kernel, region = scene.kernel, region_of(scene, "pkmap")
    pkmap = kernel.variable(PKMAP, "pkmap")
    if pkmap.slots == 0:
        raise Unjudged("pkmap is not set up yet")
    if held(pkmap.lock):
        yield region.start, region.end
        return
    for number, (count, _) in pkmap_slots(kernel, pkmap, region.size // PAGE):
        if count < 2:
            yield region.start + (number - 1) * PAGE, region.start + number * PAGE


def poisoning(scene):
    debug = scene.layout.find("kmapdebug")
    if debug:
        begin, stride = slots(scene)
        fixmap, cpus = region_of(scene, "fixmap"), len(scene.kernel.variable("mm/bigwin.c", "tables"))
        yield debug.start, debug.end
        yield fixmap.start + begin * PAGE, fixmap.start + (begin + cpus * stride) * PAGE


RULES = (image_pages, nothing_free)
