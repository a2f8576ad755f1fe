# SPDX-License-Identifier: BSD-2-Clause
"""The kernel's own account of its windows, areas, stacks and tables, held against the live entries.

A rule is a generator like those of rules.py, over a Scene. The guest was stopped at any moment, so
each says which steps in between it allows, and by what it sees that the kernel is in one: a lock
that is held, a thread that is being switched. Unjudged: the rule cannot tell at this moment.
"""

import contextlib
import struct
from dataclasses import dataclass

from .kernel import PAGE, BadKernel
from .rules import Problem, on_table

HIGHMEM, PKMAP, VM, THREAD = "mm/highmem.c", "mm/pkmap.c", "mm/vm_area.c", "kernel/thread.c"
EARLY = "arch/arm/early_tables.c"
IN_IMAGE = ("kernel_pmds", "image_table", "fixmap_table")
IN_BETWEEN = 2      # windows that are being opened or closed: a thread's, its interrupt's
MOST_PAGES = 20_000


class Unjudged(Exception):
    """Not at this moment, and why."""


@dataclass
class Scene:
    """kernel: kernel.Kernel; running: {CPU: its running thread's View, by the kernel's number}."""
    kernel: object
    tables: object
    layout: object
    running: dict


def judge(scene):
    """([Problem], [(rule, why it was not judged)])"""
    problems, unjudged = [], []
    for rule in RULES:
        try:
            problems += rule(scene)
        except Unjudged as why:
            unjudged.append((name(rule), str(why)))
        except BadKernel as what:
            problems.append(Problem(name(rule), 0, str(what)))
    return problems, unjudged


def name(rule):
    """The word by which its problems are known."""
    return rule.__doc__.split(":")[0]


def running_threads(kernel, threads):
    """{CPU number: View of its running thread}, from each CPU's TPIDRPRW; 0: it runs none yet."""
    found = {}
    for va in threads:
        if va and kernel.leaf(va):
            thread = kernel.struct(THREAD, "thread", va)
            found[thread.core.cpu] = thread
    return found


def held(lock):
    """A ticket lock (owner: who may enter, next: who comes)."""
    return lock.owner != lock.next


@contextlib.contextmanager
def settled(lock, what):
    """A list that cannot be followed while its lock is held is just being changed."""
    try:
        yield
    except BadKernel as error:
        if held(lock):
            raise Unjudged(f"{what} is being changed") from error
        raise


def live(scene, region):
    """{va: leaf} of a region."""
    return {leaf.va: leaf for leaf in scene.tables.leaves
            if leaf.half == 1 and region.start <= leaf.va < region.end}


def region_of(scene, name):
    region = scene.layout.find(name)
    if region is None:
        raise Unjudged(f"@layout has no {name}")
    return region


# -- permanent windows -------------------------------------------------------------------------


def kmap_counts(scene):
    """kmap: each pkmap window's count, page and entry agree: 0 and empty, or more and that page's.

    All changes between 0 and more, and of entries, are made under pkmap.lock, one window after the
    other: while it is held, one may be in between.
    """
    kernel, region = scene.kernel, region_of(scene, "pkmap")
    pkmap, entries = kernel.variable(PKMAP, "pkmap"), live(scene, region)
    if pkmap.slots == 0:
        raise Unjudged("pkmap is not set up yet")
    table = on_table(scene.tables, region.start)
    if table is None or kernel.pa(pkmap.table + 8) != table:
        yield Problem("kmap", region.start, "pkmap.table is not the table that the MMU walks")
        return
    found = []
    for number, slot in pkmap_slots(kernel, pkmap, region.size // PAGE):
        va = region.start + (number - 1) * PAGE
        text = kmap_window(kernel, slot, entries.get(va), number)
        if text:
            found.append(Problem("kmap", va, f"window {number}: {text}"))
    if len(found) > held(pkmap.lock):
        yield from found


def pkmap_slots(kernel, pkmap, count):
    """[(number, (count, page))] of all windows; the kernel numbers them from 1."""
    kind = kernel.info.struct(PKMAP, "pkmap_slot")
    at, data = [kind.members[name][0] for name in ("count", "page")], \
        kernel.read(pkmap.slots, (count + 1) * kind.size)
    return [(number, [int.from_bytes(data[number * kind.size + offset:][:4], "little")
                      for offset in at]) for number in range(1, count + 1)]


def kmap_window(kernel, slot, leaf, number):
    """What is wrong with a window; None: nothing."""
    count, page = slot
    if count == 0:
        if leaf:
            return f"count 0, and yet {leaf.pa:#012x} is mapped"
        return f"count 0, and yet it has page {page:#010x}" if page else None
    if leaf is None:
        return f"count {count}, and nothing is mapped"
    pfn = kernel.pages.pfn(page)
    if pfn is None or pfn * PAGE != leaf.pa:
        of = "no page" if pfn is None else f"page {pfn:#x}"
        return f"{leaf.pa:#012x} is mapped, but the window is of {of}"
    if count < 2:
        return None         # nobody's; the page may have been freed, and have another window
    owner = kernel.struct("mm/page.c", "page", page)
    if owner.kmap != number:
        return f"{count - 1} users, but its page {pfn:#x} knows of window {owner.kmap}"
    if kernel.pages.is_free(pfn):
        return f"{count - 1} users, but its page {pfn:#x} is free"
    return None


# -- temporary windows ---------------------------------------------------------------------------


def slots(scene):
    """(number of the first slot of kmap_local, slots per CPU)"""
    names = scene.kernel.info.enum(HIGHMEM, "fixmap_slot")
    cpus = len(scene.kernel.variable("mm/bigwin.c", "tables"))
    return names["FIX_KMAP_BEGIN"], (names["FIX_KMAP_END"] - names["FIX_KMAP_BEGIN"]) // cpus


def kmap_local_slots(scene):
    """slot: a CPU's live kmap_local slots are below its running thread's depth, and nowhere else.

    Below it, those that are just being opened or closed are empty; all are while the thread is being
    switched, which the lock of its run queue tells.
    """
    kernel, region = scene.kernel, region_of(scene, "fixmap")
    entries, (begin, stride) = live(scene, region), slots(scene)
    debug = any(thread.core.has("locks_held") for thread in scene.running.values())
    queues = kernel.variable("kernel/sched.c", "run_queues")
    for cpu in range(len(kernel.variable("mm/bigwin.c", "tables"))):
        thread = scene.running.get(cpu)
        depth = 0 if thread is None else thread.core.kmap_depth
        base = region.start + (begin + cpu * stride) * PAGE
        opened = [entries.get(base + i * PAGE) for i in range(stride)]
        for leaf in filter(None, opened[depth:]):
            yield Problem("slot", leaf.va, f"a live slot of CPU {cpu}, whose thread has {depth}"
                          " windows open")
        if thread is None:
            continue
        empty = opened[:depth].count(None)
        if empty > IN_BETWEEN and not held(queues[cpu].lock):
            yield Problem("slot", base, f"{depth} windows are open on CPU {cpu}, and {empty} of"
                          " their slots are empty")
        if depth and thread.core.kmap_va != base:
            yield Problem("slot", base, f"CPU {cpu}: its thread's {depth} windows are at"
                          f" {thread.core.kmap_va:#010x}")
        for leaf in filter(None, opened[:depth]):
            # Under DEBUG what is freed is poisoned through such a window.
            if not debug and kernel.pages.is_free(leaf.pa // PAGE):
                yield Problem("slot", leaf.va, f"CPU {cpu}: {leaf.pa:#012x} is free")


def kmap_local_saved(scene):
    """saved: a thread that is switched out keeps its windows' descriptors, and they make sense.

    Its own slots are then empty or another's: that is what `slot` looks at.
    """
    kernel = scene.kernel
    running = {thread.va for thread in scene.running.values()}
    for thread in threads(kernel):
        core = thread.core
        if thread.va in running or core.kmap_depth == 0:
            continue
        most = len(core.kmap_saved)
        if core.kmap_depth > most:
            yield Problem("saved", thread.va, f"thread {thread.id}: {core.kmap_depth} windows, of"
                          f" {most} at most")
            continue
        for index in range(core.kmap_depth):
            entry = core.kmap_saved[index].raw
            if entry & 1 and not sensible(kernel, entry):       # 0: just being opened, or closed
                yield Problem("saved", thread.va, f"thread {thread.id}: window {index} is"
                              f" {entry:#018x}")


def sensible(kernel, entry):
    """A page of RAM, with the access flag and XN, and no reserved bit."""
    return entry & 3 == 3 and entry >> 10 & 1 and entry >> 54 & 1 and not entry >> 40 & 0xfff \
        and kernel.pages.page(entry >> 12 & 0xfffffff) is not None


def threads(kernel):
    with settled(kernel.variable(THREAD, "all_lock"), "the list of threads"):
        yield from kernel.linked(kernel.variable(THREAD, "all_threads"), THREAD, "thread",
                                 "all_link")


# -- fixed windows -------------------------------------------------------------------------------


def fixmap_slots(scene):
    """fixed: a fixmap slot that has no name, or that of a guard, is empty."""
    region, names = region_of(scene, "fixmap"), scene.kernel.info.enum(HIGHMEM, "fixmap_slot")
    begin, end = names["FIX_KMAP_BEGIN"], names["FIX_KMAP_END"]
    used = {number for slot, number in names.items() if not slot.endswith(("_NONE", "_GUARD"))}
    for va, leaf in live(scene, region).items():
        slot = (va - region.start) // PAGE
        if not begin <= slot < end and slot not in used - {end}:
            yield Problem("fixed", va, f"slot {slot} is nobody's, and {leaf.pa:#012x} is mapped")


def fixmap_pinned(scene):
    """apart: between the kmap_local slots of two CPUs one is always empty."""
    region, (begin, stride) = region_of(scene, "fixmap"), slots(scene)
    most = scene.kernel.info.struct(THREAD, "thread_core").members["kmap_saved"][1].count
    for va, leaf in live(scene, region).items():
        slot = (va - region.start) // PAGE - begin
        if slot >= 0 and slot % stride >= most:
            yield Problem("apart", va, f"{leaf.pa:#012x} is mapped in the slot between two CPUs'")


# -- big windows ---------------------------------------------------------------------------------


def big_windows(scene):
    """bigwin: a window is empty, or its CPU's alone: a block or its own table, preemption off."""
    kernel, region = scene.kernel, region_of(scene, "bigwin")
    own = kernel.variable("mm/bigwin.c", "tables")
    step = region.size // (len(own) + 1)        # one more, for copying
    for cpu in range(len(own) + 1):
        va = region.start + cpu * step
        entry, thread = scene.tables.level2.get(va, 0), scene.running.get(cpu)
        if entry & 1 and thread is None:
            yield Problem("bigwin", va, f"open, and no CPU {cpu} runs")
        elif entry & 1 and thread.core.atomic_count == 0:
            yield Problem("bigwin", va, f"open, and CPU {cpu} may switch threads")
        if entry & 3 == 3 and (not own[cpu] or entry & 0xff_ffff_f000 != kernel.pa(own[cpu])):
            yield Problem("bigwin", va, f"leads to table {entry & 0xff_ffff_f000:#012x}, which is"
                          f" not CPU {cpu}'s")


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
    lazy, at = set(), vm.lazy
    while at and len(lazy) < MOST_PAGES:
        lazy.add(at)
        at = kernel.struct(VM, "va_seg", at).peer
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
            elif not leaf.device and kernel.pages.is_free(leaf.pa // PAGE):
                yield Problem("area", va, f"{leaf.pa:#012x} is free")
            va, leaf = next(entries, (None, None))
    if va is not None:
        yield Problem("area", va, "mapped, and in no segment of the vmalloc area")


def segments(kernel, vm):
    """All ranges of the vmalloc area, by address; they follow each other without a gap."""
    edge = vm.space.edge
    at, expected, most = edge.next, None, 100_000
    with settled(vm.lock, "the list of areas"):
        while at != edge.va:
            area = kernel.struct(VM, "va_seg", at)
            if expected not in (None, area.start) or most == 0:
                raise BadKernel("the segments of the vmalloc area do not follow each other at"
                                f" {area.start * PAGE:#010x}")
            yield area
            at, expected, most = area.next, area.start + area.size, most - 1


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
        elif kernel.pages.state_is(page, "PAGE_RESERVED"):
            continue        # made before there was a page allocator
        elif not kernel.pages.state_is(page, "PAGE_ALLOCATED") or page.refcount != 1:
            yield Problem("owned", va, f"table {pa:#012x}: its page is in state"
                          f" {kernel.pages.state(page)}, with {page.refcount} references")


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
    """orphan: no allocated page of lowmem holds a table that nothing points to."""
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


RULES = (kmap_counts, kmap_local_slots, kmap_local_saved, fixmap_slots, fixmap_pinned, big_windows,
         areas, stacks, table_owners, area_tables, orphans, extents)
