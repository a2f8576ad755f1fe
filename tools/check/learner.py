# SPDX-License-Identifier: BSD-2-Clause
"""The learner's path stays short: all lines of the files listed in rules.toml."""

from .tree import Result


def run(tree):
    rules = tree.rules("rules.toml")["learner"]
    total, problems = 0, []
    for path in rules["files"]:
        if path in tree.files:
            total += len(tree.text(path).splitlines())
        else:
            problems.append(f"{path}: in the list of rules.toml, but not in the tree")
    if total > rules["limit"]:
        problems.append(f"{total} lines: more than {rules['limit']}")
    return Result(f"{total} of {rules['limit']} lines", problems)
