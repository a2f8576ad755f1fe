# SPDX-License-Identifier: BSD-2-Clause
"""What must hold for the kernel's mappings. Each rule is a function that yields Problems.

Rules over physical pages look at all aliases: every mapping, in both halves, of each physical byte.
"""

from bisect import bisect_left
from dataclasses import dataclass
from itertools import pairwise

BLOCK = 1 << 21
PAGE = 1 << 12
WINDOWS = ("pkmap", "fixmap")           # exactly one level-2 entry each
EXECUTABLE_KINDS = ("direct", "vmalloc")  # the image; modules


@dataclass(frozen=True)
class Problem:
    rule: str
    va: int
    text: str

    def __str__(self):
        return f"{self.rule}: {self.va:#010x}: {self.text}"


def judge(tables, layout, only=None):
    """All problems, in the order of RULES."""
    return judge_all([tables], layout, only)


def judge_all(walked, layout, only=None):
    """The same for the tables of CPUs that differ: aliases count across all of them."""
    every = {(leaf.half, leaf.va, leaf.descriptor): leaf for tables in walked
             for leaf in tables.leaves}
    aliases = overlaps(list(every.values()))
    found = dict.fromkeys(problem for tables in walked for rule in only or RULES
                          for problem in rule(tables, layout, aliases))
    return list(found)


def overlaps(leaves):
    """Runs of physical memory that are mapped more than once: [(pa, end, [leaf, …])]."""
    edges = sorted({edge for leaf in leaves for edge in (leaf.pa, leaf.pa + leaf.size)})
    by_pa = sorted(leaves, key=lambda leaf: leaf.pa)
    runs, active, position = [], [], 0
    for start, end in pairwise(edges):
        active = [leaf for leaf in active if leaf.pa + leaf.size > start]
        while position < len(by_pa) and by_pa[position].pa <= start:
            active.append(by_pa[position])
            position += 1
        if len(active) > 1:
            runs.append((start, end, list(active)))
    return runs


def on_table(tables, va):
    """The physical address of the level-3 table for va; None: there is none."""
    entry = tables.level2.get(va & ~(BLOCK - 1), 0)
    return entry & (1 << 40) - PAGE if entry & 3 == 3 else None


def where(leaf):
    return f"{leaf.va:#010x} ({leaf.rights}, {leaf.type_name})"


def architecture(tables, _layout, _aliases):
    """arch: nothing that the manual reserves."""
    for va, text in tables.faults:
        yield Problem("arch", va, text)
    for leaf in tables.leaves:
        if leaf.type_name.startswith("reserved"):
            yield Problem("arch", leaf.va, f"memory type {leaf.type_name}")


def access_flag(tables, _layout, _aliases):
    """af: set everywhere; the first access would fault."""
    for leaf in tables.leaves:
        if not leaf.accessed:
            yield Problem("af", leaf.va, "the access flag is clear")


def write_xor_execute(tables, _layout, aliases):
    """wx: no physical page is writable through one mapping and executable through any."""
    for leaf in tables.leaves:
        if leaf.writable and leaf.executable:
            yield Problem("wx", leaf.va, f"pa {leaf.pa:#012x} is writable and executable")
    for pa, end, leaves in aliases:
        writable = next((leaf for leaf in leaves if leaf.writable), None)
        executable = next((leaf for leaf in leaves if leaf.executable), None)
        if writable and executable and writable is not executable:
            yield Problem("wx", executable.va, f"pa {pa:#012x}-{end:#012x} is executable at"
                          f" {where(executable)} and writable at {where(writable)}")


def device_exec(tables, _layout, _aliases):
    """device: never executable, not even speculatively: XN whoever asks."""
    for leaf in tables.leaves:
        if leaf.device and not leaf.xn:
            yield Problem("device", leaf.va, f"{leaf.type_name} memory at pa {leaf.pa:#012x}"
                          " without XN")


def user_access(tables, layout, _aliases):
    """user: the kernel part is closed to user mode; the kernel executes nothing in the user's."""
    for leaf in tables.leaves:
        kernel_part = leaf.half == 1 or leaf.va >= layout.kernel_start
        if kernel_part and leaf.user:
            yield Problem("user", leaf.va, "open to user mode")
        if not kernel_part and not (leaf.xn or leaf.pxn):
            yield Problem("user", leaf.va, "in the user part, executable by the kernel: no PXN")


def execute_never(tables, _layout, _aliases):
    """xn: XN and PXN are set on all that is not text, whatever SCTLR.WXN would do besides."""
    for leaf in tables.leaves:
        if leaf.half == 1 and not leaf.kernel_exec and not (leaf.xn and leaf.pxn):
            yield Problem("xn", leaf.va, "not text, but XN or PXN is clear")


def executable(tables, layout, _aliases):
    """exec: only text is executable, and text has a region that may hold it."""
    for leaf in tables.leaves:
        region = layout.at(leaf.va)
        if leaf.half == 0 or not leaf.kernel_exec or region is None:
            continue
        if region.kind not in EXECUTABLE_KINDS or region.name == "lowmem":
            yield Problem("exec", leaf.va, f"executable, in {region.name}")


def one_type(_tables, _layout, aliases):
    """type: one memory type, and one shareability, for each physical page."""
    for pa, end, leaves in aliases:
        first = leaves[0]
        for other in leaves[1:]:
            same_share = first.device or other.device or first.share == other.share
            if other.attr != first.attr or not same_share:
                yield Problem("type", other.va, f"pa {pa:#012x}-{end:#012x} is {first.type_name}"
                              f" (SH {first.share}) at {first.va:#010x} and {other.type_name}"
                              f" (SH {other.share}) at {other.va:#010x}")
                break


def shareable(tables, _layout, _aliases):
    """share: cacheable memory is inner shareable, or other CPUs would see old data."""
    for leaf in tables.leaves:
        if leaf.cacheable and leaf.share != 3:
            yield Problem("share", leaf.va, f"{leaf.type_name} with SH {leaf.share}")


def global_kernel(tables, _layout, _aliases):
    """global: kernel mappings are the same in every address space."""
    for leaf in tables.leaves:
        if leaf.half == 1 and leaf.not_global:
            yield Problem("global", leaf.va, "nG is set in the kernel part")


def secure_bit(tables, _layout, _aliases):
    """ns: the kernel never asks for the other world's memory."""
    for leaf in tables.leaves:
        if leaf.ns:
            yield Problem("ns", leaf.va, "NS is set")


def walked_shareable(tables, _layout, _aliases):
    """walks: tables are read as inner-shareable write-back memory, or another CPU's entry is late."""
    for half in tables.halves:
        share, outer, inner = tables.regs.walks(half.number)
        if share != 3 or outer not in (1, 3) or inner not in (1, 3):
            yield Problem("walks", half.start, f"TTBR{half.number}'s tables are read with SH {share},"
                          f" ORGN {outer}, IRGN {inner}")


def contiguous(tables, _layout, _aliases):
    """contig: the hint is on all 16 neighbours, alike and in one piece, or on none (B3.6.2)."""
    hinted = {leaf.va: leaf for leaf in tables.leaves if leaf.contiguous}
    for va, leaf in hinted.items():
        first = va - va % (16 * leaf.size)
        group = [hinted.get(first + i * leaf.size) for i in range(16)]
        if not all(group) or leaf.pa - va != group[0].pa - first or group[0].pa % (16 * leaf.size) \
                or leaf.descriptor ^ group[0].descriptor ^ leaf.pa ^ group[0].pa:
            yield Problem("contig", va, "the hint is not on all 16 of one piece")


def named(tables, layout, _aliases):
    """stray: in the kernel part, every mapping lies in a region of @layout."""
    for leaf in tables.leaves:
        if leaf.half == 0 and leaf.va < layout.page_offset:
            continue
        region = layout.at(leaf.va)
        if region is None:
            yield Problem("stray", leaf.va, f"{leaf.size >> 10} KiB mapped to {leaf.pa:#012x}"
                          " outside every region")
        elif leaf.end > region.end:
            yield Problem("stray", leaf.va, f"reaches beyond {region.name}'s end {region.end:#x}")


def windows(tables, layout, _aliases):
    """window: pkmap and fixmap are exactly one level-2 entry each, a table, shared with nobody."""
    for name in WINDOWS:
        region = layout.find(name)
        if region is None:
            yield Problem("window", 0, f"@layout has no {name}")
            continue
        if region.start % BLOCK or region.size != BLOCK:
            yield Problem("window", region.start, f"{name} is not exactly one level-2 entry:"
                          f" {region.start:#x}, {region.size:#x} bytes")
        entry = tables.level2.get(region.start - region.start % BLOCK, 0)
        if entry & 3 != 3:
            yield Problem("window", region.start, f"{name}: its level-2 entry {entry:#018x} is no"
                          " table")
        else:
            table = entry & (1 << 40) - PAGE
            if len(tables.tables.get(table, ())) != 1:
                yield Problem("window", region.start, f"{name}: its level-3 table {table:#012x} is"
                              " linked more than once")


def shared_tables(tables, _layout, _aliases):
    """table: each table is linked once, and never executable or open to user mode."""
    for pa, links in tables.tables.items():
        if len(links) > 1:
            places = ", ".join(f"{va:#010x} (level {level})" for level, va in links)
            yield Problem("table", links[1][1], f"table {pa:#012x} is linked from {places}")
    pages = set(tables.tables)
    for leaf in tables.leaves:
        if (leaf.user or leaf.executable) and any(leaf.pa <= pa < leaf.pa + leaf.size
                                                  for pa in pages):
            yield Problem("table", leaf.va, "a page table is executable or open to user mode here")


def tables_hidden(tables, layout, _aliases):
    """hidden: a table is mapped by the direct mapping or the image, and through no window."""
    pages = sorted(tables.tables)
    for leaf in tables.leaves:
        region = layout.at(leaf.va)
        if region is not None and region.kind == "direct":
            continue
        first = bisect_left(pages, leaf.pa)
        if first < len(pages) and pages[first] < leaf.pa + leaf.size:
            yield Problem("hidden", leaf.va, f"shows the page table {pages[first]:#012x}")


def regions_apart(_tables, layout, _aliases):
    """layout: regions do not overlap, and lie in the kernel part."""
    for region in layout.regions:
        if region.start < layout.page_offset or region.end > 1 << 32:
            yield Problem("layout", region.start, f"{region.name} is outside the kernel part")
    for below, above in pairwise(layout.regions):
        if below.end > above.start:
            yield Problem("layout", above.start, f"{above.name} begins before {below.name} ends"
                          f" ({below.end:#x})")


def registers(tables, layout, _aliases):
    """layout: what @layout says of the registers is what the CPU has."""
    for name, said in layout.registers.items():
        real = getattr(tables.regs, name)
        if name == "ttbr0" and tables.regs.ttbcr >> 7 & 1:
            continue            # EPD0: not in use
        if real != said:
            yield Problem("layout", 0, f"{name} is {real:#x}, @layout says {said:#x}")
    kernel = [half for half in tables.halves if half.number == 1]
    if not kernel or kernel[0].start != layout.page_offset:
        yield Problem("layout", layout.page_offset, "TTBR1 does not cover exactly the kernel part")


def direct(tables, layout, _aliases):
    """direct: lowmem is at one distance, writable, cacheable; its level-2 entries may be blocks."""
    lowmem = layout.find("lowmem")
    if lowmem is None:
        yield Problem("direct", layout.page_offset, "@layout has no lowmem")
        return
    for leaf in tables.leaves:
        if not lowmem.start <= leaf.va < lowmem.end:
            continue
        expected = leaf.va - layout.page_offset + layout.phys_offset
        if leaf.pa != expected:
            yield Problem("direct", leaf.va, f"maps {leaf.pa:#012x} instead of {expected:#012x}")
        if not leaf.cacheable:
            yield Problem("direct", leaf.va, f"{leaf.type_name} in the direct mapping")


def constant(_tables, layout, aliases):
    """constant: what the image maps read-only is writable nowhere."""
    image = layout.find("image")
    if image is None:
        return
    for pa, end, leaves in aliases:
        fixed = next((leaf for leaf in leaves
                      if image.start <= leaf.va < image.end and not leaf.writable), None)
        writable = next((leaf for leaf in leaves if leaf.writable), None)
        if fixed and writable:
            yield Problem("constant", writable.va, f"pa {pa:#012x}-{end:#012x} is read-only in the"
                          f" image ({fixed.va:#010x}) and writable here")


def image(tables, layout, _aliases):
    """image: there is text, there are constants and data, by 4 KiB pages."""
    region = layout.find("image")
    if region is None:
        yield Problem("image", 0, "@layout has no image")
        return
    inside = [leaf for leaf in tables.leaves if region.start <= leaf.va < region.end]
    for rights in ("r-x ---", "r-- ---", "rw- ---"):
        if not any(leaf.rights == rights for leaf in inside):
            yield Problem("image", region.start, f"no page with rights {rights}")
    for leaf in inside:
        if leaf.level != 3:
            yield Problem("image", leaf.va, "mapped by a block")


def guards(tables, layout, _aliases):
    """guard: the end of each vmalloc-kind region is unmapped, and so is what lies between two
    mappings of different type; a region of kind guard is empty."""
    for region in layout.regions:
        inside = [leaf for leaf in tables.leaves if region.start <= leaf.va < region.end]
        if region.kind == "guard":
            for leaf in inside:
                yield Problem("guard", leaf.va, f"mapped, in the guard region {region.name}")
        if region.kind != "vmalloc":
            continue
        if inside and inside[-1].end >= region.end:
            yield Problem("guard", inside[-1].va, f"no guard at the end of {region.name}")
        for below, above in pairwise(inside):
            if below.end == above.va and below.attr != above.attr:
                yield Problem("guard", above.va, f"no guard between {below.type_name} and"
                              f" {above.type_name}")


def boot_only(tables, layout, _aliases):
    """boot: a region of kind boot is empty, and no table is linked there: once @layout is printed, what
    it was for is over."""
    for region in layout.regions:
        if region.kind != "boot":
            continue
        for va in range(region.start, region.end, BLOCK):
            entry = tables.level2.get(va, 0)
            if entry & 1:
                what = "a table is linked" if entry & 2 else "a block is mapped"
                yield Problem("boot", va, f"{what}, in {region.name}, which only boot uses:"
                              f" {entry:#018x}")


def null_page(tables, _layout, _aliases):
    """null: nothing at address 0, nor in the last page, where small negative numbers point."""
    for leaf in tables.leaves:
        if leaf.va < PAGE:
            yield Problem("null", leaf.va, "address 0 is mapped")
        if leaf.end == 1 << 32:
            yield Problem("null", leaf.va, "the last page is mapped")


# What holds for any kernel: nothing in them asks for a region.
GENERIC = (architecture, access_flag, write_xor_execute, device_exec, user_access, one_type,
           shareable, walked_shareable, contiguous, global_kernel, secure_bit, shared_tables,
           null_page)
RULES = (*GENERIC, execute_never, executable, named, windows, tables_hidden, regions_apart,
         registers, direct, constant, image, guards, boot_only)


def same_on_all(registers_by_cpu):
    """smp: all CPUs with the MMU on use the same kernel tables and types."""
    names = ("ttbr1", "ttbcr", "mair0", "mair1", "sctlr")
    running = {cpu: regs for cpu, regs in registers_by_cpu.items() if regs.mmu_on}
    if not running:
        return [Problem("smp", 0, "the MMU is off on every CPU")]
    first_cpu, first = next(iter(running.items()))
    return [Problem("smp", 0, f"{name} is {getattr(first, name):#x} on CPU {first_cpu} and"
                    f" {getattr(regs, name):#x} on CPU {cpu}")
            for cpu, regs in running.items() for name in names
            if getattr(regs, name) != getattr(first, name)]
