# SPDX-License-Identifier: BSD-2-Clause
"""Every live descriptor is stored by one STRD, and by one header (rules.toml, [pte_writer]).

In the ELF: the header's inline assembly records the address of each store in a section that is not
loaded. There the disassembly must say `strd`, and the line information must lead to the header;
each STRD that comes from the header must be recorded. In the sources: nothing else assigns through
a pointer to a descriptor, and no other assembly writes `strd`.
"""

import os
import re
import struct
import subprocess

from .tree import Result, allowed, line_of

CROSS = os.environ.get("CROSS_COMPILE", "arm-none-eabi-")
DISASSEMBLY = re.compile(r"^\s*([0-9a-f]+):\t[0-9a-f ]+\t([^\n@;]+)", re.MULTILINE)
# The compiler may spill the value that it will store: a STRD to the stack, with the header's line.
SPILL = re.compile(r"\[(?:sp|r13)\b")

SHARED = re.compile(r"\bextern\s+(?:pte_t|pmd_t|pgd_t)\s+(\w+)\s*\[")
DECLARED = re.compile(r"\b(?:pte_t|pmd_t|pgd_t)\s+((?:\*\s*(?:const\s+)?|const\s+)*)(\w+)\s*(\[)?")
# The one member, as the target of an assignment: of something pointed to, or of an array's entry.
RAW_STORE = re.compile(r"(?:->|\]\s*\.|\)\s*\.)\s*raw\s*(?:[-+|&^]|<<|>>)?=(?!=)")
WHOLE_STORE = r"(?:\*\s*{0}|\*\s*\(\s*{0}[^;=()]*\)|\b{0}\s*\[[^\]]*\])\s*=(?!=)"
# The same for an array of pointers, whose own entries are no descriptors.
POINTERS_STORE = r"(?:\*\s*{0}\s*\[[^\]]*\]|\b{0}\s*\[[^\]]*\]\s*\[[^\]]*\])\s*=(?!=)"
ASM_STRD = re.compile(r"\bstrd\b", re.IGNORECASE)


def run(tree):
    rules = tree.rules("rules.toml")["pte_writer"]
    problems = in_sources(tree, rules)
    if not tree.elf:
        return Result("", problems + ["no ELF: build first, and pass --build"])
    sites, errors = in_elf(tree.elf, rules)
    return Result(f"{len(sites)} stores of descriptors", problems + errors)


def in_sources(tree, rules):
    problems = []
    shared = {name for path in tree.select(".h") for name in SHARED.findall(tree.code(path))}
    for path in tree.select(".c", ".h", ".S"):
        if path.startswith(("tests/fuzz/", "tests/host/", "tools/", "user/")) or path == rules["header"]:
            continue
        text = tree.text(path)
        if path not in rules["strd"]:
            # Strings hold inline assembly: only comments are blanked here.
            for match in ASM_STRD.finditer(without_comments(text)):
                problems.append(f"{path}:{line_of(text, match.start())}: `strd` outside"
                                f" {rules['header']}")
        if path.endswith(".S"):
            continue
        code = tree.code(path)
        for match in stores(code, shared):
            line = line_of(code, match.start())
            if not allowed(text, line, "pte-ok"):
                problems.append(f"{path}:{line}: `{' '.join(match.group().split())}` stores a"
                                " descriptor: use pte_write.h, or say pte-ok: reason")
    return problems


def without_comments(text):
    return re.sub(r"/\*.*?\*/|//[^\n]*", lambda m: re.sub(r"[^\n]", " ", m.group()), text,
                  flags=re.DOTALL)


def stores(code, shared):
    """Assignments to descriptors in memory. Local variables may be assembled freely."""
    yield from RAW_STORE.finditer(code)
    patterns = {(WHOLE_STORE.format(name), 0, len(code)) for name in shared}
    for declared in DECLARED.finditer(code):
        stars, name, bracket = declared.groups()
        if "*" in stars or bracket:
            store = POINTERS_STORE if "*" in stars and bracket else WHOLE_STORE
            patterns.add((store.format(name), *scope(code, declared.start())))
    for pattern, start, end in patterns:
        for match in re.compile(pattern).finditer(code, start, end):
            # `pte_t *p = …` and `pte_t table[2] = …` are declarations.
            before = code[max(0, match.start() - 60):match.start()]
            if not re.search(r"\b(?:pte_t|pmd_t|pgd_t|const)\s*\**\s*$", before):
                yield match


def scope(code, index):
    """Where a declaration holds: its function, or for one in the first column all that follows."""
    line = code[code.rfind("\n", 0, index) + 1:].split("\n", 1)[0]
    if not line[:1].isspace() and "(" not in line:
        return index, len(code)
    end = code.find("\n}", index)
    return index, end if end >= 0 else len(code)


def in_elf(elf, rules):
    data = section(elf.read_bytes(), rules["section"])
    if not data:
        return [], [f"{elf}: no stores recorded in section {rules['section']}"]
    sites = [address & ~1 for (address,) in struct.iter_unpack("<I", data)]
    listing = subprocess.run([CROSS + "objdump", "-d", elf], capture_output=True, text=True,
                             check=True).stdout
    instructions = {int(at, 16): " ".join(text.split())
                    for at, text in DISASSEMBLY.findall(listing)}
    strds = [at for at, text in instructions.items()
             if text.startswith("strd") and not SPILL.search(text)]
    origin = origins(elf, sorted(set(sites) | set(strds)))

    problems = []
    for address in sites:
        found = instructions.get(address, "no instruction")
        if not found.startswith("strd"):
            problems.append(f"{address:#x}: recorded as a descriptor's store, but it is"
                            f" `{found}`")
        if not from_header(origin[address], rules):
            problems.append(f"{address:#x}: recorded as a descriptor's store, but it comes from"
                            f" {origin[address][0]}")
    for address in strds:
        if address not in sites and from_header(origin[address][:1], rules):
            problems.append(f"{address:#x}: a STRD of {rules['header']} that is not recorded")
    return sites, problems


def from_header(places, rules):
    return any(place.split(":")[0].endswith(rules["header"]) for place in places)


def origins(elf, addresses):
    """For each address the source lines it comes from, innermost inlined function first."""
    query = "".join(f"{address:#x}\n" for address in addresses)
    output = subprocess.run([CROSS + "addr2line", "-a", "-i", "-e", elf], input=query,
                            capture_output=True, text=True, check=True).stdout
    found, current = {}, None
    for line in output.splitlines():
        if line.startswith("0x"):
            current = found.setdefault(int(line, 16), [])
        else:
            current.append(line)
    return found


def section(image, name):
    """A section's bytes out of a 32-bit little-endian ELF file; empty when there is none."""
    if image[:6] != b"\x7fELF\x01\x01":
        return b""
    table, = struct.unpack_from("<I", image, 32)
    size, count, names_index = struct.unpack_from("<3H", image, 46)
    headers = [struct.unpack_from("<10I", image, table + i * size) for i in range(count)]
    names = headers[names_index][4]
    for header in headers:
        start = names + header[0]
        if image[start:image.index(b"\0", start)] == name.encode():
            return image[header[4]:header[4] + header[5]]
    return b""
