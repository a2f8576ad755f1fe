# SPDX-License-Identifier: BSD-2-Clause
"""
Each fuzz target, for a fixed number of inputs from a fixed seed: the checked-in corpus first, then
what libFuzzer makes of it. The programs are those that `make fuzz-tests` built.
"""

import os
import pathlib
import shlex
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import readers  # noqa: E402  (these need the path above)
import run as fuzz  # noqa: E402

ROOT = fuzz.HERE.parents[1]
BUILD = pathlib.Path(os.environ.get("FANLIGHT_BUILD", "build")).resolve() / "fuzz"
TIMEOUT_S = 300
# A few seconds each.
RUNS = {"bootargs": 15000, "fdt": 6000, "handover": 10000, "image": 40000, "inflate": 6000, "memory": 30000,
        "memtest": 15000, "monitor": 5000, "ranges": 4000, "slot": 1500, "ymodem": 2500}
# Hand-made bugs: target, file, what it says, what is wrong, the input of the corpus that finds it.
BUGS = [("ymodem", "lib/ymodem.c", "return y->left ? YMODEM_ORDER : YMODEM_OK;", "return YMODEM_OK;",
         "raw-too-short")]
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


@pytest.mark.parametrize(("target", "source", "old", "new", "found_by"), BUGS)
def test_what_the_corpus_must_find(target, source, old, new, found_by, tmp_path):
    """The input that stands for a bug finds it, and nothing in what is right."""
    right, entry = BUILD / f"fuzz_{target}", fuzz.HERE / "corpus" / target / found_by
    fine = subprocess.run([right, entry], capture_output=True, check=False)
    assert fine.returncode == 0, fine.stderr
    text = (ROOT / source).read_text()
    assert text.count(old) == 1
    (tmp_path / "wrong.c").write_text(text.replace(old, new))
    folder, obj = BUILD / "obj", (BUILD / "obj" / source).with_suffix(".o")
    makes = subprocess.run(["make", "-n", "-W", source, f"O={BUILD.parent}", "V=1", f"{right}"], cwd=ROOT,
                           capture_output=True, text=True, check=True).stdout.replace("\\\n", " ")
    for line in makes.splitlines():
        if str(obj) in line or line.split()[-1:] == [source]:
            words = [{source: str(tmp_path / "wrong.c"), str(obj): str(tmp_path / "wrong.o"),
                      str(right): str(tmp_path / "wrong")}.get(w, w) for w in shlex.split(line)]
            subprocess.run(words, cwd=ROOT, check=True)
    done = subprocess.run([tmp_path / "wrong", entry], capture_output=True, text=True, check=False,
                          errors="replace", cwd=tmp_path)
    assert done.returncode != 0 and f"fuzz_{target}.c:" in done.stderr, done.stderr
    assert "does not hold" in done.stderr


@pytest.mark.parametrize("target", sorted(readers.TARGETS))
def test_reader(target, tmp_path):
    """The same of the host's own readers."""
    argv = [sys.executable, fuzz.HERE / "mutate.py", target, "--runs", str(READS[target]), "--out", tmp_path]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    assert done.stdout.startswith(f"{target}: {READS[target]} inputs")
