# SPDX-License-Identifier: BSD-2-Clause
"""What `make` is given by mistake is refused by its name, before anything is built."""

import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def made(*words):
    return subprocess.run(["make", "-n", "NO_INSTALL=1", *words], cwd=ROOT, text=True,
                          capture_output=True, check=False)


REFUSED = {
    "DEBUG=2": "DEBUG=2: 0 or 1",
    "DEBUG=": "DEBUG=: 0 or 1",
    "COUNT=yes": "COUNT=yes: 0 or 1",
    "UBSAN=2": "UBSAN=2: 0 or 1",
    "UBSAN=1 1": "UBSAN=1 1: 0 or 1",
    "VMSPLIT=4g": "VMSPLIT=4g: 3g, 2g or 1g",
    "COMPILER=tcc": "COMPILER=tcc: gcc or clang",
    "BOARD=nonsense": "BOARD=nonsense: there is no boards/nonsense/",
}


@pytest.mark.parametrize("word", REFUSED)
def test_a_wrong_value_is_refused_by_name(word):
    done = made("help", word)
    assert done.returncode == 2 and done.stdout == ""
    assert REFUSED[word] in done.stderr


@pytest.mark.parametrize("word", ["DEBUG=1", "COUNT=0", "UBSAN=1", "VMSPLIT=2g"])
def test_a_right_value_is_not(word):
    assert made("help", word).returncode == 0


@pytest.mark.parametrize("words, named", [
    (["TARGET=nonsense"], "TARGET=nonsense: one of: bootargs fdt "),
    ([], "TARGET=: one of: bootargs fdt "),
    (["TARGET=fdt bootargs"], "TARGET=fdt bootargs: one of"),
    (["TARGET=fdt", "TIME=abc"], "TIME=abc: seconds"),
    (["TARGET=fdt", "TIME="], "TIME=: seconds"),
    (["TARGET=fdt", "TIME=0"], "TIME=0: seconds"),
    (["TARGET=fdt", "TIME=6'0"], "TIME=6'0: seconds")])
def test_make_fuzz_names_what_it_wants(words, named):
    done = made("fuzz", *words)
    assert done.returncode == 2 and done.stdout == ""
    assert named in done.stderr


def test_make_fuzz_takes_what_it_is_given():
    done = made("fuzz", "TARGET=fdt", "TIME=5")
    assert done.returncode == 0 and "fdt -max_total_time=5" in done.stdout, done.stderr
