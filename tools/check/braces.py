# SPDX-License-Identifier: BSD-2-Clause
"""Always braces: each if, else, for, while, do and for_each loop has a braced body."""

import re

from .tree import Result, line_of

KEYWORD = re.compile(r"\b(if|else|for|while|do|switch|\w*for_each\w*)\b")
DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n\\]|\\\n|\\.)*", re.MULTILINE)


def run(tree):
    files = tree.select(".c", ".h")
    problems = []
    for path in files:
        code = tree.code(path)
        # A macro's text stands alone: what follows its last line is not its loop's body.
        rest = DIRECTIVE.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), code)
        found = [(index, keyword, "") for index, keyword in unbraced(rest)]
        for macro in DIRECTIVE.finditer(code):
            if macro.group().lstrip(" \t").startswith("#define"):
                found += [(macro.start() + index, keyword, " in a macro")
                          for index, keyword in unbraced(macro.group(), macro=True)]
        problems += [f"{path}:{line_of(code, index)}: {keyword} without braces{where}"
                     for index, keyword, where in found]
    return Result(f"{len(files)} files", problems)


def unbraced(text, macro=False):
    """Yields (index, keyword) of each body that does not start with a brace."""
    for match in KEYWORD.finditer(text):
        keyword, after = match.group(1), match.end()
        if keyword not in ("else", "do"):
            after = past_parentheses(text, after)
            if after is None:
                continue            # a name, not a statement (or a macro's own definition)
        body = re.compile(r"(?:\s|\\\n)*(\w+|\S)?").match(text, after).group(1)
        if body == "{" or (keyword == "else" and body == "if"):
            continue
        if keyword == "while" and body == ";" and ends_do(text, match.start()):
            continue
        if body is None and macro:
            continue                # `#define for_each…(…) for (…)`: its user brings the body
        if "for_each" in keyword and (macro or not body or body in ";),"):
            continue                # declared or passed on, not a loop
        yield match.start(), keyword


def past_parentheses(text, index):
    """The index behind the (…) that starts at index, or None when there is none."""
    start = re.compile(r"(?:\s|\\\n)*\(").match(text, index)
    if not start:
        return None
    depth = 0
    for i in range(start.end() - 1, len(text)):
        depth += {"(": 1, ")": -1}.get(text[i], 0)
        if depth == 0:
            return i + 1
    return None


def ends_do(text, index):
    """True when the `while` at index belongs to a `do { … }`."""
    before = re.sub(r"(?:\s|\\\n)+$", "", text[:index])
    if not before.endswith("}"):
        return False
    depth = 0
    for i in range(len(before) - 1, -1, -1):
        depth += {"}": 1, "{": -1}.get(before[i], 0)
        if depth == 0:
            return bool(re.search(r"\bdo(?:\s|\\\n)*$", before[:i]))
    return False
