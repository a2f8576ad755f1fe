# SPDX-License-Identifier: BSD-2-Clause
"""Test farms: labgrid boots and judges as the runner does; LAVA's jobs are valid, and its patterns see
in our stream what the judge sees.

What must hold: no farm takes for a pass what the judge does not; where LAVA's patterns cannot see it,
`runner judge --lava` does, from the job's log.
"""

import contextlib
import dataclasses
import functools
import io
import os
import random
import re
import shlex
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET

import pexpect
import pytest
import yaml
from lava_common.schemas import validate
from pexpect import spawnbase

from cable import Cable
from runner import cli, elf, lava, prepare, session, table
from runner.judge import Ending, Expect, Verdict, judge
from runner.stream import Stream
from runner.table import ROOT, Run
from standin import KIT, MANIFEST, put

LABGRID = ROOT / "tools" / "labgrid"
SOME = "fixmap.*,layout.*"
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


# -- labgrid ---------------------------------------------------------------------------------


def labgrid(environment, build, tests=SOME, **variables):
    """pytest's exit status, {test: outcome}, and what it said."""
    report = build / "results" / "labgrid.xml"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-c", str(LABGRID / "pytest.ini"),
         "--lg-env", str(environment), f"--junitxml={report}", str(LABGRID)],
        env={**os.environ, "LG_BUILD": str(build), "LG_TESTS": tests, **variables}, cwd=ROOT,
        capture_output=True, text=True, timeout=120, check=False)
    cases = {re.search(r"\[(.*)\]", case.get("name"))[1]: "pass" if len(case) == 0 else case[0].tag
             for case in ET.parse(report).getroot().iter("testcase")}
    return done.returncode, cases, done.stdout + done.stderr


@pytest.fixture(name="build")
def fixture_build(builds, tmp_path):
    """A build folder of our own with the real image: results do not meet those of other tests."""
    (tmp_path / "results").mkdir()
    for name in ("fanlight", "fanlight.zImage", "vexpress-a15.dtb"):
        shutil.copy(builds.root / name, tmp_path / name)
    return tmp_path


@pytest.mark.parametrize("environment", ["vexpress-a15", "virt-uboot"])
def test_labgrid_runs_the_suites(environment, build):
    status, cases, said = labgrid(LABGRID / f"{environment}.yaml", build)
    names = session.selected(elf.read(build / "fanlight").tests, f"selftest={SOME}")
    assert status == 0, said
    assert cases == {name: "pass" for name in (*names, "stream")}
    assert (build / f"results/labgrid-{environment}/verdict").read_text() == "pass\n"


def test_labgrid_board_template(build):
    """board.yaml as it stands but for the board: a serial port, a power command, U-Boot."""
    text = (LABGRID / "board.yaml").read_text()
    for pattern, ours in ((r"board: jetson-tk1 ", "run: virt-256m "),
                          (r"          - (setenv autoload|dhcp|setenv serverip|tftp).*\n", ""),
                          (r" mem=2047M@0x80000000", ""),
                          (r"boot: bootz .*", "boot: bootz 0x44000000 - ${fdtcontroladdr}"),
                          (r"- fanlight.py .*", f"- {LABGRID}/fanlight.py")):
        text, count = re.subn(pattern, ours, text)
        assert count, pattern
    (build / "board.yaml").write_text(text)
    uboot = ["qemu-system-aarch64", "-machine", "virt", "-cpu", "cortex-a15", "-m", "256M", "-smp", "2",
             "-display", "none", "-nodefaults", "-nic", "none", "-bios", "/usr/lib/u-boot/qemu_arm/u-boot.bin",
             "-device", f"loader,file={build}/fanlight.zImage,addr=0x44000000,force-raw=on"]
    with Cable(uboot, build) as line:
        (build / "relay").write_text("#!/bin/sh\n" + line.power.replace("%s", "$1") + "\n")
        (build / "relay").chmod(0o755)
        status, cases, said = labgrid(build / "board.yaml", build, LG_SERIAL=line.port,
                                      LG_POWER=str(build / "relay"))
        assert status == 0, said
        assert set(cases.values()) == {"pass"} and len(cases) > 10
        assert line.words() == ["off", "on", "off"]
    log = (build / "results/labgrid-board/serial.log").read_bytes()
    assert b"Starting kernel ..." in log and b"@end" in log


@pytest.mark.parametrize(("stream", "failing", "words"), [
    ("failed", "pkmap.wraps", "the kernel's own verdict is fail"),
    ("missing-test", "stream", "is in the ELF and not in the stream"),
    ("wrong-crc", "stream", "corrupted"),
    ("panic", "stream", "crash"),
])
def test_labgrid_fails_what_the_judge_fails(stream, failing, words, build):
    put(build, stream)
    text = (LABGRID / "vexpress-a15.yaml").read_text()
    for pattern, ours in ((r"(FanlightQEMU:\n +).*", r"\1command: qemu-system-aarch64 -machine vexpress-a15 "
                           f"-m 256M -display none -nodefaults -kernel {build}/fanlight.zImage"),
                          (r"(FanlightDriver:\n +).*", r"\1board: vexpress-a15"),
                          (r"- fanlight.py", f"- {LABGRID}/fanlight.py")):
        text, count = re.subn(pattern, ours, text)
        assert count == 1, pattern
    (build / "quick.yaml").write_text(text)
    status, cases, said = labgrid(build / "quick.yaml", build, tests="*")
    assert status == 1, said
    assert cases[failing] == "failure" and cases["stream"] == "failure"
    assert words in said
    assert cases["highmem.copy_kmap_atomic"] == "pass"


# -- LAVA: jobs --------------------------------------------------------------------------------


@pytest.fixture(name="made", scope="module")
def fixture_made(builds):
    """{board: ({job's name: job}, what was said)}, of all boards."""
    made = {}
    for folder in sorted((ROOT / "boards").iterdir()):
        if folder.is_dir():
            with contextlib.redirect_stdout(io.StringIO()) as said:
                assert cli.main(["lava", "--build", str(builds.root), "--board", folder.name,
                                 "--url", "https://ci.example.org/f/"]) == 0
            made[folder.name] = ({path.stem: yaml.load(path.read_text(), _Loader) for path in
                                  (builds.root / "lava" / folder.name).glob("*.yaml")}, said.getvalue())
    yield made
    shutil.rmtree(builds.root / "lava")  # disks and flash images, 64 MiB each


@pytest.fixture(name="jobs", scope="module")
def fixture_jobs(made):
    """{board: {job's name: job}}."""
    return {board: jobs for board, (jobs, _) in made.items()}


def shape(value):
    """A job without its values: what a schema looks at, but for lengths and ranges of some."""
    if isinstance(value, dict):
        return {key: shape(value[key]) for key in value if key not in ("metadata", "fixupdict")}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value).__name__


def test_jobs_are_valid_to_lava(jobs):
    """By LAVA's own schema, in its strict form."""
    every = [job for board in jobs.values() for job in board.values()]
    assert len(every) > 200
    shapes = {repr(shape(job)): job for job in every}  # LAVA takes a tenth of a second for each
    for job in shapes.values():
        validate(job)
    broken = {**every[0], "actions": [{"test": {"monitors": [{"name": "x"}]}}]}
    with pytest.raises(Exception, match="required key not provided"):
        validate(broken)


def test_every_run_has_its_job(made, builds):
    for board, (jobs, said) in made.items():
        runs = {run.name: run for run in lava.table_runs(board, builds)}
        left = {name for name, run in runs.items() if run.verdict is not Verdict.PASS}
        # What a machine without a network, or a folder that is not built in full, cannot have.
        left |= {name for name, run in runs.items() if run.dtb == "debian"} - set(jobs)
        left |= set(re.findall(r"left out: (\S+): .* does not exist: ", said))
        assert set(runs) - set(jobs) == left, board
        for name in left:
            assert f"left out: {name}: " in said


def test_jobs_start_qemu_as_the_runner_does(jobs, builds, tmp_path):
    """Every argument but those that LAVA's device type gives itself, and the places of files."""
    by_name = {run.name: run for run in table.runs()}
    for name in ("vexpress-hyp", "vexpress-30g", "dtb-unaligned", "initrd", "virt-secure", "midway-8g",
                 "vexpress-together-small", "vexpress-psci-hvc"):
        run = by_name[name]
        job = jobs[run.board][name]
        context = job["context"]
        deployed = job["actions"][0]["deploy"]["images"]
        ours = ["-machine", context["machine"], "-cpu", context["cpu"], "-m", context["memory"]]
        for words in (*context["extra_options"], *(image["image_arg"] for image in deployed.values())):
            ours += shlex.split(words)
        theirs = prepare.qemu_args(run, builds, tmp_path)[1:]
        for option, values in lava._NOT_HERE.items():
            while option in theirs:
                at = theirs.index(option)
                del theirs[at:at + 1 + values]
        beside = [w for words in lava._BESIDE.get(run.board, []) for w in shlex.split(words)]
        files = re.compile(r"/[^,]+|\{\w+\}")
        assert sorted(files.sub("FILE", word) for word in ours) == \
            sorted(files.sub("FILE", word) for word in [*theirs, *beside]), name
        for label, image in deployed.items():
            assert "{" + label + "}" in image["image_arg"]
            assert image["url"].startswith("https://ci.example.org/f/")
            assert len(image["sha256sum"]) == 64


def test_jobs_of_real_boards(jobs):
    job = jobs["jetson-tk1"]["hardware-suites"]
    assert job["device_type"] == "jetson-tk1"
    commands = job["actions"][1]["boot"]["commands"]
    assert commands[-2:] == ['setenv bootargs "selftest panic=halt mem=2047M@0x80000000"',
                             "bootz 0x81000000 - 0x83000000"]
    assert set(jobs["odroid-xu4"]) == {"hardware-suites", "hardware-memtest"}
    last = jobs["midway"]["hardware-suites"]["actions"]
    assert "dtb" not in last[0]["deploy"] and last[1]["boot"]["commands"][-1] == "bootz 0x00800000 - 0x00001000"
    assert "mw.l 0x101c0240 0x100" in jobs["arndale"]["hardware-memtest"]["actions"][1]["boot"]["commands"]


def test_nothing_selected_is_an_error(builds, tmp_path, capsys):
    assert cli.main(["lava", "--build", str(builds.root), "--runs", "no-such-run",
                     "--board", "midway"]) == Verdict.INFRA
    assert "lava: midway has no run 'no-such-run'" in capsys.readouterr().err
    assert cli.main(["lava", "--build", str(tmp_path), "--board", "midway"]) == Verdict.INFRA


# -- LAVA: patterns ------------------------------------------------------------------------------


class Replay(spawnbase.SpawnBase):
    """A recorded stream as LAVA's connection gives it: in pieces, decoded, in a window of 4000."""

    def __init__(self, data, seed):
        super().__init__(encoding="utf-8", codec_errors="replace", searchwindowsize=4000, maxread=2000)
        self._data, self._random = data, random.Random(seed)

    def read_nonblocking(self, size=1, timeout=None):
        """The next piece."""
        if not self._data:
            raise pexpect.EOF("the guest is gone")
        size = self._random.randint(1, 90)
        data, self._data = self._data[:size], self._data[size:]
        return self._decoder.decode(data, final=False)


def as_lava(monitor, data, seed=1):
    """([(case, result)], whether the monitor came to its end), by lava_dispatcher's rules."""
    replay, cases = Replay(data, seed), []
    patterns = [pexpect.EOF, monitor["end"], monitor["pattern"]]
    try:
        replay.expect(monitor["start"])
    except pexpect.EOF:
        return cases, False
    while True:
        event = replay.expect(patterns)
        if event < 2:
            return cases, event == 1
        found = replay.match.groupdict()
        result = found.get("result")
        if result is None:
            cases.append((found["test_case_id"], "pass"))
            continue
        result = monitor.get("fixupdict", {}).get(result, result)
        assert result in ("pass", "fail", "skip", "unknown")
        cases.append((found["test_case_id"].strip(), result))


def judged(data, may_skip, kind="suites"):
    """The judge's view of the same bytes."""
    stream = Stream()
    stream.feed(data)
    stream.finish()
    tests = frozenset(MANIFEST["tests"]) if kind == "suites" else None
    expect = Expect(kind=kind, build=MANIFEST["build"], tests=tests,
                    may_skip=may_skip, fatal="fatal.kunmap.double" if kind == "fatal" else None)
    return stream, judge(stream, expect, Ending.POWEROFF)


def run_of(kind="suites", may_skip=("tlb.stale_local",)):
    """A run as the table has them."""
    return Run(name="x", board="vexpress-a15", kind=kind, may_skip=may_skip)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", ["good", "good-after-noise", "good-lf", "good-crcrlf", "failed"])
def test_patterns_count_what_the_judge_counts(name, seed):
    data = (KIT / f"{name}.bin").read_bytes()
    stream, _ = judged(data, ("tlb.stale_local",))
    cases, ended = as_lava(lava.monitor(run_of()), data, seed)
    assert ended
    assert cases == [(test.name, test.status) for test in stream.tests]


def test_patterns_fit_the_kernels_own_stream(builds):
    """What the runner recorded of a boot with all kinds of lines in it."""
    run = dataclasses.replace(next(r for r in table.runs() if r.name == "vexpress-1g"),
                              name="farms-recorded",
                              bootargs="selftest=fixmap.*,highmem.*,layout.*,tlb.* panic=poweroff")
    outcome = session.boot(run, builds)
    assert outcome.verdict is Verdict.PASS, outcome.reasons
    cases, ended = as_lava(lava.monitor(run), (outcome.folder / "serial.log").read_bytes())
    assert ended
    assert cases == [(test.name, test.status) for test in outcome.tests]
    assert len(cases) > 15 and "skip" in {status for _, status in cases}


def test_a_skip_that_is_not_listed_fails():
    data = (KIT / "good.bin").read_bytes()
    assert ("tlb.stale_local", "fail") in as_lava(lava.monitor(run_of(may_skip=())), data)[0]
    assert ("tlb.stale_local", "skip") in as_lava(lava.monitor(run_of(may_skip=("*stale*",))), data)[0]
    assert ("tlb.stale_local", "fail") in as_lava(lava.monitor(run_of(may_skip=("stale",))), data)[0]


# What no pattern can see: sums, totals, numbers, tests that did not come, words before and behind.
BLIND = {"claim-after-end", "doubled-line", "lost-line", "merged-lines", "missing-sum", "missing-test",
         "missing-totals", "no-plan", "noise", "other-build", "plan-mismatch", "second-end",
         "unknown-test", "unreadable-sum", "wrong-count", "wrong-crc", "wrong-suite", "wrong-totals",
         "zero-tests", "lost-layout", "lost-suite", "lost-not-rechecked", "end-fail",
         "panic-after-end", "second-boot-after-end", "torn-line", "duplicated-test", "lost-not",
         "lost-not-everywhere", "noise-outside", "nothing-selected",
         "memtest-cut-result", "memtest-no-progress", "memtest-no-results", "two-documents-nested",
         "two-documents-no-totals", "two-documents-number", "huge-plan", "memtest-silent-errors"}


def test_lava_is_blind_only_where_it_is_known_to_be():
    blind = set()
    for name, entry in MANIFEST["stream"].items():
        if entry["kind"] not in ("suites", "memtest"):
            continue
        cases, ended = as_lava(lava.monitor(run_of(entry["kind"])), (KIT / f"{name}.bin").read_bytes())
        clean = ended and not any(result == "fail" for _, result in cases)
        assert clean or entry["verdict"] != "pass", name
        if clean and entry["verdict"] != "pass":
            blind.add(name)
    assert blind == BLIND


@functools.lru_cache(maxsize=None)
def lava_log(data):
    """A job's log as LAVA writes it (ShellLogger): lines, without \\r, with quotes escaped."""
    text = data.decode("latin-1")
    for old, new in (("\n\n", "\n"), ("\r", ""), ('"', '\\"'), ("\x1b", "")):
        text = text.replace(old, new)
    lines = [{"dt": "2026-01-01T00:00:00", "lvl": "info", "msg": "Waiting for start message"}]
    lines += [{"dt": "2026-01-01T00:00:01", "lvl": "target", "msg": line} for line in text.split("\n")[:-1]]
    return yaml.safe_dump([*lines, {"lvl": "results", "msg": {"case": "x", "result": "pass"}}])


def test_judge_reads_lavas_logs(tmp_path, capsys):
    """And sees there all that the patterns do not."""
    names = tmp_path / "names"
    names.write_text("\n".join(MANIFEST["tests"]))
    for name in sorted({"good", "failed", "panic", "reboot"} | BLIND):
        data = (KIT / f"{name}.bin").read_bytes()
        log = tmp_path / "log.yaml"
        log.write_text(lava_log(data))
        kind = MANIFEST["stream"][name]["kind"]
        plain = judged(lava.stream_of(lava_log(data)), ("tlb.stale_local",), kind)[1].verdict
        assert (plain is Verdict.PASS) == (name == "good"), name
    log.write_text(lava_log((KIT / "good.bin").read_bytes()))
    argv = ["judge", str(log), "--lava", "--tests", str(names), "--may-skip", "tlb.stale_local"]
    assert cli.main(argv) == 0
    log.write_text("- {lvl: target}\n")
    assert cli.main(argv) == Verdict.INFRA
    assert "not a log of a LAVA job" in capsys.readouterr().err


@pytest.mark.parametrize(("name", "want"), [
    ("fatal-good", [("kunmap.double", "pass")]),
    ("fatal-other-rule", [("kunmap.double", "fail")]),
    ("fatal-survived", [("kunmap.double", "fail")]),
])
def test_patterns_of_fatal_runs(name, want):
    data = (KIT / f"{name}.bin").read_bytes()
    for seed in range(5):
        assert as_lava(lava.monitor(run_of("fatal")), data, seed)[0] == want


def test_patterns_of_benchmarks_and_memory_tests():
    rows = b'@boot {"v":1,"id":"0"}\r\n@bench {"op":"kmap","insns":12.5,"iters":9}\r\n' \
           b'@bench {"op":"kunmap","insns":7,"iters":9}\r\n@end {"verdict":"pass"}\r\n'
    assert as_lava(lava.monitor(run_of("bench")), rows) == ([("kmap", "pass"), ("kunmap", "pass")], True)
    bad = b'@boot {"v":1,"id":"0"}\r\n@mem {"done":1}\r\n@bad {"pa":"0x0080000000"}\r\n' \
          b'@end {"verdict":"fail"}\r\n'
    assert as_lava(lava.monitor(run_of("memtest")), bad) == ([("bad", "fail")], True)
