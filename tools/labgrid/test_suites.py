# SPDX-License-Identifier: BSD-2-Clause
"""The in-kernel suites as tests of a labgrid target: one boot, one test here for each in the kernel.

Owns: nothing but the report. `stream` is the boot itself: its stream's verdict, held against the run
or board that the environment names. Names come from the ELF, so a test that never reports fails.
"""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from runner import elf, session, source  # noqa: E402  (needs the path above)
from runner.judge import Verdict  # noqa: E402


def pytest_generate_tests(metafunc):
    """One parameter per test that was asked for."""
    env = metafunc.config._labgrid_env
    if env is None:
        raise pytest.UsageError("no environment: --lg-env FILE")
    image = elf.read(pathlib.Path(env.config.get_image_path("elf")))
    names = session.selected(image.tests, f"selftest={env.config.get_option('tests', '*')}")
    metafunc.parametrize("name", [*sorted(names), "stream"])


@pytest.fixture(scope="session", name="outcome")
def fixture_outcome(strategy):
    strategy.transition("judged")
    yield strategy.outcome
    strategy.transition("off")


def test_kernel(name, outcome):
    if name == "stream":
        if outcome.verdict is not Verdict.PASS:
            pytest.fail("\n".join([str(outcome.verdict), *outcome.reasons,
                                   f"log: {outcome.folder}/serial.log"]), pytrace=False)
        return
    found = [test for test in outcome.tests if test.name == name]
    if not found:
        pytest.fail("not reported", pytrace=False)
    if found[0].status == "fail":
        pytest.fail("\n".join([found[0].reason, *source.explained(found[0].log)]), pytrace=False)
    if found[0].status == "skip":
        pytest.skip(f"{name}: {found[0].reason}")
