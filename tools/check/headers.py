# SPDX-License-Identifier: BSD-2-Clause
"""Each kernel header compiles alone, so that nobody has to know what to include before it."""

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor

from .tree import Result

COMPILER = os.environ.get("CROSS_COMPILE", "arm-none-eabi-") + "gcc"
DROPPED = {"-c", "-MD", "-MMD", "-MP"}


def run(tree):
    headers = [f for f in tree.select(".h", under="include/") + tree.select(".h", under="arch/")]
    flags = [f for f in tree.cflags if f not in DROPPED]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        outcomes = list(pool.map(lambda h: compile_alone(tree, flags, h), headers))
    problems = [f"{header}: {error}" for header, error in zip(headers, outcomes) if error]
    return Result(f"{len(headers)} headers", problems)


def compile_alone(tree, flags, header):
    """The first error of compiling a file that only includes this header, or None."""
    source = f'#include "{header}"\n'
    try:
        done = subprocess.run([COMPILER, *flags, "-Werror", "-I.", "-x", "c", "-fsyntax-only", "-"],
                              cwd=tree.root, input=source, capture_output=True, text=True,
                              check=False)
    except FileNotFoundError:
        return f"{COMPILER} is not installed: make deps"
    if done.returncode == 0:
        return None
    errors = [line for line in done.stderr.splitlines() if "error:" in line]
    return (errors or done.stderr.splitlines() or ["no message"])[0]
