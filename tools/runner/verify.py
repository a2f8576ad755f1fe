# SPDX-License-Identifier: BSD-2-Clause
"""Holds a guest's page tables against tools/ptread: at the end of its run, or stopped in the middle.

Owns: QEMU's stub, which it starts at the first look, so that nothing of the run before is different;
the kernels' debugging information, read once per build; the moments of the stops.
Must never: leave a guest stopped that ran, or take what could not be looked at for clean.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
import random
import tempfile
import threading
import time

from ptread import debuginfo, owners, reader, show
from ptread import layout as layouts
from ptread.trouble import Trouble

from .judge import Ending
from .qemu import Guest, QemuError
from .stream import Stream

# What a look may end in that comes to nothing: ptread's own, the guest's, and for whatever else a rule
# stumbles over in a kernel that is broken, what Python calls it. None of them is a clean look.
TROUBLE = (Trouble, QemuError, OSError, ValueError, LookupError, TypeError, AttributeError,
           ArithmeticError)
SHORTEST, LONGEST = 0.1, 2.5  # seconds from one stop to the next

_known: dict[pathlib.Path, debuginfo.DebugInfo] = {}
_lock = threading.Lock()


def debug_info(elf: pathlib.Path) -> debuginfo.DebugInfo:
    """A build's debugging information; from the second time on it costs nothing."""
    with _lock:
        if elf not in _known:
            _known[elf] = debuginfo.DebugInfo(elf)
        return _known[elf]


@dataclasses.dataclass
class Verified:
    """What came of one run's looks. `why_not`: why its end was not looked at; "": it was.

    `cannot`: why a look that should have been came to nothing.
    """

    why_not: str = "it did not end"
    cannot: str = ""
    stops: int = 0
    problems: list[str] = dataclasses.field(default_factory=list)
    text: list[str] = dataclasses.field(default_factory=list)  # for the results folder


def summary(results: list[Verified]) -> list[str]:
    """How many runs were looked at, and why the others were not: lines for the end of `make test`."""
    reasons: dict[str, int] = {}
    for result in results:
        if result.why_not:
            reasons[result.why_not] = reasons.get(result.why_not, 0) + 1
    ends, stops = len(results) - sum(reasons.values()), sum(r.stops for r in results)
    bad = sum(bool(r.problems) for r in results)
    lines = [f"page tables: verified at the end of {ends} of {len(results)} runs, and {stops} times"
             f" in the middle; {bad or 'no'} run{'' if bad == 1 else 's'} with problems"]
    lines += [f"page tables: not verified: {count} run{'' if count == 1 else 's'}: {why}"
              for why, count in sorted(reasons.items(), key=lambda item: -item[1])]
    return lines


class Verifier:
    """Looks at one guest's tables. A context manager: leaving it removes the stub's socket."""

    def __init__(self, guest: Guest, elf: pathlib.Path, stream: Stream) -> None:
        self._guest, self._elf, self._stream = guest, elf, stream
        self._folder = tempfile.TemporaryDirectory(prefix="verify.")  # a socket's path is short
        self._stub = ""
        self.result = Verified()
        self.judged: set[str] = set()  # rules about the kernel's own data, in any look

    def __enter__(self) -> Verifier:
        return self

    def __exit__(self, *exc) -> None:
        self._folder.cleanup()

    def look(self, when: str) -> None:
        """One look at a stopped guest."""
        try:
            found, layout = self._find()
        except TROUBLE as error:
            self.result.cannot = f"tables, {when}: {type(error).__name__}: {error}"
            return
        self.judged |= {owners.name(rule) for rule in owners.RULES} - {r for r, _ in found.unjudged}
        self.result.problems += [f"tables, {when}: {problem}" for problem in found.problems]
        self.result.text += [f"---- {when}", show.findings_text(found, layout)]

    def _find(self):
        boot = self._stream.boots[-1] if self._stream.boots else {}
        info = debug_info(self._elf)
        if boot.get("build") != info.build_id:
            raise debuginfo.DebugError(f"build {boot.get('build')} runs, {self._elf} is another")
        if not self._stub:
            path = f"{self._folder.name}/gdb"
            self._guest.qmp.command("human-monitor-command", **{
                "command-line": f"gdbserver unix:{path},server=on,wait=off"})
            self._stub = path
        layout = layouts.from_json(self._stream.layout)
        source = reader.stopped(self._guest.qmp.command, self._stub)
        return reader.look(source, layout, info, ram_reused=self._stream.reentered), layout

    # -- at the end ----------------------------------------------------------------------

    def at_end(self, ending: Ending) -> None:
        """Looks at a guest that has switched itself off, unless it had said that it is broken."""
        stream = self._stream
        if stream.crashed:
            self.result.why_not = "it panicked"
        elif ending is not Ending.POWEROFF:
            self.result.why_not = f"it did not power off: {ending.value}"
        elif not stream.boots or not stream.layout:
            self.result.why_not = "it did not get as far as @layout"
        else:
            self.look("at the end")
            self.result.why_not = "it could not be read" if self.result.cannot else ""


class Interrupted:
    """A guest that is stopped and looked at, at random moments after @layout; else as it is.

    The moments are times of this machine's clock: a seed repeats how long the waits between them
    are, not where in the kernel they fall.
    """

    def __init__(self, guest: Guest, verifier: Verifier, stream: Stream, count: int) -> None:
        self._guest, self._verifier, self._stream = guest, verifier, stream
        self.left = count
        self.seed = int(os.environ.get("STOPS_SEED") or random.SystemRandom().randrange(1 << 32))
        self._random = random.Random(self.seed)
        self._next = None
        verifier.result.text.append(f"stops: seed {self.seed} (STOPS_SEED={self.seed} repeats it)")

    def __enter__(self) -> Interrupted:
        self._guest.__enter__()
        return self

    def __exit__(self, *exc) -> None:
        self._guest.__exit__(*exc)

    def __getattr__(self, name: str):
        return getattr(self._guest, name)

    def read(self, timeout: float) -> bytes | None:
        """As Guest.read(); stops the guest first when that is due."""
        now = time.monotonic()
        if self._next is None and self._stream.plan is not None:  # suites are under way
            self._next = now + self._random.uniform(0, LONGEST)
        if self.left and self._next is not None and now >= self._next:
            self._stop()
            self._next = time.monotonic() + self._random.uniform(SHORTEST, LONGEST)
        if self._next is not None and self.left:
            timeout = min(timeout, max(0.01, self._next - time.monotonic()))
        return self._guest.read(timeout)

    def _stop(self) -> None:
        qmp = self._guest.qmp
        qmp.command("stop")
        if qmp.command("query-status")["status"] != "paused" or self._stream.crashed:
            self.left = 0  # it has ended, or reports what is wrong: the end's look, if any
            return
        result = self._verifier.result
        result.stops += 1
        self.left -= 1
        self._verifier.look(f"stop {result.stops} (seed {self.seed})")
        qmp.command("cont")

    def finished(self) -> None:
        """When the run has ended: there was a stop, and each rule could tell at one of the looks."""
        result = self._verifier.result
        never = [name for name in map(owners.name, owners.RULES) if name not in self._verifier.judged]
        if not result.stops:
            result.cannot = "tables: it was to be stopped in the middle, and never was"
        elif never and not result.cannot:
            result.cannot = f"tables: at no look could it be told: {', '.join(never)}"
