# SPDX-License-Identifier: BSD-2-Clause
"""No masks, shifts or narrowing casts on physical addresses outside include/phys.h.

A 32-bit mask on a 40-bit address drops bits 32-39 and no compiler warns. What counts as a physical
address: a variable or member declared as phys_addr_t, a call of a function that returns one, names
that say so (pa, phys, paddr, x_pa, x_phys), and any sum in parentheses with one of these in it.
A pfn shifted left is the same trap from the other side. Also: a 64-bit hexadecimal constant needs a
name, in the headers that hold the encodings.

What is right all the same says so on its line or in a comment right above it:
    /* pa-ok: reason */      /* hex-ok: reason */
"""

import re

from .tree import Result, allowed, line_of

NAMED = re.compile(r"(?:(?:\w+_)?(?:pa|phys|paddr)|(?:pa|phys|paddr)_(?:start|end|base|addr))$")
WORD = re.compile(r"\b[A-Za-z_]\w*")
DECLARED = re.compile(r"\bphys_addr_t\s+(?:const\s+)?\**\s*(\w+)\s*(\()?([^;(){}]*)")
MORE_NAMES = re.compile(r",\s*\**\s*(\w+)\s*(?=[,=]|$)")
MASK_AFTER = re.compile(r"\s*(&(?!&)=?|<<=?|>>=?|%=?)")
MASK_BEFORE = re.compile(r"(?:[\w\])]\s*(?<!&)&|~)\s*$")
POINTER_CAST = re.compile(r"\([\w\s]*\*+\s*\)\s*&\s*$")
KEYWORD_BEFORE = re.compile(r"\b(?:return|case|sizeof)\s*&\s*$")
NARROW = re.compile(r"\(\s*(?:u32|u16|u8|s32|vaddr_t|pfn_t|uint32_t|int|unsigned(?:\s+int)?|"
                    r"(?:unsigned\s+)?long|size_t|uintptr_t)\s*\)\s*$")
MEMBERS = re.compile(r"(?:\w+\s*(?:\[[^\]]*\]|\([^()]*\))?\s*(?:\.|->)\s*)+$")
CALL = re.compile(r"\s*\(")
MEMBER = re.compile(r"^\s*((?:(?:const|volatile|struct|enum|unsigned|union)\s+)*\w+)[\s*]+"
                    r"(\w[^;(){}]*);", re.MULTILINE)
TYPE_BEFORE = re.compile(r"\b(?:phys_addr_t|u64)\s+\**\Z")
NOT_A_SUM = re.compile(r"[,?/]|&&|\|\||[=!<>]=|[^<]<[^<]|[^->]>[^>]|;")
PFN_SHIFT = re.compile(r"\b(?:\w+_)?pfn(?:_\w+)?(?:\([^()]*\))?\)?\s*<<=?\s*(?:PAGE_SHIFT|12)\b")
HEX64 = re.compile(r"\b0[xX][0-9a-fA-F]+(?:[uU]?[lL]{2}|[lL]{2}[uU])\b")


def run(tree):
    rules = tree.rules("rules.toml")["physmask"]
    files = [f for f in tree.select(".c", ".h") if not f.startswith(("tests/fuzz/", "tests/host/", "tools/"))]
    members, functions, structs = set(), set(), {}
    for header in (f for f in files if f.endswith(".h")):
        found = Declared(tree.code(header))
        members |= found.members | found.globals
        functions |= found.functions
        structs |= found.structures
    problems = []
    for path in files:
        code, text = tree.code(path), tree.text(path)
        if path not in rules["arithmetic"]:
            found = Declared(code)
            found.knows_also(members, functions, structs)
            for index, what in arithmetic(code, found):
                line = line_of(code, index)
                if not allowed(text, line, "pa-ok"):
                    problems.append((path, line, f"{what}: use phys.h, or say pa-ok: reason"))
        if path not in rules["encodings"]:
            for match in HEX64.finditer(code):
                line = line_of(code, match.start())
                if not allowed(text, line, "hex-ok"):
                    problems.append((path, line, f"{match.group()}: a 64-bit constant without a"
                                     " name, or say hex-ok: reason"))
    return Result(f"{len(files)} files",
                  [f"{path}:{line}: {what}" for path, line, what in sorted(set(problems))])


class Declared:
    """What a text declares as phys_addr_t, told apart by where it holds."""

    def __init__(self, code):
        self.members, self.globals, self.functions = set(), set(), set()
        self.locals = []            # (start, end, names): parameters and variables of a function
        self.structures = structures(code)      # name: {member: is it physical?}
        self._any = set()
        start = 0
        for end in [m.end() for m in re.finditer(r"^}[^\n]*", code, re.MULTILINE)] + [len(code)]:
            self._block(code, start, end)
            start = end

    def _block(self, code, start, end):
        """Takes in everything up to the `}` that ends a function or a structure."""
        text = code[start:end]
        brace = re.search(r"^(?:\{|[^\n#]*\{[ \t]*$)", text, re.MULTILINE)
        head = text[:brace.end()] if brace else text
        # The head's last declaration belongs to what the brace opens; those before are global.
        last = max(head.rfind(";"), head.rfind("\n\n")) + 1
        structure = bool(re.search(r"\b(?:struct|union)\b[^()]*\{\s*$", head))
        inside = set()
        for match in DECLARED.finditer(text):
            name, parenthesis, rest = match.groups()
            if parenthesis:
                self.functions.add(name)
                continue
            # `phys_addr_t a = x, b;` but not the next parameter of `f(phys_addr_t a, u32 b)`.
            names = {name, *MORE_NAMES.findall(rest)}
            opened = text.count("(", last, match.start()) - text.count(")", last, match.start())
            if match.start() < last or (not brace and opened <= 0):
                if line_has_no_parenthesis(text, match.start()):
                    self.globals |= names
            elif structure:
                self.members |= names
            else:
                inside |= names
        self.locals.append((start, end, inside))

    def member(self, code, chain, word, index):
        """Is the member `word` of `chain` physical? By its structure if that is easily told."""
        base = re.fullmatch(r"(\w+)\s*(?:\[[^\]]*\])?\s*(?:\.|->)\s*", chain)
        block = next(((s, e) for s, e, _ in self.locals if s <= index < e), (0, len(code)))
        declared = base and re.compile(rf"\bstruct\s+(\w+)\s+(?:const\s+)?\**\s*{base[1]}\b")
        match = declared and (declared.search(code, *block) or declared.search(code))
        structure = self.structures.get(match[1], {}) if match else {}
        if word in structure:
            return structure[word]
        return word in self.members or NAMED.match(word)

    def may_be(self, word):
        """A quick look at the name alone."""
        return word in self._any or NAMED.match(word)

    def knows_also(self, members, functions, structures):
        """Adds what headers declare."""
        self.structures = {**structures, **self.structures}
        self.members |= members
        self.functions |= functions
        self._any = self.members | self.globals | self.functions
        self._any.update(*(names for _, _, names in self.locals))

    def holds(self, word, index):
        return word in self.globals or any(start <= index < end and word in names
                                           for start, end, names in self.locals)


def structures(code):
    """The structures defined in a text: {name: {member: whether it is a phys_addr_t}}."""
    found = {}
    for match in re.finditer(r"^struct (\w+) \{\n(.*?)^\}", code, re.MULTILINE | re.DOTALL):
        members = found.setdefault(match[1], {})
        for kind, names in MEMBER.findall(match[2]):
            for name in re.findall(r"(\w+)\s*(?:\[[^\]]*\]\s*)*(?::\s*\w+\s*)?(?:,|$)", names):
                members[name] = kind.split()[-1] == "phys_addr_t"
    return found


def line_has_no_parenthesis(text, index):
    """False for a parameter of a prototype."""
    return "(" not in text[max(text.rfind("\n", 0, index), text.rfind(";", 0, index)) + 1:index]


def arithmetic(code, found):
    """Yields (index, description) of each mask, shift or narrowing of a physical address."""
    for match in WORD.finditer(code):
        word = match.group()
        start = operand_start(code, match, found)
        if start is None or TYPE_BEFORE.search(code, max(0, start - 40), start):
            continue
        end = past_suffix(code, match.end())
        while start is not None:
            yield from judge(code, word, start, end)
            start, end = enclosing_sum(code, start, end, found)
    for match in PFN_SHIFT.finditer(code):
        yield match.start(), f"`{match.group()}` overflows 32 bits"


def operand_start(code, match, found):
    """Where the expression with this word begins (a->b.word), or None if it is not physical."""
    word, start = match.group(), match.start()
    if not found.may_be(word):
        return None
    if CALL.match(code, match.end()):
        return start if word in found.functions else None
    chain = MEMBERS.search(code[max(0, start - 200):start])
    if chain:
        known = found.member(code, chain.group(), word, start)
        return start - len(chain.group()) if known else None
    return start if found.holds(word, start) or NAMED.match(word) else None


def judge(code, word, start, end):
    """Looks at what stands right before and behind the operand code[start:end]."""
    before = code[max(0, start - 80):start]
    after = MASK_AFTER.match(code, end)
    if after:
        yield start, f"`{after.group(1)}` on the physical address `{word}`"
    if NARROW.search(before):
        yield start, f"a cast that narrows the physical address `{word}`"
    if (MASK_BEFORE.search(before) and not POINTER_CAST.search(before)
            and not KEYWORD_BEFORE.search(before)):
        yield start, f"a mask on the physical address `{word}`"


def past_suffix(code, index):
    """Behind the [index] or (arguments) that follow a name."""
    while index < len(code) and code[index] in "([":
        close = matching(code, index)
        if close is None:
            break
        index = close + 1
    return index


def matching(code, index):
    depth = 0
    for i in range(index, min(len(code), index + 2000)):
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(code[i], 0)
        if depth == 0:
            return i
    return None


def enclosing_sum(code, start, end, found):
    """The (…) around an operand when its value is still a physical address: a plain sum, and not
    the distance between two of them."""
    depth, left = 0, start - 1
    while left >= 0 and start - left < 300:
        char = code[left]
        if char in ")]":
            depth += 1
        elif char in "([":
            if depth == 0:
                break
            depth -= 1
        elif char in "{};":
            return None, None
        left -= 1
    if left < 0 or code[left] != "(" or re.search(r"[\w\])]\s*$", code[max(0, left - 40):left]):
        # An index, a call's or a statement's parentheses; or a cast, which judge() looks at.
        if not (left > 0 and code[left] == "(" and re.search(
                r"\(\s*\w+\s*\)\s*$", code[max(0, left - 40):left])):
            return None, None
    right = matching(code, left)
    if right is None or NOT_A_SUM.search(strip_groups(code[left + 1:right])):
        return None, None
    physical = [m for m in WORD.finditer(code, left + 1, right)
                if operand_start(code, m, found) is not None]
    if len(physical) > 1 and "-" in code[left:right].replace("->", ""):
        return None, None
    return left, right + 1


def strip_groups(text):
    """The text without what stands in inner parentheses and brackets."""
    previous = None
    while text != previous:
        previous = text
        text = re.sub(r"\([^()]*\)|\[[^\[\]]*\]", "", text)
    return text
