# SPDX-License-Identifier: BSD-2-Clause
"""GDB commands for Fanlight; `make gdb` loads this file into gdb-multiarch.

    fl-boot [BUILD [BOARD [ARG]…]]
                          starts QEMU with an image and boot arguments, stopped at its first
                          instruction, and connects: what `make gdb` does; its serial log is
                          BUILD/gdb-serial.log
    fl-connect [TARGET]   connects to QEMU's stub (default: localhost:1234) and loads the symbols
    fl-walk ADDRESS       walks the page tables for one virtual address, every level decoded
    fl-layout [LOG]       the whole address space as tools/ptread shows it; LOG is the serial log
                          with the @layout line, which names the regions

For fl-connect QEMU must wait for a debugger: `-s -S` added to its arguments, which each run leaves
in build/results/RUN/qemu.sh. Before the MMU is on the code runs at its load address, so symbols only
fit from there on: `hbreak kernel_main`, then `continue`.

GDB's own memory commands cut addresses to 32 bits here: `x/gx 0x240000000` reads 0x40000000, and
virtual ones only work where the stopped CPU could read. These commands read physical memory by
QEMU's `monitor xp`, so they see tables and pages above 4 GiB.
"""

import os
import pathlib
import re
import shlex
import sys
import tomllib

import gdb

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools"))

from ptread import layout as layouts  # noqa: E402
from ptread import lpae, rules, show  # noqa: E402


class Memory:
    """Physical memory by QEMU's monitor; pages are kept for one command."""

    def __init__(self):
        self._pages = {}

    def read(self, pa, size):
        data = b""
        while size:
            page, offset = pa & ~4095, pa & 4095
            part = self._page(page)[offset:offset + size]
            data, pa, size = data + part, pa + len(part), size - len(part)
        return data

    def _page(self, pa):
        if pa not in self._pages:
            text = gdb.execute(f"monitor xp /512gx {pa:#x}", to_string=True)
            words = re.findall(r"0x([0-9a-f]{16})", text)
            if len(words) != 512:
                raise gdb.GdbError(f"QEMU's monitor can't read {pa:#x}: {text.strip()[:80]}")
            self._pages[pa] = b"".join(int(w, 16).to_bytes(8, "little") for w in words)
        return self._pages[pa]


def register(name):
    """The register's value, or None when the target has none of this name."""
    value = gdb.parse_and_eval(f"${name}")
    if value.type.code == gdb.TYPE_CODE_VOID:
        return None
    return int(value) & (1 << 8 * value.type.sizeof) - 1


def registers():
    """The current CPU's translation registers, of the world it is in."""
    secure = register("TTBR1_S") is not None and not (register("SCR") or 0) & 1

    def banked(name):
        value = register(f"{name}_S") if secure else None
        value = register(name) if value is None else value
        if value is None:
            raise gdb.GdbError(f"no register {name}: connect first (fl-connect)")
        return value
    return lpae.Registers(ttbr0=banked("TTBR0"), ttbr1=banked("TTBR1"), ttbcr=banked("TTBCR"),
                          mair0=banked("MAIR0"), mair1=banked("MAIR1"), sctlr=banked("SCTLR"))


class Command(gdb.Command):
    """A command named by its class attribute; errors of the tables become messages."""

    name = ""

    def __init__(self):
        super().__init__(self.name, gdb.COMMAND_USER)

    def invoke(self, argument, from_tty):
        try:
            self.run(gdb.string_to_argv(argument))
        except (lpae.BadTables, OSError, ValueError) as error:
            raise gdb.GdbError(str(error)) from error


class Boot(Command):
    """fl-boot [BUILD [BOARD [ARG]…]]: QEMU as a child of GDB, stopped before the first instruction;
    ARGs are the kernel's boot arguments."""

    name = "fl-boot"

    def run(self, argv):
        words = argv[:2] + ["build", "vexpress-a15"][len(argv):]
        bootargs = " ".join(["panic=halt", *argv[2:]])
        build, name = ROOT / words[0], words[1]
        with open(ROOT / "boards" / name / "board.toml", "rb") as f:
            board = tomllib.load(f)
        args = [board["binary"], "-M", board["machine"], "-cpu", board["cpu"], "-m", board["memory"],
                "-smp", str(board["smp"]), *board.get("args", []), "-display", "none",
                "-monitor", "none", "-serial", f"file:{build / 'gdb-serial.log'}",
                "-kernel", str(build / "fanlight.zImage"), "-append", bootargs,
                "-S", "-gdb", "stdio"]
        if board["dtb"] == "own":
            args += ["-dtb", str(build / f"{name}.dtb")]
        os.environ["QEMU_AUDIO_DRV"] = "none"
        gdb.execute(f"file {build / 'fanlight'}")
        gdb.execute("target remote | exec " + shlex.join(args))
        print("stopped at the first instruction; symbols fit from kernel_main on:\n"
              "    hbreak kernel_main\n    continue")


class Connect(Command):
    """fl-connect [TARGET]: connect to QEMU's gdb stub (default: localhost:1234)."""

    name = "fl-connect"

    def run(self, argv):
        if not gdb.current_progspace().filename:
            build = os.environ.get("FANLIGHT_BUILD", str(ROOT / "build"))
            gdb.execute(f"file {build}/fanlight")
        gdb.execute(f"target remote {argv[0] if argv else 'localhost:1234'}")


class Walk(Command):
    """fl-walk ADDRESS: walk the page tables for one virtual address."""

    name = "fl-walk"

    def run(self, argv):
        if len(argv) != 1:
            raise gdb.GdbError("fl-walk ADDRESS")
        va = int(gdb.parse_and_eval(argv[0])) & 0xffffffff
        regs, memory = registers(), Memory()
        if not regs.mmu_on:
            raise gdb.GdbError("the MMU is off on this CPU")
        steps = lpae.resolve(regs, memory, va)
        if not steps:
            print(f"{va:#010x}: no table covers it (its TTBR is switched off)")
            return
        for level, table, index, entry in steps:
            print(f"level {level}: table {table:#012x} [{index:3}] = {entry:#018x}"
                  f"  {kind(level, entry)}")
        # Rights and type with everything that the levels above add.
        found = [leaf for leaf in lpae.walk(regs, memory).leaves if leaf.va <= va < leaf.end]
        if found:
            leaf = found[0]
            print(f"{va:#010x} -> {leaf.pa + va - leaf.va:#012x}  {leaf.rights}  {leaf.type_name}"
                  f"  {show.flags(leaf)}".rstrip())
        else:
            print(f"{va:#010x} is not mapped")


def kind(level, entry):
    if not entry & 1:
        return "not mapped"
    if entry & 3 == 3:
        return "page" if level == 3 else "table"
    return "block" if level < 3 else "reserved"


class Layout(Command):
    """fl-layout [LOG]: all mappings, merged, with the rules they break."""

    name = "fl-layout"

    def run(self, argv):
        tables = lpae.walk(registers(), Memory())
        if argv:
            text = pathlib.Path(argv[0]).read_text(encoding="utf-8", errors="replace")
            layout = layouts.from_text(text)
            problems = rules.judge(tables, layout)
        else:
            layout, problems = layouts.Layout(0, 0, {}, ()), None
        print(show.text(tables, layout, problems))


for command in (Boot, Connect, Walk, Layout):
    command()
