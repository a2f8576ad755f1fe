# SPDX-License-Identifier: BSD-2-Clause
"""Each entry of tests/mutants/ still applies, and names a killer that there is; docs/mutants.md is made of
them."""

import re

from mutant import table

from .tree import Result

DOCUMENT = "docs/mutants.md"
TEST = re.compile(r"^TEST\((\w+),\s*(\w+)\)", re.MULTILINE)
CHECK = re.compile(r'^    "([\w-]+)": ', re.MULTILINE)
HOST = re.compile(r"^TEST\((\w+)\)", re.MULTILINE)
FATAL = re.compile(r"^FATAL_TEST\(([\w.]+),", re.MULTILINE)


def killers(tree, checks):
    """Whom the sources know; rules are looked for as text, for most are in a BUG's arguments."""
    tests = "\n".join(tree.text(path) for path in tree.select(".c", under="tests/kernel/"))
    rules = "\n".join(tree.text(path) for path in tree.select(".c", ".h", ".py"))
    return {
        "test": {f"{suite}.{name}" for suite, name in TEST.findall(tests)}.__contains__,
        "fatal": set(FATAL.findall(tests)).__contains__,
        "rule": lambda name: name.startswith("fault.") or f'"{name}"' in rules,
        "verifier": lambda name: f'"{name}"' in rules,
        "check": checks.__contains__,
        "pytest": lambda name: f"def {name}(" in rules,
        "host": {f"{path[16:-2]}.{name}" for path in tree.select(".c", under="tests/host/test_")
                 for name in HOST.findall(tree.text(path))}.__contains__,
        "stream": lambda _: True,
        "build": lambda text: text in rules,
    }


def run(tree):
    if not (tree.root / "tests" / "mutants").is_dir():
        return Result("no mutants")
    checks = set(CHECK.findall(tree.text("tools/check/check")))
    try:
        found = table.load(tree.root)
    except table.MutantError as error:
        return Result("tests/mutants", [str(error)])
    known, problems = killers(tree, checks), []
    for mutant in found:
        try:
            mutant.texts(tree.root)
        except table.MutantError as error:
            problems.append(str(error))
        for killer in mutant.killers:
            kind, _, name = killer.partition(" ")
            if not known[kind](name):
                problems.append(f"{mutant.name}: there is no {kind} {name}")
    if not (tree.root / DOCUMENT).is_file() or tree.text(DOCUMENT) != table.document(found):
        problems.append(f"{DOCUMENT} is out of date: make docs")
    return Result(f"{len(found)} mutants apply", problems)
