# SPDX-License-Identifier: BSD-2-Clause
"""`make bench-linux` without a boot: what it reads, what it refuses, the table, the verdicts.

Must never need a network or QEMU.
"""

import argparse
import dataclasses
import json
import os
import re
import subprocess
import sys

import pytest

from linux import beside, measure, packages, record
from runner import bench
from runner.judge import Verdict
from runner.table import ROOT

LOG = """\
[    0.000000] Linux version 6.1.0-50-armmp-lpae (a@b) (gcc-12 (Debian 12.2)) #1 SMP Debian 6.1.176-1 (2026)
@boot {"ticks":1000000,"lowmem_free":600000000,"total":2040967168}
[    1.330780] @info {"idle_us":6000,"page_struct_bytes":36,"init_on_alloc":1}
[    1.344206] @calibration {"instructions":200000,"counted":200007}
[    1.403863] @bench {"op":"kmap_local_high","insns":265.319,"iters":200000}
@calibration {"instructions":100000000,"counted":100000417,"process":true}
@bench {"op":"pipe_one_way","insns":7720.937,"iters":120000,"process":true}
INIT_DONE
"""
MODULE, PROGRAM = (line + "\n" for line in LOG.splitlines() if "@calibration" in line)
FIGURES = {"kmap": 200.0, "boot_page": 800.0, "pipe": 7000.0, "spare": 50.0}
MEASURED = record.Measurement("2026-11-22", "Linux 6.1", "QEMU 7.2", "gcc 12",
                              {**FIGURES, "kmap": 210.0}, FIGURES, ("pipe",))


def pair(op, measured=MEASURED, **row):
    """The line of one of our rows."""
    ours = bench.Row(**{"op": op, "linux": None, "ours": 40, "target": 50, "linux_op": op, **row})
    return next(p for p in beside.join(measured, [ours], measured) if p.op == op)


# -- what a boot says ------------------------------------------------------------------------


def test_a_boot_is_read():
    said = measure.parse(LOG)
    assert said.version == "6.1.0-50-armmp-lpae (Debian 6.1.176-1)"
    assert said.ops == {"kmap_local_high": 265.319, "pipe_one_way": 7720.937}
    assert said.processes == {"pipe_one_way"}
    assert said.boot == 1000000 * 16 - 6000 * 1000  # without idle time
    assert said.lowmem_free == 600000000


@pytest.mark.parametrize(("old", "new", "why"), [
    ('"counted":200007', '"counted":201000', "200000 instructions were counted as 201000"),
    ('"counted":100000417', '"counted":99000000', "100000000 instructions were counted as 99000000"),
    (MODULE, "", "the module has 0 @calibration lines, not 1"),
    (MODULE, MODULE * 2, "the module has 2 @calibration lines, not 1"),
    (PROGRAM, "", "the program has 0 @calibration lines, not 1"),
    (PROGRAM, PROGRAM.replace("true", "1"), "the program has 0 @calibration lines, not 1"),
    ('"counted":200007', '"counted":"x"', "counted is no figure"),
    ('"counted":200007', '"counted":NaN', "counted is no figure"),
    ('"instructions":200000', '"instructions":0', "instructions is no figure"),
    ('"insns":265.319', '"insns":"265"', "insns is no figure"),
    ('"insns":265.319', '"insns":true', "insns is no figure"),
    ('"insns":265.319', '"insns":-1', "insns is no figure"),
    ('"ticks":1000000', '"ticks":null', "ticks is no figure"),
    ('"idle_us":6000', '"idle_us":[]', "idle_us is no figure"),
    ('"lowmem_free":600000000', '"lowmem_free":0', "lowmem_free is no figure"),
    ('"op":"kmap_local_high"', '"op":7', "no operation"),
    ('"process":true}\nINIT', '"process":"yes"}\nINIT', "no operation"),
    ('"iters":200000}', '"iters":2000', "an unreadable line"),
    ('@bench {"op":"pipe_one_way"', '@bench "op":"pipe_one_way"', "an unreadable line"),
    ('@bench {"op":"pipe_one_way"', '@bench', "an unreadable line"),
    ('@bench {"op":"pipe_one_way"', 'pi@bench {"op":"pipe_one_way"', "an unreadable line"),
    ('"iters":120000', '"iters":1[    1.5] random: crng init done\n20000', "an unreadable line"),
    ("@boot", "boot", "no version, @boot or @info line"),
    ("@info", "info", "no version, @boot or @info line"),
    ("Linux version", "Linux", "no version, @boot or @info line"),
    ('"insns":265.319', '"insns":26,5.319', "an unreadable line"),
    ('"insns":265.319', '"insn":265.319', "insns is no figure"),
    ("pipe_one_way", "kmap_local_high", "measured twice"),
    ("INIT_DONE", '@error "no memory"', "an unreadable line"),
    ("INIT_DONE", '@error {"text":"no memory"}', "no memory"),
])
def test_a_boot_that_is_worthless_is_named(old, new, why):
    assert old in LOG
    with pytest.raises(measure.NotMeasured, match=re.escape(why)):
        measure.parse(LOG.replace(old, new))


def test_a_boot_that_measures_nothing_needs_no_calibration():
    log = "".join(line for line in LOG.splitlines(True) if "@bench" not in line and "@cal" not in line)
    assert measure.parse(log).ops == {}
    with pytest.raises(measure.NotMeasured, match="the module has 1 @calibration lines, not 0"):
        measure.parse(log + MODULE)


# -- the record ------------------------------------------------------------------------------


def test_a_record_is_read_as_it_was_written(tmp_path):
    record.save(MEASURED, tmp_path / "one")
    assert record.load(tmp_path / "one") == MEASURED
    assert [p.name for p in tmp_path.iterdir()] == ["one"]


@pytest.mark.parametrize("spoil", [
    lambda d: d["default"].pop("kmap"), lambda d: d.pop("qemu"), lambda d: d.update(more=1),
    lambda d: d["noinit"].update(kmap="many"), lambda d: d["noinit"].update(kmap=-1),
    lambda d: d["processes"].append("other")])
def test_a_spoilt_record_is_refused(spoil, tmp_path):
    data = json.loads(record.text(MEASURED))
    spoil(data)
    (tmp_path / "one").write_text(json.dumps(data))
    with pytest.raises(record.RecordError, match=str(tmp_path)):
        record.load(tmp_path / "one")


def test_the_record_has_versions_and_a_figure_for_each_row_that_names_one():
    recorded = record.load()
    assert recorded.linux.startswith("Linux ") and "Debian" in recorded.linux
    assert recorded.qemu.startswith("QEMU ") and "gcc" in recorded.gcc
    plan = bench.tomllib.loads(bench.PLAN.read_text())
    named = [want["linux"] for want in plan["op"].values() if "linux" in want]
    named += [plan["boot"]["linux"], plan["limits"]["linux_lowmem"]]
    assert set(named) <= set(recorded.fair)
    assert {"kmap_local_high", "kmap_high_cold"} <= set(recorded.fair) & set(plan["op"])


def test_a_figure_that_moved_is_named_and_noise_is_not():
    new = dataclasses.replace(MEASURED, default={**MEASURED.default, "kmap": 210 * 1.0149},
                              noinit={**FIGURES, "boot_page": 800 * 1.016, "spare": 49.5})
    assert record.changed(MEASURED, new) == ["boot_page, noinit: 800 recorded, 812.8 now"]
    fewer = {op: figure for op, figure in FIGURES.items() if op != "pipe"}
    without = dataclasses.replace(MEASURED, noinit=fewer)
    assert record.changed(MEASURED, without) == ["pipe, noinit: gone"]


def test_only_the_same_versions_must_say_the_same():
    new = dataclasses.replace(MEASURED, noinit={**FIGURES, "kmap": 230.0})
    assert beside.against_record(MEASURED, MEASURED)[1] is False
    lines, wrong = beside.against_record(new, MEASURED)
    assert wrong and lines[0].startswith("RED")
    assert lines[1:] == ["  kmap, noinit: 200 recorded, 230 now"]
    lines, wrong = beside.against_record(dataclasses.replace(new, linux="Linux 6.2"), MEASURED)
    assert not wrong and "RECORD=1" in lines[0] and len(lines) == 2


# -- the table -------------------------------------------------------------------------------


@pytest.mark.parametrize(("value", "text"), [
    (None, "-"), (53.0, "53"), (53.06, "53.1"), (999.9, "999.9"), (1160.05, "1,160"),
    (420364288, "420,364,288")])
def test_numbers(value, text):
    assert record.number(value) == text


def test_a_row_has_both_columns_the_ratio_to_the_fair_one_and_the_verdict():
    assert pair("kmap").cells() == ("kmap", "210", "200", "40", "<= 50", "0.200", "ok")
    assert pair("kmap", ours=51).verdict == "RED"
    assert pair("kmap", ours=None).verdict == "RED: not measured"
    assert pair("kmap", ours=None).cells()[3:6] == ("-", "<= 50", "-")
    assert pair("boot_page", at_least=True).verdict == "RED"
    assert pair("kmap", target=None).verdict == "-"


def test_a_figure_of_linux_that_did_not_come_is_red():
    assert pair("gone").verdict == "RED: Linux not measured"


def test_what_only_linux_has_is_shown():
    rows = [bench.Row("kmap", 200, 40, 50, linux_op="kmap"), bench.Row("ours_alone", None, 1, 2),
            bench.Row("wait_wake", 7000, 300, 900, linux_op="pipe")]
    pairs = beside.join(MEASURED, rows, MEASURED)
    assert [(p.op, p.verdict) for p in pairs] == [
        ("kmap", "ok"), ("wait_wake", "ok"), ("boot_page", "-"), ("pipe", "not yet"),
        ("spare", "-")]
    assert pairs[3].cells() == ("pipe", "7,000", "7,000", "not yet", "-", "-", "not yet")
    own = beside.join(MEASURED, [*rows, bench.Row("pipe", 7000, 100, 200, linux_op="pipe")], MEASURED)
    assert [(p.op, p.verdict) for p in own if p.op == "pipe"] == [("pipe", "ok")]


@pytest.mark.parametrize("gone", ["pipe", "spare"])
def test_what_the_record_has_and_did_not_come_is_red_under_any_versions(gone):
    came = {op: figure for op, figure in FIGURES.items() if op != gone}
    now = dataclasses.replace(MEASURED, linux="Linux 6.2", default=came, noinit=came,
                              processes=tuple({"pipe"} - {gone}))
    rows = [bench.Row("kmap", 200, 40, 50, linux_op="kmap")]
    assert [(p.op, p.verdict) for p in beside.join(now, rows, MEASURED) if p.op == gone] == [
        (gone, "RED: Linux not measured")]


@pytest.mark.parametrize(("linux", "record_it"), [("Linux 6.1", 0), ("Linux 6.2", 0), ("Linux 6.2", 1)])
def test_without_a_process_row_the_status_is_red_and_no_record_is_made(linux, record_it, tmp_path,
                                                                       monkeypatch, capsys):
    (tmp_path / "results").mkdir()
    came = {op: figure for op, figure in FIGURES.items() if op != "pipe"}
    now = dataclasses.replace(MEASURED, linux=linux, default=came, noinit=came, processes=())
    kept, save = [], record.save
    monkeypatch.setattr(measure, "measure", lambda build: now)
    monkeypatch.setattr(record, "load", lambda: MEASURED)
    monkeypatch.setattr(record, "save",
                        lambda m, path=None: save(m, path) if path else kept.append(m))
    monkeypatch.setattr(bench, "measure", lambda builds, count, linux: [
        bench.Row("kmap", linux["kmap"], 40, 50, linux_op="kmap")])
    options = argparse.Namespace(build=tmp_path, count_build=None, record=record_it)
    assert beside.command(options) == Verdict.FAIL
    assert "1 red: pipe" in capsys.readouterr().out
    assert not kept


@pytest.mark.parametrize(("ours", "record_it", "stored", "status"), [
    (40, False, MEASURED, Verdict.PASS), (60, False, MEASURED, Verdict.FAIL),
    (None, False, MEASURED, Verdict.FAIL), (40, True, None, Verdict.PASS),
    (40, False, dataclasses.replace(MEASURED, noinit={**FIGURES, "pipe": 9000.0}), Verdict.FAIL)])
def test_the_status_follows_from_the_rows_and_the_record(ours, record_it, stored, status, tmp_path,
                                                         monkeypatch, capsys):
    (tmp_path / "results").mkdir()
    kept = []
    save = record.save
    monkeypatch.setattr(measure, "measure", lambda build: MEASURED)
    def load():
        if stored is None:
            raise record.RecordError("there is none")
        return stored
    monkeypatch.setattr(record, "load", load)
    monkeypatch.setattr(record, "save",
                        lambda m, path=None: save(m, path) if path else kept.append(m))
    monkeypatch.setattr(bench, "measure", lambda builds, count, linux: [
        bench.Row("kmap", linux["kmap"], ours, 50, linux_op="kmap")])
    options = argparse.Namespace(build=tmp_path, count_build=None, record=record_it)
    assert beside.command(options) == status
    out = capsys.readouterr().out
    assert "4 rows, " + ("0 red" if status is Verdict.PASS or stored.noinit["pipe"] == 9000
                         else "1 red: kmap") in out
    assert kept == ([MEASURED] if record_it else [])
    assert (tmp_path / "results" / "bench-linux.txt").read_text().count("not yet") == 2


@pytest.mark.parametrize("trouble", [
    packages.Unavailable("no network"), packages.BuildError("cc: error"), measure.NotMeasured("no boot"),
    bench.NotMeasured(Verdict.HANG, "no row")])
def test_what_cannot_be_measured_is_red(trouble, tmp_path, monkeypatch, capsys):
    def fails(build):
        raise trouble
    monkeypatch.setattr(measure, "measure", fails)
    options = argparse.Namespace(build=tmp_path, count_build=None, record=False)
    assert beside.command(options) in (Verdict.INFRA, Verdict.HANG)
    assert f"bench-linux: RED: {trouble}" in capsys.readouterr().err


def linux(*args, **environment):
    """tools/linux as a person calls it; no package is to be had."""
    return subprocess.run([sys.executable, ROOT / "tools" / "linux", *args], capture_output=True,
                          env={**os.environ, **environment}, text=True, check=False)


@pytest.mark.parametrize("size", ["2X", "", "2.5G"])
def test_a_size_that_is_none_is_named(size, tmp_path):
    done = linux("--build", tmp_path, "boot", "--memory", size)
    assert (done.returncode, done.stderr) == (Verdict.INFRA, f"linux: not a size: {size!r}\n")


def test_a_program_that_is_missing_or_fails_is_named(tmp_path):
    with pytest.raises(measure.NotMeasured, match="no-such-gcc --version: No such file"):
        measure._first_line("no-such-gcc", "--version")
    fails = tmp_path / "gcc"
    fails.write_text("#!/bin/sh\necho broken >&2; exit 3\n")
    fails.chmod(0o755)
    with pytest.raises(measure.NotMeasured, match="--version: exit status 3: broken"):
        measure._first_line(str(fails), "--version")
    fails.write_text("#!/bin/sh\n")
    with pytest.raises(measure.NotMeasured, match="exit status 0"):
        measure._first_line(str(fails), "--version")


# -- without a network -----------------------------------------------------------------------


def test_without_a_network_it_says_so_and_leaves_nothing(tmp_path):
    config = tmp_path / "apt.conf"
    config.write_text('Acquire::http::Proxy "http://127.0.0.1:9"; Acquire::Retries "0";\n'
                      'Acquire::https::Proxy "http://127.0.0.1:9";\n')
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "linux", "--build", tmp_path / "build", "bench"],
        env={**os.environ, "APT_CONFIG": str(config)}, capture_output=True, text=True, check=False)
    assert done.returncode == Verdict.INFRA
    assert done.stderr.startswith("bench-linux: RED: no package linux-image-armmp-lpae for armhf")
    assert "no network?" in done.stderr
    folder = tmp_path / "build" / "cache" / "dtbs"
    assert {p.name for p in folder.iterdir()} == {".why", ".lock"}
    with pytest.raises(packages.Unavailable, match="no package linux-image-armmp-lpae"):
        packages.fetch(tmp_path / "build", again=False)
