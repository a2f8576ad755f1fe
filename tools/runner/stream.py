# SPDX-License-Identifier: BSD-2-Clause
"""Reads the serial protocol (docs/serial-protocol.md): bytes in, facts out.

Owns: splitting a byte stream into lines and noting what each one claims.
Must never: do input or output, know a clock, or decide whether a run passed (judge.py does).

Three kinds of trouble are kept apart. `faults` are places where the stream contradicts itself
or its checksums. A crash is `interrupted` or `panics`. A reset is a second entry in `boots`, unless
`reenter` announced exactly that one: whether it was asked for is the judge's to say.
The parser keeps going after each: what follows is evidence too.
"""

from __future__ import annotations

import dataclasses
import json
import re
import zlib

LINE_MAX = 64 * 1024  # longer than this without a newline is noise, not a line

_MACHINE = re.compile(r"@([a-z]+) (\{.*\})$")
_RESULT = re.compile(r"(not )?ok ([1-9][0-9]{0,8}) ([A-Za-z0-9_.-]+)(?: # SKIP(?: (.*))?)?$")
_LOOKS_LIKE_RESULT = re.compile(r"\s*(not )?ok\b")
_PLAN = re.compile(r"1\.\.([0-9]{1,9})$")
_TOTALS = re.compile(r"# Totals: pass:([0-9]{1,9}) fail:([0-9]{1,9}) skip:([0-9]{1,9})$")
_FATAL = re.compile(r"# fatal: ([A-Za-z0-9_.-]+) rule=(\S*)$")
_INTERRUPTED = re.compile(r"# interrupted$")
_PANIC_END = re.compile(r"# panic: (poweroff|reboot|halt|monitor)$")
_NOT_TEXT = re.compile(rb"[^\x20-\x7e\t]")
_HEX40 = re.compile(r"[0-9a-f]{40}$")
_HEX16 = re.compile(r"[0-9a-f]{16}$")
_HEX8 = re.compile(r"[0-9a-f]{8}$")
_PA = re.compile(r"0x[0-9a-f]{10}$")


def _once(pairs: list[tuple[str, object]]) -> dict:
    """A JSON object's members; one that says two things of a key says nothing."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key twice")
    return found


def _no_number(word: str):
    raise ValueError(f"{word} is no number")


def _object(text: str) -> dict:
    """The JSON object in text; ValueError if there is none, however it is wrong."""
    try:
        return json.loads(text, object_pairs_hook=_once, parse_constant=_no_number)
    except RecursionError as error:
        raise ValueError("nested too deep") from error


@dataclasses.dataclass
class TestResult:
    """One in-kernel test as the stream reported it: status is pass, fail or skip."""

    name: str
    status: str
    reason: str = ""
    log: list[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Suite:
    """One suite while it is read, and what its closing lines claimed."""

    name: str = ""
    plan: int | None = None
    tests: list[TestResult] = dataclasses.field(default_factory=list)
    lines: int = 0
    crc: int = 0
    summed: bool = False

    def add_line(self, raw: bytes) -> None:
        """Count one line into the checksum, as the kernel does: text + newline."""
        self.lines += 1
        self.crc = zlib.crc32(raw + b"\n", self.crc)

    def failed(self) -> bool:
        """Whether any test of the suite failed."""
        return any(t.status == "fail" for t in self.tests)


class Stream:
    """Incremental parser. feed() bytes as they come; read the fields at any time."""

    def __init__(self) -> None:
        self.boots: list[dict] = []
        self.layout: dict | None = None
        self.plan: int | None = None  # suites, and totals: of all KTAP documents together
        self.suites: list[Suite] = []
        self.totals: tuple[int, int, int] | None = None
        self.end: str | None = None
        self.fatal: tuple[str, str] | None = None  # (name, rule) a fatal test announced
        self.interrupted = False
        self.panics: list[dict] = []
        self.panic_end: str | None = None  # what the kernel said it does after a panic
        self.reset_after_panic = False  # the second boot was announced by `# panic: reboot`
        self.bench: list[dict] = []
        self.reenter: dict | None = None  # the kernel announced that it enters a copy of itself
        self.reentered = False  # and the next machine line was its @boot
        self.mem: list[dict] = []
        self.mem_before = 0  # how many of them are the first boot's, of two; and of the suites
        self.suites_before = 0
        self.bad: list[dict] = []
        self.faults: list[str] = []
        self.line_count = 0
        self.byte_count = 0
        self._tail = b""
        self._suite: Suite | None = None
        self._planned = self._totalled = False  # the open KTAP document
        self._suites_before = 0  # of the documents before it
        self._log: list[str] = []
        self._state = self._before_boot

    # -- what a reader asks ------------------------------------------------------------------

    @property
    def crashed(self) -> bool:
        """A panic began, whether or not it could say so in full."""
        return self.interrupted or bool(self.panics)

    @property
    def tests(self) -> list[TestResult]:
        """Every test reported so far, in order, the open suite's included."""
        suites = self.suites + ([self._suite] if self._suite else [])
        return [t for s in suites for t in s.tests]

    @property
    def open_suite(self) -> str | None:
        """The suite whose checksum has not come yet, if any."""
        return self._suite.name or "?" if self._suite else None

    @property
    def tail(self) -> bytes:
        """Bytes after the last newline: not a line, so it proves nothing."""
        return self._tail

    # -- bytes to lines ----------------------------------------------------------------------

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes; returns the lines they completed, without line ends."""
        self.byte_count += len(data)
        *lines, self._tail = (self._tail + data).split(b"\n")
        if len(self._tail) > LINE_MAX:
            lines.append(self._tail)
            self._tail = b""
        lines = [line.rstrip(b"\r") for line in lines]
        for line in lines:
            self._line(line)
        return lines

    def finish(self) -> None:
        """No more bytes will come. An unterminated tail counts only as evidence of a crash."""
        text = self._tail.decode("latin-1")
        if "@panic {" in text or _INTERRUPTED.search(text.rstrip("\r")):
            self.interrupted = True

    def _fault(self, what: str) -> None:
        self.faults.append(f"line {self.line_count}: {what}")

    def _line(self, raw: bytes) -> None:
        self.line_count += 1
        text = raw.decode("latin-1")
        if self.boots and not self.crashed and _NOT_TEXT.search(raw):
            self._fault("holds bytes that are not text")
        if self._crash_line(text) or self._boot_line(text):
            return
        self._state(raw, text)

    def _json(self, text: str) -> tuple[str, dict] | None:
        """(word, object) of a machine line; a fault and None when it is not one."""
        m = _MACHINE.match(text)
        try:
            value = _object(m.group(2)) if m else None
        except ValueError:
            value = None
        if not isinstance(value, dict):
            self._fault(f"unreadable machine line {text[:60]!r}")
            return None
        return m.group(1), value

    # -- lines that may come at any time -----------------------------------------------------

    def _crash_line(self, text: str) -> bool:
        """Panic marks count wherever in a line they stand: tearing is what a crash does."""
        at = text.find("@panic {")
        if at >= 0:
            m = _MACHINE.match(text[at:])
            try:
                value = _object(m.group(2)) if m else {}
            except ValueError:
                value = {}
            self.panics.append(value)
        elif _INTERRUPTED.search(text):
            self.interrupted = True
        else:
            m = _PANIC_END.search(text)
            if not (m and self.crashed):
                return False
            self.panic_end = m.group(1)
        self._state = self._in_crash
        return True

    def _boot_line(self, text: str) -> bool:
        at = text.find("@boot {")
        if at < 0:
            return False
        parsed = self._json(text[at:])
        boot = parsed[1] if parsed else {}
        if self._state == self._announced and at == 0:
            return self._reentry(boot)
        if self.boots:
            if len(self.boots) == 1 + self.reentered:
                self.reset_after_panic = self.panic_end == "reboot"
            self.boots.append(boot)
            self._state = self._before_boot  # another boot's claims are not this one's
            return True
        if at > 0:
            self._fault("@boot is not at the start of its line")
        self._check_boot(boot)
        self.boots.append(boot)
        if not self.crashed:
            self._state = self._top
        return True

    def _check_boot(self, boot: dict) -> None:
        if boot.get("v") == 1 and not (
            _HEX16.match(str(boot.get("id"))) and _HEX40.match(str(boot.get("build")))
        ):
            self._fault("@boot lacks a proper id or build")

    def _reentry(self, boot: dict) -> bool:
        """The boot that was announced: it makes its own claims, its layout among them."""
        self._check_boot(boot)
        self.boots.append(boot)
        self.reentered = True
        self.layout = None
        self.mem_before = len(self.mem)
        self.suites_before = self._suites_before = len(self.suites)
        self._planned = self._totalled = False
        self._state = self._top
        return True

    # -- states ------------------------------------------------------------------------------

    def _before_boot(self, raw: bytes, text: str) -> None:
        """A loader's words, line noise, our banner: nothing here is a claim."""

    def _in_crash(self, raw: bytes, text: str) -> None:
        """Registers and backtraces: text for people."""

    def _top(self, raw: bytes, text: str) -> None:
        """After @boot, outside any suite."""
        if text == "KTAP version 1":
            self._state = self._outside_suites
            self._log = []
        elif text.startswith("@"):
            self._machine_line(text)
        elif m := _FATAL.match(text):
            self.fatal = (m.group(1), m.group(2))
        elif _LOOKS_LIKE_RESULT.match(text):
            self._fault(f"a result before the plan: {text.strip()[:60]!r}")

    def _announced(self, raw: bytes, text: str) -> None:
        """Behind @reenter: words, up to the next kernel's @boot."""
        if text.startswith("@") or _LOOKS_LIKE_RESULT.match(text):
            self._fault(f"a claim between @reenter and @boot: {text[:60]!r}")

    def _outside_suites(self, raw: bytes, text: str) -> None:
        """In the top-level KTAP document, between suites."""
        if text == "    KTAP version 1":
            self._begin_suite(raw)
        elif m := _PLAN.match(text):
            if self._planned or len(self.suites) > self._suites_before:
                self._fault("a second plan, or a plan after results")
            self._planned = True
            self.plan = (self.plan or 0) + int(m.group(1))
        elif m := _TOTALS.match(text):
            if self._totalled:
                self._fault("a second totals line")
            self._totalled = True
            before = self.totals or (0, 0, 0)
            self.totals = tuple(n + int(g) for n, g in zip(before, m.groups(), strict=True))
        elif text == "KTAP version 1":
            if not self._totalled:
                self._fault("a KTAP document inside another")
            self._planned = self._totalled = False
            self._suites_before = len(self.suites)
        elif text.startswith("@"):
            self._machine_line(text)
        elif _LOOKS_LIKE_RESULT.match(text):
            self._fault(f"a result outside any suite: {text.strip()[:60]!r}")

    def _in_suite(self, raw: bytes, text: str) -> None:
        """Between a suite's nested version line and its own result line."""
        suite = self._suite
        if text == "    KTAP version 1":
            self._fault(f"suite {suite.name!r} never ended")
            self._begin_suite(raw)
            return
        suite.add_line(raw)
        if text.startswith("    # Subtest: ") and not suite.name:
            suite.name = text[len("    # Subtest: "):]
        elif text.startswith("    ") and (m := _PLAN.match(text[4:])):
            if suite.plan is not None or suite.tests:
                self._fault(f"suite {suite.name!r}: a second plan, or a plan after results")
            suite.plan = int(m.group(1))
        elif text.startswith("    ") and (m := _RESULT.match(text[4:])):
            self._test_line(m)
        elif m := _RESULT.match(text):
            self._end_suite(m)
        elif _LOOKS_LIKE_RESULT.match(text):
            self._fault(f"unreadable result {text.strip()[:60]!r}")
        elif text.startswith("@"):
            self._machine_line(text)
        else:
            self._log.append(text)

    def _expect_sum(self, raw: bytes, text: str) -> None:
        """The line after a suite's result must be its checksum."""
        suite = self._suite
        parsed = self._json(text) if text.startswith("@sum ") else None
        self._close_suite()
        if parsed is None:
            self._fault(f"suite {suite.name!r} has no @sum")
            if not text.startswith("@sum "):
                self._state(raw, text)
            return
        claim = parsed[1]
        if claim.get("suite") != suite.name:
            self._fault(f"@sum names {claim.get('suite')!r}, the suite was {suite.name!r}")
        if claim.get("lines") != suite.lines:
            self._fault(f"suite {suite.name!r}: {suite.lines} lines, @sum says {claim.get('lines')}")
        if claim.get("crc32") != f"{suite.crc:08x}":
            self._fault(f"suite {suite.name!r}: crc32 {suite.crc:08x}, "
                        f"@sum says {claim.get('crc32')}")
        suite.summed = True

    def _after_end(self, raw: bytes, text: str) -> None:
        """Nothing may be claimed after @end; words are welcome."""
        if text.startswith("@") or _LOOKS_LIKE_RESULT.match(text):
            self._fault(f"a claim after @end: {text[:60]!r}")

    # -- suites ------------------------------------------------------------------------------

    def _begin_suite(self, raw: bytes) -> None:
        if self._suite:
            self._close_suite()
        self._suite = Suite()
        self._suite.add_line(raw)
        self._log = []
        self._state = self._in_suite

    def _test_line(self, m: re.Match) -> None:
        suite = self._suite
        name = m.group(3)
        failed = m.group(1) is not None
        skipped = m.group(4) is not None or m.group(0).endswith(" # SKIP")
        if int(m.group(2)) != len(suite.tests) + 1:
            self._fault(f"{name}: number {m.group(2)}, expected {len(suite.tests) + 1}")
        if not name.startswith(suite.name + "."):
            self._fault(f"{name} does not belong to suite {suite.name!r}")
        earlier = [t for s in self.suites[self.suites_before:] for t in s.tests]
        if any(t.name == name for t in earlier + suite.tests):
            self._fault(f"{name} is reported twice")
        status = "fail" if failed else "skip" if skipped else "pass"
        suite.tests.append(TestResult(name, status, m.group(4) or "", self._log))
        self._log = []

    def _end_suite(self, m: re.Match) -> None:
        suite = self._suite
        if not suite.name or m.group(3) != suite.name:
            self._fault(f"suite {suite.name!r} ended as {m.group(3)!r}")
        number = len(self.suites) - self._suites_before + 1
        if int(m.group(2)) != number:
            self._fault(f"suite {suite.name!r}: number {m.group(2)}, expected {number}")
        if suite.plan != len(suite.tests):
            self._fault(f"suite {suite.name!r}: plan {suite.plan}, {len(suite.tests)} results")
        if (m.group(1) is not None) != suite.failed():
            self._fault(f"suite {suite.name!r}: its result contradicts its tests")
        self._state = self._expect_sum

    def _close_suite(self) -> None:
        self.suites.append(self._suite)
        self._suite = None
        self._state = self._outside_suites

    # -- machine lines -----------------------------------------------------------------------

    def _machine_line(self, text: str) -> None:
        parsed = self._json(text)
        if parsed is None:
            return
        word, value = parsed
        if word == "end":
            self._end_line(value)
        elif word == "layout":
            if self.layout is not None or self._state != self._top:
                self._fault("@layout out of place")
            self.layout = value
        elif word == "sum":
            self._fault("@sum without a finished suite before it")
        elif word == "reenter":
            self._reenter_line(value)
        elif word == "bench":
            self._bench_line(value)
        elif word == "mem":
            self.mem.append(value)
        elif word == "bad":
            self.bad.append(value)

    def _bench_line(self, value: dict) -> None:
        def number(key: str, optional: bool = False) -> bool:
            n = value.get(key)
            if n is None:
                return optional
            return isinstance(n, (int, float)) and not isinstance(n, bool) and n >= 0

        whole = number("insns") and number("iters")
        counts = all(number(key, optional=True) for key in ("tlbi", "dsb", "isb"))
        if not (whole and counts and isinstance(value.get("op"), str)):
            self._fault("@bench lacks a number or a name")
            return
        self.bench.append(value)

    def _reenter_line(self, value: dict) -> None:
        between = self._state == self._top or self._state == self._outside_suites \
            and self._totalled
        if not between or self.layout is None or self.reenter is not None:
            self._fault("@reenter out of place")
            return
        size = value.get("bytes")
        if not (_PA.match(str(value.get("image"))) and _HEX8.match(str(value.get("crc32")))
                and type(size) is int and size > 0):
            self._fault("@reenter lacks an image, its size or its crc32")
            return
        self.reenter = value
        self._state = self._announced

    def _end_line(self, value: dict) -> None:
        if self._suite:
            self._fault(f"@end inside suite {self._suite.name!r}")
            self._close_suite()
        if value.get("verdict") not in ("pass", "fail"):
            self._fault("@end without a verdict")
            return
        self.end = value["verdict"]
        if self.plan is not None and self.plan != len(self.suites):
            self._fault(f"plan of {self.plan} suites, {len(self.suites)} came")
        self._state = self._after_end
