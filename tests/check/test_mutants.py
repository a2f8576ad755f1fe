# SPDX-License-Identifier: BSD-2-Clause
"""The mutants' own machinery: what their table refuses, who counts as a killer, and that none of them can
be taken for a kernel that is meant to be right. A few are built, booted and killed."""

import dataclasses
import os
import pathlib
import subprocess
import sys
import threading

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from mutant import cli, kill, overlay, table  # noqa: E402  (needs the path above)
from runner.judge import Ending, Expect, Verdict, judge  # noqa: E402
from runner.stream import Stream  # noqa: E402

GOOD = '''[[mutant]]
name = "two-and-two"
bug = "Two and two is five."
killers = ["test sums.two_and_two"]

[[mutant.edit]]
file = "sums.c"
old = "return 4;"
new = "return 5;"
'''


@pytest.fixture
def tree(tmp_path):
    """Writes a table and the file that it is about; returns the tree's root."""
    def write(text, source="int two_and_two(void)\n{\n\treturn 4;\n}\n"):
        (tmp_path / "tests" / "mutants").mkdir(parents=True, exist_ok=True)
        (tmp_path / "tests" / "mutants" / "sums.toml").write_text(text, encoding="utf-8")
        (tmp_path / "sums.c").write_text(source, encoding="utf-8")
        return tmp_path
    return write


def test_an_entry_is_read_and_applied(tree):
    root = tree(GOOD)
    mutant = table.load(root)[0]
    assert mutant.name == "two-and-two" and mutant.run.board == "vexpress-a15"
    assert "return 5;" in mutant.texts(root)["sums.c"]
    assert "-\treturn 4;\n+\treturn 5;" in mutant.diff(root)
    assert (root / "sums.c").read_text(encoding="utf-8").count("return 4;") == 1


@pytest.mark.parametrize(("old", "new", "word"), [
    ("name =", "nmae =", "unknown keys"),
    ('bug = "Two and two is five."\n', "", "no bug"),
    ("two-and-two", "Two And Two", "lower case"),
    ("two-and-two", "list", "not list"),
    ('["test sums.two_and_two"]', '[]', "only identity mutants survive"),
    ('"test sums.', '"tset sums.', "killer"),
    ('"test sums.two_and_two"', '"stream wonderful"', "killer"),
    ("return 5;", "return 4;", "another text"),
    ("killers", 'run = { board = "vexpress-a15", build = "relaese" }\nkillers', "build"),
    ("killers", 'run = { bord = "vexpress-a15" }\nkillers', "unknown keys"),
    ("killers", 'looks = ["pytest"]\nkillers', "with a file"),
    ("killers", 'looks = ["host"]\nkillers', "a program in host"),
    ("killers", 'host = "inflate"\nkillers', "a program in host"),
    ("killers", 'looks = ["guess"]\nkillers', "looks"),
    ("[[mutant]]", "[mutant", "sums.toml"),
    ("[[mutant]]", "[[mutants]]", "sums.toml"),
])
def test_a_bad_entry_is_named(tree, old, new, word):
    assert old in GOOD
    with pytest.raises(table.MutantError, match=word):
        table.load(tree(GOOD.replace(old, new, 1)))


@pytest.mark.parametrize(("source", "count"), [("", 0), ("return 4; return 4;", 2)])
def test_an_edit_that_does_not_apply_once_is_named(tree, source, count):
    root = tree(GOOD, source)
    with pytest.raises(table.MutantError, match=f"two-and-two: sums.c .* {count} times"):
        table.load(root)[0].texts(root)


def test_two_of_one_name_are_refused(tree):
    with pytest.raises(table.MutantError, match="two mutants"):
        table.load(tree(GOOD + GOOD))


def test_an_unknown_name_is_answered_by_those_near_it():
    mutants = table.load(ROOT)
    with pytest.raises(table.MutantError, match="pkmap-wrap-no-flush"):
        table.select(mutants, "pkmap-wrap-no-flsh")
    with pytest.raises(table.MutantError, match="no mutant"):
        table.select(mutants, "identity,nothing-like-it")
    assert [m.name for m in table.select(mutants, "identit*")] == ["identity"]


@pytest.mark.parametrize(("seen", "right"), [
    ({"test sums.two_and_two"}, True), (set(), False), ({"test sums.others"}, False),
    ({"test sums.two_and_two", "stream corrupted"}, False)])
def test_only_the_named_killer_counts(tree, seen, right):
    mutant = table.load(tree(GOOD))[0]
    assert cli.Result(mutant, frozenset(seen), (), 1.0).right is right
    assert not cli.Result(mutant, frozenset(seen), (), 1.0, trouble="no QEMU").right
    identity = dataclasses.replace(mutant, killers=())
    assert cli.Result(identity, frozenset(seen), (), 1.0).right is not seen or not seen


def test_trouble_of_ours_kills_nobody():
    with pytest.raises(kill.LookError):
        kill._words("check", 2, "Traceback", r"^check (\S+) +FAIL")


# ---- no mutant is a good kernel ----

def judged(data, mutant):
    stream = Stream()
    stream.feed(data)
    stream.finish()
    return judge(stream, Expect(mutant=mutant, may_skip=("*",)), Ending.POWEROFF).verdict


def test_the_judge_takes_no_mutant_for_a_good_kernel():
    good = (ROOT / "tests" / "streams" / "good.bin").read_bytes()
    named = good.replace(b'"board":', b'"mutant":"two-and-two","board":', 1)
    assert named != good
    assert judged(good, "") is Verdict.PASS and judged(named, "two-and-two") is Verdict.PASS
    for data, mutant in ((named, ""), (named, "another"), (good, "two-and-two")):
        assert judged(data, mutant) is Verdict.INFRA


def make(*words, cwd=ROOT):
    done = subprocess.run(["make", "-n", "NO_INSTALL=1", *words], cwd=cwd, text=True,
                          capture_output=True, check=False)
    return done.returncode, done.stderr


@pytest.mark.parametrize("goal", ["dist", "flash", "sdcard", "flash-board", "load", "lava", "test",
                                  "bench", "test-board"])
def test_make_makes_nothing_for_a_board_of_a_mutant(goal):
    status, said = make(goal, "MUTANT=identity")
    assert status == 2 and f"make {goal}: MUTANT=" in said


def test_make_names_what_is_near_and_what_does_not_fit():
    status, said = make("MUTANT=identiti")
    assert status == 2 and "near it: identity" in said


@pytest.mark.parametrize("goal", ["mutants", "run"])
def test_make_names_all_and_does_nothing_else(goal, tmp_path):
    done = subprocess.run(["make", "-s", "NO_INSTALL=1", goal, "MUTANT=list", f"O={tmp_path}/b"], cwd=ROOT,
                          text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    mutants = table.load(ROOT)
    lines = done.stdout.splitlines()
    assert lines[-1] == f"mutants: {len(mutants)}" and len(lines) == 2 * len(mutants) + 1
    for mutant, line, killers in zip(mutants, lines[::2], lines[1::2], strict=False):
        assert line.split(maxsplit=2) == [mutant.name, mutant.run.build, mutant.sentence]
        assert mutant.bug.startswith(mutant.sentence) and mutant.sentence.endswith(".")
        assert killers.split("killed by ")[1] == (", ".join(mutant.killers) or "nobody")
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize(("words", "refused"), [
    (("run", "DEBUG=1"), "DEBUG"), (("COMPILER=clang",), "COMPILER"), (("run", "CROSS=x-"), "CROSS"),
    (("run", "BOARD=qemu-virt", "MINE=1"), "BOARD MINE"), (("mutants", "ARGS=x"), "ARGS")])
def test_what_an_entry_says_is_not_said_again(words, refused):
    status, said = make("MUTANT=identity", *words)
    assert status == 2 and f"without {refused}." in said
    status, said = make("MUTANT=identity", *words[:1 if "=" not in words[0] else 0], "V=1", "JOBS=1")
    assert status == 0, said


def test_the_environment_says_no_other_build_either(monkeypatch):
    assert make("mutants")[0] == 0
    monkeypatch.setenv("COMPILER", "clang")
    status, said = make("mutants")
    assert status == 2 and "without COMPILER." in said


def test_two_who_want_the_same_mutant_take_turns(tmp_path, capfd):
    trees, order = overlay.Trees(ROOT, tmp_path), []

    def other():
        with overlay.held(trees, "identity"):
            order.append("other")

    thread = threading.Thread(target=other)
    with overlay.held(trees, "identity"):
        with overlay.held(trees, "another"):  # is free
            thread.start()
            thread.join(0.3)
            assert thread.is_alive()
            order.append("first")
    thread.join()
    assert order == ["first", "other"] and "identity.lock: another run has it" in capfd.readouterr().err


def test_form_kills_nobody_who_does_not_name_it(tree, monkeypatch):
    mutant, left_out = table.load(tree(GOOD))[0], []

    def python(_subject, _on_data, *argv):
        left_out[:] = argv[-1].split(",")
        return 0, ""

    monkeypatch.setattr(kill, "_python", python)
    for killers in (("check barriers",), ("check braces", "check barriers")):
        subject = kill.Subject(dataclasses.replace(mutant, killers=killers), ROOT, ROOT, ROOT)
        kill.LOOKS["check"](subject, lambda data: None)
        assert "format" in left_out and "barriers" not in left_out
        assert ("braces" in left_out) is ("check braces" not in killers)


# ---- a few of them, from the table to their end ----

@pytest.fixture(scope="module", name="out")
def fixture_out():
    """Where the Makefile built."""
    return pathlib.Path(os.environ.get("FANLIGHT_BUILD", ROOT / "build")).resolve()


def test_quick_ones_are_killed_by_whom_they_name(out):
    done = subprocess.run([sys.executable, ROOT / "tools" / "mutant", "all", "--quick", "--out", out],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    quick = [mutant for mutant in table.load(ROOT) if mutant.quick]
    assert len(quick) >= 4 and done.stdout.count(" ok (") == len(quick)
    for mutant in quick:
        tree = overlay.Trees(ROOT, out).mutant(mutant.name)
        log = next(tree.rglob("serial.log")).read_text(encoding="latin-1")
        assert f"MUTANT {mutant.name}" in log and f'"mutant":"{mutant.name}"' in log
        status, said = make("flash", cwd=tree)
        assert status == 2 and f"the mutant {mutant.name}" in said
