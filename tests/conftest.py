# SPDX-License-Identifier: BSD-2-Clause
"""What every tier of tests shares: the harness on the path, and selection by T=, RUN= and SHARD=.

    T=GLOB[,GLOB]    tests: `suite.test` of the kernel, `RUN::suite.test`, or a pytest name or file
    RUN=GLOB[,GLOB]  runs of tests/runs.toml, and nothing else
    SHARD=i/n        the i-th of n parts, by run (and by file, for what needs no run)

Nothing selected is an error: pytest's own status 4 or 5, which the runner turns into 7.
"""

import concurrent.futures
import fnmatch
import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tools"))

from runner import session as runs  # noqa: E402  (needs the path above)
from runner import verify  # noqa: E402
from runner.prepare import Builds  # noqa: E402
from runner.table import ROOT  # noqa: E402

# What a make that we run in hands down: a test that calls make does so as a person at a prompt.
for given in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "O", "DIST", "DTB", "MUTANT",
              "BOARD", "VMSPLIT", "DEBUG", "COUNT", "UBSAN", "COMPILER"):
    os.environ.pop(given, None)

QEMUS = 2  # that boot runs of the table at a time; the tests in front boot one more


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
    given = " ".join(f"{name}={os.environ[name]}" for name in ("T", "RUN", "SHARD")
                     if os.environ.get(name))
    if items and not kept and given:
        raise pytest.UsageError(f"nothing matches {given}")
    items[:] = sorted(kept, key=_comes_last)


def _comes_last(item):
    """Of the table: runs by `make run`, which tests in front of it try too, and in the same folders."""
    return item.originalname == "test_run" and \
        getattr(item.callspec.params["run"], "name", "").startswith("make-run-")


# -- the table of runs ------------------------------------------------------------------------


class Boots:
    """Boots the selected runs of the table, in its order, while the tests before them run.

    Those that come last wait for the end of these tests, and boot while the others are reported.
    """

    def __init__(self, items):
        self._pool = concurrent.futures.ThreadPoolExecutor(QEMUS)
        self._futures = {}
        self._last = {}
        for item in items:
            if item.originalname == "test_run":
                run = item.callspec.params["run"]
                if _comes_last(item):
                    self._last[run.name] = run
                elif run.name not in self._futures:
                    self._start(run)

    def _start(self, run):
        self._futures[run.name] = self._pool.submit(runs.boot, run, builds())

    def outcome(self, run):
        """What came of it; waits."""
        while self._last:
            self._start(self._last.popitem()[1])
        return self._futures[run.name].result()

    def done(self):
        """The outcomes there are."""
        return [future.result() for future in self._futures.values()
                if future.done() and not future.cancelled() and not future.exception()]

    def stop(self):
        """Starts no more."""
        self._pool.shutdown(cancel_futures=True)


def pytest_collection_finish(session):
    """The runs begin before the first test."""
    if not session.config.option.collectonly:
        session.boots = Boots(session.items)


def pytest_sessionfinish(session):
    """Also after ^C: no QEMU is left behind."""
    if hasattr(session, "boots"):
        session.boots.stop()


@pytest.fixture(scope="session", name="boots")
def fixture_boots(request):
    """The runs of the table, as they come in."""
    return request.session.boots


def pytest_terminal_summary(terminalreporter):
    """How many runs' page tables were looked at from outside."""
    boots = getattr(terminalreporter._session, "boots", None)
    done = [outcome.verified for outcome in boots.done()] if boots else []
    for line in verify.summary(done) if done else ():
        terminalreporter.write_line(line)
