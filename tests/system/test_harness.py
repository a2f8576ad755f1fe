# SPDX-License-Identifier: BSD-2-Clause
"""The harness's own proof: a guest that is not a kernel says recorded streams in a real QEMU.

What the stream kit cannot show: power-off, reset, silence, a guest that stays, QEMU's own failures,
and the artifacts of a run.
"""

import concurrent.futures
import dataclasses
import fnmatch
import functools
import io
import json
import os
import pathlib
import re
import struct
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ET

import pytest

from runner import bench, cli, elf, layout, session, source, table
from runner.judge import Verdict
from runner.prepare import Builds, Unavailable, stub
from runner.qemu import QemuError
from runner.table import ROOT, Run
from runner.terminal import Folder
from runner.watch import Limits
from standin import KIT, MANIFEST, POWER_OFF, RESET, STAY, put

BUILD = os.environ.get("FANLIGHT_BUILD", ROOT / "build")


@pytest.fixture(name="boot")
def fixture_boot(tmp_path, monkeypatch):
    """Boots the guest with a stream of the kit and a way to end; patience is short here."""
    impatient = functools.partial(Limits, after_end=2.0, after_panic=2.0)
    monkeypatch.setattr(session, "Limits", impatient)

    def boot(stream, ending, **changes):
        put(tmp_path, stream, ending)
        run = Run(name=f"{stream}-{ending}", board="vexpress-a15", memory="256M", smp=1,
                  may_skip=("tlb.stale_local",), silence=3.0, verify=False)
        return session.boot(dataclasses.replace(run, **changes), Builds(tmp_path))
    return boot


def test_elf_names(tmp_path):
    put(tmp_path, "good")
    image = elf.read(tmp_path / "fanlight")
    assert image.build_id == MANIFEST["build"]
    assert image.tests == frozenset(MANIFEST["tests"])
    assert image.fatals == frozenset(["fatal.kunmap.double"])


def test_good_run_passes_and_leaves_artifacts(boot):
    outcome = boot("good", POWER_OFF)
    assert outcome.verdict is Verdict.PASS, outcome.reasons
    assert [t.name for t in outcome.tests] == MANIFEST["tests"]
    assert (outcome.folder / "serial.log").read_bytes() == (KIT / "good.bin").read_bytes()
    assert "RUN=good-0" in (outcome.folder / "rerun").read_text()
    suite = ET.parse(outcome.folder / "junit.xml").getroot()
    assert suite.get("tests") == str(len(MANIFEST["tests"]) + 1)
    assert suite.get("failures") == "0"


@pytest.mark.parametrize(("stream", "ending", "verdict"), [
    ("good", RESET, Verdict.RESET),
    ("failed", POWER_OFF, Verdict.FAIL),
    ("missing-test", POWER_OFF, Verdict.FAIL),
    ("truncated", POWER_OFF, Verdict.TRUNCATED),
    ("truncated", RESET, Verdict.RESET),
    ("truncated", STAY, Verdict.HANG),
    ("empty", STAY, Verdict.HANG),
    ("panic", POWER_OFF, Verdict.CRASH),
    ("panic-early", STAY, Verdict.CRASH),
    ("panic-then-reboot", POWER_OFF, Verdict.CRASH),
    ("reboot", POWER_OFF, Verdict.RESET),
    ("noise", POWER_OFF, Verdict.CORRUPTED),
    ("other-build", POWER_OFF, Verdict.INFRA),
])
def test_verdicts_from_a_live_guest(boot, stream, ending, verdict):
    outcome = boot(stream, ending)
    assert outcome.verdict is verdict, outcome.reasons
    assert outcome.reasons
    suite = ET.parse(outcome.folder / "junit.xml").getroot()
    assert int(suite.get("failures")) >= 1


def test_guest_that_must_power_off_and_stays_is_a_hang(boot):
    assert boot("good", STAY).verdict is Verdict.HANG
    assert boot("good", STAY, power_off=False).verdict is Verdict.PASS


def test_fatal_run(boot):
    fatal = {"kind": "fatal", "fatal": "fatal.kunmap.double"}
    assert boot("fatal-good", POWER_OFF, **fatal).verdict is Verdict.PASS
    assert boot("fatal-other-rule", POWER_OFF, **fatal).verdict is Verdict.CRASH


def test_expected_trouble_is_held_against_the_table(boot):
    asked = {"verdict": Verdict.CRASH, "power_off": False}
    assert boot("panic-early", STAY, text=("no LPAE",), **asked).verdict is Verdict.PASS
    missing = boot("panic-early", STAY, text=("out of memory",), **asked)
    assert missing.verdict is Verdict.FAIL
    assert "out of memory" in missing.reasons[0]
    assert boot("good", POWER_OFF, **asked).verdict is Verdict.FAIL


def test_layout_is_checked(boot):
    right = {"split": "3g", "mem.total": 8 << 30, "mem.free": ">=1000", "mem.reserved": "<=4194304"}
    assert boot("good", POWER_OFF, layout=right).verdict is Verdict.PASS
    for path, value in (("split", "2g"), ("mem.free", "<=1000"), ("mem.nothing", 1)):
        assert boot("good", POWER_OFF, layout={path: value}).verdict is Verdict.FAIL


def test_layout_must_add_up():
    lines = (KIT / "good.bin").read_text().splitlines()
    sound = json.loads(next(line for line in lines if line.startswith("@layout "))[8:])
    regions, mem = sound["regions"], sound["mem"]

    def spoiled(**changes):
        return layout.problems({**sound, **changes}, "release")

    assert not spoiled()
    assert layout.problems(sound, "vmsplit-2g")
    assert spoiled(page_offset="0x80000000")
    assert spoiled(mem={**mem, "lowmem": mem["lowmem"] + 4096})
    assert spoiled(mem={**mem, "lowmem_free": mem["lowmem"] + 1})
    assert spoiled(regions=regions[1:])
    assert spoiled(regions=[*regions[:2], regions[1], *regions[2:]])
    wide = [{**r, "size": "0x00400000"} if r["name"] == "fixmap" else r for r in regions]
    assert spoiled(regions=wide)
    assert layout.problems(None, "release")


def test_trouble_with_qemu_is_infrastructure(boot):
    assert boot("good", POWER_OFF, args=("-no-such-option",)).verdict is Verdict.INFRA
    assert boot("good", POWER_OFF, cpu="no-such-cpu").verdict is Verdict.INFRA
    missing = boot("good", POWER_OFF, build="vmsplit-2g")
    assert missing.verdict is Verdict.INFRA
    assert re.search("vmsplit-2g/fanlight.zImage does not exist: `make variants O=.*` builds it",
                     missing.reasons[0])


def test_image_elsewhere_through_the_stub(boot):
    for image_at in (0x80200000, 0x8a001004, 0x8ff00804):
        outcome = boot("good", POWER_OFF, image_at=image_at)
        assert outcome.verdict is Verdict.PASS, outcome.reasons
    outcome = boot("good", POWER_OFF, image_at=0x88000000, dtb="none")
    assert outcome.verdict is Verdict.PASS, outcome.reasons


def test_stub_words():
    assert struct.unpack("<6I", stub(0x1000, 0x2003))[4:] == (0x2003, 0x1000)
    assert struct.unpack("<6I", stub(0x1000, None))[1] == 0xe1a00000  # nop: r2 stays


def test_a_selection_of_nothing_is_named(tmp_path):
    done = subprocess.run([sys.executable, ROOT / "tools" / "runner", "test", "--build", BUILD,
                           "--", "--collect-only", f"--junitxml={tmp_path}/junit.xml"],
                          capture_output=True, text=True, check=False,
                          env={**os.environ, "T": "nonsense*", "RUN": "", "SHARD": ""})
    assert done.returncode == Verdict.INFRA
    assert "nothing matches T=nonsense*\n" in done.stderr + done.stdout


def test_selection_by_globs():
    names = frozenset(["a.one", "a.two", "b.one"])
    assert session.selected(names, "selftest panic=halt") == names
    assert session.selected(names, "selftest=a.*") == {"a.one", "a.two"}
    assert session.selected(names, "selftest=b.*,?.two quiet") == {"b.one", "a.two"}
    assert session.selected(names, "selftest=a.*,") == {"a.one", "a.two"}
    assert session.selected(names, "selftest=") == names


# Tests that a build with DEBUG=1 may skip; and one that a run must list itself.
DEBUG_SKIPS = {"vmalloc.memory_runs_out", "failalloc.lowmem_instead",
               "interleave.one_table_for_all_who_miss_it"}


def test_only_a_build_with_debug_may_skip_what_only_debug_does():
    rows = {run.name: run for run in table.runs()}
    assert DEBUG_SKIPS <= set(rows["vexpress-debug-4g"].may_skip)
    assert DEBUG_SKIPS <= set(rows["vexpress-clang-debug-4g"].may_skip)
    assert DEBUG_SKIPS & set(rows["interleave-virt"].may_skip) == {"vmalloc.memory_runs_out"}  # listed
    for run in rows.values():
        if run.build not in table.DEBUG_BUILDS:
            assert not {glob for glob in run.may_skip for name in DEBUG_SKIPS
                        if fnmatch.fnmatchcase(name, glob)}, run.name


@pytest.mark.parametrize(("variables", "debug"), [
    ("", False), ("DEBUG=1", True), ("VMSPLIT=2g DEBUG=1", True), ("COUNT=1 COMPILER=clang", False)])
def test_make_run_knows_a_build_with_debug(variables, debug, monkeypatch, tmp_path):
    seen = []

    def booted(run, *rest):
        seen.append(run)
        raise Unavailable("seen")
    monkeypatch.setattr(session, "boot", booted)
    words = ["run", "--build", str(tmp_path), "--variables", variables]
    assert cli.main(words) == Verdict.INFRA
    plain = next(run for run in table.runs() if run.name == "make-run-vexpress-a15").may_skip
    assert set(seen[0].may_skip) - set(plain) == (DEBUG_SKIPS if debug else set())


@pytest.mark.parametrize("split", ["3g", "2g", "1g"])
def test_make_run_knows_the_split(split, monkeypatch, tmp_path):
    seen = []

    def booted(run, builds, *rest):
        seen.extend([run, builds])
        raise Unavailable("seen")
    monkeypatch.setattr(session, "boot", booted)
    variables = f"VMSPLIT={split} COUNT=1" if split != "3g" else ""
    assert cli.main(["run", "--build", str(tmp_path), "--variables", variables]) == Verdict.INFRA
    run, builds = seen
    assert run.layout == {"mem.total": 8 << 30, "split": split}
    assert run.build == ("release" if split == "3g" else f"vmsplit-{split}")
    assert builds.elf(run.build) == tmp_path / "fanlight" and builds.words() == [f"O={tmp_path}"]
    assert builds.command(run.build) == f"make O={tmp_path}"


def test_make_run_passes_of_a_build_with_debug():
    """The default 8 GiB; of the suites only what is skipped there, and what is not."""
    globs = "selftest=layout.*,vmalloc.memory_runs_out,failalloc.lowmem_instead"
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "runner", "run", "--build", pathlib.Path(BUILD) / "debug",
         "--variables", "DEBUG=1", "--", globs],
        capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == Verdict.PASS, done.stderr
    assert "2 skipped" in done.stderr


def test_a_runs_folder_is_of_one_at_a_time(tmp_path, capfd):
    """What a guest boots with lies there: a second run would change it between its making and its boot."""
    run, tree = Run(name="twice", board="vexpress-a15"), tmp_path / "twice" / "run.dtb"
    inside, together = [], threading.Barrier(2)

    def one(words):
        def guest_in(folder):
            inside.append(words)
            tree.write_text(words)
            time.sleep(0.3)
            assert (tree.read_text(), inside) == (words, [words])
            inside.clear()
            raise QemuError("that will do")
        together.wait()
        return session.listen(run, tmp_path / "twice", guest_in, None, "again")
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(one, ["selftest=a.*", "selftest"]))
    assert [outcome.reasons for outcome in outcomes] == [("infra: that will do",)] * 2
    assert "runner: twice: waits for the one that is under way" in capfd.readouterr().err


@pytest.mark.parametrize(("words", "missed"), [
    ("panic=halt", ()), ("selftest", ()), ("selftest=", ()), ("selftest=a.*,b.one", ()), ("selftest=a.*,", ()),
    ("selftest=a.*,nosuch.*", ("nosuch.*",)), ("selftest=x,a.*,[ab].one", ("x", "[ab].one")),
    ("selftest=,a.*", ("",)), ("selftest=x selftest=a.*", ())])
def test_each_glob_must_match_something(words, missed):
    names = frozenset(["a.one", "a.two", "b.one"])
    assert session.unmatched(names, words) == missed


def test_a_run_in_which_a_glob_matches_nothing_is_no_pass(boot):
    outcome = boot("good", POWER_OFF, bootargs="selftest=*.*,nosuch.* panic=poweroff")
    assert outcome.verdict is Verdict.FAIL
    assert outcome.reasons == ("fail: selftest=nosuch.* matches no test of the ELF",)
    assert boot("good", POWER_OFF, bootargs="selftest=*.* panic=poweroff").verdict is Verdict.PASS


def test_no_run_of_the_table_asks_for_what_is_not_there():
    builds = Builds(pathlib.Path(BUILD))
    for run in table.runs():
        if run.kind != "fatal" and run.verdict is Verdict.PASS:
            tests = elf.read(builds.elf(run.build)).tests
            assert not session.unmatched(tests, run.bootargs), run.name


@pytest.mark.parametrize("name", ["good", "failed", "panic-inside-line", "truncated", "noise"])
def test_folding_hides_only_what_passed(name):
    out = io.StringIO()
    folder = Folder(out, fold=True)
    data = (KIT / f"{name}.bin").read_bytes()
    for byte in range(len(data)):
        folder.data(data[byte:byte + 1])
    folder.finish()
    shown = out.getvalue().splitlines()
    whole = data.decode("latin-1").replace("\r\n", "\n").split("\n")
    hidden = [line for line in whole if line and line not in shown]
    assert not [line for line in hidden if "not ok" in line or "panic" in line or "@end" in line]
    if name == "good":
        assert "ok highmem (3 tests)" in shown
        assert "ok tlb (2 tests, 1 skipped)" in shown
        assert not [line for line in shown if line.startswith("    ")]
    if name == "failed":
        assert "    not ok 2 pkmap.wraps" in shown


def test_bench_rows():
    row = bench.Row("op", 100, 20, 20)
    assert row.verdict == "ok"
    assert dataclasses.replace(row, ours=21).verdict == "RED"
    assert dataclasses.replace(row, ours=None).verdict.startswith("RED")
    assert dataclasses.replace(row, tlbi=1, counts=(2, 0, 0)).verdict.startswith("RED")
    assert dataclasses.replace(row, at_least=True, ours=19).verdict == "RED"
    assert dataclasses.replace(row, target=None).verdict == "-"
    assert bench._slope({"1G": 1000, "2G": 1000 + 262144, "4G": 1000 + 3 * 262144}) == 1.0
    assert "op" in bench.render([row])


def test_table_is_sound():
    runs = table.runs()
    assert len(runs) > 20
    for run in runs:
        assert set(run.name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-"), run.name


@pytest.mark.parametrize(("changes", "why"), [
    ({"board": "midway"}, "board midway has no flash loader"),
    ({"flash": False}, "damage is of a flash"),
    ({"dtb": "small"}, "nobody else places anything"),
    ({"image_at": 0x80200000}, "nobody else places anything"),
    ({"initrd": "1M"}, "nobody else places anything")])
def test_what_makes_no_sense_from_flash_is_refused(changes, why):
    entry = {"name": "x", "board": "vexpress-a15", "flash": True, "damage": ["A kernel"]}
    assert table._run(entry).damage == ("A kernel",)
    with pytest.raises(table.TableError, match=why):
        table._run(entry | changes)


def test_a_failed_check_is_shown_with_its_source():
    text = (ROOT / "tests/kernel/test_kmap.c").read_text().splitlines()
    number = next(n for n, line in enumerate(text, 1) if "CHECK_EQ(" in line)
    log = ["    # some measured value", f"    # test_kmap.c:{number}: got 0x1 (1), want 0x2 (2)",
           "    # test_kmap.c:99999: does not hold", "    # test_nothing.c:1: does not hold"]
    shown = source.explained(log)
    assert shown == [*log[:2], "        " + text[number - 1].strip(), *log[2:]]
