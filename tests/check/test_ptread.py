# SPDX-License-Identifier: BSD-2-Clause
"""The page-table reader against tables made by hand: clean ones pass, each broken one is found."""

import json
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from ptread import layout as layouts  # noqa: E402
from ptread import lpae, memory, rules, show  # noqa: E402

MIB = 1 << 20
BLOCK = 2 * MIB

# Attribute indices of MAIR below: normal write-back, device, normal non-cacheable.
WB, DEV, NC = 0, 1, 2
AF, INNER = 1 << 10, 3 << 8
XN, PXN, RO, USER, NG, NS = 1 << 54, 1 << 53, 1 << 7, 1 << 6, 1 << 11, 1 << 5
CONTIG = 1 << 52
NEVER = XN | PXN
DATA = AF | INNER | NEVER
DEVICE = AF | NEVER | DEV << 2

WALKS = 0x35003500          # TTBCR: tables are inner-shareable write-back memory

RAM = 0x80000000
IMAGE_PA = 0x2_4000_0000    # HighMem, above 4 GiB
SPLITS = {"3g": (0, 2), "2g": (0, 1), "1g": (2, 0)}


class Machine:
    """Memory with tables in it, written the way a kernel would."""

    def __init__(self, split="3g", wxn=False):
        self.pages, self.nowhere = {}, set()
        self.next_table = RAM + 1 * MIB
        t0sz, t1sz = SPLITS[split]
        self.start = {"3g": 0xc0000000, "2g": 0x80000000, "1g": 0x40000000}[split]
        self.ttbcr = 1 << 31 | WALKS | 1 << 7 | t0sz | t1sz << 16
        self.root, self.root_level = self.table(), 2 if t1sz >= 2 else 1
        self.origin = 0 if split == "1g" else self.start
        self.root0, self.root0_level = self.table(), 2 if t0sz >= 2 else 1
        self.sctlr = 1 | (1 << 19 if wxn else 0)
        self.mair0 = 0x004404ff
        self.layout = {
            "v": 1, "split": split, "page_offset": hex(self.start), "phys_offset": hex(RAM),
            "ttbr1": hex(self.root), "ttbcr": hex(self.ttbcr), "mair0": "0x4404ff", "mair1": "0x0",
            "sctlr": hex(self.sctlr),
            "regions": [self.region("lowmem", self.start, 32 * MIB, "direct"),
                        self.region("vmalloc", 0xef200000, 0xfe200000 - 0xef200000, "vmalloc"),
                        self.region("bigwin", 0xfe200000, 18 * MIB, "temporary"),
                        self.region("pkmap", 0xff400000, BLOCK, "permanent"),
                        self.region("fixmap", 0xff600000, BLOCK, "fixed"),
                        self.region("fdt", 0xff800000, 4 * MIB, "boot"),
                        self.region("image", 0xffc00000, BLOCK, "direct")]}

    @staticmethod
    def region(name, start, size, kind):
        return {"name": name, "start": hex(start), "size": hex(size), "kind": kind}

    def table(self):
        pa, self.next_table = self.next_table, self.next_table + 4096
        self.pages[pa] = bytearray(4096)
        return pa

    def read(self, pa, size):
        if pa & ~4095 in self.nowhere:
            raise memory.BadMemory(f"{pa:#012x} is not RAM")
        page = self.pages.get(pa & ~4095, bytes(4096))
        return bytes(page[pa & 4095:(pa & 4095) + size])

    def store(self, pa, value):
        self.pages[pa & ~4095][pa & 4095:(pa & 4095) + 8] = value.to_bytes(8, "little")

    def entry(self, va, level, half=1, make=True):
        """The physical address of the entry of this level, with the tables on the way."""
        table, at = (self.root, self.root_level) if half else (self.root0, self.root0_level)
        offset = va - (self.origin if half else 0)
        while True:
            shift = lpae.LEVEL_SHIFT[at]
            where = table + 8 * (offset >> shift & 511)
            if at == level:
                return where
            value = int.from_bytes(self.read(where, 8), "little")
            if not value & 1 and make:
                value = self.table() | 3
                self.store(where, value)
            table, at = value & 0xff_ffff_f000, at + 1

    def block(self, va, pa, attributes=DATA, half=1):
        self.store(self.entry(va, 2, half), pa | attributes | 1)

    def page(self, va, pa, attributes=DATA, half=1):
        self.store(self.entry(va, 3, half), pa | attributes | 3)

    def change(self, va, level, function):
        where = self.entry(va, level, make=False)
        self.store(where, function(int.from_bytes(self.read(where, 8), "little")))

    @property
    def registers(self):
        return lpae.Registers(ttbr0=self.root0, ttbr1=self.root, ttbcr=self.ttbcr,
                              mair0=self.mair0, mair1=0, sctlr=self.sctlr)

    def walk(self):
        return lpae.walk(self.registers, self)

    def found(self):
        """The rules that this machine breaks."""
        problems = rules.judge(self.walk(), layouts.from_json(self.layout))
        return {problem.rule for problem in problems}


def kernel(split="3g", **options):
    """A clean kernel: every region in use, HighMem through windows, a device."""
    m = Machine(split, **options)
    for offset in range(0, 32 * MIB, BLOCK):
        m.block(m.start + offset, RAM + offset)
    m.page(0xffc00000, IMAGE_PA, AF | INNER | RO)                    # text
    m.page(0xffc01000, IMAGE_PA + 0x1000, DATA | RO)                 # constants
    m.page(0xffc02000, IMAGE_PA + 0x2000)                            # data
    m.page(0xff400000 + 5 * 4096, 0x3_0000_0000)                     # kmap
    m.page(0xff600000 + 4096, 0x1c090000, DEVICE)                    # the early UART
    m.page(0xef200000, 0x3_0000_5000)
    m.page(0xef201000, 0x3_0000_3000)
    m.page(0xef203000, 0x2c001000, DEVICE)
    m.block(0xfe200000, 0x3_0000_0000 + 16 * MIB)
    return m


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("wxn", [False, True])
def test_a_clean_kernel_has_no_problem(split, wxn):
    m = kernel(split, wxn=wxn)
    assert not rules.judge(m.walk(), layouts.from_json(m.layout))


@pytest.mark.parametrize("split", SPLITS)
def test_every_mapping_is_found_where_it_is(split):
    m = kernel(split)
    leaves = {leaf.va: leaf for leaf in m.walk().leaves}
    assert len(leaves) == 16 + 3 + 1 + 1 + 3 + 1
    assert leaves[m.start + 4 * MIB].pa == RAM + 4 * MIB
    assert leaves[m.start].size == BLOCK and leaves[0xffc00000].size == 4096
    assert leaves[0xffc00000].pa == IMAGE_PA and leaves[0xffc00000].rights == "r-x ---"
    assert leaves[0xffc01000].rights == "r-- ---" and leaves[0xffc02000].rights == "rw- ---"
    assert leaves[0xff601000].type_name == "device"


@pytest.mark.parametrize("split", SPLITS)
def test_one_address_resolves_to_its_descriptor(split):
    m = kernel(split)
    for leaf in m.walk().leaves:
        level, _, _, descriptor = lpae.resolve(m.registers, m, leaf.va)[-1]
        assert (level, descriptor) == (leaf.level, leaf.descriptor)
    assert not lpae.resolve(m.registers, m, m.start - 4096)
    assert lpae.resolve(m.registers, m, 0xffdff000)[-1][3] & 1 == 0


def alias_writable_text(m):
    m.page(0xff400000 + 6 * 4096, IMAGE_PA)


def alias_text_in_lowmem_block(m):
    m.page(0xffc00000, RAM + 4 * MIB + 0x3000, AF | INNER | RO)


def alias_from_user_part(m):
    m.ttbcr &= ~(1 << 7)
    m.layout["ttbcr"] = hex(m.ttbcr)
    m.page(0x10000, IMAGE_PA, DATA | USER | NG, half=0)


def user_part_kernel_exec(m):
    m.ttbcr &= ~(1 << 7)
    m.layout["ttbcr"] = hex(m.ttbcr)
    m.page(0x10000, 0x3_0001_0000, AF | INNER | USER | RO | NG, half=0)


def null_mapped(m):
    m.ttbcr &= ~(1 << 7)
    m.layout["ttbcr"] = hex(m.ttbcr)
    m.page(0, 0x3_0001_0000, DATA | USER | NG, half=0)


def last_page_mapped(m):
    m.page(0xfffff000, 0x3_0001_0000)
    m.layout["regions"].append(m.region("top", 0xffe00000, BLOCK, "temporary"))


def pkmap_a_block(m):
    m.block(0xff400000, 0x3_0000_0000)


def pkmap_not_aligned(m):
    for region in m.layout["regions"]:
        if region["name"] == "pkmap":
            region["size"] = hex(MIB)


def pkmap_table_twice(m):
    where = m.entry(0xff400000, 2)
    m.store(m.entry(0xfe400000, 2), int.from_bytes(m.read(where, 8), "little"))


def no_fixmap(m):
    m.layout["regions"] = [r for r in m.layout["regions"] if r["name"] != "fixmap"]


def fdt_page(m):
    m.page(0xff801000, RAM + 5 * MIB, DATA | RO)


def fdt_table(m):
    """Empty, but linked: what is written there later is mapped."""
    m.entry(0xffa00000, 3)


def table_nowhere(m):
    m.nowhere.add(0x70_0000_0000)
    m.store(m.entry(0xff200000, 2), 0x70_0000_0003)


def loop(m):
    m.store(m.entry(0xfe400000, 2), m.root | 3)


def vmalloc_to_the_end(m):
    m.page(0xfe1ff000, 0x3_0001_0000)


def device_next_to_memory(m):
    m.page(0xef202000, 0x2c001000, DEVICE)


def guard_region_mapped(m):
    m.layout["regions"].append(m.region("hole", m.start + 40 * MIB, BLOCK, "guard"))
    m.page(m.start + 40 * MIB + 4096, 0x3_0001_0000)


def overlapping_regions(m):
    m.layout["regions"].append(m.region("more", 0xfe000000, 16 * MIB, "temporary"))


def region_below(m):
    m.layout["regions"].append(m.region("low", m.start - BLOCK, BLOCK, "temporary"))


def wrong_ttbr1(m):
    m.layout["ttbr1"] = hex(m.root + 4096)


def lowmem_shifted(m):
    m.block(m.start + 4 * MIB, RAM + 8 * MIB)


def reserved_type(byte):
    def violate(m):
        m.mair0 |= byte << 24
        m.layout["mair0"] = hex(m.mair0)
        m.page(0xef205000, 0x3_0001_0000, DATA | 3 << 2)
    return violate


def hint_on_one(m):
    m.page(0xef208000, 0x3_0001_0000, DATA | CONTIG)


def hint_on_a_crooked_run(m):
    for i in range(16):
        m.page(0xef210000 + i * 4096, 0x3_0001_0000 + (i ^ 1) * 4096, DATA | CONTIG)


def table_through_a_window(m):
    m.page(0xff402000, m.root & ~4095)


def ttbcr_bits(bits):
    def violate(m):
        m.ttbcr ^= bits
        m.layout["ttbcr"] = hex(m.ttbcr)
    return violate


def ttbr_bits(m):
    m.root |= 1 << 44
    m.layout["ttbr1"] = hex(m.root)


def other_sctlr(m):
    m.sctlr ^= 1 << 19


def half_empty(m):
    m.ttbcr |= 1 << 23


# What is done to a clean kernel, and the rules that must find it (all of them, and no other).
VIOLATIONS = {
    "writable and executable": (lambda m: m.page(0xffc03000, IMAGE_PA + 0x3000, AF | INNER),
                                {"wx"}),
    "text writable through a window": (alias_writable_text, {"wx", "constant"}),
    "text inside a block of lowmem": (alias_text_in_lowmem_block, {"wx", "constant"}),
    "text writable from the user part": (alias_from_user_part, {"wx", "constant"}),
    "constants writable through a window": (
        lambda m: m.page(0xff407000, IMAGE_PA + 0x1000), {"constant"}),
    "device executable by user": (
        lambda m: m.page(0xff602000, 0x1c0a0000, AF | PXN | RO | DEV << 2), {"device", "xn"}),
    "constants without PXN": (
        lambda m: m.page(0xffc01000, IMAGE_PA + 0x1000, AF | INNER | RO | XN), {"xn"}),
    "device executable by the kernel": (
        lambda m: m.page(0xff602000, 0x1c0a0000, AF | RO | DEV << 2), {"device", "exec"}),
    "kernel page open to user": (lambda m: m.page(0xff402000, 0x3_0001_0000, DATA | USER),
                                 {"user"}),
    "lowmem open to user, read-only": (
        lambda m: m.block(m.start + 4 * MIB, RAM + 4 * MIB, DATA | USER | RO), {"user"}),
    "user code without PXN": (user_part_kernel_exec, {"user"}),
    "executable window": (lambda m: m.page(0xff402000, 0x3_0001_0000, AF | INNER | RO), {"exec"}),
    "executable lowmem": (
        lambda m: m.block(m.start + 4 * MIB, RAM + 4 * MIB, AF | INNER | RO), {"exec"}),
    "two types": (lambda m: m.page(0xef205000, RAM + 4 * MIB, AF | NEVER | INNER | NC << 2),
                  {"type"}),
    "a device that is also memory": (lambda m: m.page(0xef205000, 0x1c090000), {"type"}),
    "two shareabilities": (lambda m: m.page(0xef205000, RAM + 4 * MIB, AF | NEVER | 2 << 8),
                           {"type", "share"}),
    "cacheable and not shareable": (lambda m: m.page(0xef205000, 0x3_0001_0000, AF | NEVER),
                                    {"share"}),
    "no access flag": (lambda m: m.change(0xef200000, 3, lambda e: e & ~AF), {"af"}),
    "no access flag on a block": (lambda m: m.change(m.start, 2, lambda e: e & ~AF), {"af"}),
    "reserved bit in a page": (lambda m: m.change(0xef200000, 3, lambda e: e | 1 << 45), {"arch"}),
    "reserved bit in a block": (lambda m: m.change(m.start, 2, lambda e: e | 1 << 13), {"arch"}),
    "reserved bit in a table entry": (
        lambda m: m.change(0xef200000, 2, lambda e: e | 1 << 40), {"arch"}),
    "reserved level-3 type": (lambda m: m.change(0xef201000, 3, lambda e: e & ~2), {"arch"}),
    "reserved memory type": (reserved_type(0x08), {"arch"}),
    "a memory type with an outer policy alone, write-through": (reserved_type(0x10), {"arch"}),
    "a memory type with an outer policy alone, non-cacheable": (reserved_type(0x40), {"arch"}),
    "a memory type with an outer policy alone, write-back": (reserved_type(0xf0), {"arch"}),
    "a memory type with an inner policy alone": (reserved_type(0x0f), {"arch"}),
    "a table that is nowhere": (table_nowhere, {"arch"}),
    "a page in the region of boot": (fdt_page, {"boot"}),
    "an empty table in the region of boot": (fdt_table, {"boot"}),
    "a block in the region of boot": (
        lambda m: m.block(0xff800000, 0x3_0000_0000 + 16 * MIB), {"boot"}),
    "reserved shareability": (
        lambda m: m.change(0xef203000, 3, lambda e: e | 1 << 8), {"arch"}),
    "reserved bit in TTBCR": (ttbcr_bits(1 << 20), {"arch"}),
    "reserved bit in TTBR1": (ttbr_bits, {"arch"}),
    "tables read past the caches": (ttbcr_bits(5 << 24), {"walks"}),
    "tables not shared": (ttbcr_bits(3 << 28), {"walks"}),
    "the contiguous hint on one page": (hint_on_one, {"contig"}),
    "the contiguous hint on a crooked run": (hint_on_a_crooked_run, {"contig"}),
    "a page table through a window": (table_through_a_window, {"hidden"}),
    "not global": (lambda m: m.page(0xff402000, 0x3_0001_0000, DATA | NG), {"global"}),
    "non-secure": (lambda m: m.page(0xff402000, 0x3_0001_0000, DATA | NS), {"ns"}),
    "outside every region": (lambda m: m.page(m.start + 40 * MIB, 0x3_0001_0000), {"stray"}),
    "pkmap is a block": (pkmap_a_block, {"window"}),
    "pkmap is not 2 MiB": (pkmap_not_aligned, {"window"}),
    "pkmap's table twice": (pkmap_table_twice, {"window", "table"}),
    "no fixmap": (no_fixmap, {"window", "stray"}),
    "lowmem at another distance": (lowmem_shifted, {"direct"}),
    "uncached lowmem": (
        lambda m: m.block(m.start + 4 * MIB, RAM + 4 * MIB, DATA | NC << 2), {"direct"}),
    "no guard behind vmalloc": (vmalloc_to_the_end, {"guard"}),
    "device next to memory": (device_next_to_memory, {"guard"}),
    "a mapped guard": (guard_region_mapped, {"guard"}),
    "overlapping regions": (overlapping_regions, {"layout"}),
    "a region in the user part": (region_below, {"layout"}),
    "another TTBR1": (wrong_ttbr1, {"layout"}),
    "another SCTLR": (other_sctlr, {"layout"}),
    "address 0": (null_mapped, {"null"}),
    "the last page": (last_page_mapped, {"null"}),
    "image without text": (lambda m: m.page(0xffc00000, IMAGE_PA, DATA | RO), {"image"}),
}


@pytest.mark.parametrize("name", VIOLATIONS)
@pytest.mark.parametrize("split", SPLITS)
def test_a_violation_is_found(name, split):
    violate, expected = VIOLATIONS[name]
    m = kernel(split)
    violate(m)
    assert m.found() == expected


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.__name__)
def test_no_rule_is_without_a_violation(rule):
    names = {name for _, names in VIOLATIONS.values() for name in names}
    assert rule.__doc__.split(":")[0] in names


def test_wxn_takes_the_right_to_execute():
    m = kernel(wxn=True)
    m.page(0xffc03000, IMAGE_PA + 0x3000, AF | INNER)
    assert m.found() == {"xn"}      # not executable, and yet the descriptor should say so


@pytest.mark.parametrize("t0sz, t1sz, seen", [
    (0, 3, {0xc0000000: 0, 0xdfe00000: 0, 0xe0000000: 1, 0xffe00000: 1}),
    (3, 0, {0x00000000: 0, 0x1fe00000: 0, 0x20000000: 1, 0x40000000: 1})])
def test_a_half_of_less_than_a_gib_cuts_the_others_tables(t0sz, t1sz, seen):
    """TxSZ = 0 has an entry for each GiB, the one that the halves share included (B3.6.4)."""
    m = Machine("2g")
    m.ttbcr = 1 << 31 | WALKS | t0sz | t1sz << 16
    for half, txsz in enumerate((t0sz, t1sz)):
        root = (m.root0, m.root)[half]
        for va in seen:
            if txsz:
                m.store(root + 8 * (va >> 21 & 255), RAM | half << 21 | DATA | 1)
            else:
                entry = root + 8 * (va >> 30)
                table = int.from_bytes(m.read(entry, 8), "little") & ~4095 or m.table()
                m.store(entry, table | 3)
                m.store(table + 8 * (va >> 21 & 511), RAM | half << 21 | DATA | 1)
    assert {leaf.va: leaf.half for leaf in m.walk().leaves} == seen
    for va, half in seen.items():
        assert lpae.resolve(m.registers, m, va)[-1][3] == RAM | half << 21 | DATA | 1


def test_user_data_wants_pxn_whatever_wxn_does():
    m = kernel(wxn=True)
    m.ttbcr &= ~(1 << 7)
    m.page(0x10000, 0x3_0002_0000, AF | INNER | USER | 1 << 11, half=0)
    assert "user" in m.found()


def test_the_hint_on_all_of_one_piece_is_right():
    m = kernel()
    for i in range(16):
        m.page(0xef210000 + i * 4096, 0x3_0001_0000 + i * 4096, DATA | CONTIG)
    assert not m.found()


def test_cpus_that_differ_are_all_walked():
    """A page that one CPU may write and the other execute."""
    m, other = kernel(), kernel()
    other.page(0xffc03000, IMAGE_PA + 0x3000, AF | INNER | RO)
    m.page(0xff402000, IMAGE_PA + 0x3000)
    problems = rules.judge_all([m.walk(), other.walk()], layouts.from_json(m.layout))
    assert {problem.rule for problem in problems} == {"wx", "constant"}


def test_invalid_entries_may_hold_anything():
    m = kernel()
    m.change(0xef201000, 3, lambda e: e & ~1)
    assert not m.found()
    assert 0xef201000 not in {leaf.va for leaf in m.walk().leaves}


def test_table_attributes_hold_for_everything_below():
    m = kernel()
    m.page(0xff402000, 0x3_0001_0000, AF | INNER | USER)     # writable, executable, open
    assert m.found() == {"wx", "user", "exec"}
    # NoUser, read-only, XN and PXN in the level-2 entry.
    m.change(0xff402000, 2, lambda e: e | 1 << 61 | 1 << 60 | 1 << 59)
    assert not m.found()
    m.change(0xff402000, 2, lambda e: e & ~(1 << 60 | 1 << 59) | 1 << 62)
    assert m.found() == {"exec"}


def test_a_loop_of_tables_ends():
    m = kernel()
    loop(m)
    assert "table" in m.found()


def test_the_other_tables_are_walked_though_one_is_nowhere():
    m = kernel()
    table_nowhere(m)
    m.page(0xff402000, 0x3_0001_0000, DATA | NG)
    problems = rules.judge(m.walk(), layouts.from_json(m.layout))
    assert [(p.rule, p.va) for p in problems] == [("arch", 0xff200000), ("global", 0xff402000)]
    assert "0x7000000000 is nowhere" in problems[0].text


def test_a_register_that_leads_nowhere_is_refused():
    m = kernel()
    m.nowhere.add(m.root)
    with pytest.raises(lpae.BadTables, match="TTBR1 leads nowhere"):
        m.walk()


def test_a_misaligned_root_is_found():
    m = kernel("2g")
    m.root += 8
    m.layout["ttbr1"] = hex(m.root)
    assert "arch" in m.found()


def test_without_the_kernel_half_there_is_no_pass():
    m = kernel()
    half_empty(m)
    assert {"layout", "image", "window"} <= m.found()


def test_short_descriptors_and_mmu_off_are_refused():
    m = kernel()
    m.ttbcr &= ~(1 << 31)
    with pytest.raises(lpae.BadTables):
        m.walk()
    m = kernel()
    m.sctlr = 0
    with pytest.raises(lpae.BadTables):
        m.walk()


def test_cpus_must_agree():
    m, other = kernel(), kernel()
    other.ttbcr |= 1 << 22
    off = kernel()
    off.sctlr = 0
    same = {1: m.registers, 2: m.registers, 3: off.registers}
    assert not rules.same_on_all(same)
    assert rules.same_on_all({1: m.registers, 2: other.registers})
    assert rules.same_on_all({1: off.registers})


def test_layout_comes_from_a_log_or_from_json():
    m = kernel()
    text = json.dumps(m.layout)
    log = f"Fanlight\r\n@boot {{}}\r\n@layout {text}\r\nKTAP version 1\r\n"
    assert layouts.from_text(log) == layouts.from_text(text)
    assert layouts.from_text(log).at(0xff400000).name == "pkmap"


def test_the_picture_merges_what_continues():
    m = kernel()
    layout = layouts.from_json(m.layout)
    tables = m.walk()
    runs = show.merge(tables.leaves)
    assert len(runs[0]) == 16 and len(runs) == 10
    data = show.data(tables, layout, rules.judge(tables, layout))
    assert data["ranges"][0]["size"] == 32 * MIB and not data["problems"]
    json.dumps(data)
    assert "0xc0000000-0xc1ffffff" in show.text(tables, layout, [])
