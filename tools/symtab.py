#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Turns what binutils say about the linked kernel into its own table of functions.

    (arm-none-eabi-nm -n pass1.elf; arm-none-eabi-readelf -u pass1.elf) | symtab.py -o symtab.S
    symtab.py --empty -o symtab.S                             an empty one, for the first link
    (… final.elf) | symtab.py --verify symtab.S

The kernel is linked twice: first with the empty table, to learn the addresses, then with the real
one. The table's section, .symtab_names, must lie behind all text so that no function moves;
--verify proves that none did. It takes the place of .ARM.exidx and .ARM.extab, at a third of their
size: they are not in the image.

lib/symtab.c reads the table. Its format:

    symtab_base    .long  address of the first function
    symtab_size    .long  bytes from there to the end of all text; 0 says that the table is empty
    symtab_count   .long  number of entries
    symtab_last    .long  letters from this one on end a name
    symtab_pairs   bytes  two for each letter 0, 1, …: the two letters it stands for, neither of
                          them 0; or a character (NUL: none) and 0
    symtab_codes   bytes  unwind codes: length, then as many bytes (IHI 0038, 10.3), without the
                          last "finish"
    symtab_names   bytes  for each entry, by rising address:
                          distance from the entry before, in half-words, as ULEB128;
                          number of its unwind code, from 1, 0: cannot be unwound, as ULEB128;
                          the name's letters; an empty name begins a gap between two parts

Letters that stand for two are found by byte pair encoding: the most frequent pair becomes a new
letter, again and again; the end of a name takes part in it. Names shrink to less than half; the
reader needs a dozen lines for it.
"""

import argparse
import bisect
import re
import sys
from collections import Counter

LETTERS = 255               # 1 to 255
DEPTH_MAX = 8               # how deep letters may nest: the reader's recursion (lib/symtab.c)
FINISH = 0xb0
TEXT_TYPES = set("tTwW")
NM_LINE = re.compile(r"^([0-9a-f]+) (\w) (\S+)$")
MAPPING_SYMBOL = re.compile(r"^\$[adtx](\..*)?$")
LINKER_MARK = re.compile(r"^__\w+_(start|end)$")
END_SYMBOL = "__text_end"
LATE_END_SYMBOL = "__late_text_end"     # of a second part, far behind the first
CLONE_SUFFIX = re.compile(r"(\.(constprop|isra|part)\.\d+)+$")       # the compiler's
UNWIND_ENTRY = re.compile(r"^0x([0-9a-f]+)\b.*: (@?0x[0-9a-f]+)( \[cantunwind\])?$")
UNWIND_CODE = re.compile(r"^  (0x[0-9a-f]{2}(?: 0x[0-9a-f]{2})*)\b")


def functions(nm_text):
    """The functions in `nm -n` output: ([(address, name)] by rising address, end of the text).

    Where the text has two parts, one without a name stands for what is between them.
    """
    at = {}
    end = late_end = None
    for line in nm_text.splitlines():
        symbol = NM_LINE.match(line)
        if not symbol:
            continue
        address, kind = int(symbol[1], 16), symbol[2]
        name = CLONE_SUFFIX.sub("", symbol[3])
        if name == END_SYMBOL:
            end = address
        if name == LATE_END_SYMBOL:
            late_end = address
        if kind in TEXT_TYPES and not MAPPING_SYMBOL.match(name):
            # Thumb functions are marked by bit 0 in some symbol tables; code is even.
            at.setdefault(address & ~1, []).append((rank(kind, name), name))
    table = [(address, min(names)[1]) for address, names in sorted(at.items())]
    if end is None and table:
        end = table[-1][0] + 4096
    if late_end is not None:
        table = [(address, "" if address == end else name) for address, name in table]
        end = late_end
    if end is not None:
        table = [entry for entry in table if entry[0] < end]
    return table, end


def rank(kind, name):
    """Of several names for one address the lowest rank wins: linker marks last, globals first."""
    return (bool(LINKER_MARK.match(name)), kind.islower(), name)


def unwind_codes(readelf_text):
    """`readelf -u`: {where an entry begins: its code as bytes, or None if it cannot be unwound}."""
    codes, at = {}, None
    for line in readelf_text.splitlines():
        if entry := UNWIND_ENTRY.match(line):
            at = int(entry[1], 16)
            codes[at] = None if entry[3] else b""
        elif code := UNWIND_CODE.match(line):
            # The words are filled up with finishes: one line each.
            if code[1] != f"{FINISH:#x}":
                codes[at] += bytes(int(byte, 16) for byte in code[1].split())
    return codes


def with_codes(table, codes):
    """[(address, name, code)]: each code holds up to the next one's function."""
    begins = sorted(codes)
    lost = {at for at in begins if codes[at] is not None} - {address for address, _ in table}
    if lost:
        sys.exit(f"symtab: unwind entries in no function: {', '.join(map(hex, sorted(lost)))}")
    entries = []
    for address, name in table:
        before = bisect.bisect_right(begins, address)
        entries.append((address, name, codes[begins[before - 1]] if before and name else None))
    return entries


def uleb128(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7f | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def compress(names):
    """Byte pair encoding: (names as lists of letters, pairs by letter, first letter that ends)."""
    words = [[*name, "\0"] for name in names]
    made, depth = {}, {}
    characters = sorted({character for word in words for character in word})
    while len(characters) + len(made) < LETTERS:
        counts = Counter()
        for word in words:
            counts.update(zip(word, word[1:]))
        usable = [(count, max(depth.get(part, 0) for part in pair), pair)
                  for pair, count in counts.items()
                  if max(depth.get(part, 0) for part in pair) < DEPTH_MAX]
        # Two bytes for the pair itself: below four times nothing is won.
        count, below, pair = max(usable, key=lambda u: (u[0], -u[1], u[2]), default=(0, 0, None))
        if count < 4:
            break
        letter = "".join(pair)
        while letter in made:       # the same text, from other parts
            letter = "\1" + letter
        depth[letter] = 1 + below
        made[letter] = pair
        words = [replace(word, pair, letter) for word in words]
    # What ends a name comes last.
    order = sorted([*characters, *made], key=lambda letter: letter.endswith("\0"))
    number = {letter: n for n, letter in enumerate(order, 1)}
    pairs = [(0, 0)] + [tuple(number[part] for part in made[letter]) if letter in made
                        else (ord(letter), 0) for letter in order]
    last = next((n for n, letter in enumerate(order, 1) if letter.endswith("\0")), 1)
    return [[number[letter] for letter in word] for word in words], pairs, last


def replace(word, pair, letter):
    out, i = [], 0
    while i < len(word):
        if tuple(word[i:i + 2]) == pair:
            out.append(letter)
            i += 2
        else:
            out.append(word[i])
            i += 1
    return out


def assemble(entries, end):
    """The assembly file for [(address, name, code)]; an empty list gives the empty table."""
    words, pairs, last = compress([name for _, name, _ in entries])
    base = entries[0][0] if entries else 0
    counts = Counter(code for _, _, code in entries if code is not None)
    codes = sorted(counts, key=lambda code: (-counts[code], code))
    number = {None: 0} | {code: n for n, code in enumerate(codes, 1)}
    lines = [
        "/* SPDX-License-Identifier: BSD-2-Clause */",
        "/* Made by tools/symtab.py: the kernel's functions, read by lib/symtab.c. */",
        '\t.section .symtab_names, "a", %progbits',
        "\t.balign 4",
        *label("symtab_base"), f"\t.long {base:#x}",
        *label("symtab_size"), f"\t.long {end - base if entries else 0:#x}",
        *label("symtab_count"), f"\t.long {len(entries)}",
        *label("symtab_last"), f"\t.long {last}",
        *label("symtab_pairs"),
    ]
    lines += [f"\t.byte {a}, {b}" for a, b in pairs]
    lines += label("symtab_codes")
    lines += [f"\t.byte {', '.join(map(str, [len(code), *code]))}" for code in codes]
    lines += label("symtab_names")
    before = base
    for (address, name, code), word in zip(entries, words):
        data = uleb128((address - before) // 2) + uleb128(number[code]) + bytes(word)
        lines.append(f"\t.byte {', '.join(map(str, data))}\t/* {address:08x} {name} */")
        before = address
    # Never zero bytes long: an empty table's labels must not name whatever follows.
    lines += ["\t.byte 0", "\t.balign 4", '\t.section .note.GNU-stack, "", %progbits']
    return "\n".join(lines) + "\n"


def label(name):
    return [f"\t.global {name}", f"{name}:"]


def main():
    parser = argparse.ArgumentParser(description="nm -n, readelf -u to the table of functions")
    parser.add_argument("said", nargs="?", help="their output; without it, standard input")
    parser.add_argument("-o", "--output", help="assembly file; without it, standard output")
    parser.add_argument("--empty", action="store_true", help="write the table without entries")
    parser.add_argument("--verify", metavar="TABLE.S", help="compare instead of writing")
    args = parser.parse_args()

    entries, end = [], None
    if not args.empty:
        with open(args.said, encoding="ascii") if args.said else sys.stdin as stream:
            said = stream.read()
        table, end = functions(said)
        if not table:
            sys.exit("symtab: no function found in the nm output")
        entries = with_codes(table, unwind_codes(said))
    text = assemble(entries, end)

    if args.verify:
        with open(args.verify, encoding="ascii") as stream:
            if stream.read() != text:
                sys.exit(f"symtab: {args.verify} does not describe this ELF: functions moved"
                         " between the two links")
    elif args.output:
        with open(args.output, "w", encoding="ascii") as stream:
            stream.write(text)
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main()
