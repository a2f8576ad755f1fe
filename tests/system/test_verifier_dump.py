# SPDX-License-Identifier: BSD-2-Clause
"""tools/ptread on what the monitor's `tables` prints: the same as from outside, and never what is damaged."""

import json
import re
import subprocess
import sys
import tempfile
import zlib

import pytest

from prompt import Booted
from ptread import dump, lpae, reader, rsp
from ptread import layout as layouts
from runner.table import ROOT

READER = [sys.executable, ROOT / "tools" / "ptread"]
NOWHERE = 0x70_0000_0000


@pytest.fixture(scope="module", name="said")
def fixture_said():
    """A session's log with a dump in it, and the same tables read from outside."""
    with Booted(memory="4G") as m, tempfile.TemporaryDirectory(prefix="verify.") as folder:
        lines = m.ask("tables")
        text = m.booted + "fanlight> tables\r\n" + "\r\n".join(lines) + "\r\n"
        qmp = m.guest.qmp.command
        qmp("stop")
        qmp("human-monitor-command",
            **{"command-line": f"gdbserver unix:{folder}/gdb,server=on,wait=off"})
        outside, _ = reader.inspect(qmp, f"{folder}/gdb", layouts.from_text(text))
        qmp("cont")
    return text, outside


def test_a_dump_is_what_the_tables_hold(said):
    text, outside = said
    found = reader.look(dump.source(text), layouts.from_text(text))
    assert not found.problems and len(found.cpus) == 4
    assert [(leaf.va, leaf.descriptor) for leaf in found.tables.leaves] \
        == [(leaf.va, leaf.descriptor) for leaf in outside.leaves]
    assert set(found.tables.tables) == set(outside.tables)


def first_table(change):
    return lambda text: re.sub(r'(?m)^(@pt \{"table":"0x..)(.)', change, text, count=1)


DAMAGED = {
    "no dump": (lambda t: t.replace("@pt ", "@qt "), "type `tables`"),
    "cut off": (lambda t: t[:t.rindex("@pt ")], "the dump is cut off"),
    "its beginning is lost": (lambda t: re.sub(r'@pt \{"v".*\r\n', "", t), "first line is missing"),
    "a line is lost": (lambda t: re.sub(r'(?m)^@pt \{"table".*\r\n', "", t, count=1),
                       "lines were sent"),
    "a line twice": (lambda t: re.sub(r'(?m)^(@pt \{"table".*\r\n)', r"\1\1", t, count=1),
                     "lines were sent"),
    "a digit is wrong": (lambda t: re.sub(r'("level":3,"entries":"\d)', r"\g<1>1", t, count=1),
                         "the dump is damaged"),
    "a bit is wrong that no character has": (
        lambda t: re.sub(r'(@pt \{"ta)b', lambda m: m[1] + chr(ord("b") | 0x80), t, count=1),
        "the dump is damaged"),
    "torn": (lambda t: re.sub(r'(?m)(^@pt \{"table".*)"\}\r', r"\1\r", t, count=1), "damaged"),
    "another version": (lambda t: resummed(t.replace('@pt {"v":1,', '@pt {"v":2,')),
                        "version 2 is not known"),
    "TTBR1's table is not there": (lambda t: resummed(re.sub(
        r'(?m)^@pt \{"table":"0x\w+","level":2.*\r\n', "", t)), "TTBR1 leads nowhere"),
    "a run leaves its table": (lambda t: resummed(re.sub(
        r'"level":3,"entries":"\w+:\w+', '"level":3,"entries":"1ff:2', t, count=1)),
        "leaves the table"),
    "a CPU is missing": (lambda t: resummed(re.sub(r'(?m)^@pt \{"cpu":2.*\r\n', "", t)),
                         "were announced"),
    "CPUs that are no number": (lambda t: resummed(re.sub(r'"cpus":"\w+"', '"cpus":null', t)), "TypeError"),
    "nested too deep": (lambda t: resummed(re.sub(
        r'(?m)^@pt \{"table":', lambda _: '@pt {"table":' + "[" * 5000, t, count=1)), "nested too deep"),
}


def resummed(text):
    """The same with a closing line that fits: what only a wrong printer would send."""
    lines = [line.rstrip("\r") for line in text.split("\n") if line.startswith("@pt ")][:-1]
    crc = zlib.crc32("".join(line + "\n" for line in lines).encode())
    return re.sub(r'@pt \{"lines".*\}', f'@pt {{"lines":{len(lines)},"crc32":"{crc:08x}"}}', text)


@pytest.mark.parametrize("spoil, named", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_dump_is_refused_by_name(said, spoil, named, tmp_path):
    log = tmp_path / "log"
    log.write_bytes(spoil(said[0]).encode("latin-1"))
    assert log.read_bytes() != said[0].encode("latin-1")
    done = subprocess.run([*READER, "--dump", log], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and done.stdout == "" and "Traceback" not in done.stderr
    assert named in done.stderr, done.stderr


def test_a_dump_of_broken_tables_is_judged(said, tmp_path):
    """Text that is writable (AP[2] is gone), so by SCTLR.WXN not executable; the sum is made to fit."""
    log = tmp_path / "log"
    log.write_bytes(resummed(re.sub(r"(:\w*)783\b", r"\g<1>703", said[0])).encode("latin-1"))
    done = subprocess.run([*READER, "--dump", log, "--json"], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 1
    assert {"xn", "image"} <= {problem["rule"] for problem in json.loads(done.stdout)["problems"]}


def test_a_table_that_a_dump_lacks_is_named(said, tmp_path):
    """As of a board whose monitor finds nothing there."""
    log = tmp_path / "log"
    log.write_bytes(resummed(re.sub(r'(?m)^@pt \{"table":"0x\w+","level":3.*\r\n', "", said[0],
                                    count=1)).encode("latin-1"))
    done = subprocess.run([*READER, "--dump", log, "--json"], capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert [p for p in json.loads(done.stdout)["problems"]
            if p["rule"] == "arch" and "is not in the dump" in p["text"]]


def test_a_table_that_is_nowhere_is_found_by_every_way(tmp_path):
    """QMP gives zeros for it, and the monitor leaves it out."""
    with Booted(memory="512M") as m, tempfile.TemporaryDirectory(prefix="verify.") as folder:
        qmp, gdb = m.guest.qmp.command, f"{folder}/gdb"
        layout = layouts.from_text(m.booted)
        qmp("stop")
        qmp("human-monitor-command", **{"command-line": f"gdbserver unix:{gdb},server=on,wait=off"})
        source = reader.stopped(qmp, gdb)
        va = layout.find("bigwin").end - (1 << 21)
        table, index = next((step[1], step[2]) for step in
                            lpae.resolve(source.cpus[0].registers, source.memory, va) if step[0] == 2)
        with rsp.Stub(gdb) as stub:
            assert stub.ask("Qqemu.PhyMemMode:1") == "OK"
            data = (NOWHERE | 3).to_bytes(8, "little").hex()
            assert stub.ask(f"M{table + 8 * index:x},8:{data}") == "OK"
            stub.ask("Qqemu.PhyMemMode:0")
        outside = reader.look(reader.stopped(qmp, gdb), layout)
        qmp("cont")
        text = m.booted + "\r\n".join(m.ask("tables")) + "\r\n"
    assert [(p.rule, p.va) for p in outside.problems] == [("arch", va)]
    assert "is not RAM" in outside.problems[0].text
    inside = reader.look(dump.source(text), layout)
    assert [(p.rule, p.va) for p in inside.problems] == [("arch", va)]
