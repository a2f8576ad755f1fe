# SPDX-License-Identifier: BSD-2-Clause
"""
Each fuzz target, for a fixed number of inputs from a fixed seed: the checked-in corpus first, then
what libFuzzer makes of it. The programs are those that `make fuzz-tests` built.
"""

import os
import pathlib
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import readers  # noqa: E402  (these need the path above)
import run as fuzz  # noqa: E402

BUILD = pathlib.Path(os.environ.get("FANLIGHT_BUILD", "build")).resolve() / "fuzz"
TIMEOUT_S = 300
# A few seconds each.
RUNS = {"bootargs": 15000, "fdt": 6000, "handover": 10000, "image": 40000, "inflate": 6000, "memory": 30000,
        "memtest": 15000, "monitor": 5000, "ranges": 4000, "slot": 1500, "ymodem": 2500}
READS = {"dump": 500, "judge": 1000, "lava": 400, "said": 800, "sender": 1000}


def targets():
    """The names of all targets, taken from their sources."""
    return sorted(path.stem.removeprefix("fuzz_") for path in fuzz.HERE.glob("fuzz_*.c"))


@pytest.mark.parametrize("target", targets())
def test_fuzz(target, tmp_path):
    """Nothing breaks; and all inputs were tried."""
    assert any((fuzz.HERE / "corpus" / target).iterdir()), "no corpus"
    argv = [a for a in fuzz.command(BUILD, target, f"-runs={RUNS[target]}", "-seed=1",
                                    "-print_final_stats=1")
            if a != str(BUILD / "corpus" / target)]
    done = subprocess.run([*argv[:1], f"-artifact_prefix={tmp_path}/", *argv[1:2], *argv[3:-1],
                           str(tmp_path), argv[-1]], capture_output=True, text=True,
                          timeout=TIMEOUT_S, errors="replace", check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    tried = [line.split()[-1] for line in done.stderr.splitlines()
             if line.startswith("stat::number_of_executed_units:")]
    assert tried and int(tried[0]) >= RUNS[target]


@pytest.mark.parametrize("target", sorted(readers.TARGETS))
def test_reader(target, tmp_path):
    """The same of the host's own readers."""
    argv = [sys.executable, fuzz.HERE / "mutate.py", target, "--runs", str(READS[target]), "--out", tmp_path]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    assert done.stdout.startswith(f"{target}: {READS[target]} inputs")
