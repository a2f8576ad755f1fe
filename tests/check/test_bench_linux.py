# SPDX-License-Identifier: BSD-2-Clause
"""`make bench-linux` without a boot: what it reads, what it refuses, the table, the verdicts.

Must never need a network or QEMU.
"""

import argparse
import dataclasses
import json
import os
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
@bench {"op":"pipe_one_way","insns":7720.937,"iters":120000,"process":true}
INIT_DONE
"""
FIGURES = {"kmap": 200.0, "boot_page": 800.0, "pipe": 7000.0, "spare": 50.0}
MEASURED = record.Measurement("2026-11-22", "Linux 6.1", "QEMU 7.2", "gcc 12",
                              {**FIGURES, "kmap": 210.0}, FIGURES, ("pipe",))


def pair(op, measured=MEASURED, **row):
    """The line of one of our rows."""
    ours = bench.Row(**{"op": op, "linux": None, "ours": 40, "target": 50, "linux_op": op, **row})
    return next(p for p in beside.join(measured, [ours]) if p.op == op)


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
    ("@boot", "boot", "no version, @boot or @info line"),
    ("@info", "info", "no version, @boot or @info line"),
    ("Linux version", "Linux", "no version, @boot or @info line"),
    ('"insns":265.319', '"insns":26,5.319', "an unreadable line"),
    ('"insns":265.319', '"insn":265.319', "a line lacks 'insns'"),
    ("pipe_one_way", "kmap_local_high", "measured twice"),
    ("INIT_DONE", '@error {"text":"no memory"}', "no memory"),
])
def test_a_boot_that_is_worthless_is_named(old, new, why):
    assert old in LOG
    with pytest.raises(measure.NotMeasured, match=why.replace("(", r"\(")):
        measure.parse(LOG.replace(old, new))


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
    pairs = beside.join(MEASURED, rows)
    assert [(p.op, p.verdict) for p in pairs] == [
        ("kmap", "ok"), ("wait_wake", "ok"), ("boot_page", "-"), ("pipe", "not yet"),
        ("spare", "-")]
    assert pairs[3].cells() == ("pipe", "7,000", "7,000", "not yet", "-", "-", "not yet")
    own = beside.join(MEASURED, [*rows, bench.Row("pipe", 7000, 100, 200, linux_op="pipe")])
    assert [(p.op, p.verdict) for p in own if p.op == "pipe"] == [("pipe", "ok")]


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
    monkeypatch.setattr(record, "load", lambda: stored)
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
