# SPDX-License-Identifier: BSD-2-Clause
"""Runs one fuzz target: its checked-in corpus and dictionary, and what libFuzzer is told.

    run.py BUILD/fuzz TARGET [libFuzzer's options]

What is found new goes to BUILD/fuzz/corpus/TARGET, if there is such a folder; an input that
breaks something, to BUILD/fuzz. Never writes into the source tree.
"""

import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
# Longer inputs say nothing new, and cost time.
MAX_LEN = {"fdt": 3072, "memory": 3072, "ymodem": 2048, "slot": 256}
DICTIONARY = {"memory": "fdt"}  # of another target


def command(build, target, *options):
    """libFuzzer's command line. The first folder is where it writes."""
    build = pathlib.Path(build)
    found = build / "corpus" / target
    argv = [str(build / f"fuzz_{target}"), f"-max_len={MAX_LEN.get(target, 512)}",
            f"-artifact_prefix={build}/{target}-", "-timeout=20", *options]
    dictionary = HERE / f"{DICTIONARY.get(target, target)}.dict"
    if dictionary.is_file():
        argv.append(f"-dict={dictionary}")
    return argv + [str(folder) for folder in (found, HERE / "corpus" / target) if folder.is_dir()]


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    os.environ.setdefault("ASAN_OPTIONS", "detect_leaks=1:allocator_may_return_null=0")
    sys.exit(subprocess.run(command(*sys.argv[1:]), check=False).returncode)


if __name__ == "__main__":
    main()
