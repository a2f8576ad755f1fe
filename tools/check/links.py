# SPDX-License-Identifier: BSD-2-Clause
"""What a document links to is there: the file, and in a document the heading."""

import os
import re

from .tree import Result

LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)


def anchors(text):
    """The names that a heading gets: lower case, no punctuation, hyphens for spaces."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
            for heading in HEADING.findall(FENCE.sub("", text))}


def run(tree):
    known = {path: anchors(tree.text(path)) for path in tree.documents}
    result, count = Result(), 0
    for path in known:
        for target in LINK.findall(FENCE.sub("", tree.text(path))):
            if "://" in target:
                continue
            count += 1
            name, _, anchor = target.partition("#")
            where = os.path.normpath(os.path.join(os.path.dirname(path), name)) if name else path
            if not (tree.root / where).exists():
                result.problems.append(f"{path}: {target}: there is no {where}")
            elif anchor and anchor not in known.get(where, ()):
                result.problems.append(f"{path}: {target}: no such heading in {where}")
    result.note = f"{count} links"
    return result
