#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Turns the output of `nm -n` into the kernel's own table of function names.

    arm-none-eabi-nm -n pass1.elf | symtab.py -o symtab.S     the table
    symtab.py --empty -o symtab.S                             an empty one, for the first link
    arm-none-eabi-nm -n final.elf | symtab.py --verify symtab.S

The kernel is linked twice: first with the empty table, to learn the addresses, then with the real
one. The table's section, .symtab_names, must lie behind all text so that no function moves;
--verify proves that none did.

lib/symtab.c reads the table. Its format:

    symtab_base    .long  address of the first function
    symtab_size    .long  bytes from there to the end of the text; 0 says that the table is empty
    symtab_count   .long  number of entries
    symtab_pairs   bytes  two for each token 0x80, 0x81, …: what the token stands for
    symtab_names   bytes  for each entry, by rising address:
                          distance from the entry before, in half-words, as ULEB128;
                          the name, where bytes from 0x80 up are tokens; a NUL

Tokens are found by byte pair encoding: the most frequent pair of bytes becomes a new byte, again
and again. Names shrink to about half; the reader needs a dozen lines for it.
"""

import argparse
import re
import sys
from collections import Counter

FIRST_TOKEN = 0x80
LAST_TOKEN = 0xff
DEPTH_MAX = 8               # how deep tokens may nest: the reader's recursion (lib/symtab.c)
TEXT_TYPES = set("tTwW")
MAPPING_SYMBOL = re.compile(r"^\$[adtx](\..*)?$")
LINKER_MARK = re.compile(r"^__\w+_(start|end)$")
END_SYMBOL = "__text_end"


def functions(nm_text):
    """The functions in `nm -n` output: ([(address, name)] by rising address, end of the text)."""
    at = {}
    end = None
    for line in nm_text.splitlines():
        fields = line.split()
        if len(fields) != 3:
            continue
        address, kind, name = int(fields[0], 16), fields[1], fields[2]
        if name == END_SYMBOL:
            end = address
        if kind in TEXT_TYPES and not MAPPING_SYMBOL.match(name):
            # Thumb functions are marked by bit 0 in some symbol tables; code is even.
            at.setdefault(address & ~1, []).append((rank(kind, name), name))
    table = [(address, min(names)[1]) for address, names in sorted(at.items())]
    if end is None and table:
        end = table[-1][0] + 4096
    if end is not None:
        table = [entry for entry in table if entry[0] < end]
    return table, end


def rank(kind, name):
    """Of several names for one address the lowest rank wins: linker marks last, globals first."""
    return (bool(LINKER_MARK.match(name)), kind.islower(), name)


def uleb128(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7f | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def compress(names):
    """Byte pair encoding: (list of byte lists, list of pairs by token)."""
    words = [list(name.encode("ascii")) for name in names]
    pairs, depth = [], {}
    for token in range(FIRST_TOKEN, LAST_TOKEN + 1):
        counts = Counter()
        for word in words:
            counts.update(zip(word, word[1:]))
        usable = [(count, pair) for pair, count in counts.items()
                  if max(depth.get(b, 0) for b in pair) < DEPTH_MAX]
        if not usable:
            break
        count, pair = max(usable)
        if count < 4:       # two bytes for the pair itself: below this nothing is won
            break
        depth[token] = 1 + max(depth.get(b, 0) for b in pair)
        pairs.append(pair)
        words = [replace(word, pair, token) for word in words]
    return words, pairs


def replace(word, pair, token):
    out, i = [], 0
    while i < len(word):
        if tuple(word[i:i + 2]) == pair:
            out.append(token)
            i += 2
        else:
            out.append(word[i])
            i += 1
    return out


def assemble(table, end):
    """The assembly file for a table; an empty list gives the empty table."""
    words, pairs = compress([name for _, name in table])
    base = table[0][0] if table else 0
    lines = [
        "/* SPDX-License-Identifier: BSD-2-Clause */",
        "/* Made by tools/symtab.py: the kernel's function names, read by lib/symtab.c. */",
        '\t.section .symtab_names, "a", %progbits',
        "\t.balign 4",
        *label("symtab_base"), f"\t.long {base:#x}",
        *label("symtab_size"), f"\t.long {end - base if table else 0:#x}",
        *label("symtab_count"), f"\t.long {len(table)}",
        *label("symtab_pairs"),
    ]
    lines += [f"\t.byte {a}, {b}" for a, b in pairs]
    lines += label("symtab_names")
    before = base
    for (address, name), word in zip(table, words):
        data = uleb128((address - before) // 2) + bytes(word) + b"\0"
        lines.append(f"\t.byte {', '.join(map(str, data))}\t/* {address:08x} {name} */")
        before = address
    # Never zero bytes long: an empty table's labels must not name whatever follows.
    lines += ["\t.byte 0", "\t.balign 4", '\t.section .note.GNU-stack, "", %progbits']
    return "\n".join(lines) + "\n"


def label(name):
    return [f"\t.global {name}", f"{name}:"]


def main():
    parser = argparse.ArgumentParser(description="nm -n output to the kernel's symbol table")
    parser.add_argument("nm", nargs="?", help="nm output; without it, standard input")
    parser.add_argument("-o", "--output", help="assembly file; without it, standard output")
    parser.add_argument("--empty", action="store_true", help="write the table without entries")
    parser.add_argument("--verify", metavar="TABLE.S", help="compare instead of writing")
    args = parser.parse_args()

    table, end = [], None
    if not args.empty:
        with open(args.nm, encoding="ascii") if args.nm else sys.stdin as stream:
            table, end = functions(stream.read())
        if not table:
            sys.exit("symtab: no function found in the nm output")
        odd = [name for address, name in table if address % 2]
        if odd:
            sys.exit(f"symtab: odd address: {', '.join(odd)}")
    text = assemble(table, end)

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
