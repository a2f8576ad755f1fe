# SPDX-License-Identifier: BSD-2-Clause
"""What every tier of tests shares: the harness on the path, and selection by T=, RUN= and SHARD=.

    T=GLOB[,GLOB]    tests: `suite.test` of the kernel, `RUN::suite.test`, or a pytest name or file
    RUN=GLOB[,GLOB]  runs of tests/runs.toml, and nothing else
    SHARD=i/n        the i-th of n parts, by run (and by file, for what needs no run)

Nothing selected is an error: pytest's own status 5, which the runner turns into 7.
"""

import fnmatch
import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tools"))

from runner.prepare import Builds  # noqa: E402  (needs the path above)
from runner.table import ROOT  # noqa: E402


def globs(name):
    """The globs in an environment variable; empty when it is unset."""
    return [glob for glob in os.environ.get(name, "").split(",") if glob]


def matches(text, patterns):
    """Whether any glob fits the whole text. Only * and ? are special, as in the kernel."""
    return any(fnmatch.fnmatchcase(text, glob.replace("[", "[[]")) for glob in patterns)


def shard():
    """(i, n) of SHARD=i/n, i from 1; (1, 1) without it."""
    text = os.environ.get("SHARD", "") or "1/1"
    try:
        index, count = (int(part) for part in text.split("/"))
    except ValueError:
        index, count = 0, 0
    if not 1 <= index <= count:
        raise pytest.UsageError(f"SHARD={text}: i/n, with i from 1 to n")
    return index, count


def builds():
    """Where the Makefile built."""
    return Builds(pathlib.Path(os.environ.get("FANLIGHT_BUILD", ROOT / "build")).resolve())


@pytest.fixture(scope="session", name="builds")
def fixture_builds():
    """Where the Makefile built."""
    return builds()


def _wanted(item, files):
    """Whether the variables select this item; items of the table of runs know for themselves."""
    if item.originalname == "test_run":
        return isinstance(item.callspec.params["name"], str)  # else pytest's stand-in for none
    if globs("RUN"):
        return False
    index, count = shard()
    if files.index(item.path) % count != index - 1:
        return False
    names = (item.name, item.originalname, item.path.stem, item.nodeid)
    return not globs("T") or any(matches(name, globs("T")) for name in names)


def pytest_collection_modifyitems(config, items):
    """Keep what is selected; say how much was not."""
    files = sorted({item.path for item in items})
    kept = [item for item in items if _wanted(item, files)]
    if len(kept) < len(items):
        dropped = set(map(id, kept))
        config.hook.pytest_deselected(items=[i for i in items if id(i) not in dropped])
    items[:] = kept
