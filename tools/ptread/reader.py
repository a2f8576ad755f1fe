# SPDX-License-Identifier: BSD-2-Clause
"""From a stopped QEMU to a verdict."""

from . import lpae, rules, rsp
from .memory import Memory


def inspect(command, gdb_address, layout):
    """Reads and judges: (tables, problems).

    `command` runs a QMP command, `gdb_address` is where the gdb stub listens. The guest must be
    stopped, or have powered off under -no-shutdown; connecting to the stub would stop it anyway.
    The tables are those of the first CPU whose MMU is on; all CPUs must agree with it.
    """
    with rsp.Stub(gdb_address) as stub:
        registers = {}
        for cpu in stub.cpus():
            stub.select(cpu)
            registers[cpu] = rsp.translation(stub)
    problems = rules.same_on_all(registers)
    regs = next((regs for regs in registers.values() if regs.mmu_on), None)
    if regs is None:
        raise lpae.BadTables(problems[0].text)
    tables = lpae.walk(regs, Memory(command))
    return tables, problems + rules.judge(tables, layout)
