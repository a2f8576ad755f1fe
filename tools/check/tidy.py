# SPDX-License-Identifier: BSD-2-Clause
"""Small habits: an SPDX line in each source file, no wish without a reason and a plan, no #if
inside a function, no line too wide to read: but for text in quotes, which people search for whole.

Warnings, not failures: files and functions that are longer than rules.toml likes.
"""

import re

from .tree import Result, line_of

SOURCES = (".c", ".h", ".S", ".lds", ".ld", ".py", ".sh", ".toml", ".dts", ".dtsi", ".its", ".mk",
           "Makefile")
SPDX = "SPDX-License-Identifier: BSD-2-Clause"
# A reason in parentheses and a plan behind the colon make it a note instead of a wish.
WISH = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b(?!\([^)]{8,}\): \S.{7,})")
FUNCTION = re.compile(r"^(?:[A-Za-z_][^;={}#]*?\b)(\w+)\s*\([^;{}]*\)[^;{}]*\n\{\n", re.MULTILINE)
CONDITIONAL = re.compile(r"^[ \t]*#[ \t]*(?:if|ifdef|ifndef|elif|else)\b", re.MULTILINE)


def run(tree):
    limits = tree.rules("rules.toml")["tidy"]
    result = Result()
    files = [f for f in tree.files if f.endswith(SOURCES) or is_script(tree, f)]
    for path in files:
        text = tree.text(path)
        if SPDX not in "\n".join(text.split("\n")[:3]):
            result.problems.append(f"{path}:1: no line `{SPDX}`")
        for match in WISH.finditer(text):
            result.problems.append(f"{path}:{line_of(text, match.start())}: {match.group(1)}"
                                   " without (reason): plan")
        for line, content in enumerate(text.split("\n"), 1):
            if is_wide(path, content, limits["columns"]):
                result.problems.append(f"{path}:{line}: more than {limits['columns']} columns")
            if content != content.rstrip():
                result.problems.append(f"{path}:{line}: white space at the end of the line")
                break
        lines = text.count("\n")
        if lines > limits["file_lines"]:
            result.warnings.append(f"{path}: {lines} lines")
        if path.endswith((".c", ".h")):
            functions(path, tree.code(path), limits["function_lines"], result)
    result.note = f"{len(files)} files"
    return result


def is_wide(path, line, columns):
    """clang-format holds code, and leaves comments and assembly as they are."""
    return path.endswith((".c", ".h", ".S")) and len(line.expandtabs(8)) > columns and '"' not in line


def is_script(tree, path):
    return "." not in path.rsplit("/", 1)[-1] and tree.text(path).startswith("#!")


def functions(path, code, limit, result):
    """Lengths and conditionals of the functions in a C text (K&R: braces in the first column)."""
    for match in FUNCTION.finditer(code):
        end = code.find("\n}", match.end() - 1)
        if end < 0:
            continue
        start = line_of(code, match.end()) - 1
        lines = line_of(code, end) - start
        if lines > limit:
            result.warnings.append(f"{path}:{start}: {match.group(1)} has {lines} lines")
        conditional = CONDITIONAL.search(code, match.end(), end)
        if conditional:
            result.problems.append(f"{path}:{line_of(code, conditional.start())}:"
                                   f" `{conditional.group().strip()}` inside {match.group(1)}")
