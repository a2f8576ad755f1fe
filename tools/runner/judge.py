# SPDX-License-Identifier: BSD-2-Clause
"""Turns what a stream said, and how it ended, into one verdict.

Owns: the exit statuses and which of several troubles gives its name to a run.
Must never: read bytes, start anything, or call a doubt a pass.

Two rules decide most cases. A stream that contradicts itself is *corrupted*; one that is sound
but is not what was asked for (a test missing, an unlisted skip, nothing at all) is a *fail*.
"""

from __future__ import annotations

import dataclasses
import enum
import fnmatch
import re

from .stream import Stream, TestResult


class Verdict(enum.IntEnum):
    """The runner's exit statuses."""

    PASS = 0
    FAIL = 1
    CRASH = 2
    HANG = 3
    TRUNCATED = 4
    CORRUPTED = 5
    RESET = 6
    INFRA = 7

    def __str__(self) -> str:
        return "unexpected reset" if self is Verdict.RESET else self.name.lower()


class Ending(enum.Enum):
    """How the bytes stopped coming."""

    EOF = "the recording ended"
    POWEROFF = "the guest powered off"
    RESET = "the guest reset"
    TIMEOUT = "the guest went silent or ran out of time"
    STOPPED = "the harness stopped the guest"
    LOST = "the serial line was lost"


@dataclasses.dataclass(frozen=True)
class Expect:
    """What a run was meant to be. Unknown things are None: the judge then demands less."""

    kind: str = "suites"  # suites | fatal | bench | memtest | memtest-all
    build: str | None = None  # the ELF's build-id
    crc32: str | None = None  # of the image file, for kind memtest-all
    tests: frozenset[str] | None = None  # exactly these, from the ELF
    unmatched: tuple[str, ...] = ()  # globs of selftest= that fit no test of the ELF
    may_skip: tuple[str, ...] = ()  # globs
    fatal: str | None = None  # the fatal test's name, for kind fatal
    mutant: str = ""  # the name of a kernel that is wrong on purpose


@dataclasses.dataclass(frozen=True)
class Judgement:
    """A verdict, why, and every test (the missing ones as failures)."""

    verdict: Verdict
    reasons: tuple[str, ...]
    tests: tuple[TestResult, ...]


MEMORY_TESTER = "memory."  # its results: of the machine, not of tests in the ELF

# From the trouble that makes all other claims meaningless down to the mildest.
_ORDER = (Verdict.INFRA, Verdict.RESET, Verdict.CRASH, Verdict.CORRUPTED, Verdict.HANG,
          Verdict.TRUNCATED, Verdict.FAIL)


def judge(stream: Stream, expect: Expect, ending: Ending) -> Judgement:
    """The verdict on a finished stream. Pure; call Stream.finish() first."""
    troubles = [*_identity(stream, expect), *_reset(stream, expect, ending)]
    if expect.kind == "fatal":
        troubles += _fatal(stream, expect)
    else:
        troubles += [(Verdict.FAIL, f"selftest={glob} matches no test of the ELF")
                     for glob in expect.unmatched]
        troubles += _crash(stream)
        troubles += _substance(stream, expect)
        troubles += _completeness(stream, ending)
    troubles += [(Verdict.CORRUPTED, fault) for fault in stream.faults]
    verdict = next((v for v in _ORDER if any(v is t for t, _ in troubles)), Verdict.PASS)
    troubles.sort(key=lambda trouble: _ORDER.index(trouble[0]))
    reasons = tuple(f"{v}: {why}" for v, why in troubles)
    return Judgement(verdict, reasons, tuple(_all_tests(stream, expect)))


def _identity(stream: Stream, expect: Expect):
    """Is this the image we think it is, and a protocol we know?"""
    if not stream.boots:
        return
    boot = stream.boots[0]
    if boot.get("v") != 1:
        yield Verdict.INFRA, f"protocol version {boot.get('v')!r}, this harness reads 1"
    elif boot.get("mutant", "") != expect.mutant:
        yield Verdict.INFRA, (f"@boot is of the mutant {boot.get('mutant', '(none)')!r}, not of "
                              f"{expect.mutant or 'a kernel that is meant to be right'}")
    elif expect.build and boot.get("build") != expect.build:
        yield Verdict.INFRA, f"@boot is of build {boot.get('build')}, the ELF is {expect.build}"


def _reset(stream: Stream, expect: Expect, ending: Ending):
    """A boot that nobody announced. One announced by `# panic: reboot` is part of the crash."""
    if expect.kind == "memtest-all" and stream.reentered and len(stream.boots) == 2:
        yield from _reentry(stream, expect)
    elif len(stream.boots) > 1 and not stream.reset_after_panic:
        yield Verdict.RESET, f"{len(stream.boots)} @boot lines in one run"
    elif ending is Ending.RESET and stream.panic_end != "reboot":
        yield Verdict.RESET, "the guest reset"


def _reentry(stream: Stream, expect: Expect):
    """The one second boot that is none of a reset: this image's, from memory, with an id of its own."""
    first, second = stream.boots
    if any(second.get(key) != first.get(key) for key in ("v", "build", "mutant")):
        yield Verdict.RESET, f"@reenter announced this build, {second.get('build')} came" \
            + f", the mutant {second.get('mutant')}" * ("mutant" in second)
    elif second.get("id") == first.get("id"):
        yield Verdict.CORRUPTED, "the second @boot repeats the first one's id"
    if expect.crc32 and stream.reenter["crc32"] != expect.crc32:
        yield Verdict.INFRA, (f"@reenter is of an image with crc32 {stream.reenter['crc32']}, "
                              f"the file's is {expect.crc32}")


def _panic_text(stream: Stream) -> str:
    if not stream.panics:
        return "a panic began and could not say why"
    panic = stream.panics[0]
    return f"panic {panic.get('rule') or ''}: {panic.get('text') or '(unreadable)'}"


def _crash(stream: Stream):
    if stream.crashed:
        where = f" in suite {stream.open_suite}" if stream.open_suite else ""
        early = "" if stream.boots else " before @boot"
        yield Verdict.CRASH, _panic_text(stream) + where + early


def _completeness(stream: Stream, ending: Ending):
    """Did the stream come to its end? A crash explains its own missing end."""
    if stream.crashed:
        return
    if stream.end is None:
        verdict = Verdict.HANG if ending in (Ending.TIMEOUT, Ending.STOPPED) else Verdict.TRUNCATED
        where = f" in suite {stream.open_suite}" if stream.open_suite else ""
        nothing = "" if stream.boots else ", not even @boot"
        yield verdict, f"no @end{where}{nothing}: {ending.value}"
        return
    if not stream.boots:
        yield Verdict.CORRUPTED, "@end without @boot"
    if stream.layout is None:
        yield Verdict.CORRUPTED, "no @layout"
    if stream.end == "fail":
        yield Verdict.FAIL, "the kernel's own verdict is fail"


def _substance(stream: Stream, expect: Expect):
    """Was it what we asked for?"""
    if expect.kind == "bench" and stream.end and not stream.bench:
        yield Verdict.FAIL, "no @bench line"
    if expect.kind == "memtest-all" and stream.end:
        yield from _coverage(stream)
    if expect.kind.startswith("memtest"):
        if stream.end and not stream.mem:
            yield Verdict.FAIL, "no @mem line"
        if stream.bad:
            yield Verdict.FAIL, f"{len(stream.bad)} @bad lines, the first: {stream.bad[0]}"
        elif any(mem.get("errors") for mem in stream.mem):
            yield Verdict.FAIL, "@mem counts errors, and no @bad line says where"
    if expect.kind in ("suites", "memtest", "memtest-all"):
        yield from _tests(stream, expect)


_PA = re.compile(r"0x[0-9a-f]{10}")
_KEPT = ("no-map", "reserved", "initrd", "edge")  # states of @mem's ranges; and these:
_DUE = ("tested", "bad", "untested")
_PAGE = 4096


def _ranges(lines: list[dict]):
    """([(start, end, state)], "") of lines of phase range; what is wrong with them, if something is."""
    found, end = [], 0
    for mem in lines:
        bounds = [mem.get(key) for key in ("start", "end")]
        if not all(isinstance(text, str) and _PA.fullmatch(text) for text in bounds):
            return found, f"a range that cannot be read: {mem}"
        start, past = (int(text, 16) for text in bounds)
        if not end <= start < past:
            return found, f"ranges out of order, or empty: {mem}"
        if mem.get("state") not in (*_KEPT, *_DUE):
            return found, f"a state that nobody knows: {mem}"
        found.append((start, past, mem["state"]))
        end = past
    return found, ""


def _kept_pages(ranges):
    """The pages of which the firmware keeps some, or a bank's end."""
    pages = []
    for start, end, state in ranges:
        if state in _KEPT:
            pages.append((start // _PAGE * _PAGE, -(-end // _PAGE) * _PAGE))
    return pages


def _inside(start: int, end: int, spans) -> bool:
    """Whether all of it lies in the spans, which ascend."""
    for low, high in spans:
        if low <= start < high:
            start = high
    return start >= end


def _coverage(stream: Stream):
    """Both runs came, and the second's ranges are all RAM, none untested, as its sums say."""
    if not stream.reentered:
        yield Verdict.FAIL, "there was no second run"
        return
    runs = stream.suites[:stream.suites_before], stream.suites[stream.suites_before:]
    passes = [[test.name for suite in run for test in suite.tests] for run in runs]
    if passes[0] != passes[1]:
        yield Verdict.FAIL, f"the first run had the passes {passes[0]}, the second {passes[1]}"
    second = stream.mem[stream.mem_before:]
    sums = [mem for mem in second if mem.get("phase") == "all"]
    if len(sums) != 1:
        yield Verdict.FAIL, f"{len(sums)} lines of @mem with phase all"
        return
    before, wrong = _ranges([m for m in stream.mem[:stream.mem_before] if m.get("phase") == "range"])
    if not wrong:
        after, wrong = _ranges([mem for mem in second if mem.get("phase") == "range"])
    if wrong:
        yield Verdict.CORRUPTED, wrong
        return
    yield from _kept_as_before(before, after)
    yield from _sums(after, sums[0], stream.layout)


def _kept_as_before(before, after):
    """RAM that the first run tested, or would have, cannot be the firmware's in the second."""
    kept = _kept_pages(before)
    for start, end, state in after:
        if state in _KEPT and not _inside(start, end, kept):
            yield Verdict.CORRUPTED, f"{start:#x} to {end:#x} is {state} in the second run alone"


def _sums(ranges, total: dict, layout):
    """What the ranges are in all, beside what the last line says and how much RAM there is."""
    bytes_of = dict.fromkeys(_DUE, 0)
    kept = 0
    for start, end, state in ranges:
        if state in _KEPT:
            kept += end - start
        else:
            bytes_of[state] += end - start
    mem = (layout or {}).get("mem")
    ram = mem.get("total") if isinstance(mem, dict) else None
    claim = tuple(total.get(key) for key in ("ram", "tested", "kept", "untested"))
    tested = bytes_of["tested"] + bytes_of["bad"]
    if claim != (ram, tested, kept, bytes_of["untested"]) \
            or ram != tested + kept + bytes_of["untested"]:
        yield Verdict.CORRUPTED, f"the ranges are {bytes_of} and {kept} kept of {ram}: {total}"
    if bytes_of["untested"] or total.get("percent") != 100:
        yield Verdict.FAIL, f"{total.get('percent')} %: {bytes_of['untested']} bytes are untested"
    if bytes_of["bad"] or not tested:
        yield Verdict.FAIL, f"{bytes_of['bad']} bytes are bad, of {tested} tested"


def _tests(stream: Stream, expect: Expect):
    tests = stream.tests
    counts = {s: sum(t.status == s for t in tests) for s in ("pass", "fail", "skip")}
    for test in tests:
        if test.status == "fail":
            yield Verdict.FAIL, f"{test.name} failed"
        elif test.status == "skip" and not _may_skip(test.name, expect):
            yield Verdict.FAIL, f"{test.name} skipped ({test.reason}), and is not listed to"
    if stream.end is None or stream.crashed:
        return
    if not tests:
        yield Verdict.FAIL, "zero tests"
    else:
        if stream.plan is None:
            yield Verdict.CORRUPTED, "no plan"
        if stream.totals != (counts["pass"], counts["fail"], counts["skip"]):
            yield Verdict.CORRUPTED, f"totals {stream.totals}, the tests say {counts}"
        if counts["fail"] and stream.end == "pass":
            yield Verdict.CORRUPTED, "@end says pass, tests say fail"
    if expect.tests is not None and expect.kind == "suites":
        seen = {t.name for t in tests}
        for name in sorted(expect.tests - seen):
            yield Verdict.FAIL, f"{name} is in the ELF and not in the stream"
        for name in sorted(n for n in seen - expect.tests if not n.startswith(MEMORY_TESTER)):
            yield Verdict.FAIL, f"{name} is in the stream and was not asked of this ELF"


def _fatal(stream: Stream, expect: Expect):
    """Right only if it announced itself, then panicked once, by exactly the announced rule."""
    if stream.end is not None:
        yield Verdict.FAIL, "survived what must be fatal"
    if stream.fatal is None:
        if stream.crashed:
            yield Verdict.CRASH, f"{_panic_text(stream)} before the fatal test began"
        elif stream.end is None:
            yield Verdict.TRUNCATED, "the fatal test never began"
        return
    name, rule = stream.fatal
    if expect.fatal and name.removeprefix("fatal.") != expect.fatal.removeprefix("fatal."):
        yield Verdict.FAIL, f"ran {name}, asked for {expect.fatal}"
    if not stream.crashed:
        if stream.end is None:
            yield Verdict.HANG, "neither survived nor panicked"
        return
    rules = [panic.get("rule") for panic in stream.panics]
    if rules != [rule]:
        yield Verdict.CRASH, f"must panic once by rule {rule}, did by {rules}: " \
            + _panic_text(stream)
    if not stream.interrupted:
        yield Verdict.CORRUPTED, "@panic without `# interrupted`"
    if stream.panic_end is None:
        yield Verdict.CRASH, "the panic did not reach its end"


def _may_skip(name: str, expect: Expect) -> bool:
    return any(fnmatch.fnmatchcase(name, glob) for glob in expect.may_skip)


def _all_tests(stream: Stream, expect: Expect):
    """What to report test by test: unlisted skips and missing tests are failures there too."""
    seen = set()
    for test in stream.tests:
        seen.add(test.name)
        if test.status == "skip" and not _may_skip(test.name, expect):
            test = dataclasses.replace(test, status="fail", reason=f"unlisted skip: {test.reason}")
        yield test
    if expect.kind == "suites" and expect.tests:
        for name in sorted(expect.tests - seen):
            yield TestResult(name, "fail", "not in the stream")
