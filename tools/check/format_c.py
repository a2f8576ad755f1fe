# SPDX-License-Identifier: BSD-2-Clause
"""clang-format decides (.clang-format, version 14): every C file and header must be as it says.

It must also know each iterator macro by name, or it would put the loop's brace on its own line.
"""

import os
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

from .tree import Result

BATCH = 8


def run(tree):
    files = tree.select(".c", ".h")
    tool = shutil.which("clang-format-14") or shutil.which("clang-format")
    if not tool:
        return Result("", ["clang-format is not installed: make deps"])
    batches = [files[i:i + BATCH] for i in range(0, len(files), BATCH)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        outputs = list(pool.map(lambda batch: dry_run(tree, tool, batch), batches))
    wrong = {}
    for output in outputs:
        for path, line in re.findall(r"^(\S+?):(\d+):\d+: error: ", output, re.MULTILINE):
            wrong.setdefault(path, line)
    problems = [f"{path}:{line}: not as clang-format writes it: clang-format -i {path}"
                for path, line in sorted(wrong.items())]
    return Result(f"{len(files)} files", problems + unknown_iterators(tree, files))


def dry_run(tree, tool, batch):
    done = subprocess.run([tool, "--dry-run", "--Werror", "--ferror-limit=1", *batch],
                          cwd=tree.root, capture_output=True, text=True, check=False)
    if done.returncode and ": error: " not in done.stderr:
        return f".clang-format:1:1: error: {done.stderr.strip()}\n"
    return done.stderr


def unknown_iterators(tree, files):
    known = tree.text(".clang-format").split() if ".clang-format" in tree.files else []
    macro = re.compile(r"^#define (\w*for_each\w*)\(", re.MULTILINE)
    defined = {name: path for path in files for name in macro.findall(tree.text(path))}
    return [f"{path}: {name} is missing from ForEachMacros in .clang-format"
            for name, path in sorted(defined.items()) if name not in known]
