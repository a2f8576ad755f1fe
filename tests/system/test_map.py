# SPDX-License-Identifier: BSD-2-Clause
"""The picture of the address space (tools/mapsvg) shows what the kernel has: no more, no less.

Owns: that docs/map.svg is today's, that what it is drawn from agrees with the page tables as
tools/ptread reads them from outside, and what is said of bad logs.
"""

import pathlib
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

import pytest

from mapsvg import picture, record, said, scene
from ptread import layout as layouts
from ptread import reader
from runner.prepare import qemu_args
from runner.qemu import Guest
from runner.table import ROOT

PICTURE = ROOT / "docs" / "map.svg"
BOARD = "vexpress-a15"


@pytest.fixture(scope="module", name="asked")
def fixture_asked(builds):
    """A guest's log, and its tables read from outside at the same moment."""
    with tempfile.TemporaryDirectory(prefix="map.") as folder:
        work = pathlib.Path(folder)
        args = [*qemu_args(record.run(BOARD), builds, work), "-gdb",
                f"unix:{work}/gdb,server=on,wait=off"]
        with Guest(args, work / "errors") as guest:
            guest.start()
            talk = record.Conversation(guest)
            for command in record.OPEN + record.COMMANDS:
                talk.ask(command)
            guest.qmp.command("stop")
            text = talk.text.decode("latin-1")
            tables, problems = reader.inspect(guest.qmp.command, f"{work}/gdb",
                                              layouts.from_text(text))
    assert not problems
    return text, tables


# -- today's ---------------------------------------------------------------------------------


def test_the_picture_is_todays(asked):
    now = picture.masked(picture.draw(said.read(asked[0])))
    assert picture.masked(PICTURE.read_text()) == now, "make map brings docs/map.svg up to date"


def test_another_boot_gives_the_same_bytes(asked, builds):
    again = record.record(builds.root, BOARD)
    assert asked[0] != again
    assert picture.draw(said.read(asked[0])) == picture.draw(said.read(again))


def texts(svg):
    """What is written in a picture; it must be well-formed."""
    root = xml.etree.ElementTree.fromstring(svg)
    return ["".join(element.itertext()) for element in root.iter()
            if element.tag.endswith("}text")]


def test_every_region_is_there_with_its_start_and_size(asked):
    written, s = texts(PICTURE.read_text()), said.read(asked[0])
    for region in s.layout.regions:
        assert {region.name, f"{region.start:#010x}", scene.human(region.size)} <= set(written)


def test_panels_cover_four_gib_without_overlap(asked):
    panels = scene.panels(said.read(asked[0]))
    assert panels[0].end == scene.FOUR_GIB and panels[-1].start == 0
    assert [p.start for p in panels[:-1]] == [p.end for p in panels[1:]]


@pytest.mark.parametrize("change", [
    ('"size":"0x2f000000"', '"size":"0x2e000000"'), ("r-x user", "rwx user"),
    ("1 user;", "2 users;"), ('"total":8589934592', '"total":4294967296'),
    ("kmap_local window 0 of CPU 0", "kmap_local window 0 of CPU 1"),
], ids=lambda change: re.sub(r"\W+", "-", change[1]))
def test_what_the_log_says_is_what_is_drawn(asked, change):
    other = asked[0].replace(*change)
    assert other != asked[0]
    now, then = (picture.masked(picture.draw(said.read(text))) for text in (asked[0], other))
    assert now != then


# -- true ------------------------------------------------------------------------------------


def pieces(ranges):
    """Ranges [start, end, rights, is a device] joined where they go on."""
    joined = []
    for start, end, *what in sorted(ranges):
        if joined and joined[-1][1] == start and joined[-1][2:] == what:
            joined[-1][1] = end
        else:
            joined.append([start, end, *what])
    return joined


def test_what_is_drawn_is_what_the_tables_hold(asked):
    """Each mapped byte, its rights and kind; where each window and each range leads.

    But for the monitor's own temporary window: while it waits for a key another thread runs, and
    the switch closes the window until the monitor goes on.
    """
    text, tables = asked
    s, kernel = said.read(text), [leaf for leaf in tables.leaves if leaf.half == 1]
    away = {w.va for w in s.windows if w.text.startswith("kmap_local")}
    at = {leaf.va: leaf for leaf in kernel if leaf.va not in away}
    ranges = [r for r in s.ranges if r.start not in away]
    assert len(away) == 1 and len(ranges) == len(s.ranges) - 1
    assert pieces((r.start, r.end, f"{r.rights} {r.user}", r.type == "device") for r in ranges) \
        == pieces((leaf.va, leaf.end, leaf.rights, leaf.device) for leaf in at.values())
    assert [hex(r.start) for r in ranges if at[r.start].pa != r.pa] == []
    assert [hex(w.va) for w in s.windows if w.va not in away and at[w.va].pa != w.pa] == []
    assert len(s.windows) >= 4      # UART, kmap, kmap_local, fixmap


def test_four_windows_lead_to_one_page(asked):
    """What record.OPEN opened."""
    _, segments = scene.scene(said.read(asked[0]))
    assert [len(cell.rows) for segment in segments for cell in segment.cells
            if not cell.label].count(4) == 1


def test_every_band_ends_within_its_segment(asked):
    _, segments = scene.scene(said.read(asked[0]))
    assert {g.kind for g in segments} == {"above", "highmem", "lowmem", "gap"}
    for segment in segments:
        assert [c for c in segment.cells if not segment.start <= c.pa < segment.end] == []


# -- logs of all kinds -----------------------------------------------------------------------


def without(text, command):
    """The log of somebody who never typed that."""
    return text.replace(f"fanlight> {command}\r", f"fanlight> help {command}\r")


def test_a_log_of_a_boot_alone_says_what_it_does_not_know(asked):
    text = asked[0][:asked[0].index("fanlight> ")]
    written = texts(picture.draw(said.read(text)))
    assert any("no ptdump" in line for line in written)
    assert not {"R", "W", "X"} <= set(written[:-8])
    assert {"image", "lowmem", "0xc0000000"} <= set(written)


@pytest.mark.parametrize("command", record.COMMANDS)
def test_any_question_may_be_missing(asked, command):
    text = without(asked[0], command)
    assert text != asked[0]
    assert texts(picture.draw(said.read(text)))


def test_the_last_boot_of_a_log_is_drawn(asked):
    first = asked[0].replace('"split":"3g"', '"split":"9g"')
    assert said.read(first + asked[0]).split == "3g"


BAD = {
    "empty": (lambda t: "", "no @layout line"),
    "another program's": (lambda t: "U-Boot 2023.01\n=> bootm\n", "no @layout line"),
    "not at its line's start": (lambda t: t.replace("\n@layout", "\nab@layout"),
                                r"line \d+: @layout does not begin"),
    "torn @layout": (lambda t: re.sub(r'("regions":\[\{"name").*', r"\1", t),
                     r"line \d+: a torn @layout line"),
    "@layout without totals": (lambda t: t.replace('"mem":{', '"men":{'),
                               r"line \d+: a torn @layout line"),
    "torn @boot": (lambda t: re.sub(r"(?m)^(@boot .{9}).*$", r"\1", t),
                   r"line \d+: a torn @boot line"),
    "torn ptdump": (lambda t: re.sub(r"(?m)^(  0xc0200000 to .*) normal.*$", r"\1 no", t),
                    r"line \d+: torn, not a line of ptdump"),
    "lost line of ptdump": (lambda t: re.sub(r"(?m)^  0xff603000 to .*\n", "", t),
                            r"line \d+: ptdump counts \d+ ranges, \d+ came"),
    "ptdump cut off": (lambda t: t[:t.index("ranges, ") - 200], r"the log ends within .* ptdump"),
    "ptdump without its end": (lambda t: re.sub(r"(?m)^\d+ ranges, .*\n", "", t),
                               r"line \d+: the end of ptdump is missing"),
    "torn banks": (lambda t: t.replace("reserved at boot:", "reserved at b"),
                   r"line \d+: a torn answer to banks"),
    "lost area": (lambda t: re.sub(r"(?m)^  0x\w+ to .*  lazy .*\n", "", t),
                  r"line \d+: vmallocs counts \d+ areas, \d+ came"),
    "torn window": (lambda t: t.replace("0xff401000  page 0x", "0xff401000  p", 1),
                    r"line \d+: torn, not a line of kmaps"),
    "page outside RAM": (lambda t: t.replace("  0x0080000000 to 0x0280000000  ",
                                             "  0x0080000000 to 0x0180000000  "), None),
}


@pytest.mark.parametrize("spoil, named", BAD.values(), ids=BAD)
def test_a_bad_log_is_named_and_nothing_is_written(asked, spoil, named, tmp_path):
    text = spoil(asked[0])
    assert text != asked[0]
    log, out = tmp_path / "board.log", tmp_path / "map.svg"
    log.write_text(text)
    out.write_text("as it was")
    done = subprocess.run([sys.executable, ROOT / "tools" / "mapsvg", "--log", log, "-o", out],
                          capture_output=True, text=True, check=False)
    if named:
        assert done.returncode == 1 and "Traceback" not in done.stderr
        assert re.search(rf"^map: {re.escape(str(log))}: .*{named}", done.stderr), done.stderr
        assert out.read_text() == "as it was"
    else:       # said.read() has no reason to refuse it: it is drawn where no RAM is
        assert done.returncode == 0 and "no RAM" in out.read_text()
    assert [p.name for p in sorted(tmp_path.iterdir())] == ["board.log", "map.svg"]
