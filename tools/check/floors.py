# SPDX-License-Identifier: BSD-2-Clause
"""The include table (floors.toml): a file includes only from its own floor and those below.

Also: `#include "…"` is for headers private to a folder, headers say `#pragma once`, and a .c file
includes its own header first, which proves that the header needs nothing before it.
"""

import posixpath
import re

from .tree import Result

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+([<"])([^>"]+)[>"]', re.MULTILINE)
SUFFIXES = (".c", ".h", ".S", ".lds", ".lds.S", ".ld")


def run(tree):
    table = tree.rules("floors.toml")
    hosted = tuple(table["search"]["hosted"])
    files = [f for f in tree.select(*SUFFIXES) if floor_of(table, f)]
    problems, used, count = [], set(), 0
    for path in files:
        text = tree.text(path)
        includes = [(text.count("\n", 0, m.start()) + 1, *m.groups())
                    for m in INCLUDE.finditer(text)]
        count += len(includes)
        for line, kind, name in includes:
            error = refuse(tree, table, path, kind, name, path.startswith(hosted))
            if error and not excepted(table, path, name, used):
                problems.append(f"{path}:{line}: {error}")
        problems += own_header_first(tree, path, includes)
        if path.endswith(".h") and "#pragma once" not in text:
            problems.append(f"{path}:1: a header without #pragma once")
    problems += stale_exceptions(table, used)
    return Result(f"{count} includes in {len(files)} files", problems)


def floor_of(table, path):
    return next((f["floor"] for f in table["folder"] if path.startswith(f["path"])), None)


def refuse(tree, table, path, kind, name, hosted):
    """Why this file may not include that, or None."""
    if kind == '"':
        target = posixpath.normpath(posixpath.join(posixpath.dirname(path), name))
        if hosted:
            return None
        if posixpath.dirname(target) != posixpath.dirname(path):
            return f'"{name}" is not in this folder: only private headers are quoted'
        return None if target in tree.files else f'"{name}" does not exist'
    search = table["search"]
    if name in search["compiler"]:
        return None
    target = next((f"{d}/{name}" for d in search["kernel"] if f"{d}/{name}" in tree.files), None)
    if target:
        theirs = floor_of(table, target)
    elif name in search["generated"]:
        theirs = search["generated"][name]
    elif hosted:
        return None
    else:
        return f"<{name}> is nowhere on the include path"
    mine = floor_of(table, path)
    order = table["order"]
    if mine == "all" or order.index(theirs) <= order.index(mine):
        return None
    return f"floor {mine} may not include <{name}> of floor {theirs}"


def excepted(table, path, name, used):
    for number, entry in enumerate(table.get("exception", [])):
        if entry["file"] == path and entry["includes"] == name and entry.get("reason"):
            used.add(number)
            return True
    return False


def stale_exceptions(table, used):
    return [f"tools/check/floors.toml: exception for {e['file']} including {e['includes']} is not"
            " needed or has no reason"
            for number, e in enumerate(table.get("exception", [])) if number not in used]


def own_header_first(tree, path, includes):
    """mm/kmap.c belongs to include/mm/kmap.h or arch/arm/include/arch/….h of the same name."""
    if not path.endswith(".c") or path.startswith(("tests/", "tools/", "user/")):
        return []
    folder, name = posixpath.split(path)
    header = ("arch" if folder.startswith("arch/") else folder) + "/" + name[:-2] + ".h"
    exists = any(f"{d}/{header}" in tree.files for d in ("include", "arch/arm/include"))
    if exists and (not includes or includes[0][2] != header):
        return [f"{path}:1: its own header <{header}> is not included first"]
    return []
