# SPDX-License-Identifier: BSD-2-Clause
"""From a serial log to facts: regions, RAM, what is mapped, which windows are open.

Owns: the form of what the monitor prints. Must never: guess; a line that is torn is named.
"""

import re
from dataclasses import dataclass

from ptread import layout as layouts

PAGE = 4096
BOOT, LAYOUT = "@boot ", "@layout "


class Unreadable(Exception):
    """The log has no such line, or a torn one."""


@dataclass(frozen=True)
class Range:
    """Neighbouring entries of equal rights."""
    start: int
    end: int            # behind the last byte
    pa: int             # of the first page
    rights: str         # the kernel's: rwx
    user: str           # user mode's
    type: str
    leaf: str           # 4K or 2M
    pieces: int         # how many ranges of physical addresses


@dataclass(frozen=True)
class Window:
    """One open window of the fixmap or the pkmap."""
    va: int
    pa: int
    text: str           # who it is for

    @property
    def stale(self):
        return self.text.startswith("no user")


@dataclass(frozen=True)
class Area:
    """One area of the vmalloc region."""
    start: int
    end: int
    kind: str
    text: str


@dataclass(frozen=True)
class Said:
    board: str
    split: str
    layout: layouts.Layout
    mem: dict
    banks: tuple        # (start, end); None: not asked
    ranges: tuple       # None: not asked
    windows: tuple
    areas: tuple


_RANGE = re.compile(r"  (0x\w{8}) to (0x\w{8}) +\d+ KiB by (4K|2M|1G)  ([r-][w-][x-]) user "
                    r"([r-][w-][x-]) +(.*?)  to (0x\w{10})(?: and (\d+) more)?$")
_BANK = re.compile(r"  (0x\w{10}) to (0x\w{10}) +\d+ KiB$")
_WINDOW = re.compile(r"  (0x\w{8})  page (0x\w{6,})  (.*)$")
_AREA = re.compile(r"  (0x\w{8}) to (0x\w{8}) +\d+ KiB  (\w+) *(.*)$")
_RANGES_END = re.compile(r"(\d+) ranges?, \d+ KiB mapped$")
_AREAS_END = re.compile(r"(\d+) areas?, \d+ KiB of \d+ KiB$")
_REGION = re.compile(r"\w+, 0x\w{8} to 0x\w{8}:$")


def lines_of(text):
    """(number, line) for people to find it; ends of lines as they come over a serial port."""
    return [(n, line.rstrip("\r")) for n, line in enumerate(text.split("\n"), 1)]


def read(text):
    """Everything behind the last @layout line, and that line."""
    lines = lines_of(text)
    at = max((i for i, (_, line) in enumerate(lines) if line.startswith(LAYOUT)), default=None)
    if at is None:
        torn = next((n for n, line in lines if LAYOUT.strip() in line), None)
        raise Unreadable("no @layout line: is that a log of Fanlight's serial port, from its start?"
                         if torn is None else f"line {torn}: @layout does not begin its line")
    number, line = lines[at]
    try:
        data = layouts.loads(line.removeprefix(LAYOUT))
        layout, mem, split = layouts.from_json(data), data["mem"], data["split"]
        mem["lowmem"], mem["highmem"], mem["total"]
    except (ValueError, KeyError, TypeError) as error:
        raise Unreadable(f"line {number}: a torn @layout line ({error})") from error
    if not layout.find("lowmem") or not layout.find("image"):
        raise Unreadable(f"line {number}: this @layout has no lowmem, or no image")
    behind = lines[at + 1:]
    return Said(board(lines[:at]), split, layout, mem, banks(behind), ranges(behind),
                windows(behind), areas(behind))


def board(lines):
    """The name that the last @boot line gives; it may have been lost."""
    for number, line in reversed(lines):
        if line.startswith(BOOT):
            try:
                return layouts.loads(line.removeprefix(BOOT))["board"]
            except (ValueError, KeyError) as error:
                raise Unreadable(f"line {number}: a torn @boot line ({error})") from error
    return "unknown board"


def answer(lines, command):
    """The lines between the last such command and the prompt behind it; None: never typed."""
    typed = [i for i, (_, line) in enumerate(lines)
             if re.fullmatch(rf"(fanlight|panic)> {command}", line)]
    if not typed:
        return None
    begin = typed[-1] + 1
    for end in range(begin, len(lines)):
        if lines[end][1].startswith(("fanlight> ", "panic> ")):
            return lines[begin:end]
    raise Unreadable(f"line {lines[begin - 1][0]}: the log ends within the answer to {command}")


def parsed(lines, pattern, what):
    """A match for each line; the first that does not match is torn."""
    for number, line in lines:
        m = pattern.match(line)
        if not m:
            raise Unreadable(f"line {number}: torn, not a line of {what}: {line[:60]!r}")
        yield m


def counted(lines, pattern, what):
    """The lines before the last, which says how many there must have been."""
    m = pattern.match(lines[-1][1]) if lines else None
    if not m:
        raise Unreadable(f"line {lines[-1][0] if lines else '?'}: the end of {what} is missing")
    return lines[:-1], int(m[1]), lines[-1][0]


def ranges(lines):
    got = answer(lines, "ptdump")
    if got is None:
        return None
    got, count, number = counted(got, _RANGES_END, "ptdump")
    found = tuple(Range(int(m[1], 16), int(m[2], 16) + 1, int(m[7], 16), m[4], m[5], m[6], m[3],
                        1 + int(m[8] or 0))
                  for m in parsed([(n, line) for n, line in got if not _REGION.match(line)],
                                  _RANGE, "ptdump"))
    if len(found) != count:
        raise Unreadable(f"line {number}: ptdump counts {count} ranges, {len(found)} came")
    return found


def banks(lines):
    got = answer(lines, "banks")
    if got is None:
        return None
    end = next((i for i, (_, line) in enumerate(got) if line == "reserved at boot:"), None)
    if end is None or not got or got[0][1] != "RAM:":
        raise Unreadable(f"line {got[0][0] if got else '?'}: a torn answer to banks")
    return tuple((int(m[1], 16), int(m[2], 16)) for m in parsed(got[1:end], _BANK, "banks"))


def windows(lines):
    got = answer(lines, "kmaps")
    entries = [(n, line) for n, line in got or () if line.startswith("  0x")]
    return tuple(Window(int(m[1], 16), int(m[2], 16) * PAGE, m[3])
                 for m in parsed(entries, _WINDOW, "kmaps"))


def areas(lines):
    got = answer(lines, "vmallocs")
    if got is None:
        return ()
    got, count, number = counted(got, _AREAS_END, "vmallocs")
    found = tuple(Area(int(m[1], 16), int(m[2], 16) + 1, m[3], m[4])
                  for m in parsed(got, _AREA, "vmallocs"))
    if len(found) != count:
        raise Unreadable(f"line {number}: vmallocs counts {count} areas, {len(found)} came")
    return found
