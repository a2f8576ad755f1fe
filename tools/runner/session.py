# SPDX-License-Identifier: BSD-2-Clause
"""One run from its table entry to its artifacts: prepare, boot, judge, check, write down.

Owns: build/results/<run>/ and the difference between the stream's verdict and the run's.
Must never: let an exception pass for a result; trouble of ours is verdict 7, infrastructure.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import fnmatch
import os
import pathlib
import re
import shlex
import sys
import time
import xml.etree.ElementTree as ET
import zlib

from . import elf as elfs
from . import layout, prepare, source
from .judge import Ending, Expect, Judgement, Verdict, judge
from .prepare import Builds
from .port import PortError
from .qemu import Guest, QemuError
from .stream import Stream, TestResult
from .table import Run, TableError
from .verify import Interrupted, Verified, Verifier
from .watch import Limits, watch


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What came of a run. `verdict` is PASS exactly if all that the table asked for came true."""

    run: Run
    verdict: Verdict
    seen: Verdict  # the stream's own verdict, before it is held against the table
    reasons: tuple[str, ...]
    tests: tuple[TestResult, ...]
    stream: Stream
    folder: pathlib.Path
    seconds: float
    verified: Verified


def _asked(bootargs: str) -> list[str]:
    """The globs of `selftest=GLOB,…` in these boot arguments, the last one's."""
    given = [word.split("=", 1)[1] for word in bootargs.split() if word.startswith("selftest=")]
    globs = given[-1].split(",") if given else []
    return globs[:-1] if globs and not globs[-1] else globs  # a comma at the end, or all


def _fits(name: str, glob: str) -> bool:
    """Only * and ? are special in the kernel."""
    return fnmatch.fnmatchcase(name, glob.replace("[", "[[]"))


def selected(names: frozenset[str], bootargs: str) -> frozenset[str]:
    """The tests that `selftest=GLOB,…` in these boot arguments selects; all without it."""
    globs = _asked(bootargs)
    return frozenset(n for n in names if not globs or any(_fits(n, glob) for glob in globs))


def unmatched(names: frozenset[str], bootargs: str) -> tuple[str, ...]:
    """The globs there that fit no test: the kernel refuses to run any then."""
    return tuple(g for g in _asked(bootargs) if not any(_fits(n, g) for n in names))


def expectation(run: Run, builds: Builds) -> Expect:
    """What the run's ELF and table entry say must come. Raises ElfError."""
    image = elfs.read(builds.elf(run.build))
    tests = selected(image.tests, run.bootargs)
    missed = () if run.kind == "fatal" else unmatched(image.tests, run.bootargs)
    crc = f"{zlib.crc32(builds.image(run.build).read_bytes()):08x}"
    return Expect(kind=run.kind, build=image.build_id, crc32=crc, may_skip=run.may_skip,
                  unmatched=missed if run.verdict is Verdict.PASS else (),
                  tests=tests if run.verdict is Verdict.PASS else None, fatal=run.fatal or None)


def boot(run: Run, builds: Builds, on_data=lambda data: None, rerun: str = "",
         talk=None) -> Outcome:
    """Boot once under QEMU and judge. Only Unavailable escapes; all else becomes a verdict.

    talk(guest, log), if given, takes over behind @end: what is typed and said there is not judged.
    """
    def qemu(folder: pathlib.Path) -> Guest:
        args = prepare.qemu_args(run, builds, folder)
        (folder / "qemu.sh").write_text("#!/bin/sh\n" + shlex.join([*args, "-serial", "stdio"])
                                        + "\n")
        # A guest that has switched itself off stays to be looked at.
        return Guest([*args, "-no-shutdown"] if verify else args, folder / "qemu.err")

    verify = run.verify and talk is None

    return listen(run, builds.results(run), qemu, lambda: expectation(run, builds),
                  rerun or rerun_line(run, builds), on_data, talk,
                  elf=builds.elf(run.build) if verify else None)


@contextlib.contextmanager
def held(folder: pathlib.Path):
    """A run's folder, for one at a time: a guest reads from it what another would write anew."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(folder.with_name(f".{folder.name}.lock"), "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"runner: {folder.name}: waits for the one that is under way", file=sys.stderr)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def listen(run: Run, folder: pathlib.Path, guest_in, expected, rerun: str,
           on_data=lambda data: None, talk=None, limits: Limits | None = None,
           elf: pathlib.Path | None = None) -> Outcome:
    """Judge one boot of whatever guest_in(folder) makes, by what expected() says must come.

    elf: of a guest whose page tables can be looked at. The folder is emptied, and then holds this
    run's artifacts; it is held by this run until they are written.
    """
    with held(folder):
        return _listen(run, folder, guest_in, expected, rerun, on_data, talk, limits, elf)


def _listen(run: Run, folder: pathlib.Path, guest_in, expected, rerun: str, on_data, talk,
            limits: Limits | None, elf: pathlib.Path | None) -> Outcome:
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    stream, began = Stream(), time.monotonic()
    limits = limits or Limits(silence=run.silence, total=run.total)
    verified = Verified("nobody can look into it" if elf is None else "it could not be run")
    try:
        guest = guest_in(folder)
        expect = expected()
        if elf is None:
            ending = _watch(guest, limits, folder, stream, on_data, talk)
        else:
            with Verifier(guest, elf, stream) as verifier:
                verified = verifier.result
                ending = _watch_verified(run, guest, limits, folder, stream, on_data, verifier)
        stream.finish()
        judgement = judge(stream, expect, ending)
        verdict, reasons = _held_against(run, stream, folder, judgement, ending)
        if verified.problems:
            if verdict is Verdict.PASS:
                verdict = Verdict.FAIL
            reasons = (*(f"fail: {p}" for p in verified.problems), *reasons)
        if verified.cannot:
            verdict = Verdict.INFRA if verdict is Verdict.PASS else verdict
            reasons = (*reasons, f"infra: {verified.cannot}")
        if worthless := guest.trouble(stream):
            verdict, reasons = Verdict.INFRA, (f"infra: {worthless}", *reasons)
        if verdict is not Verdict.PASS:
            reasons = (*reasons, *(f"hint: {hint}" for hint in guest.hints(stream)))
    except (prepare.PrepareError, elfs.ElfError, TableError, QemuError, PortError, OSError) as error:
        judgement = Judgement(Verdict.INFRA, (), tuple(stream.tests))
        verdict, reasons = Verdict.INFRA, (f"infra: {error}",)
    outcome = Outcome(run, verdict, judgement.verdict, reasons, judgement.tests, stream, folder,
                      time.monotonic() - began, verified)
    write_down(outcome, rerun)
    return outcome


def _watch_verified(run: Run, guest: Guest, limits: Limits, folder: pathlib.Path, stream: Stream,
                    on_data, verifier: Verifier) -> Ending:
    """_watch() of a guest whose page tables are looked at: at its end, and run.stops times before."""
    if not run.stops:
        return _watch(guest, limits, folder, stream, on_data, None, verifier.at_end)
    stops = Interrupted(guest, verifier, stream, run.stops)
    ending = _watch(stops, limits, folder, stream, on_data, None, verifier.at_end)
    stops.finished()
    return ending


def _watch(guest, limits: Limits, folder: pathlib.Path, stream: Stream, on_data, talk,
           at_end=lambda ending: None) -> Ending:
    with open(folder / "serial.log", "wb") as log, guest:
        def take(data: bytes) -> None:
            log.write(data)
            log.flush()
            stream.feed(data)
            on_data(data)

        guest.start()
        ending = watch(guest, stream, limits, take, talk is not None)
        if ending is None:
            talk(guest, log)
        else:
            at_end(ending)
        return ending or Ending.POWEROFF


# -- the run's verdict: the stream's, held against the table ---------------------------------


def _held_against(run: Run, stream: Stream, folder: pathlib.Path, judgement: Judgement,
                  ending: Ending) -> tuple[Verdict, tuple[str, ...]]:
    if judgement.verdict is not run.verdict:
        wrong = (f"the table expects {run.verdict}",) if run.verdict is not Verdict.PASS else ()
        verdict = Verdict.FAIL if judgement.verdict is Verdict.PASS else judgement.verdict
        return verdict, (*judgement.reasons, *wrong)
    log = (folder / "serial.log").read_bytes().replace(b"\r", b"").decode("latin-1")
    wrong = (*_text(run, log), *_layout(run, stream))
    if wrong:
        return Verdict.FAIL, (*(f"fail: {w}" for w in wrong), *judgement.reasons)
    if run.power_off and ending is not Ending.POWEROFF:
        return Verdict.HANG, (f"hang: the guest did not power off: {ending.value}",)
    return Verdict.PASS, ()


def _text(run: Run, log: str):
    for pattern in run.text:
        if not re.search(pattern, log, re.MULTILINE):
            yield f"no line matches {pattern!r}"
    for pattern in run.absent:
        if m := re.search(pattern, log, re.MULTILINE):
            yield f"{m.group(0)!r} is in the stream"


def _layout(run: Run, stream: Stream):
    """Check `@layout`: what always holds, then each value to equal, or "<=N" or ">=N"."""
    if run.verdict is Verdict.PASS:
        yield from layout.problems(stream.layout, run.build)
    for path, want in run.layout.items():
        value = stream.layout
        for key in path.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        bound = re.fullmatch(r"([<>])=([0-9]+)", want) if isinstance(want, str) else None
        if bound and isinstance(value, int):
            limit = int(bound.group(2))
            good = value >= limit if bound.group(1) == ">" else value <= limit
        else:
            good = value == want
        if not good:
            yield f"@layout {path} is {value!r}, expected {want!r}"


# -- artifacts -------------------------------------------------------------------------------


def rerun_line(run: Run, builds: Builds, tests: str = "") -> str:
    """The one line that repeats a run."""
    parts = ["make", *builds.words(), "test", f"RUN={shlex.quote(run.name)}"]
    if tests:
        parts.append(f"T={shlex.quote(tests)}")
    return " ".join(parts)


def write_down(outcome: Outcome, rerun: str) -> None:
    """A run's result files: each is there whole, or not at all."""
    def put(name: str, write) -> None:
        half = outcome.folder / f".{name}"
        write(half)
        os.replace(half, outcome.folder / name)

    words = "\n".join([str(outcome.verdict), *outcome.reasons]) + "\n"
    if outcome.verified.text:
        put("tables", lambda path: path.write_text("\n".join(outcome.verified.text) + "\n"))
    put("rerun", lambda path: path.write_text(rerun + "\n"))
    put("verdict", lambda path: path.write_text(words))
    put("junit.xml", lambda path: junit(outcome, rerun).write(path, encoding="utf-8",
                                                              xml_declaration=True))


def _xml_text(text: str) -> str:
    """XML 1.0 has no way to say most control characters."""
    return re.sub(r"[^\t\n\x20-\x7e\xa0-\xff]", "?", text)


def junit(outcome: Outcome, rerun: str) -> ET.ElementTree:
    """JUnit XML: one case per in-kernel test, and one, `stream`, for the run itself."""
    failures = sum(t.status == "fail" for t in outcome.tests)
    run_failed = outcome.verdict is not Verdict.PASS
    suite = ET.Element("testsuite", name=outcome.run.name, time=f"{outcome.seconds:.2f}",
                       tests=str(len(outcome.tests) + 1), failures=str(failures + run_failed),
                       skipped=str(sum(t.status == "skip" for t in outcome.tests)))
    for test in outcome.tests:
        case = ET.SubElement(suite, "testcase", classname=outcome.run.name, name=test.name)
        if test.status != "pass":
            word = "failure" if test.status == "fail" else "skipped"
            node = ET.SubElement(case, word, message=_xml_text(test.reason))
            node.text = _xml_text("\n".join(test.log))
    case = ET.SubElement(suite, "testcase", classname=outcome.run.name, name="stream")
    if run_failed:
        node = ET.SubElement(case, "failure", message=str(outcome.verdict))
        node.text = _xml_text("\n".join([*outcome.reasons, f"again: {rerun}"]))
    return ET.ElementTree(suite)


def tell(outcome: Outcome, rerun: str) -> None:
    """Say to a person what came of a run."""
    sys.stdout.flush()
    for reason in outcome.reasons:
        print(f"runner: {reason}", file=sys.stderr)
    for test in outcome.tests:
        for line in source.explained(test.log) if test.status == "fail" else ():
            print(f"runner: {test.name}: {line.strip()}", file=sys.stderr)
    counts = {s: sum(t.status == s for t in outcome.tests) for s in ("pass", "fail", "skip")}
    print(f"runner: {outcome.run.name}: {outcome.verdict} ({counts['pass']} passed, "
          f"{counts['fail']} failed, {counts['skip']} skipped) in {outcome.seconds:.1f} s",
          file=sys.stderr)
    if outcome.verdict is not Verdict.PASS:
        print(f"runner: log {outcome.folder}/serial.log; again: {rerun}", file=sys.stderr)
