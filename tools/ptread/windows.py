# SPDX-License-Identifier: BSD-2-Clause
"""Rules: the kernel's account of its windows (pkmap, kmap_local, fixmap, bigwin), and their entries."""

from .kernel import PAGE
from .rules import BLOCK, Problem, on_table
from .scene import THREAD, Unjudged, held, live, region_of, threads

HIGHMEM, PKMAP = "mm/highmem.c", "mm/pkmap.c"
IN_BETWEEN = 2      # windows that are being opened or closed: a thread's, its interrupt's


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


def kept_apart(scene):
    """apart: between the kmap_local slots of two CPUs one is always empty, and one behind each debug
    window (DEBUG=1: the region's pages are windows and empty slots in turn)."""
    region, (begin, stride) = region_of(scene, "fixmap"), slots(scene)
    most = scene.kernel.info.struct(THREAD, "thread_core").members["kmap_saved"][1].count
    for va, leaf in live(scene, region).items():
        slot = (va - region.start) // PAGE - begin
        if slot >= 0 and slot % stride >= most:
            yield Problem("apart", va, f"{leaf.pa:#012x} is mapped in the slot between two CPUs'")
    debug = scene.layout.find("kmapdebug")
    for va, leaf in live(scene, debug).items() if debug else ():
        if (va - debug.start) // PAGE % 2 or leaf.size != PAGE:
            yield Problem("apart", va, f"{leaf.pa:#012x} is mapped in the slot behind a debug window")


# -- big windows ---------------------------------------------------------------------------------


def big_windows(scene):
    """bigwin: a window is empty, or its CPU's alone: a block or its own table, preemption off, and not
    while that CPU idles (its idle thread is never preempted, so preemption tells nothing then)."""
    kernel, region = scene.kernel, region_of(scene, "bigwin")
    own, queues = kernel.variable("mm/bigwin.c", "tables"), kernel.variable("kernel/sched.c", "run_queues")
    for va in range(region.start, region.end, BLOCK):
        entry, cpu = scene.tables.level2.get(va, 0), (va - region.start) // BLOCK
        if not entry & 1:
            continue
        thread = scene.running.get(cpu)
        if cpu >= len(own):
            yield Problem("bigwin", va, "open, and no CPU's: it is the one for copying")
            continue
        if thread is None:
            yield Problem("bigwin", va, f"open, and no CPU {cpu} runs")
        elif thread.core.atomic_count == 0:
            yield Problem("bigwin", va, f"open, and CPU {cpu} may switch threads")
        elif thread.va == queues[cpu].idle:
            yield Problem("bigwin", va, f"open, and CPU {cpu} idles")
        if entry & 2 and (not own[cpu] or entry & 0xff_ffff_f000 != kernel.pa(own[cpu])):
            yield Problem("bigwin", va, f"leads to table {entry & 0xff_ffff_f000:#012x}, which is"
                          f" not CPU {cpu}'s")


RULES = (kmap_counts, kmap_local_slots, kmap_local_saved, fixmap_slots, kept_apart, big_windows)
