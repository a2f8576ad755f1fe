# SPDX-License-Identifier: BSD-2-Clause
"""What `make` is given by mistake is refused by its name, before anything is built."""

import os
import pathlib
import shlex
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from runner import cable, cli  # noqa: E402  (needs the path above)
from runner.prepare import Builds  # noqa: E402


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


def test_what_repeats_a_board_makes_the_same_build():
    words = ["SERIAL=/dev/ttyS9", "BOARD=jetson-tk1", "VMSPLIT=2g", "O=build/x", "T=a.*,b.c", "WAIT=9",
             "POWER=p %s", "MAY_SKIP=irq.*", "MONITOR=1"]
    line = made("test-board", *words).stdout.replace("\\\n", " ").splitlines()[-1]
    options = cli._parser().parse_args(shlex.split(line)[2:])
    again = cable.rerun_line(options, Builds((ROOT / options.build).resolve()))
    assert shlex.split(again)[:2] == ["make", "test-board"]
    assert set(shlex.split(again)[2:]) == {word.replace("O=", f"O={ROOT}/") if word[:2] == "O=" else word
                                           for word in words}


@pytest.mark.parametrize("words", [
    [], ["DEBUG=1", "O=build/debug"], ["BOARD=qemu-virt", "VMSPLIT=2g", "ARGS=mem=1G bench"],
    ["O=build/clang", "COMPILER=clang", "UBSAN=1"]])
def test_what_repeats_a_run_makes_the_same_build(words):
    """The runner's line, as `make run` calls it, has all that was given; O= as a whole path."""
    line = made("run", *words).stdout.splitlines()[-1]
    options = cli._parser().parse_args(shlex.split(line)[2:])
    builds = Builds((ROOT / options.build).resolve())
    again = cli.rerun_line(options, builds, " ".join(options.bootargs))
    given = {word.replace("O=", f"O={ROOT}/") if word.startswith("O=") else word for word in words}
    assert shlex.split(again)[:2] == ["make", "run"]
    assert set(shlex.split(again)[2:]) == given


def test_the_same_folder_by_its_whole_path_is_the_same_build():
    """Else a test that calls make rebuilds what others are booting."""
    build = pathlib.Path(os.environ.get("FANLIGHT_BUILD", ROOT / "build")).resolve()
    if not build.is_relative_to(ROOT):
        pytest.skip("the build is not in this tree: it has one name only")
    flags = (build / "flags").read_bytes()
    for out in (build.relative_to(ROOT), build):
        done = subprocess.run(["make", "--no-print-directory", "NO_INSTALL=1", f"O={out}",
                               f"{out}/flags"], cwd=ROOT, text=True, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
        assert (build / "flags").read_bytes() == flags
