# SPDX-License-Identifier: BSD-2-Clause
"""Nothing that may run before the image's late part is unpacked calls it, or reads it.

Before image_late_unpack() nothing is mapped at its addresses. What is linked there says the ELF; who
refers to whom say the relocations of the objects, calls, tables of pointers and literals alike. From
the entry on all of it is followed, except into the late part: what only that leads to runs after it.
Whoever is met on the way and refers to something of the late part is wrong, but for
- functions of which every way to the call leads past the unpacking, or past the question whether it is
  done, answered by yes: [late.behind], in the ELF's instructions;
- files that use its bounds as numbers: [late.bounds].
All that a late file defines counts, its initialized data too, which lie in front, full of pointers.
Pointers that are made at run time are not seen.
"""

import dataclasses
import pathlib
import re
import subprocess

from .barriers import followers, instructions, places
from .pte_writer import CROSS
from .tree import Result

SOURCE = re.compile(r"[\w./-]+\.[cS]")
PLACED = (".text", ".rodata", ".bss")  # linked where their file is; .data is always in front
CALLS = {"R_ARM_THM_CALL", "R_ARM_THM_JUMP24", "R_ARM_CALL", "R_ARM_JUMP24", "R_ARM_PC24"}
# One function or object each; in others, all of assembly's among them, everything is followed.
OWN_SECTION = re.compile(r"\.(?:text|rodata|data|bss)\.(?:hot\.|unlikely\.|startup\.)?")
CALL = re.compile(r"blx?(?:[a-z]{2})?(?:\.w)? ([0-9a-f]{4,8})\b")  # a conditional one, too
ZERO_GOES = {"cbz": True, "cbnz": False, "beq": True, "bne": False}  # where r0 is 0: to the target


@dataclasses.dataclass
class Object:
    """What one source came to: where its names are defined, and what each section refers to."""
    source: str
    sections: dict = dataclasses.field(default_factory=dict)  # number -> name, of what is loaded
    defined: dict = dataclasses.field(default_factory=dict)   # name -> section
    shared: set = dataclasses.field(default_factory=set)      # names that others see
    refers: dict = dataclasses.field(default_factory=dict)    # section -> [(name, relocation)]
    late: bool = False


def run(tree):
    rules = tree.rules("rules.toml")["late"]
    if not tree.elf:
        return Result("", ["no ELF: build first, and pass --build"])
    symbols = listing("nm", "-S", tree.elf)
    addresses = {}  # of each name all, for what is static may share its name
    for at, name in re.findall(r"^([0-9a-f]+)(?: [0-9a-f]+)? \w (\S+)$", symbols, re.MULTILINE):
        addresses.setdefault(name, []).append(int(at, 16))
    if not {"__late_start", "__late_end", rules["entry"]} <= addresses.keys():
        return Result("", [f"{tree.elf}: no __late_start, __late_end or {rules['entry']}"])
    bounds = range(addresses["__late_start"][0], addresses["__late_end"][0] + 1)
    objects, problems = read(tree.build)
    if not problems:
        problems += classify(objects, addresses, bounds)
    if problems:
        return Result("", problems)
    met, problems = follow(objects, addresses, bounds, rules)
    for name, wanted in rules["behind"].items():
        problems += ordered(tree.elf, symbols, name, wanted, bounds)
    return Result(f"{met} sections met from the entry on, {len(rules['behind'])} functions wait for it",
                  problems)


def listing(tool, *words):
    return subprocess.run([CROSS + tool, *words], capture_output=True, text=True, check=True).stdout


# ---- the objects ----

def read(build):
    """The objects of all sources that the build's file `flags` names."""
    words = (build / "flags").read_text(encoding="utf-8").split()
    sources = {build / "obj" / re.sub(r"\.[cS]$", ".o", word): word
               for word in words if SOURCE.fullmatch(word)}
    missing = [f"{path}: not built" for path in sources if not path.is_file()]
    if missing or not sources:
        return [], missing or [f"{build}/flags names no sources"]
    # Its own name before each file's text comes only with two or more.
    text = listing("readelf", "-W", "-S", "-s", "-r", *sources, next(iter(sources)))
    parts = re.split(r"^File: (.*)$", text, flags=re.MULTILINE)[1:]
    return [parsed(Object(sources[pathlib.Path(path)]), part) for path, part in
            dict(zip(parts[::2], parts[1::2])).items()], []


def parsed(found, text):
    section = ""
    for line in text.splitlines():
        if match := re.match(r"\s*\[ *(\d+)\] (\S+) +\w+ +[0-9a-f]+ [0-9a-f]+ [0-9a-f]+ \w+ +(\w*)",
                             line):
            if "A" in match[3] and not match[2].startswith(".ARM."):
                found.sections[match[1]] = match[2]
        elif match := re.match(r"\s*\d+: \w+ +\w+ +\w+ +(\w+) +\w+ +(\d+) (\S+)", line):
            if match[2] in found.sections:
                found.defined[match[3]] = found.sections[match[2]]
                found.shared |= {match[3]} if match[1] != "LOCAL" else set()
        elif match := re.match(r"Relocation section '\.rel(\S+)'", line):
            section = match[1] if match[1] in found.sections.values() else ""
        elif section and (match := re.match(r"[0-9a-f]{8} +[0-9a-f]{8} (R_ARM_\w+) +\w+ +(\S+)",
                                            line)):
            found.refers.setdefault(section, []).append((match[2], match[1]))
    return found


def classify(objects, addresses, bounds):
    """Whose text, constants and zeroed data are linked into the late part; half of a file is wrong."""
    problems = []
    for each in objects:
        sides = set()
        for name, section in each.defined.items():
            said = {address in bounds for address in addresses.get(name, ())}
            if len(said) == 1 and section.startswith(PLACED) and not name.startswith("$"):
                sides |= said
        each.late = True in sides
        if len(sides) == 2:
            problems.append(f"{each.source}: partly in the late part, partly in front of it")
    return problems


# ---- who refers to it ----

def follow(objects, addresses, bounds, rules):
    """Everything that the entry leads to; how much it is, and what of it is wrong."""
    homes = {name: each for each in objects for name in each.shared}
    work = [(each, section) for each in objects if not each.late
            for section in each.sections.values()
            if not OWN_SECTION.match(section) or each.defined.get(rules["entry"]) == section]
    came = {(each.source, section): None for each, section in work}
    problems, used = [], set()
    while work:
        each, section = work.pop()
        for name, how in each.refers.get(section, ()):
            home = each if name in each.defined or name in each.sections.values() else homes.get(name)
            if home and not home.late:
                place = home.defined.get(name, name)
                if (home.source, place) not in came:
                    came[home.source, place] = (each.source, section)
                    work.append((home, place))
            elif home:
                problems += judged(each, section, name, how, came, rules, used)
            elif any(at in bounds for at in addresses.get(name, ())):
                if each.source not in rules["bounds"]:
                    problems.append(f"{each.source}: {shown(section)} uses {name}, a bound of the late"
                                    " part: say in rules.toml why it may")
                used.add(each.source)
    for name in (rules["behind"].keys() | rules["bounds"].keys()) - used:
        problems.append(f"{name}: in the list of rules.toml, but it has nothing to do with the late part")
    return len(came), sorted(set(problems))


def judged(each, section, name, how, came, rules, used):
    where = f"{each.source}: {shown(section)}"
    if shown(section) in rules["behind"]:
        used.add(shown(section))
        if how not in CALLS:
            return [f"{where} uses {name}, which is in the late part, but does not call it: nobody"
                    " knows when"]
        return []
    way, at = [], (each.source, section)
    while at:
        way.append(shown(at[1]))
        at = came[at]
    return [f"{where} refers to {name}, which is in the late part, and may run before it is unpacked:"
            f" {' <- '.join(way)}"]


def shown(section):
    """A section's function or object, without what the compiler adds to the name of a part of it."""
    return re.sub(r"\.(?:constprop|isra|part|cold)\b.*", "", OWN_SECTION.sub("", section))


# ---- in which order ----

def ordered(elf, symbols, name, wanted, bounds):
    """Over all ways through the function: no call into the late part before wanted's."""
    code = instructions(listing("objdump", "-d", elf), set())
    functions = places(symbols)
    guard = [start for function, start, _ in functions if function == wanted["call"]]
    bodies = [[code[at] for at in sorted(code.keys() & range(start, end, 2))]
              for function, start, end in functions if function == name]
    if not guard or not bodies:
        return [f"{name}, {wanted['call']}: in the list of rules.toml, but not in the ELF"]
    return [problem for body in bodies for problem in
            in_function(name, body, guard[0], wanted, bounds)]


def in_function(name, body, guard, wanted, bounds):
    place = {insn.at: index for index, insn in enumerate(body)}
    sure = "asked" if wanted.get("answer") else "yes"
    known, work = {0: "no"}, [0]
    while work:
        index = work.pop()
        insn, state = body[index], known[index]
        if insn.kind == "call":
            state = sure if insn.target == guard else state if state == "yes" else "no"
        for after in followers(insn, index, place, body)[0]:
            new = answered(insn, state, after != index + 1)
            if after not in known or (known[after] != new and known[after] != "no"):
                known[after] = new if after not in known else "no"
                work.append(after)
    return [f"{insn.at:#x} {name}: `{insn.text}` leads into the late part on a way that does not lead"
            f" past {wanted['call']}()" for index, insn in enumerate(body)
            if target(insn) in bounds and known.get(index, "yes") != "yes"]


def target(insn):
    match = CALL.match(insn.text)
    return int(match[1], 16) if match else insn.target


def answered(insn, state, taken):
    """What is known behind an instruction that may look at the answer, r0."""
    if state != "asked" or insn.kind == "call":
        return state
    word = insn.text.split(".", maxsplit=1)[0].split(" ", maxsplit=1)[0]
    if word in ("beq", "bne") or insn.text.startswith(("cbz r0,", "cbnz r0,")):
        return "no" if ZERO_GOES[word] == taken else "yes"
    return "asked" if insn.text in ("cmp r0, #0", "cmp.w r0, #0") else "no"
