# SPDX-License-Identifier: BSD-2-Clause
"""What the monitor's `tables` printed (docs/serial-protocol.md, "Page tables over the line").

Out of a log, or typed for over a port. A dump that is not whole and sound is refused, by name.
"""

import re
import zlib

from .layout import loads
from .lpae import LEVEL_SHIFT, PAGE, Registers
from .memory import BadMemory
from .reader import Source
from .rsp import Cpu
from .trouble import Trouble

WORD = "@pt "
REGISTERS = ("ttbr0", "ttbr1", "ttbcr", "mair0", "mair1", "sctlr")
RUN = re.compile(r"([0-9a-f]{1,3}):([0-9a-f]{1,3}):([0-9a-f]{1,16})")
INSIDE_KERNEL = 0xffffffff      # whoever prints runs the kernel


class DumpError(Trouble):
    """No whole, sound dump."""


class Tables:
    """The memory that a dump holds: the tables of its lines, and nothing else."""

    def __init__(self):
        self._tables = {}       # physical address: {index: entry}

    def add(self, pa, entries):
        self._tables.setdefault(pa, {}).update(entries)

    def read(self, pa, size):
        for start in (pa, pa & ~(PAGE - 1), pa & ~31):
            if start in self._tables:
                break
        else:
            raise BadMemory(f"table {pa & ~(PAGE - 1):#012x} is not in the dump")
        entries = self._tables[start]
        first, last = (pa - start) // 8, -(-(pa - start + size) // 8)
        data = b"".join(entries.get(i, 0).to_bytes(8, "little") for i in range(first, last))
        return data[(pa - start) % 8:][:size]


def lines_of(text):
    """[(line number, JSON text)] of the last dump in a log."""
    numbered = [(number, line.rstrip("\r")[len(WORD):])
                for number, line in enumerate(text.split("\n"), 1) if line.startswith(WORD)]
    first = [index for index, (_, line) in enumerate(numbered) if line.startswith('{"v":')]
    if not numbered:
        raise DumpError("no line begins with @pt: type `tables` at the monitor's prompt")
    if not first:
        raise DumpError(f"line {numbered[0][0]}: the dump's first line is missing")
    return numbered[first[-1]:]


def parsed(number, line):
    try:
        found = loads(line)
    except ValueError as error:
        raise DumpError(f"line {number}: damaged: {error}") from error
    if not isinstance(found, dict):
        raise DumpError(f"line {number}: damaged: no object")
    return found


def checked(lines):
    """The objects between the first line and the last, which counts and sums up all before it."""
    number, text = lines[-1]
    last = parsed(number, text)
    if "crc32" not in last:
        raise DumpError(f"line {number}: the dump is cut off: its last line is missing")
    crc = 0
    for _, line in lines[:-1]:
        crc = zlib.crc32((WORD + line + "\n").encode("latin-1"), crc)
    if last.get("lines") != len(lines) - 1:
        raise DumpError(f"line {number}: {last.get('lines')} lines were sent, {len(lines) - 1} came")
    if last["crc32"] != f"{crc:08x}":
        raise DumpError(f"line {number}: the sum is {last['crc32']}, the lines' is {crc:08x}:"
                        " the dump is damaged")
    return [(number, parsed(number, line)) for number, line in lines[:-1]]


def run_entries(number, line):
    """{index: entry} of a line's runs, "index:count:first": each entry one step on."""
    level, found = line["level"], {}
    if level not in LEVEL_SHIFT:
        raise DumpError(f"line {number}: there is no level {level}")
    for word in line["entries"].split():
        match = RUN.fullmatch(word)
        if not match:
            raise DumpError(f"line {number}: {word} is no run")
        index, count, entry = (int(part, 16) for part in match.groups())
        step = 1 << LEVEL_SHIFT[level] if level < 3 and entry & 3 == 1 else PAGE
        if index + count > 512:
            raise DumpError(f"line {number}: {word} leaves the table")
        found.update((index + i, entry + i * step) for i in range(count))
    return found


def announced(first):
    """How many CPUs the first line says will come."""
    number, head = first
    try:
        return int(head["cpus"], 16).bit_count()
    except (KeyError, TypeError, ValueError) as error:
        raise DumpError(f"line {number}: {type(error).__name__}: {error}") from error


def source(text):
    """A reader.Source of the last dump in a log."""
    objects = checked(lines_of(text))
    number, head = objects[0]
    if head.get("v") != 1:
        raise DumpError(f"line {number}: version {head.get('v')} is not known here")
    cpus, memory = [], Tables()
    for number, line in objects[1:]:
        try:
            if "cpu" in line:
                registers = Registers(*(int(line[name], 16) for name in REGISTERS))
                cpus.append(Cpu(f"CPU {line['cpu']}", registers, 0, INSIDE_KERNEL, False))
            else:
                memory.add(int(line["table"], 16), run_entries(number, line))
        except (KeyError, TypeError, ValueError) as error:
            raise DumpError(f"line {number}: {type(error).__name__}: {error}") from error
    if len(cpus) != announced(objects[0]):
        raise DumpError(f"line {number}: {head['cpus']} CPUs were announced, {len(cpus)} came")
    return Source(cpus, memory)


def over_port(port, patience):
    """Types `report` and `tables` at a prompt; the text that came. `port` as runner.port.Port is."""
    port.timeout = patience
    port.send("\x03\r")
    port.drain(0.5, 5)
    for command in ("report", "tables"):
        port.send(command + "\r")
    port.expect(rb'\r\n@pt \{"lines":\d+,"crc32":"[0-9a-f]{8}"\}\r\n')
    return (port.before + port.after).decode("latin-1")
