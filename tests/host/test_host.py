# SPDX-License-Identifier: BSD-2-Clause
"""
Runs the host unit tests: each test of each program tests/host/test_*.c is one test here.
The programs are those that `make host-tests` built into $FANLIGHT_BUILD/host (default
build): a source without its program is a failure, never a silent gap.
"""

import os
import pathlib
import subprocess

import pytest

HERE = pathlib.Path(__file__).parent
BUILD = pathlib.Path(os.environ.get("FANLIGHT_BUILD", "build"))
TIMEOUT_S = 300
EXIT_SKIP = 77


def programs():
    """The names of all programs, taken from their sources."""
    return sorted(path.stem for path in HERE.glob("test_*.c"))


def names(program):
    """The tests of one program, or none if it can't say: then test_listed fails."""
    try:
        out = subprocess.run([BUILD / "host" / program, "--list"], capture_output=True,
                             text=True, timeout=TIMEOUT_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    return out.stdout.split()


CASES = [(program, name) for program in programs() for name in names(program)]


@pytest.mark.parametrize("program", programs())
def test_listed(program):
    """Each program has been built, and has tests."""
    assert names(program), f"{BUILD}/host/{program} is missing or has no tests"


@pytest.mark.parametrize("program, name", CASES, ids=[".".join(case) for case in CASES])
def test_host(program, name):
    """One test in a process of its own; a sanitizer's report is a failure."""
    env = dict(os.environ, FANLIGHT_BUILD=str(BUILD))
    run = subprocess.run([BUILD / "host" / program, name], capture_output=True, text=True,
                         timeout=TIMEOUT_S, env=env, errors="replace", check=False)
    if run.returncode == EXIT_SKIP:
        pytest.skip(run.stdout.strip().splitlines()[-1])
    assert run.returncode == 0, f"exit {run.returncode}\n{run.stdout}{run.stderr}"
    assert f"ok {name}" in run.stdout.splitlines()
