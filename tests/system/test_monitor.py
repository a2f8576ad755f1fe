# SPDX-License-Identifier: BSD-2-Clause
"""A conversation with the monitor: each command with what it must answer.

Owns: what is typed. One guest a board for all that leaves the machine as it was.
"""

import re

from prompt import Booted, fixture_leaves_nothing_open, fixture_m  # noqa: F401  (fixtures go by name)

KIB = 1024
GIB = 1 << 30


def free_high(m):
    """Free HighMem pages."""
    return next(int(line.split()[2]) for line in m.ask("zones") if line.startswith("  HighMem"))


def alloc(m, what):
    """(number, [pfn, …]) of what `alloc` gave."""
    lines = m.ask(f"alloc {what}")
    assert lines[0].startswith("#"), lines
    number = re.match(r"#(\d+):", lines[0])[1]
    pages = [re.match(r"  page (0x\w+) ", line) for line in lines[1:]]
    return number, [page[1] for page in pages if page]


# -- look ------------------------------------------------------------------------------------


def test_layout(m):
    m.says("layout", r"0x[0-9a-f]{8} +2 MiB  pkmap +permanent", r"lowmem +\d+ MiB  physical 0x")


def test_mem_adds_up(m):
    amount = {line[2:26].strip(): int(line[26:].split()[0]) for line in m.ask("mem")}
    assert amount["RAM"] == 8 * GIB // KIB
    assert amount["RAM"] == amount["lowmem, always mapped"] + amount["HighMem, by windows"]
    assert amount["RAM"] == (amount["never the allocator's"] + amount["free lowmem"]
                             + amount["free HighMem"] + amount["in use"])


def test_banks(m):
    start = "80000000" if m.board == "vexpress-a15" else "40000000"
    m.says("banks", "^RAM:", rf"^  0x00{start} to 0x", "^reserved at boot:", r"^  0x00\w+ to 0x\w+")


def test_zones_count_every_free_page(m):
    for line in m.ask("zones")[2:]:
        name, _, free, *orders = line.split()
        assert name in ("Normal", "HighMem")
        blocks, single = map(int, orders[:-1]), int(orders[-1])
        assert int(free) == single + sum(count << order for order, count in enumerate(blocks))


def test_slabs(m):
    m.says("slabs", r"^ +16 +\d+ +\d+$", r"^ +2048 +\d+ +\d+$")


def test_ptdump(m):
    m.says("ptdump image", r"^  0xffc00000 to 0xffc\w+ +\d+ KiB by 4K  r-x user --- normal shared",
           r"rw- user ---", r"^\d+ ranges, \d+ KiB mapped$")
    m.says("ptdump lowmem", r"^  0xc0\w+ to .* by 2M  rw- user --- normal shared  to 0x")
    assert len(m.ask("ptdump")) > 8
    m.says("ptdump attic", "^error: no region attic")


def test_no_mapping_is_writable_and_executable(m):
    assert not [line for line in m.ask("ptdump") if " rwx " in line]


def test_walk(m):
    m.says("walk 0xffc00000", r"^walk: TTBR1 level 2 at 0x\w+: \w+ table",
           r"^walk: TTBR1 level 3 at 0x\w+: \w+ page 0x\w+ r-x", r"^MMU on read: PAR \w+ 0x",
           r"^MMU on write: PAR \w+ permission fault, level 3",
           r"^The MMU agrees with the tables: 0x\w{8}00, r-x, normal memory\.$")
    m.says("walk 0xff601000", r"^The MMU agrees with the tables: 0x\w+, rw-, device memory\.$")
    m.says("walk 0xfffffff0", "translation fault", "^The MMU agrees with the tables: not mapped")
    m.says("walk 0", "no table covers|translation fault")


def test_pa(m):
    pa, = m.says("pa 0xffc00123", r"^0xffc00123 is physical (0x\w{10})$")
    assert pa.endswith("0123")
    m.says("pa 0xfffff000", "^0xfffff000 is not mapped$")


def test_what(m):
    ram = 0x80000000 if m.board == "vexpress-a15" else 0x40000000
    m.says("what 0x1000", "As a virtual address it is a user virtual address, no mapping: user part")
    m.says("what 0xc0000000", "is a kernel logical address, direct mapping: lowmem",
           rf"mapped to physical 0x00{ram:08x}, by a fixed distance")
    m.says("what 0xffc00000", "is a kernel virtual address, direct mapping: image, text")
    m.says("what 0xff400000", "kernel virtual address, permanent mapping: pkmap window 0")
    m.says("what 0xff601000", "kernel virtual address, fixed mapping: fixmap slot 1")
    m.says("what 0xff610000", "kernel virtual address, temporary mapping: .* window 0 of CPU 0")
    m.says("what 0xff000000", "kernel virtual address, temporary mapping: bigwin of CPU 7")
    m.says("what 0x27ffff000" if m.board == "vexpress-a15" else "what 0x23ffff000",
           "more than 32 bits", "as a bus address", "HighMem")
    device = 0x1c090000 if m.board == "vexpress-a15" else 0x09000000
    m.says(f"what {device:#x}", "no RAM: a device", r"mapped at 0xff601000 rw- user --- device")


def test_page(m):
    pfn = "0x80010" if m.board == "vexpress-a15" else "0x40010"
    m.says(f"page {pfn}", rf"^page {pfn.replace('0x', '0x0')}: physical 0x\w+, lowmem, reserved",
           r"type normal, references \d")


def test_page_inside_a_block(m):
    """A page that is not the first of its block: whose it is says the first one."""
    pfn = 0xc0000 if m.board == "vexpress-a15" else 0x80000
    m.says(f"page {pfn + 5:#x}", r"HighMem, free$", rf"in a block of 1024 pages from 0x{pfn:06x}$")


def test_what_knows_tables(m):
    """The page that holds a table of the kernel's is called so."""
    table, = m.says("walk 0xc0000000", r"^walk: TTBR1 level 3 at (0x\w+):")
    m.says(f"what {table}", "^  it is the level-3 table for 0xc0000000")


def test_kmaps_vmallocs_dmesg(m):
    m.says("kmaps", r"^permanent \(kmap\): \d+ in use", "fixmap slot 1$")
    m.says("vmallocs", r"^\d+ areas, \d+ KiB of \d+ KiB$", r" ioremap  physical 0x\w{10}$",
           r" vmalloc  stack of thread idle$")
    m.says("dmesg", "^Fanlight: a kernel of high windows", "^The story of one page")


def test_report_repeats_the_boot(m):
    first, = m.says("dmesg", r'^@boot \{"v":1,"id":"(\w{16})"')
    again, = m.says("report", r'^@layout \{"v":1,', r'^@boot \{"v":1,"id":"(\w{16})"')
    assert first == again


def test_report_repeats_results(m):
    m.ask("test highmem.*,tlb.*")
    lines = m.ask("report")
    assert sum(line.startswith("# pass highmem.") for line in lines) > 10
    assert not any("kmap.same_page" in line for line in lines)
    totals = re.compile(r"^# Totals: pass:(\d+) fail:0 skip:(\d+)$")
    found, = filter(None, map(totals.match, lines))
    for word, number in zip(("pass", "skip"), found.groups()):
        assert sum(line.startswith(f"# {word} ") for line in lines) == int(number)


def test_threads_cpus_irqs_errata(m):
    m.says("threads", r"^ +\d+  boot +0 +0  running", r"^ +\d+  idle +1 +1 ")
    m.says("cpus", r"^  CPU 0: MPIDR 0x\w{8}, MIDR 0x414fc0f0, online, runs this",
           r"^  CPU 1: .* online")
    m.says("irqs", r"^GICv2:", r"^ +\d+ console +[1-9]\d* +0( |$)", r"^  nothing was pending: \d+")
    m.says("errata", r"^errata: .*MIDR 414fc0f0", "798181")


# -- make ------------------------------------------------------------------------------------


UNDO = {"kmap": "kunmap", "klocal": "kunlocal", "vmap": "vunmap", "fixmap": "unfix"}


def test_windows_show_the_page(m):
    """One page through every kind of window, with md as the witness."""
    m.ask("test tlb.*")  # purges what waits
    before = free_high(m)
    n, (pfn,) = alloc(m, "high")
    pa = int(pfn, 16) << 12
    m.ask(f"fill #{n} 0x12345678")
    m.says(f"md {pa:#x} 4", rf"^  {pa:010x}: 12345678 12345678 12345678 12345678  xV4\.")
    m.says(f"md {pa:#x} 4", "^  as normal memory, through: kmap_local window$")
    assert m.ask(f"md #{n} 4") == m.ask(f"md {pa:#x} 4")
    m.says(f"page #{n}", f"^  yours: #{n}$", "references 1;",
           rf"^page {pfn}: .* HighMem, allocated$")
    m.says(f"mw {pa + 8:#x} 0x616c6e46", "through: kmap_local window", "12345678 -> 616c6e46$")
    m.says(f"md {pa:#x} 4", r"12345678 12345678 616c6e46 12345678  .*Fnla")

    seen = {}
    for command in ("kmap", "klocal", "vmap", "fixmap"):
        number, va = m.says(f"{command} #{n}", rf"^#(\d+): {command} of page {pfn} at (0x\w{{8}})")
        seen[command] = number
        m.says(f"pa {va}", f"^{va} is physical {pa:#012x}$")
        m.says(f"what {va}", f"^  yours: #{number}")
        assert m.ask(f"what #{number}") == m.ask(f"what {va}")
        assert m.ask(f"pa #{number}") == m.ask(f"pa {va}")
    m.says(f"what {pa:#x}", *(f"yours: #{number}" for number in seen.values()))
    m.says("kmaps", f"1 user; opened by boot \\d+ ms ago, yours: #{seen['kmap']}",
           f"kmap_local window 0 of CPU \\d, yours: #{seen['klocal']}")
    m.says("vmallocs", f"4 KiB  vmap     yours: #{seen['vmap']}$")
    m.says(f"pa #{n}", "no window" if pa >> 32 else "is physical|not mapped")
    assert len(m.ask("opened")) == 5

    m.says(f"free #{n}", r"^error: #\d+ shows one of these pages")
    for command, number in seen.items():
        assert m.ask(f"{UNDO[command]} #{number}") == []
    assert m.ask(f"free {pfn}") == []
    assert m.ask("opened") == ["nothing"]
    m.ask("test tlb.*")
    assert free_high(m) == before


def test_trace_narrates(m):
    """What each operation does to its entry; behind kunmap it lives on."""
    n, (pfn,) = alloc(m, "high")
    m.ask("trace on")
    entry = r"0x006\w{13}: page 0x\w{10} rw- user --- normal shared"
    window, = m.says(f"kmap #{n}", r"before 0x0000000000000000: empty", rf"after  {entry}",
                     "count 0 -> 2", "entry stored at once; DSB ISHST", "a read there works",
                     r"^#(\d+): kmap")
    m.says(f"kunmap #{window}", rf"before {entry}", rf"after  {entry}", "count 2 -> 1",
           "no TLBI", "a read there works")
    window, = m.says(f"kmap #{n}", "count 1 -> 2", "nothing is written", r"^#(\d+): kmap")
    m.ask(f"kunmap #{window}")
    # It lives on until the wrap, and not longer.
    m.says("wrap", rf"before {entry}", "after  0x0000000000000000: empty", "count 1 -> 0, and a wrap",
           "one TLBIALLIS", "a read there faults; the MMU says translation fault, level 3",
           r"^\d+ windows were opened and closed; [1-9]\d* wraps so far$")
    window, = m.says(f"klocal #{n}", rf"after  {entry}", "DSB NSHST", r"^#(\d+): klocal")
    m.says(f"kunlocal #{window}", rf"before {entry}", "after  0x0000000000000000: empty",
           "TLBIMVAA,", "a read there faults; the MMU says translation fault, level 3")
    window, = m.says(f"fixmap #{n}", rf"after  {entry}", r"^#(\d+): fixmap")
    m.says(f"unfix #{window}", rf"before {entry}", "TLBIMVAAIS", "a read there faults")
    window, = m.says(f"vmap #{n}", rf"after  {entry}", r"^#(\d+): vmap")
    m.says(f"vunmap #{window}", "invalid, not zero", "no TLBI yet", "MMU says")
    told = m.ask(f"fill #{n} 1")
    assert told == m.ask(f"klocal #{n}")[:-1] + m.ask("close all")[:len(told) // 2]
    assert m.ask("opened") == ["nothing"]
    m.ask("trace off")


def test_trace_narrates_each_entry(m):
    n, pages = alloc(m, "high 5")
    low, _ = alloc(m, "low")
    m.ask("trace on")
    told = m.ask(f"vmap #{n}")
    entries = [(int(line.split()[2], 16), told[i + 1]) for i, line in enumerate(told)
               if line.startswith("  entry of")]
    assert [va - entries[0][0] for va, _ in entries] == [0, 4096, 8192, 12288]
    for (_, after), page in zip(entries, pages, strict=False):
        assert f"page {int(page, 16) << 12:#012x} rw-" in after
    assert "  and 1 more entries" in told
    m.says(f"copy #{n} #{low}", r"entry of 0xff6\w+", "direct mapping, which never changes")
    m.says(f"kmap #{low}", "direct mapping, which never changes", "^#")
    m.ask("trace off")
    assert m.ask("close all") == []


def test_wrap_spares_windows_in_use(m):
    n, (pfn,) = alloc(m, "high")
    number, va = m.says(f"kmap #{n}", r"^#(\d+): kmap of page \w+ at (0x\w+)")
    m.ask("wrap")
    m.says("kmaps", f"^  {va}  page {pfn}  1 user; .*yours: #{number}")
    m.says(f"pa {va}", f"is physical {int(pfn, 16) << 12:#012x}")
    m.ask("close all")
    m.ask("wrap")
    assert m.ask(f"pa {va}") == [f"{va} is not mapped"]


def test_the_sequences_that_trace_states_are_those_counted():
    """The build that counts: what an operation costs, the locks' own barriers included."""
    with Booted(build="count", memory="1G") as m:
        m.ask("alloc high")
        m.ask("trace on")
        for command, counts in (("klocal", "0 TLBI, 1 DSB, 1 ISB"),
                                ("kunlocal", "1 TLBI, 2 DSB, 1 ISB"),
                                ("fixmap", "0 TLBI, 1 DSB, 1 ISB"),
                                ("unfix", "1 TLBI, 2 DSB, 1 ISB"),
                                ("kmap", "0 TLBI, 2 DSB, 1 ISB"),  # one is the lock's
                                ("kunmap", "0 TLBI, 0 DSB, 0 ISB"),
                                ("kmap", "0 TLBI, 0 DSB, 0 ISB")):
            m.says(f"{command} #{2 if 'un' in command else 1}",
                   f"^  counted, with those of locks: {counts}$")


def test_low_pages_need_no_window(m):
    n, (pfn,) = alloc(m, "low")
    pa = int(pfn, 16) << 12
    number, va = m.says(f"kmap #{n}", rf"^#(\d+): kmap of page {pfn} at (0x\w+)")
    m.says(f"what {va}", "kernel logical", f"mapped to physical {pa:#012x}, by a fixed distance")
    assert m.ask(f"close #{number}") == []
    assert m.ask(f"close #{n}") == []


def test_copy(m):
    (a, (from_,)), (b, (to,)) = alloc(m, "high"), alloc(m, "high")
    m.ask(f"fill #{a} 0xcafe0001")
    m.ask(f"fill {to} 0")
    m.says(f"copy {from_} #{b}", f"^page {from_} to {to}$")
    m.says(f"md {(int(to, 16) << 12) + 4092:#x} 1", ": cafe0001 ")
    assert m.ask("close all") == []


def test_many_pages_side_by_side(m):
    n, shown = alloc(m, "high 20")
    assert len(shown) == 6
    number, va = m.says(f"vmap #{n} {shown[0]}", r"^#(\d+): vmap of 21 pages at (0x\w+)")
    m.says(f"pa {int(va, 16) + 20 * 4096:#x}", f"is physical {int(shown[0], 16) << 12:#012x}$")
    m.says(f"pa {int(va, 16) + 21 * 4096:#x}", "is not mapped")
    area, = m.says("vmalloc 64K", r"^#(\d+): vmalloc of 16 pages at 0x")
    m.says(f"vunmap #{area}", "^error: #.* came from vmalloc")
    assert m.ask(f"vfree #{area}") == []
    assert m.ask(f"vunmap {va}") == [] and number
    assert m.ask(f"free #{n}") == []


def test_temporary_windows_close_in_reverse_order(m):
    n, _ = alloc(m, "high 3")
    first, = m.says(f"klocal #{n}", r"^#(\d+):")
    second, = m.says(f"klocal #{n}", r"^#(\d+):")
    m.says(f"kunlocal #{first}", f"reverse order: first 0x.*, #{second}$")
    assert m.ask(f"kunlocal #{second}") == m.ask(f"kunlocal #{first}") == []
    for _ in range(11):
        m.says(f"klocal #{n}", "klocal of page")
    m.says(f"klocal #{n}", "^error: a thread has 15 such windows")
    assert m.ask("close all") == []


def test_what_is_not_yours_is_refused(m):
    m.says("kmap 0x80010" if m.board == "vexpress-a15" else "kmap 0x40010", "^error: .* not yours")
    m.says("kmap 0x1", "^error: page 0x1 at 0x0000001000 is not RAM")
    m.says("free #1", "^error: #1: you have nothing open there")
    m.says("free #99", "^error: #99: you have nothing")
    m.says("close #0", "^error")
    m.says("kunmap 0xff400000", "^error: 0xff400000: you have nothing open there")
    m.says("fixmap #1", "^error")
    m.says("vmap #1", "^error")
    m.says("alloc high 0x10001", "^error: 0x10001: too large: the most is 0x10000")
    m.says("alloc middle", "^usage: alloc high|low")
    m.says("vmalloc 3G", "^error: no .*address space")
    m.says("vmalloc 0", "^error: no .*address space")
    m.says("vmalloc 4294967295", "^error: 4294967295: too large: the most is 0xfffff000")
    m.says("what #1", "^error: #1: you have nothing open there")
    m.says("walk #0", "^error: #0: you have nothing open there")
    m.says("trace perhaps", "^usage: trace on|off")


def test_everything_open_has_a_place_and_a_limit(m):
    for _ in range(32):
        assert m.ask("alloc low")[0].startswith("#")
    m.says("alloc low", "^error: 32 things are open")
    m.says("test list.*", "close that first")
    assert m.ask("close all") == []


# -- physical memory -------------------------------------------------------------------------


def test_md_reaches_devices_and_the_image(m):
    if m.board == "vexpress-a15":
        m.says("md 0x1c010000 1", r"^  001c010000: \w{8} ")      # SYS_ID
        m.says("mw 0x1c010008 0x55", "^  as device memory, through: ioremap",
               "^  001c010008: 00000055 written$")
        m.says("md 0x1c010008 1", "^  001c010008: 00000055 ")    # the LEDs remember
        m.says("md 0x1c090fe0 4", r": 00000011 00000010 ")       # PL011's PeriphID
    else:
        m.says("md 0x09000fe0 4", r": 00000011 00000010 ")
    start, = m.says("pa 0xffc00000", r"physical (0x\w+)$")
    m.says(f"md {int(start, 16) + 0x24:#x} 1", ": 016f2818 ")    # the zImage's magic
    m.says(f"mw {start} 0", "^error: 0x.*: permission$")


def test_md_crosses_pages(m):
    n, (pfn, *_) = alloc(m, "high")
    pa = int(pfn, 16) << 12
    m.ask(f"fill #{n} 7")
    lines = m.ask(f"md {pa + 4088:#x} 2")
    assert lines == ["  as normal memory, through: kmap_local window",
                     f"  {pa + 4088:010x}: 00000007 00000007                    ........"]
    crossing = m.ask(f"md {pa - 8:#x} 8")
    assert sum(": " in line[:14] for line in crossing) == 3, crossing
    assert m.ask("close all") == []


def test_addresses_are_checked(m):
    m.says("md 0x10000000000", "^error: 0x10000000000: too large: .* 40 bits")
    m.says("md 0x1ffffffffff", "40 bits")
    m.says("mw 0xfffffffffffffffff 0", "too large")
    m.says("md 0x80000001", "^error: 0x0080000001 is not a multiple of 4")
    m.says("mw 0x80000002 1", "not a multiple of 4")
    m.says("mw 0x80000000 0x100000000", "too large: the most is 0xffffffff")
    m.says("md", "^usage: md PHYSADDR")
    m.says("md 0x80000000 1 2", "^usage: md")
    m.says("md 12z", "^error: 12z: not a number")
    m.says("md -4", "^error: -4: not a number")
    m.says("walk 0x100000000", "too large")
    m.says("page 0xffffffff", "too large")
    m.says("page 0xfffffff", "is not RAM")
    if m.board == "vexpress-a15":  # where nothing answers reads 0 there
        assert m.ask("md 0xff00000000 4") == \
            ["  as device memory, through: ioremap",
             "  ff00000000: 00000000 00000000 00000000 00000000  ................"]
    else:
        m.says("md 0x0b000000", "^error: 0x000b000000: the bus refused")
        m.says("mw 0x0b000000 1", "^error: 0x000b000000: the bus refused")
    assert len(m.ask("md 0xfffffffff0 400")) == 2


# -- do --------------------------------------------------------------------------------------


def test_test_bench_memtest(m):
    m.says("test kmap.*", "^    ok 1 kmap", "^# Totals: pass:[1-9]", '^@end {"verdict":"pass"}')
    m.says("report", "^# Totals: pass:[1-9]", '^@end {"verdict":"pass"}')
    m.says("test no.such", "^error: selftest=no.such matches no test", '^@end {"verdict":"fail"}')
    m.says("test no.such,kmap.*,neither.*", "^error: selftest=no.such matches no test",
           "^error: selftest=neither.* matches no test", '^@end {"verdict":"fail"}')
    m.says("bench no_such,kmap_high_same", "^error: bench=no_such matches no row",
           '^@end {"verdict":"fail"}')
    m.says("bench kmap_high_s*", '^@bench {"op":"kmap_high_same"')
    m.says("memtest 0", "^error: memtest=0")
    m.says("oops", "^  null ", "test fatal.NAME")
    m.says("oops nonsense", "^error: no such kind")


def test_help_knows_every_command(m):
    lines = m.ask("help")
    names = [line.split()[0] for line in lines if line.startswith("  ")]
    assert len(names) > 40
    for name in names:
        assert m.ask(f"help {name}")[0].split()[0] == name
    m.says("help nothing", "^error: no command nothing")
