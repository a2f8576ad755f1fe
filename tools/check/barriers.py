# SPDX-License-Identifier: BSD-2-Clause
"""The barriers around TLB invalidations and translation registers, in the ELF's instructions.

On every way through the code, wherever the compiler or an assembly file put them:
- before a TLBI comes a DSB, and no store of a descriptor between the two;
- behind it comes a DSB that waits for more than stores, and then an ISB, before anything is called
  and before the function is left (ARM DDI 0406C, B3.10.1);
- behind a write of TTBR0, TTBR1, TTBCR, MAIR or SCTLR comes an ISB, likewise (B3.15.5).
Functions in a list are left out, all that have barriers in assembly files among them: their
barriers, TLBIs and registers are compared word for word (rules.toml, [barriers]).
"""

import dataclasses
import re
import struct
import subprocess

from .pte_writer import CROSS, section
from .tree import Result

LINE = re.compile(r"^\s*([0-9a-f]+):\t[0-9a-f ]+\t([^@;]*)")
TLBI = re.compile(r"mcr(?:\w\w)? 15, 0, \w+, cr8, cr(\d+), \{(\d)\}")
REGISTERS = {
    "TTBR0": r"mcrr(?:\w\w)? 15, 0, \w+, \w+, cr2|mcr(?:\w\w)? 15, 0, \w+, cr2, cr0, \{0\}",
    "TTBR1": r"mcrr(?:\w\w)? 15, 1, \w+, \w+, cr2|mcr(?:\w\w)? 15, 0, \w+, cr2, cr0, \{1\}",
    "TTBCR": r"mcr(?:\w\w)? 15, 0, \w+, cr2, cr0, \{2\}",
    "MAIR": r"mcr(?:\w\w)? 15, 0, \w+, cr10, cr2, \{[01]\}",
    "SCTLR": r"mcr(?:\w\w)? 15, 0, \w+, cr1, cr0, \{0\}",
}
REGISTER = [(name, re.compile(f"(?:{text})$")) for name, text in REGISTERS.items()]
CACHE = re.compile(r"mcr(?:\w\w)? 15, 0, \w+, cr7, cr5, \{([06])\}")
# objdump's words for the domain NSH.
DSB_NAMES = {"un": "nsh", "unst": "nshst"}
BRANCH = re.compile(r"(b|bl|blx|cbn?z|b(?:eq|ne|cs|cc|mi|pl|vs|vc|hi|ls|ge|lt|gt|le|hs|lo))(?:\.[nw])?"
                    r" (?:\w+, )?([0-9a-f]{4,8})\b")
LEAVES = re.compile(r"bx\b|(?:pop|ldm\w*)\b.*\bpc\}|rfe|mov(?:\.w)? pc|ldr(?:\.w)? pc|movs pc|udf|eret")
NOTHING = (3, 1)  # TLBIMVAIS of an address that nobody has, for an erratum: nothing to translate


@dataclasses.dataclass
class Insn:
    at: int
    text: str
    kind: str = ""       # dsb, isb, tlbi, a register's name, store, call, leave
    option: str = ""
    target: int = 0
    goes_on: bool = True


def run(tree):
    rules = tree.rules("rules.toml")["barriers"]
    if not tree.elf:
        return Result("", ["no ELF: build first, and pass --build"])
    count, problems = inspect(tree.elf, rules["functions"])
    return Result(f"{count} TLBIs and register writes, {len(rules['functions'])} functions listed",
                  problems)


def inspect(elf, wanted):
    """How many places were looked at on all ways, and what is wrong; wanted: the list."""
    data = section(elf.read_bytes(), ".pte_writes")
    stores = {address & ~1 for (address,) in struct.iter_unpack("<I", data)}
    listing, symbols = (subprocess.run([CROSS + tool, option, elf], capture_output=True, text=True,
                                       check=True).stdout
                        for tool, option in (("objdump", "-d"), ("nm", "-S")))
    code = instructions(listing, stores)
    functions = places(symbols)
    problems, count = listed(wanted, functions, code), 0
    for name, start, end in functions:
        if name in wanted:
            continue
        body = [code[at] for at in sorted(code.keys() & range(start, end, 2))]
        found = sum(insn.kind in ("tlbi", *REGISTERS) for insn in body)
        if found:
            count += found
            problems += in_function(name, body, code)
    return count, problems


def instructions(listing, stores):
    """Every instruction by address, with what it is to us."""
    code = {}
    for line in listing.splitlines():
        match = LINE.match(line)
        if match:
            at, text = int(match[1], 16), " ".join(match[2].split())
            code[at] = classified(Insn(at, text), stores)
    return code


def classified(insn, stores):
    text = insn.text
    if text.startswith("dsb"):
        insn.kind, insn.option = "dsb", DSB_NAMES.get(text[4:], text[4:])
    elif text.startswith("isb"):
        insn.kind = "isb"
    elif match := TLBI.match(text):
        insn.kind = "nothing" if (int(match[1]), int(match[2])) == NOTHING else "tlbi"
        insn.option = f"c{match[1]},{match[2]}"
    elif match := CACHE.match(text):
        insn.kind, insn.option = "cache", "iciallu" if match[1] == "0" else "bpiall"
    elif insn.at in stores:
        insn.kind = "store"
    elif match := BRANCH.match(text):
        insn.target = int(match[2], 16)
        insn.kind = "call" if match[1] in ("bl", "blx") else ""
        insn.goes_on = match[1] != "b"
    elif LEAVES.match(text):
        insn.kind = "leave"
        insn.goes_on = bool(re.match(r"(?:bx|pop|ldm\w*?)(?:eq|ne)", text))
    elif text.startswith("blx"):
        insn.kind = "call"
    for name, pattern in REGISTER:
        if pattern.match(text):
            insn.kind = name
    return insn


def places(symbols):
    """(name, start, end) of each function; a symbol without a size goes on to the next one."""
    rows = [line.split() for line in symbols.splitlines()]
    found = {(int(row[0], 16) & ~1, row[-1], int(row[1], 16) if len(row) == 4 else 0)
             for row in rows if len(row) in (3, 4) and row[-2] in "tT"}
    found, inside = sorted(found), 0
    functions = []
    for (start, name, size), (after, _, _) in zip(found, found[1:] + [(1 << 32, "", 0)]):
        if size:
            functions.append((name, start, start + size))
            inside = max(inside, start + size)
        elif start >= inside:
            functions.append((name, start, min(after, start + (1 << 16))))
    return functions


def in_function(name, body, code):
    place = {insn.at: index for index, insn in enumerate(body)}
    problems = before(name, body, place)
    for index, insn in enumerate(body):
        if insn.kind == "tlbi":
            problems += behind(name, body, place, code, index, "a DSB")
        elif insn.kind in REGISTERS:
            problems += behind(name, body, place, code, index, "an ISB")
    return problems


def followers(insn, index, place, body):
    """Indexes that come next, and whether the function may be left here."""
    after, out = [], insn.kind == "leave"
    if insn.target and insn.kind != "call":
        if insn.target in place:
            after.append(place[insn.target])
        else:
            out = True  # a tail call
    if insn.goes_on:
        if index + 1 < len(body):
            after.append(index + 1)
    return after, out


def before(name, body, place):
    """Forward over all ways: whether a DSB came since the last store of a descriptor."""
    known, work, problems = {0: False}, [0], []
    while work:
        index = work.pop()
        insn, ordered = body[index], known[index]
        if insn.kind == "dsb":
            ordered = True
        elif insn.kind in ("store", "call"):
            ordered = False
        for after in followers(insn, index, place, body)[0]:
            if known.get(after) not in (ordered, False):
                known[after] = ordered
                work.append(after)
            elif after not in known:
                known[after] = ordered
                work.append(after)
    for index, insn in enumerate(body):
        if insn.kind == "tlbi" and known.get(index) is False:
            problems.append(f"{insn.at:#x} {name}: `{insn.text}` without a DSB before it")
    return problems


def behind(name, body, place, code, index, wanted):
    """Over all ways from body[index] on: the DSB, then the ISB, or the ISB alone."""
    seen, work = set(), [(after, wanted) for after in followers(body[index], index, place, body)[0]]
    while work:
        state = work.pop()
        if state in seen:
            continue
        seen.add(state)
        at, want = state
        insn = body[at]
        if want == "a DSB" and insn.kind == "dsb" and not insn.option.endswith("st"):
            want = "an ISB"
        elif insn.kind == "isb":
            if want == "a DSB":
                return [f"{body[index].at:#x} {name}: `{body[index].text}` and an ISB, but no DSB"]
            continue
        after, out = followers(insn, at, place, body)
        if want == "an ISB" and (out or insn.kind == "call") and begins_with_isb(code, insn.target):
            continue
        if out or insn.kind == "call" or not after:
            return [f"{body[index].at:#x} {name}: `{body[index].text}` without {want} behind it"
                    f" (to {insn.at:#x})"]
        work += [(n, want) for n in after]
    return []


def begins_with_isb(code, target):
    """A function that executes an ISB before it does anything that matters here."""
    at = target & ~1
    while at in code:
        insn = code[at]
        if insn.kind or insn.target:
            return insn.kind == "isb"
        at += 2 if at + 2 in code else 4
    return False


def listed(wanted, functions, code):
    """The barriers of each function in the list, word for word."""
    problems = []
    where = {name: (start, end) for name, start, end in functions}
    for name, want in wanted.items():
        if name not in where:
            problems.append(f"{name}: in the list of rules.toml, but not in the ELF")
            continue
        start, end = where[name]
        have = [word(code[at]) for at in sorted(code.keys() & range(start, end, 2))]
        have = [text for text in have if text]
        if have != want:
            problems.append(f"{name}: its barriers are {have}, not {want}")
    return problems


def word(insn):
    if insn.kind == "dsb":
        return f"dsb {insn.option}"
    if insn.kind in ("tlbi", "nothing"):
        return f"tlbi {insn.option}"
    if insn.kind == "cache":
        return insn.option
    return insn.kind if insn.kind == "isb" or insn.kind in REGISTERS else ""
