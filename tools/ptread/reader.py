# SPDX-License-Identifier: BSD-2-Clause
"""From a stopped machine to what was found.

A Source has the CPUs' registers and physical memory; where from does not matter: QEMU (stopped()),
a memory file and a stub, or a dump that the kernel printed (dump.py).
"""

from dataclasses import dataclass, field

from . import lpae, owners, rsp, rules
from .debuginfo import DebugError
from .kernel import Kernel
from .memory import Memory
from .scene import Scene, running_threads


@dataclass(frozen=True)
class Source:
    cpus: list          # rsp.Cpu
    memory: object      # read(pa, size)


@dataclass
class Findings:
    """What was read, and what is wrong with it."""
    tables: lpae.Tables                 # of the first CPU
    others: list                        # of CPUs whose registers lead elsewhere
    problems: list
    unjudged: list = field(default_factory=list)    # (rule, why)
    cpus: dict = field(default_factory=dict)        # name: what became of it


def look(source, layout, info=None, only=None, ram_reused=False):
    """Walks the tables of every CPU, and judges.

    layout: layout.Layout or another that rules.judge() can use. info: the kernel's DebugInfo; with
    it its own data are held against the tables; ram_reused: as in Scene. only: the rules to judge by, in place of all.
    A CPU in a privileged mode below the kernel's part is on its way in, on tables of its own for a
    few instructions; one whose MMU is off is not there, or not yet, or no more.
    """
    on = {cpu.name: cpu for cpu in source.cpus if cpu.registers.mmu_on}
    here = {name: cpu for name, cpu in on.items() if cpu.user or cpu.pc >= layout.kernel_start}
    states = {cpu.name: "walked" if cpu.name in here else
              "on its way in" if cpu.name in on else "MMU off" for cpu in source.cpus}
    if not here:
        raise lpae.BadTables("no CPU runs the kernel with its MMU on")
    problems = rules.same_on_all({name: cpu.registers for name, cpu in here.items()})
    walked = [lpae.walk(regs, source.memory) for regs in
              dict.fromkeys(cpu.registers for cpu in here.values())]
    problems += rules.judge_all(walked, layout, only)
    found = Findings(walked[0], walked[1:], problems, cpus=states)
    if info:
        kernel = Kernel(info, source.memory, walked[0])
        more, found.unjudged = own_data(kernel, layout, [cpu.thread for cpu in here.values()],
                                        walked[0], ram_reused)
        found.problems += more
    return found


def own_data(kernel, layout, threads, tables, ram_reused):
    """What owners.judge() finds. Types that are not what the rules ask for are the ELF's fault."""
    try:
        running = running_threads(kernel, threads)
        return owners.judge(Scene(kernel, tables, layout, running, ram_reused))
    except (LookupError, TypeError, AttributeError, ArithmeticError) as error:
        raise DebugError(f"{kernel.info.path}: the kernel's data are not of the kind that it says: {error}") \
            from error


def stopped(command, gdb_address):
    """A stopped QEMU: `command` runs a QMP command, `gdb_address` is where its stub listens.

    Connecting to the stub stops the guest if it runs, and nothing here continues it.
    """
    with rsp.Stub(gdb_address) as stub:
        return Source(rsp.cpus(stub), Memory(command))


def inspect(command, gdb_address, layout, info=None):
    """look() at a stopped QEMU: (tables of the first CPU, problems)."""
    found = look(stopped(command, gdb_address), layout, info)
    return found.tables, found.problems
