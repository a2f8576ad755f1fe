# SPDX-License-Identifier: BSD-2-Clause
"""tools/ptread on real machines: each rule about the kernel's own data finds what is planted.

A guest that has switched itself off is read through a memory file, and poked there. Owns: what is
planted. Also: dumps over the line, sound and damaged, and Debian's Linux, which no rule is fitted to.
"""

import contextlib
import json
import mmap
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import zlib

import pytest

from linux import guest as linux_guest
from linux import packages
from prompt import PROMPT, Booted
from ptread import areas, debuginfo, dump, linux, lpae, owners, reader, rsp, scene, windows
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
        yield
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


def open_bigwin(a):
    return a.level2(a.start("bigwin") + (7 << 21)), RAM + 0x8000000 | DATA & ~2, 8


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
    "bigwin: open for a CPU that is not there": open_bigwin,
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
    rule = name.split(":")[0]
    with asleep.poked(*PLANTED[name](asleep)):
        found = asleep.look()
    assert rule in {problem.rule for problem in found.problems}
    after = asleep.look()
    assert not after.problems and not after.unjudged


@pytest.mark.parametrize("rule", owners.RULES, ids=owners.name)
def test_no_rule_is_without_something_planted(rule):
    assert owners.name(rule) in {name.split(":")[0] for name in PLANTED}


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


# -- over the line -----------------------------------------------------------------------------


@pytest.fixture(scope="module", name="said")
def fixture_said():
    """A session's log with a dump in it, and the same tables read from outside."""
    with Booted(memory="4G") as m, tempfile.TemporaryDirectory(prefix="verify.") as folder:
        lines = m.ask("tables")
        text = m.booted + "fanlight> tables\r\n" + "\r\n".join(lines) + "\r\n"
        qmp = m.guest.qmp.command
        qmp("stop")
        qmp("human-monitor-command",
            **{"command-line": f"gdbserver unix:{folder}/gdb,server=on,wait=off"})
        outside, _ = reader.inspect(qmp, f"{folder}/gdb", layouts.from_text(text))
        qmp("cont")
    return text, outside


def test_a_dump_is_what_the_tables_hold(said):
    text, outside = said
    found = reader.look(dump.source(text), layouts.from_text(text))
    assert not found.problems and len(found.cpus) == 4
    assert [(leaf.va, leaf.descriptor) for leaf in found.tables.leaves] \
        == [(leaf.va, leaf.descriptor) for leaf in outside.leaves]
    assert set(found.tables.tables) == set(outside.tables)


def first_table(change):
    return lambda text: re.sub(r'(?m)^(@pt \{"table":"0x..)(.)', change, text, count=1)


DAMAGED = {
    "no dump": (lambda t: t.replace("@pt ", "@qt "), "type `tables`"),
    "cut off": (lambda t: t[:t.rindex("@pt ")], "the dump is cut off"),
    "its beginning is lost": (lambda t: re.sub(r'@pt \{"v".*\r\n', "", t), "first line is missing"),
    "a line is lost": (lambda t: re.sub(r'(?m)^@pt \{"table".*\r\n', "", t, count=1),
                       "lines were sent"),
    "a line twice": (lambda t: re.sub(r'(?m)^(@pt \{"table".*\r\n)', r"\1\1", t, count=1),
                     "lines were sent"),
    "a digit is wrong": (lambda t: re.sub(r'("level":3,"entries":"\d)', r"\g<1>1", t, count=1),
                         "the dump is damaged"),
    "torn": (lambda t: re.sub(r'(?m)(^@pt \{"table".*)"\}\r', r"\1\r", t, count=1), "damaged"),
    "another version": (lambda t: resummed(t.replace('@pt {"v":1,', '@pt {"v":2,')),
                        "version 2 is not known"),
    "a table is not there": (lambda t: resummed(re.sub(
        r'(?m)^@pt \{"table":"0x\w+","level":3.*\r\n', "", t, count=1)), "is not in the dump"),
    "a run leaves its table": (lambda t: resummed(re.sub(
        r'"level":3,"entries":"\w+:\w+', '"level":3,"entries":"1ff:2', t, count=1)),
        "leaves the table"),
    "a CPU is missing": (lambda t: resummed(re.sub(r'(?m)^@pt \{"cpu":2.*\r\n', "", t)),
                         "were announced"),
    "CPUs that are no number": (lambda t: resummed(re.sub(r'"cpus":"\w+"', '"cpus":null', t)), "TypeError"),
    "nested too deep": (lambda t: resummed(re.sub(
        r'(?m)^@pt \{"table":', lambda _: '@pt {"table":' + "[" * 5000, t, count=1)), "nested too deep"),
}


def resummed(text):
    """The same with a closing line that fits: what only a wrong printer would send."""
    lines = [line.rstrip("\r") for line in text.split("\n") if line.startswith("@pt ")][:-1]
    crc = zlib.crc32("".join(line + "\n" for line in lines).encode())
    return re.sub(r'@pt \{"lines".*\}', f'@pt {{"lines":{len(lines)},"crc32":"{crc:08x}"}}', text)


@pytest.mark.parametrize("spoil, named", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_dump_is_refused_by_name(said, spoil, named, tmp_path):
    log = tmp_path / "log"
    log.write_bytes(spoil(said[0]).encode("latin-1"))
    assert log.read_text() != said[0]
    done = subprocess.run([*READER, "--dump", log], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and done.stdout == "" and "Traceback" not in done.stderr
    assert named in done.stderr, done.stderr


def test_a_dump_of_broken_tables_is_judged(said, tmp_path):
    """Text that is writable (AP[2] is gone), so by SCTLR.WXN not executable; the sum is made to fit."""
    log = tmp_path / "log"
    log.write_bytes(resummed(re.sub(r"(:\w*)783\b", r"\g<1>703", said[0])).encode("latin-1"))
    done = subprocess.run([*READER, "--dump", log, "--json"], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 1
    assert {"xn", "image"} <= {problem["rule"] for problem in json.loads(done.stdout)["problems"]}


# -- Linux -------------------------------------------------------------------------------------


# What the rules find in Debian's kernel, and why Linux has it so.
LINUX_HAS = {
    ("user", 0xffff0000): "the vectors' page, which holds the kernel's helpers for user programs"
                          " (Documentation/arm/kernel_user_helpers.rst): they may read and run it",
    ("wx", 0xffff0000): "its page is lowmem, and the direct mapping is writable",
    ("wx", 0xffff1000): "the vectors' second page, for the kernel alone, likewise",
}


@pytest.fixture(scope="module", name="beside")
def fixture_beside(tmp_path_factory):
    """(a stopped Linux, where its stub listens)"""
    work = tmp_path_factory.mktemp("linux")
    try:
        with linux_guest.booted(BUILDS.root, work / "qemu.err") as one, \
                tempfile.TemporaryDirectory(prefix="verify.") as folder:
            one.until(r"^INIT_STAYS")
            qmp = one.guest.qmp.command
            qmp("stop")
            qmp("human-monitor-command",
                **{"command-line": f"gdbserver unix:{folder}/gdb,server=on,wait=off"})
            yield qmp, f"{folder}/gdb"
    except packages.Unavailable as why:
        pytest.skip(str(why))


def test_debians_linux_is_read_and_judged(beside):
    found = reader.look(reader.stopped(*beside), linux.LAYOUT, None, linux.RULES)
    assert {(problem.rule, problem.va) for problem in found.problems} == set(LINUX_HAS)
    leaves = found.tables.leaves
    user = [leaf for leaf in leaves if leaf.half == 0 and leaf.va < linux.MODULES_VADDR]
    assert [leaf for leaf in user if leaf.user_exec and not leaf.kernel_exec], "init's text"
    assert len([leaf for leaf in leaves if leaf.half == 1]) > 500
    assert any(leaf.level == 2 and leaf.kernel_exec for leaf in leaves), "Linux's text, by blocks"


# Bits of the entry that maps the last 2 MiB of its lowmem, and the rule that must see them changed.
LINUX_SPOILT = {1 << 54: "wx", 1 << 10: "af", 1 << 45: "arch", 3 << 8: "share",
                1 << 5: "ns", 1 << 52: "contig", 1 << 6: "user"}


@pytest.mark.parametrize("bits", LINUX_SPOILT, ids=LINUX_SPOILT.values())
def test_what_is_spoilt_in_linux_is_found(beside, bits):
    qmp, gdb = beside
    source = reader.stopped(qmp, gdb)
    steps = lpae.resolve(source.cpus[0].registers, source.memory, linux.PAGE_OFFSET + (640 << 20))
    level, table, index, entry = steps[-1]
    assert level == 2 and entry & 3 == 1

    def write(value):
        with rsp.Stub(gdb) as stub:     # it talks to one at a time
            assert stub.ask("Qqemu.PhyMemMode:1") == "OK"
            data = value.to_bytes(8, "little").hex()
            assert stub.ask(f"M{table + 8 * index:x},8:{data}") == "OK"
            stub.ask("Qqemu.PhyMemMode:0")
    write(entry ^ bits)
    try:
        found = reader.look(reader.stopped(qmp, gdb), linux.LAYOUT, None, linux.RULES)
    finally:
        write(entry)
    assert LINUX_SPOILT[bits] in {p.rule for p in found.problems
                                  if (p.rule, p.va) not in LINUX_HAS}
