# SPDX-License-Identifier: BSD-2-Clause
"""Code that was written, before it is fetched: the cache maintenance, in the ELF's instructions.

What one store writes an instruction fetch may not see: it looks into another cache, and may have
looked before. So behind the stores comes (ARM DDI 0406C, A3.5.4 and B2.2.9): a clean of the data
cache by address, unless it was off; a DSB; ICIALLU, which takes the branch predictor along, or
ICIMVAU and a BPIALL or BPIMVA; a DSB; an ISB. QEMU does without all of it.

The lists are in rules.toml, [icache]:
- makes: functions that write code and go on to fetch it. The whole sequence must be in them, the end of
  it on every way; and they must have one.
- forgets: functions that only forget, what another one wrote, or old predictions.
- writers: functions that write code and leave the sequence to their callers, who are named.
- hands: functions that give code to a CPU that enters it with its caches off: they clean; and
- enters: what such a CPU runs first, or last of all before that, forgets.
An ICIALLU, ICIMVAU, BPIALL or BPIMVA anywhere else is nobody's, and a problem.
"""

import re
import subprocess

from .barriers import behind, followers, instructions, places
from .pte_writer import CROSS
from .tree import Result

OPERATION = re.compile(r"mcr(?:\w\w)? 15, 0, \w+, cr7, cr(\d+), \{(\d)\}")
FORGET = {"5,0": "ICIALLU", "1,0": "ICIALLUIS", "5,1": "ICIMVAU",
          "5,6": "BPIALL", "1,6": "BPIALLIS", "5,7": "BPIMVA"}
CLEAN = {"10,1": "DCCMVAC", "11,1": "DCCMVAU", "14,1": "DCCIMVAC"}
CALL = re.compile(r"(?:blx?|b)(?:\.[nw])? ([0-9a-f]{4,8})\b")
PART = re.compile(r"\.(?:constprop|isra|part)\b.*")  # what the compiler adds to a name
UNCACHED = "uncached"


def run(tree):
    rules = tree.rules("rules.toml")["icache"]
    if not tree.elf:
        return Result("", ["no ELF: build first, and pass --build"])
    count, problems = inspect(tree.elf, rules)
    return Result(f"{count} times something is forgotten, {len(rules.get('makes', {}))} functions"
                  " that write code and fetch it", problems)


class Program:
    """The ELF's instructions, by function."""

    def __init__(self, elf):
        listing, symbols = (subprocess.run([CROSS + tool, option, elf], capture_output=True,
                                           text=True, check=True).stdout
                            for tool, option in (("objdump", "-d"), ("nm", "-S")))
        self.code = instructions(listing, set())
        self.bodies, self.names = {}, {}
        for name, start, end in places(symbols):
            name = PART.sub("", name)
            self.names[start] = name
            self.bodies.setdefault(name, []).append(
                [self.code[at] for at in sorted(self.code.keys() & range(start, end, 2))])

    def called(self, insn):
        """The function that an instruction calls, or goes on in; or None."""
        match = CALL.match(insn.text)
        return self.names.get(int(match[1], 16) & ~1) if match else None

    def calls(self, name, other):
        return any(self.called(insn) == other for body in self.bodies[name] for insn in body)


def operation(insn, table):
    match = OPERATION.match(insn.text)
    return table.get(f"{match[1]},{match[2]}") if match else None


def inspect(elf, rules):
    """How many instructions forget something, and what is wrong."""
    program = Program(elf)
    makes, forgets = rules.get("makes", {}), rules.get("forgets", {})
    known = [*makes, *forgets, *rules.get("writers", {}), *rules.get("hands", {}),
             *rules.get("enters", {})]
    problems = [f"{name}: in the list of rules.toml, but not in the ELF"
                for name in dict.fromkeys(known) if name not in program.bodies]
    problems += [f"{name}: in the list of rules.toml, and {len(program.bodies[name])} functions of"
                 " that name in the ELF" for name in dict.fromkeys(known)
                 if len(program.bodies.get(name, ())) > 1]
    count = 0
    for name, bodies in program.bodies.items():
        for body in bodies:
            found = [index for index, insn in enumerate(body) if operation(insn, FORGET)]
            count += len(found)
            if name in makes:
                problems += made(name, body, found, makes[name], program, rules)
            if name in makes or name in forgets:
                problems += ended(name, body, found, program.code)
            else:
                problems += [f"{body[i].at:#x} {name}: {operation(body[i], FORGET)}, and rules.toml"
                             " does not say what for" for i in found]
    if problems:
        return count, problems
    return count, [*written_by(program, rules), *handed(program, rules)]


def ended(name, body, found, code):
    """Behind each: a DSB, then an ISB, on every way; behind ICIMVAU one for the predictor, too."""
    place = {insn.at: index for index, insn in enumerate(body)}
    problems = []
    for index in found:
        problems += behind(name, body, place, code, index, "a DSB")
        if operation(body[index], FORGET) == "ICIMVAU" and not predicted(body, place, index):
            problems.append(f"{body[index].at:#x} {name}: ICIMVAU without a BPIALL or BPIMVA"
                            " behind it")
    return problems


def predicted(body, place, index):
    """On every way from an ICIMVAU on: the branch predictor's turn, before the DSB."""
    seen, work = {index}, [index]
    while work:
        after, out = followers(body[work[-1]], work.pop(), place, body)
        for at in after:
            if (operation(body[at], FORGET) or "").startswith("BP") or at in seen:
                continue
            if body[at].kind == "dsb":
                return False
            seen.add(at)
            work.append(at)
        if out or not after:
            return False
    return True


# ---- in front of it ----

def made(name, body, found, how, program, rules):
    """Where code is forgotten, the new one must be in memory: in which states a way may come there.

    dirty: written, or perhaps; cleaned: and no DSB yet; ordered. An instruction that cleans stands in
    a loop, which for all we know is not run at all: its function may be dirty, if it is ordered too.
    """
    forgotten = [i for i in found if operation(body[i], FORGET).startswith("IC")]
    if not forgotten:
        return [f"{name}: no ICIALLU: what it wrote may be fetched as it was before"]
    place = {insn.at: index for index, insn in enumerate(body)}
    states, work = {(0, "dirty")}, [(0, "dirty")]
    while work:
        index, state = work.pop()
        for after in followers(body[index], index, place, body)[0]:
            new = (after, moved(body[index], state, how["clean"], program, rules))
            if new not in states:
                states.add(new)
                work.append(new)
    problems = []
    for index in forgotten:
        met = {state for at, state in states if at == index}
        where = f"{body[index].at:#x} {name}: {operation(body[index], FORGET)}"
        if "cleaned" in met or (how["clean"] == UNCACHED and "dirty" in met):
            problems.append(f"{where} without a DSB before it")
        elif "ordered" not in met:
            problems.append(f"{where}, but nothing was cleaned before it ({how['clean']})")
        elif "dirty" in met and how["clean"] in program.bodies:
            problems.append(f"{where} on a way without {how['clean']}, or behind another write")
    return problems


def moved(insn, state, clean, program, rules):
    """The state behind an instruction."""
    called = program.called(insn)
    if called in rules.get("writers", {}):
        return "dirty"
    if called is not None and called == clean:
        return "ordered"  # it ends in a DSB: hands and barriers look there
    if operation(insn, CLEAN) == clean:
        return "cleaned"
    if insn.kind == "dsb" and not insn.option.endswith("st") and (state == "cleaned" or
                                                                  clean == UNCACHED):
        return "ordered"
    return state


# ---- by whom, for whom ----

def written_by(program, rules):
    """Who writes code and forgets nothing is called by those alone that do."""
    problems = []
    for writer, callers in rules.get("writers", {}).items():
        found = {name for name in program.bodies if program.calls(name, writer)} - {writer}
        problems += [f"{name} calls {writer}, which writes code, and rules.toml does not say who"
                     " cleans it" for name in sorted(found - set(callers))]
        problems += [f"{name}: does not call {writer}, though rules.toml says so"
                     for name in callers if name not in found]
    return problems


def handed(program, rules):
    """Who gives code away cleans it, completely; who enters forgets."""
    problems = []
    for table, verb in (("hands", "clean"), ("enters", "forget")):
        for name, other in rules.get(table, {}).items():
            if not program.calls(name, other):
                problems.append(f"{name}: does not call {other}, which should {verb}")
    cleaners = {how["clean"] for how in rules.get("makes", {}).values()}
    for name in sorted(cleaners | set(rules.get("hands", {}).values())):
        for body in program.bodies.get(name, ()):
            problems += cleans(name, body)
    return problems


def cleans(name, body):
    """A function that others rely on: a clean by address, and a DSB behind it on every way."""
    place = {insn.at: index for index, insn in enumerate(body)}
    found = [index for index, insn in enumerate(body) if operation(insn, CLEAN)]
    if not found:
        return [f"{name}: should clean by address, and does not"]
    seen, work = set(found), list(found)
    while work:
        index = work.pop()
        after, out = followers(body[index], index, place, body)
        if out or not after:
            return [f"{body[index].at:#x} {name}: is left without a DSB behind what it cleaned"]
        for at in after:
            if at not in seen and not (body[at].kind == "dsb" and
                                       not body[at].option.endswith("st")):
                seen.add(at)
                work.append(at)
    return []
