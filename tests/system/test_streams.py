# SPDX-License-Identifier: BSD-2-Clause
"""The stream kit against our own judge, and damage of every kind against a good stream.

Must never need a build, a compiler or QEMU.
"""

import itertools
import subprocess
import sys
import tomllib

import pytest

from runner.judge import Ending, Expect, Verdict, judge
from runner.stream import Stream
from runner.table import ROOT

KIT = ROOT / "tests" / "streams"
MANIFEST = tomllib.loads((KIT / "streams.toml").read_text())
GOOD = (KIT / "good.bin").read_bytes()


def expectation(kind="suites"):
    """What the kit's manifest says was asked for."""
    return Expect(kind=kind, build=MANIFEST["build"], tests=frozenset(MANIFEST["tests"]),
                  may_skip=tuple(MANIFEST["may_skip"]), fatal=MANIFEST["fatal"])


def verdict_of(data, kind="suites", ending=Ending.EOF, chunk=None):
    """Judge bytes, fed at once or in chunks."""
    stream = Stream()
    for at in range(0, len(data), chunk or len(data) or 1):
        stream.feed(data[at:at + (chunk or len(data))])
    stream.finish()
    return judge(stream, expectation(kind), ending).verdict


def test_kit_is_what_its_generator_writes():
    done = subprocess.run([sys.executable, str(KIT / "generate.py"), "--check"], check=False)
    assert done.returncode == 0, "run tests/streams/generate.py"


@pytest.mark.parametrize("name", MANIFEST["stream"])
def test_verdict(name):
    want = MANIFEST["stream"][name]
    data = (KIT / f"{name}.bin").read_bytes()
    assert str(verdict_of(data, want["kind"])) == want["verdict"], want["why"]


@pytest.mark.parametrize("name", MANIFEST["stream"])
def test_verdict_does_not_depend_on_chunks(name):
    want = MANIFEST["stream"][name]
    data = (KIT / f"{name}.bin").read_bytes()
    assert {str(verdict_of(data, want["kind"], chunk=n)) for n in (1, 7)} == {want["verdict"]}


def test_every_cut_of_a_good_stream_is_truncated():
    # Up to the line end of @end: it is a carriage return and a newline.
    for keep in range(len(GOOD)):
        assert verdict_of(GOOD[:keep]) in (Verdict.TRUNCATED, Verdict.CORRUPTED), keep


def test_every_flipped_bit_after_the_plan_is_noticed():
    start = GOOD.index(b"KTAP version 1")
    for at, bit in itertools.product(range(start, len(GOOD)), range(8)):
        data = bytearray(GOOD)
        data[at] ^= 1 << bit
        assert verdict_of(bytes(data)) is not Verdict.PASS, (at, bit)


def test_every_lost_or_doubled_or_swapped_line_after_the_plan_is_noticed():
    lines = GOOD.split(b"\r\n")[:-1]
    start = lines.index(b"KTAP version 1")
    for at in range(start, len(lines)):
        lost = lines[:at] + lines[at + 1:]
        doubled = lines[:at] + [lines[at]] + lines[at:]
        swapped = lines[:at] + lines[at:at + 2][::-1] + lines[at + 2:]
        for damaged in (lost, doubled, swapped):
            if damaged != lines:
                data = b"".join(line + b"\r\n" for line in damaged)
                assert verdict_of(data) is not Verdict.PASS, (at, lines[at])


def test_every_lost_byte_after_the_plan_is_noticed():
    start = GOOD.index(b"KTAP version 1")
    for at in range(start, len(GOOD)):
        if GOOD[at:at + 1] != b"\r":  # the one byte that may go: a line may end in \n alone
            assert verdict_of(GOOD[:at] + GOOD[at + 1:]) is not Verdict.PASS, at


@pytest.mark.parametrize(("ending", "want"), [
    (Ending.TIMEOUT, Verdict.HANG), (Ending.STOPPED, Verdict.HANG),
    (Ending.POWEROFF, Verdict.TRUNCATED), (Ending.RESET, Verdict.RESET)])
def test_unfinished_stream_by_how_it_ended(ending, want):
    cut = (KIT / "truncated.bin").read_bytes()
    assert verdict_of(cut, ending=ending) is want


def test_reset_of_the_guest_is_no_pass_even_after_end():
    assert verdict_of(GOOD, ending=Ending.RESET) is Verdict.RESET


@pytest.mark.parametrize("name", ["good", "panic", "truncated", "wrong-crc", "reboot", "failed"])
def test_judge_command_exits_with_the_verdict(name):
    want = MANIFEST["stream"][name]["verdict"]
    argv = [sys.executable, str(ROOT / "tools" / "runner"), "judge", str(KIT / f"{name}.bin"),
            "--may-skip", "tlb.*"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert str(Verdict(done.returncode)) == want, done.stdout + done.stderr


def test_judge_command_demands_listed_tests(tmp_path):
    names = tmp_path / "tests"
    names.write_text("\n".join([*MANIFEST["tests"], "pkmap.never_ran"]))
    argv = [sys.executable, str(ROOT / "tools" / "runner"), "judge", str(KIT / "good.bin"),
            "--may-skip", "tlb.*", "--tests", str(names)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == Verdict.FAIL
    assert "pkmap.never_ran" in done.stdout


# -- the kit, as others use it ---------------------------------------------------------------

JUDGE = """
import os, sys
sys.path.insert(0, {tools!r})
from runner.judge import Ending, Expect, judge
from runner.stream import Stream
_, file, kind, tests, may_skip, build, fatal = sys.argv
stream = Stream()
stream.feed(open(file, "rb").read())
stream.finish()
expect = Expect(kind=kind, build=build, tests=frozenset(open(tests).read().split()),
                may_skip=tuple(may_skip.split(",")), fatal=fatal)
sys.exit(judge(stream, expect, Ending.EOF).verdict)
"""
ASKED = ("{file}", "{kind}", "{tests}", "{may_skip}", "{build}", "{fatal}")


def try_judge(*words):
    """The kit's driver: (exit status, its lines)."""
    done = subprocess.run([sys.executable, KIT / "try_judge.py", *words], capture_output=True,
                          text=True, check=False, cwd=ROOT)
    return done.returncode, done.stdout.splitlines() + done.stderr.splitlines()


def test_our_judge_is_right_about_each_stream(tmp_path):
    (tmp_path / "judge.py").write_text(JUDGE.format(tools=str(ROOT / "tools")))
    status, lines = try_judge("--exact", "--", sys.executable, tmp_path / "judge.py", *ASKED)
    count = len(MANIFEST["stream"])
    assert (status, lines) == (0, [f"kit {MANIFEST['version']}: {count} streams, 0 misjudged, "
                                   "0 of them taken for a pass"])


def test_the_readme_s_command_is_right_too():
    text = (KIT / "README.md").read_text().replace("\\\n", "")
    command = next(line for line in text.splitlines() if "tools/runner judge {file}" in line).split()
    assert command[0] == "tests/streams/try_judge.py"
    status, lines = try_judge("--only", "m*", *command[1:])
    assert status == 0 and int(lines[-1].split()[2]) > 9, lines


def test_the_kit_catches_a_judge_that_looks_at_totals_alone():
    """Each stream with such totals that is no pass, and none else but what has no totals."""
    status, lines = try_judge("--", "sh", "-c", 'grep -q "^# Totals: .* fail:0"')
    taken = {line.split()[0] for line in lines if "was judged pass" in line}
    assert status == 1
    assert {"lost-not-everywhere", "wrong-crc", "panic-after-end", "reboot", "missing-test",
            "end-fail", "unlisted-skip"} <= taken
    assert taken == {name for name, want in MANIFEST["stream"].items() if want["verdict"] != "pass"
                     and b"# Totals" in (data := (KIT / f"{name}.bin").read_bytes())
                     and any(line.startswith(b"# Totals: ") and b" fail:0" in line
                             for line in data.split(b"\n"))}
    assert lines[-1].endswith(f", {len(taken)} of them taken for a pass")


@pytest.mark.parametrize(("words", "text"), [
    (("--", "/nowhere/judge"), "try_judge: /nowhere/judge: No such file or directory"),
    (("--", "true", "{file}", "--kind={kidn}"),
     "try_judge: {kidn} is none of {file} {kind} {tests} {may_skip} {build} {fatal}"),
    (("--only", "no-such-*", "--", "true"), "try_judge: --only no-such-*: no such stream")])
def test_a_judge_that_cannot_be_tried_is_named(words, text):
    assert try_judge(*words) == (2, [text])


def test_the_help_explains_each_word():
    done = subprocess.run([sys.executable, KIT / "try_judge.py", "--help"], capture_output=True,
                          text=True, check=True)
    for word in ("{file}", "{kind}", "{tests}", "{may_skip}", "{build}", "{fatal}"):
        assert f"    {word} " in done.stdout


def test_a_judge_that_says_the_same_of_all_is_shown():
    status, lines = try_judge("--only", "good*", "--", "sh", "-c", "echo no python here >&2; exit 9")
    assert status == 1
    assert lines[-2] == "it judged each of them no pass; the first time it said: 'no python here'"
