# SPDX-License-Identifier: BSD-2-Clause
"""tools/ptread on a real machine: each rule about the kernel's own data finds what is planted.

A guest that has switched itself off is read through a memory file, and poked there. Owns: what is
planted, in its RAM and in the ELF.
"""

import contextlib
import io
import json
import mmap
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import time

import pytest
from elftools.elf import elffile

from prompt import PROMPT
from ptread import areas, debuginfo, image, lpae, owners, reader, rsp, scene, trouble, windows
from ptread import layout as layouts
from ptread.kernel import Kernel
from ptread.memory import BadMemory, MemoryFile
from runner.prepare import Builds, qemu_args
from runner.qemu import Guest
from runner.table import ROOT, Run

BUILDS = Builds(pathlib.Path(os.environ.get("FANLIGHT_BUILD", "build")).resolve())
RAM, RAM_BYTES = 0x80000000, 256 << 20
PAGE = 4096
DATA = 0x60000000000703     # a page: write-back, inner shareable, AF, XN, PXN (ARM DDI 0406C, B3.6)
READER = [sys.executable, ROOT / "tools" / "ptread"]


class Asleep:
    """A guest that has ended, its RAM as a file, and what it holds."""

    def __init__(self, ram, work, log):
        self.ram, self.gdb, self.log = ram, f"{work}/gdb", log
        self.layout = layouts.from_text(log)
        self.info = debuginfo.DebugInfo(BUILDS.elf("release"))
        with rsp.Stub(self.gdb) as stub:
            self.cpus = rsp.cpus(stub)
        with open(ram, "r+b") as stream:
            self.bytes = mmap.mmap(stream.fileno(), RAM_BYTES)
        memory = MemoryFile(ram, RAM)
        self.tables = lpae.walk(self.cpus[0].registers, memory)
        self.kernel = Kernel(self.info, memory, self.tables)
        self.running = scene.running_threads(self.kernel, [cpu.thread for cpu in self.cpus])

    def look(self):
        source = reader.Source(self.cpus, MemoryFile(self.ram, RAM))
        return reader.look(source, self.layout, self.info)

    @contextlib.contextmanager
    def poked(self, pa, value, size=8):
        """Another value at a physical address, for a while."""
        at = pa - RAM
        was = self.bytes[at:at + size]
        data = value.to_bytes(size, "little")
        assert data != was
        self.bytes[at:at + size] = data
        try:
            yield
        finally:
            self.bytes[at:at + size] = was

    # -- where things are, by the kernel's own names -------------------------------------

    def entry(self, va):
        """The physical address of the level-3 entry for va."""
        level, table, index, _ = lpae.resolve(self.cpus[0].registers, self.kernel_memory(), va)[-1]
        assert level == 3, f"{va:#x} has no level-3 table"
        return table + 8 * index

    def level2(self, va):
        """The physical address of the level-2 entry for va."""
        for level, table, index, _ in lpae.resolve(self.cpus[0].registers, self.kernel_memory(), va):
            if level == 2:
                return table + 8 * index
        raise AssertionError("no level 2")

    def kernel_memory(self):
        return MemoryFile(self.ram, RAM)

    def member(self, view, name):
        return self.kernel.pa(view.where(name))

    def start(self, region):
        return self.layout.find(region).start

    def area(self):
        """An area of two pages or more."""
        vm = self.kernel.variable(areas.VM, "vm")
        names = self.info.enum(areas.VM, "va_state")
        return next(a for a in areas.segments(self.kernel, vm)
                    if a.state == names["VA_ALLOCATED"] and a.size > 2)

    def idle_thread(self):
        """One that no CPU runs, or the last."""
        running = {t.va for t in self.running.values()}
        found = [t for t in scene.threads(self.kernel) if t.va not in running]
        assert found, "all threads are running"
        return found[0]

    def stacked(self):
        """A thread whose stack is an area, and not the region's first."""
        return next(t for t in scene.threads(self.kernel)
                    if self.start("vmalloc") < t.core.stack_start < self.start("bigwin"))


@pytest.fixture(scope="module", name="asleep")
def fixture_asleep():
    run = Run(name="verifier", board="vexpress-a15", memory="256M",
              bootargs="selftest=highmem.*,vmalloc.* panic=poweroff")
    with tempfile.TemporaryDirectory(prefix="verify.") as folder:
        work = pathlib.Path(folder)
        ram = work / "ram"
        args = [*qemu_args(run, BUILDS, work), "-no-shutdown",
                "-object", f"memory-backend-file,id=file,size={RAM_BYTES},mem-path={ram},share=on",
                "-machine", "memory-backend=file", "-gdb", f"unix:{work}/gdb,server=on,wait=off"]
        with Guest(args, work / "errors") as guest:
            guest.start()
            said, heard = b"", time.monotonic()
            while (data := guest.read(0.5)) is not None:
                said, heard = said + data, time.monotonic() if data else heard
                assert time.monotonic() - heard < 120, said[-2000:]
            assert guest.ended().name == "POWEROFF", said[-2000:]
            yield Asleep(ram, work, said.decode("latin-1"))


# What is planted: (physical address, value, size).
def window_without_page(a):
    pkmap = a.kernel.variable(windows.PKMAP, "pkmap")
    kind = a.info.struct(windows.PKMAP, "pkmap_slot")
    free = next(n for n, (count, _) in windows.pkmap_slots(a.kernel, pkmap, 512) if count == 0)
    return a.kernel.pa(pkmap.slots + free * kind.size + kind.members["count"][0]), 2, 4


def entry_without_window(a):
    pkmap = a.kernel.variable(windows.PKMAP, "pkmap")
    free = next(n for n, (count, _) in windows.pkmap_slots(a.kernel, pkmap, 512) if count == 0)
    return a.entry(a.start("pkmap") + (free - 1) * PAGE), RAM + 0x8000000 | DATA, 8


def other_table(a):
    pkmap = a.kernel.variable(windows.PKMAP, "pkmap")
    return a.member(pkmap, "table"), pkmap.table + 8, 4


def fixmap_entry(slot):
    def plant(a):
        return a.entry(a.start("fixmap") + slot(a) * PAGE), RAM + 0x8000000 | DATA, 8
    return plant


def names(a):
    return a.info.enum(windows.HIGHMEM, "fixmap_slot")


def last_slot_of_a_cpu(a):
    cpus = len(a.kernel.variable("mm/bigwin.c", "tables"))
    begin, end = names(a)["FIX_KMAP_BEGIN"], names(a)["FIX_KMAP_END"]
    return begin + (end - begin) // cpus - 1


def saved_nonsense(a):
    thread = a.idle_thread()
    at = a.member(thread.core, "kmap_saved")
    a.bytes[at - RAM:at - RAM + 8] = (0xfff0000000003).to_bytes(8, "little")
    return a.member(thread.core, "kmap_depth"), 1, 4


NOWHERE = 0x70_0000_0000


def open_bigwin(cpu, entry):
    def plant(a):
        return a.level2(a.start("bigwin") + (cpu << 21)), entry(a), 8
    return plant


def block(_):
    return RAM + 0x8000000 | DATA & ~2


def another_cpus_table(a):
    return a.kernel.pa(a.kernel.variable("mm/bigwin.c", "tables")[0]) | 3


def free_page(a):
    """The physical address of a page that the allocator has, from the top: none of lowmem."""
    pfn = next(pfn for pfn in range((RAM + RAM_BYTES) // PAGE - 1, 0, -1) if a.kernel.pages.is_free(pfn))
    assert pfn * PAGE - RAM >= a.layout.find("lowmem").size
    return pfn * PAGE


def free_in_a_window(va):
    def plant(a):
        return a.entry(va(a)), free_page(a) | DATA, 8
    return plant


def area_shows_a_free_page(a):
    return a.entry(a.area().start * PAGE), free_page(a) | DATA, 8


def constants(a):
    return range(a.info.symbol("__rodata_start"), a.info.symbol("__rodata_end"), PAGE)


def entry_of(a, va):
    at = a.entry(va) - RAM
    return int.from_bytes(a.bytes[at:at + 8], "little")


def constant_writable(a):
    va = constants(a)[3]
    return a.entry(va), entry_of(a, va) & ~(1 << 7), 8


def late_page_unreserved(a):
    va = a.info.symbol("__late_text_end")
    page = a.kernel.pages.page(a.kernel.pa(va) // PAGE)
    states = a.info.enum("mm/pkmap.c", "page_state")
    return a.member(page, "flags"), page.flags - states["PAGE_RESERVED"] + states["PAGE_ALLOCATED"], 4


def fdt_link_forgotten(a):
    """What mm/fdtmap.c linked: the lower page of the boot stack."""
    return a.level2(a.start("fdt")), a.kernel.pa(a.info.symbol("boot_stack")) | 3, 8


def lists_end(a):
    return a.member(a.kernel.variable(scene.THREAD, "all_threads"), "next")


def list_without_end(a):
    """The first thread is its own next."""
    first = a.kernel.variable(scene.THREAD, "all_threads").next
    return a.kernel.pa(first), first, 4


def lazy_without_end(a):
    """A list of lazy areas that has one, and it again."""
    area, vm = a.area(), a.kernel.variable(areas.VM, "vm")
    return [(a.member(area, "peer"), area.va, 4), (a.member(vm, "lazy"), area.va, 4)]


def stack_of_a_gigabyte(a):
    core = a.stacked().core
    return a.member(core, "stack_end"), core.stack_start + (1 << 30) & 0xffffffff, 4


def guard_mapped(a):
    area = a.area()
    return a.entry((area.start + area.size - 1) * PAGE), RAM + 0x8000000 | DATA, 8


def area_freed(a):
    area, states = a.area(), a.info.enum(areas.VM, "va_state")
    return a.member(area, "state"), states["VA_CACHED"], 1


def stack_page_missing(a):
    return a.entry(a.stacked().core.stack_start), 0, 8


def below_a_stack(a):
    return a.entry(a.stacked().core.stack_start - PAGE), RAM + 0x8000000 | DATA, 8


def table_held_twice(a):
    known = areas.known_tables(scene.Scene(a.kernel, a.tables, a.layout, {}))
    roots = {half.root for half in a.tables.halves}
    for pa in a.tables.tables:
        page = a.kernel.pages.page(pa // PAGE)
        if pa not in known and pa not in roots and a.kernel.pages.state_is(page, "PAGE_ALLOCATED"):
            return a.member(page, "refcount"), 2, 4
    raise AssertionError("no table was allocated")


def owner_elsewhere(a):
    return a.member(a.area(), "owner"), a.area().owner + 8, 4


def area_unlinked(a):
    return a.level2(a.start("vmalloc")), 0, 8  # entries it has for sure: of stacks


def lowmem_longer(a):
    mm = a.kernel.pages.mm
    return a.member(mm, "lowmem_end"), mm.lowmem_end + PAGE, 4


PLANTED = {
    "kmap: a window without an entry": window_without_page,
    "kmap: an entry without a window": entry_without_window,
    "kmap: another table than the MMU's": other_table,
    "slot: live, above the thread's depth": fixmap_entry(lambda a: names(a)["FIX_KMAP_BEGIN"] + 3),
    "saved: a descriptor that is none": saved_nonsense,
    "fixed: a guard's slot": fixmap_entry(lambda a: names(a)["FIX_UART_GUARD"]),
    "fixed: a slot behind the last": fixmap_entry(lambda a: names(a)["FIX_SLOTS"] + 1),
    "apart: the slot between two CPUs'": fixmap_entry(last_slot_of_a_cpu),
    "bigwin: open for a CPU that is not there": open_bigwin(7, block),
    "bigwin: open, and the CPU may switch threads": open_bigwin(0, block),
    "bigwin: open, and the CPU idles": open_bigwin(1, block),
    "bigwin: the one for copying": open_bigwin(8, block),
    "bigwin: the one for copying, by a table": open_bigwin(8, another_cpus_table),
    "bigwin: another CPU's table": open_bigwin(1, another_cpus_table),
    **{f"arch: bigwin {cpu} leads nowhere": open_bigwin(cpu, lambda a: NOWHERE | 3) for cpu in range(9)},
    "free: in a named slot of the fixmap": free_in_a_window(
        lambda a: a.start("fixmap") + names(a)["FIX_STORY"] * PAGE),
    "free: behind the image's end": free_in_a_window(lambda a: 0xffdff000),
    "free: in an area": area_shows_a_free_page,
    "image: a page behind its end": free_in_a_window(lambda a: 0xffdff000),
    "image: one page of constants writable": constant_writable,
    "image: a page of the late part that is not reserved": late_page_unreserved,
    "boot: a link that was forgotten": fdt_link_forgotten,
    "owned: the boot stack as a table": fdt_link_forgotten,
    "saved: a list of threads without an end": list_without_end,
    "area: a list of lazy areas without an end": lazy_without_end,
    "stack: one of a gigabyte": stack_of_a_gigabyte,
    "area: a mapped guard": guard_mapped,
    "area: mapped, but free": area_freed,
    "stack: a page is missing": stack_page_missing,
    "stack: no guard below": below_a_stack,
    "owned: a table with two holders": table_held_twice,
    "link: an area that remembers another entry": owner_elsewhere,
    "orphan: a table that lost its link": area_unlinked,
    "extent: another end of lowmem": lowmem_longer,
}


@pytest.mark.parametrize("name", PLANTED)
def test_what_is_planted_is_found(asleep, name):
    rule, planted = name.split(":")[0], PLANTED[name](asleep)
    with contextlib.ExitStack() as stack:
        for one in planted if isinstance(planted, list) else [planted]:
            stack.enter_context(asleep.poked(*one))
        started = time.monotonic()
        found = asleep.look()
        assert time.monotonic() - started < 60, "it takes too long"
    assert rule in {problem.rule for problem in found.problems}
    after = asleep.look()
    assert not after.problems and not after.unjudged


def rights_of(prefix):
    """The image's pages that are mapped with these rights, but for the first."""
    def chosen(a):
        return [leaf.va for leaf in a.tables.leaves
                if leaf.va >= a.start("image") and leaf.rights.startswith(prefix)][1:]
    return chosen


IMAGE_SPOILT = {
    "all constants but one page writable": (rights_of("r--"), lambda a, va: entry_of(a, va) & ~(1 << 7)),
    "all text but one page not executable": (rights_of("r-x"), lambda a, va: entry_of(a, va) | 3 << 53),
    "all data but one page constant": (rights_of("rw-"), lambda a, va: entry_of(a, va) | 1 << 7),
    "a page of text empty": (lambda a: [a.start("image") + 2 * PAGE], lambda a, va: 0),
    "two pages of constants swapped": (
        lambda a: list(constants(a)[2:4]),
        lambda a, va: entry_of(a, constants(a)[3 if va == constants(a)[2] else 2])),
    "two pages of late text the same": (
        lambda a: [a.info.symbol("__late_start") + PAGE],
        lambda a, va: entry_of(a, va - PAGE)),
}


@pytest.mark.parametrize("pages, value", IMAGE_SPOILT.values(), ids=IMAGE_SPOILT)
def test_each_page_of_the_image_that_is_spoilt_is_named(asleep, pages, value):
    planted = [(asleep.entry(va), value(asleep, va)) for va in pages(asleep)]
    assert planted
    with contextlib.ExitStack() as stack:
        for one in planted:
            stack.enter_context(asleep.poked(*one))
        found = asleep.look()
    assert {p.va for p in found.problems if p.rule == "image"} == set(pages(asleep))


def test_a_list_that_leads_below_every_address_has_a_name(asleep):
    """0xc0000000 less the offset of the link, and from there on."""
    with asleep.poked(lists_end(asleep), 0xc0000000, 4):
        found = asleep.look()
    texts = [problem.text for problem in found.problems]
    assert any("is not mapped" in text for text in texts)
    assert not any(re.search(r"(^|[^0-9a-f])-0x", text) for text in texts), texts


def test_problems_of_other_tables_are_told_though_one_is_nowhere(asleep, tmp_path):
    """By the command line, without the ELF."""
    log = tmp_path / "log"
    log.write_bytes(asleep.log.encode("latin-1"))
    with asleep.poked(*open_bigwin(8, lambda a: NOWHERE | 3)(asleep)), \
            asleep.poked(*fdt_link_forgotten(asleep)):
        done = subprocess.run([*READER, "--memory", f"{asleep.ram}@{RAM:#x}", "--gdb-socket", asleep.gdb,
                               "--layout", log, "--json"], capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert [("arch", "0xff200000"), ("boot", "0xff800000")] == \
        [(p["rule"], p["va"]) for p in json.loads(done.stdout)["problems"]]


# -- the ELF -----------------------------------------------------------------------------------


def spoil_sections(data, rng, names):
    """A few bytes changed in some of these sections, or in the file's header."""
    elf = elffile.ELFFile(io.BytesIO(data))
    spoilt = bytearray(data)
    for name in rng.sample(names, rng.randrange(1, 4)):
        section = elf.get_section_by_name(name) if name else None
        start, size = (section["sh_offset"], section["sh_size"]) if name else (0, 64)
        for _ in range(rng.choice((1, 30, 3000))):
            spoilt[start + rng.randrange(size)] = rng.randrange(256)
    return bytes(spoilt)


SECTIONS = ["", ".debug_info", ".debug_abbrev", ".debug_str", ".symtab", ".strtab", ".shstrtab",
            ".note.gnu.build-id"]


@pytest.mark.parametrize("seed", range(10))
def test_whatever_the_elf_holds_ends_in_problems_or_a_named_error(asleep, seed, tmp_path):
    """The DWARF's or the symbols' bytes changed, or the end missing. The same each time."""
    rng, data = random.Random(seed), BUILDS.elf("release").read_bytes()
    data = data[:rng.randrange(len(data))] if seed % 4 == 0 else spoil_sections(data, rng, SECTIONS)
    elf = tmp_path / "elf"
    elf.write_bytes(data)
    started = time.monotonic()
    try:
        source = reader.Source(asleep.cpus, MemoryFile(asleep.ram, RAM))
        reader.look(source, asleep.layout, debuginfo.DebugInfo(elf))
    except trouble.Trouble as error:
        assert str(error)
    assert time.monotonic() - started < 120


def noise_in_dwarf(data):
    section = elffile.ELFFile(io.BytesIO(data)).get_section_by_name(".debug_info")
    start, size = section["sh_offset"], section["sh_size"]
    return data[:start] + random.Random(1).randbytes(size) + data[start + size:]


ELFS = {
    "cut off": lambda data: data[:1500000],
    "noise in its DWARF": noise_in_dwarf,
    "noise": lambda data: random.Random(1).randbytes(len(data)),
    "empty": lambda data: b"",
    "the start of one": lambda data: data[:52],
}


@pytest.mark.parametrize("spoil", ELFS.values(), ids=ELFS)
def test_a_damaged_elf_is_refused_by_name(asleep, spoil, tmp_path):
    log, elf = tmp_path / "log", tmp_path / "elf"
    log.write_bytes(asleep.log.encode("latin-1"))
    elf.write_bytes(spoil(BUILDS.elf("release").read_bytes()))
    done = subprocess.run([*READER, "--memory", f"{asleep.ram}@{RAM:#x}", "--gdb-socket", asleep.gdb,
                           "--layout", log, "--elf", elf], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and done.stdout == "" and "Traceback" not in done.stderr, done.stderr
    assert done.stderr.startswith(f"ptread: {elf}: "), done.stderr


def test_a_rule_that_stumbles_is_no_clean_look_and_no_traceback(asleep, monkeypatch):
    """Whatever Python calls it."""
    def stumbles(_scene):
        """bigwin: does not."""
        raise IndexError(8)
        yield
    monkeypatch.setattr(owners, "RULES", (stumbles,))
    with pytest.raises(debuginfo.DebugError, match="not of the kind"):
        asleep.look()


@pytest.mark.parametrize("rule", owners.RULES, ids=owners.name)
def test_no_rule_is_without_something_planted(rule):
    assert owners.name(rule) in {name.split(":")[0] for name in PLANTED}


def test_the_kernels_banks_are_the_machines(asleep):
    """Their sizes are bit-fields."""
    assert image.banks(asleep.kernel) == [(RAM, RAM + RAM_BYTES)]


def test_the_command_line_reads_a_memory_file(asleep, tmp_path):
    log = tmp_path / "log"
    log.write_text(asleep.log)
    command = [*READER, "--memory", f"{asleep.ram}@{RAM:#x}", "--gdb-socket", asleep.gdb,
               "--layout", log, "--elf", BUILDS.elf("release"), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    told = json.loads(done.stdout)
    assert (done.returncode, told["problems"], told["not_judged"]) == (0, [], []), done.stderr
    assert set(told["cpus"].values()) == {"walked"} and len(told["cpus"]) == 4
    with asleep.poked(*guard_mapped(asleep)):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "area" in {problem["rule"] for problem in json.loads(done.stdout)["problems"]}


def test_a_running_guest_is_read_by_its_memory_file(tmp_path):
    """The stub stops it, and says so before it answers."""
    run = Run(name="verifier-running", board="vexpress-a15", memory="256M", bootargs="monitor")
    ram, log = tmp_path / "ram", tmp_path / "log"
    args = [*qemu_args(run, BUILDS, tmp_path),
            "-object", f"memory-backend-file,id=file,size={RAM_BYTES},mem-path={ram},share=on",
            "-machine", "memory-backend=file", "-gdb", f"unix:{tmp_path}/gdb,server=on,wait=off"]
    with Guest(args, tmp_path / "errors") as guest:
        guest.start()
        guest.serial.timeout = 60
        guest.serial.expect_exact(PROMPT)
        log.write_text(guest.serial.before.decode("latin-1"))
        done = subprocess.run([*READER, "--memory", f"{ram}@{RAM:#x}", "--gdb-socket",
                               tmp_path / "gdb", "--layout", log, "--elf", BUILDS.elf("release"),
                               "--json"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["problems"] == [] and set(told["cpus"].values()) == {"walked"}


def test_another_kernels_elf_is_refused(asleep, tmp_path):
    log = tmp_path / "log"
    log.write_text(re.sub('"build":"....', '"build":"0000', asleep.log))
    done = subprocess.run([*READER, "--memory", f"{asleep.ram}@{RAM:#x}", "--gdb-socket",
                           asleep.gdb, "--layout", log, "--elf", BUILDS.elf("release")],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "is build" in done.stderr and "runs" in done.stderr


def test_what_lies_outside_the_file_is_refused(asleep):
    memory = MemoryFile(asleep.ram, RAM + PAGE)
    with pytest.raises(BadMemory, match="outside the memory file"):
        memory.read(RAM, 8)
