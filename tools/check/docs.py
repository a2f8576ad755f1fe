# SPDX-License-Identifier: BSD-2-Clause
"""docs/memory.md is what tools/memdoc.py makes of include/layout.h now."""

import subprocess
import sys

from .tree import HERE, Result

DOCUMENT = "docs/memory.md"


def run(tree):
    done = subprocess.run([sys.executable, HERE.parent / "memdoc.py", "--root", tree.root],
                          capture_output=True, text=True, check=False)
    if done.returncode:
        return Result(DOCUMENT, [f"tools/memdoc.py failed: {done.stderr.strip()}"])
    if not (tree.root / DOCUMENT).is_file() or tree.text(DOCUMENT) != done.stdout:
        return Result(DOCUMENT, [f"{DOCUMENT} is out of date: tools/memdoc.py > {DOCUMENT}"])
    return Result(f"{DOCUMENT} is up to date")
