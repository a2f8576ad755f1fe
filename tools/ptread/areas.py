# SPDX-License-Identifier: BSD-2-Clause
"""Rules: the kernel's account of areas, stacks, tables and extents, and the live entries."""

import struct

from .kernel import ADDRESSES, PAGE, BadKernel
from .rules import Problem, on_table
from .scene import Unjudged, live, region_of, settled, threads

VM, EARLY = "mm/vm_area.c", "arch/arm/early_tables.c"
IN_IMAGE = ("kernel_pmds", "image_table", "fixmap_table")
MOST_PAGES = 20_000
MOST_STACK = 1 << 20


# -- areas ---------------------------------------------------------------------------------------


def areas(scene):
    """area: what is mapped in the vmalloc area lies in an area that is allocated, before its guard.

    A lazy area is empty; so is a free one. One that is on neither list is being cleared just now.
    """
    kernel, region = scene.kernel, region_of(scene, "vmalloc")
    vm = kernel.variable(VM, "vm")
    if vm.start == 0:
        raise Unjudged("the vmalloc area is not set up yet")
    names = kernel.info.enum(VM, "va_state")
    lazy = set(lazy_areas(kernel, vm))
    entries = iter(sorted(live(scene, region).items()))
    va, leaf = next(entries, (None, None))
    for area in segments(kernel, vm):
        start, end = area.start * PAGE, (area.start + area.size) * PAGE
        while va is not None and va < end:
            text = area_problem(area, va < end - PAGE, names, area.va in lazy)
            if va < start:
                yield Problem("area", va, "mapped, and in no segment of the vmalloc area")
            elif text:
                yield Problem("area", va, f"mapped, {text} ({start:#010x}-{end:#010x})")
            va, leaf = next(entries, (None, None))
    if va is not None:
        yield Problem("area", va, "mapped, and in no segment of the vmalloc area")


def lazy_areas(kernel, vm):
    """Where the areas lie that were given up and wait for their flush."""
    at, seen = vm.lazy, set()
    with settled(vm.lock, "the list of lazy areas"):
        while at:
            if at in seen:
                raise BadKernel(f"the list of lazy areas has no end: it comes back to {at:#010x}")
            seen.add(at)
            yield at
            at = kernel.struct(VM, "va_seg", at).peer


def segments(kernel, vm):
    """All ranges of the vmalloc area, by address; they follow each other without a gap."""
    edge = vm.space.edge
    at, expected, seen = edge.next, None, set()
    with settled(vm.lock, "the list of areas"):
        while at != edge.va:
            area = kernel.struct(VM, "va_seg", at)
            if expected not in (None, area.start) or at in seen:
                raise BadKernel("the segments of the vmalloc area do not follow each other at"
                                f" {area.start * PAGE & ADDRESSES:#010x}")
            seen.add(at)
            yield area
            at, expected = area.next, area.start + area.size


def area_problem(area, inside, names, lazy):
    """Why nothing may be mapped there; None: something may."""
    if area.state in (names["VA_FREE"], names["VA_CACHED"]):
        return "in a range that is free"
    if lazy:
        return "in an area that was given up and waits for its flush"
    if not inside:
        return "on an area's guard"
    return None


def stacks(scene):
    """stack: a thread's stack is mapped and writable, and the page below it is not."""
    kernel, region = scene.kernel, region_of(scene, "vmalloc")
    seen = 0
    for thread in threads(kernel):
        start, end = thread.core.stack_start, thread.core.stack_end
        if not region.start <= start < region.end:
            continue        # the boot thread's, in the image
        seen += 1
        if not start < end <= min(region.end, start + MOST_STACK):
            yield Problem("stack", start, f"thread {thread.id} says that its stack ends at {end:#010x}")
            continue
        if kernel.leaf(start - PAGE):
            yield Problem("stack", start - PAGE, f"mapped, below the stack of thread {thread.id}")
        for va in range(start, end, PAGE):
            leaf = kernel.leaf(va)
            if leaf is None or not leaf.writable:
                yield Problem("stack", va, f"in the stack of thread {thread.id}, and not writable")
    if seen == 0:
        raise Unjudged("there are no threads yet")


# -- tables --------------------------------------------------------------------------------------


def known_tables(scene):
    """{physical address: name} of the tables that the kernel has names for."""
    kernel, found = scene.kernel, {}
    for table in IN_IMAGE:
        variable = kernel.info.variable(EARLY, table)
        for offset in range(0, variable.type.size, PAGE):
            found[kernel.pa(variable.address + offset)] = table
    for cpu, va in enumerate(kernel.variable("mm/bigwin.c", "tables")):
        if va:
            found[kernel.pa(va)] = f"bigwin's of CPU {cpu}"
    return found


def table_owners(scene):
    """owned: each table that is walked is the image's, or a page that is allocated and held once."""
    kernel, known = scene.kernel, known_tables(scene)
    walked = {known.get(pa) for pa in scene.tables.tables}
    for table in IN_IMAGE:
        if table not in walked:
            yield Problem("owned", 0, f"{table} is not walked")
    roots = {half.root for half in scene.tables.halves}
    for pa, links in scene.tables.tables.items():
        if pa in known or pa in roots:
            continue
        page, va = kernel.pages.page(pa // PAGE), links[0][1]
        if page is None:
            yield Problem("owned", va, f"table {pa:#012x} is not in RAM")
        elif image_offset(kernel, pa) is not None:
            yield Problem("owned", va, f"table {pa:#012x} lies in the image, at"
                          f" {image_offset(kernel, pa):#x}, where none is")
        elif kernel.pages.state_is(page, "PAGE_RESERVED"):
            continue        # made before there was a page allocator
        elif not kernel.pages.state_is(page, "PAGE_ALLOCATED") or page.refcount != 1:
            yield Problem("owned", va, f"table {pa:#012x}: its page is in state"
                          f" {kernel.pages.state(page)}, with {page.refcount} references")


def image_offset(kernel, pa):
    """How far behind the image's first byte that is, wherever it was loaded; None: not in it."""
    image_pa = kernel.variable(EARLY, "boot_info").image_pa
    size = kernel.info.symbol("__content_end") - kernel.info.symbol("__image_start")
    return pa - image_pa if 0 <= pa - image_pa < size else None


def area_tables(scene):
    """link: the entry that an area remembers as its first is in the table that the MMU walks."""
    kernel, vm = scene.kernel, scene.kernel.variable(VM, "vm")
    if vm.start == 0:
        raise Unjudged("the vmalloc area is not set up yet")
    names = kernel.info.enum(VM, "va_state")
    for area in segments(kernel, vm):
        if area.state == names["VA_FREE"] or not area.owner:
            continue
        va = area.start * PAGE
        table = on_table(scene.tables, va)
        entry = kernel.pa(area.owner & ~7)      # its lowest bits are the kernel's own
        if table is None or entry != table + 8 * (va >> 12 & 511):
            yield Problem("link", va, f"the area's first entry is at {entry:#012x}, where the MMU"
                          " does not look")


def orphans(scene):
    """orphan: no allocated page of lowmem holds a table that nothing points to.

    Tables are never freed, so one that lies in a page that was allocated since, and not written yet,
    can only be an earlier kernel's.
    """
    if scene.ram_reused:
        raise Unjudged("another kernel's tables may lie about in this RAM")
    kernel, lowmem = scene.kernel, region_of(scene, "lowmem")
    walked = set(scene.tables.tables) | set(known_tables(scene))
    candidates = list(single_pages(kernel, live(scene, lowmem).values()))
    if len(candidates) > MOST_PAGES:
        raise Unjudged(f"{len(candidates)} pages of lowmem are allocated")
    for pfn in candidates:
        va = pfn * PAGE - scene.layout.phys_offset + scene.layout.page_offset
        if pfn * PAGE not in walked and is_table(kernel.read(va, PAGE)):
            yield Problem("orphan", va, f"page {pfn:#x} is allocated and holds page-table entries,"
                          " and nothing points to it")


def single_pages(kernel, leaves):
    """Numbers of the pages of these mappings that are allocated and have one holder."""
    kind = kernel.info.struct("mm/page.c", "page")
    flags, count = (kind.members[member][0] for member in ("flags", "refcount"))
    for leaf in leaves:
        pfn, page = leaf.pa // PAGE, kernel.pages.page(leaf.pa // PAGE)
        if page is None:
            continue
        data = kernel.read(page.va, leaf.size // PAGE * kind.size)
        lowest = data[count::kind.size]         # a million pages: searched, not read one by one
        index = lowest.find(1)
        while index >= 0:
            at = index * kind.size
            if int.from_bytes(data[at + count:at + count + 4], "little") == 1 \
                    and kernel.pages.flags_are(int.from_bytes(data[at + flags:at + flags + 4],
                                                              "little"), "PAGE_ALLOCATED"):
                yield pfn + index
            index = lowest.find(1, index + 1)


def is_table(data):
    """Whether these can be level-3 entries: each 0, a page, or one that was made invalid."""
    entries = [entry for entry, in struct.iter_unpack("<Q", data) if entry]
    return any(entry & 1 for entry in entries) and all(
        entry & 2 and entry >> 10 & 1 and not entry >> 40 & 0xfff and not entry >> 55
        for entry in entries)


# -- the extents ---------------------------------------------------------------------------------


def extents(scene):
    """extent: the kernel's own numbers of its regions are those of @layout."""
    mm, vm = scene.kernel.pages.mm, scene.kernel.variable(VM, "vm")
    lowmem, vmalloc = region_of(scene, "lowmem"), region_of(scene, "vmalloc")
    for what, real, said in (("mm.lowmem_end", mm.lowmem_end, lowmem.end),
                             ("mm.phys_offset", mm.phys_offset, scene.layout.phys_offset),
                             ("vm.start", vm.start, vmalloc.start)):
        if real != said:
            yield Problem("extent", said, f"{what} is {real:#x}, @layout says {said:#x}")


RULES = (areas, stacks, table_owners, area_tables, orphans, extents)
