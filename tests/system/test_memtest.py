# SPDX-License-Identifier: BSD-2-Clause
"""The memory tester on half a gibibyte that somebody breaks from outside, while it rests.

Guest RAM is a file that both share. Behind `fade`'s writes and before its checks bits are changed in it, as
a chip would lose them: all of them must be reported, where they are, and nothing else.
"""

import json
import mmap
import random
import re
import subprocess

import pytest

from runner import session
from runner.judge import Ending, Expect, Verdict, judge
from runner.stream import Stream
from runner.table import ROOT, Run
from prompt import BUILDS, Booted

RAM = 0x80000000
SIZE = 512 << 20
HIGH = RAM + SIZE * 15 // 16  # from there on at least: HighMem
PAGE = 4096
MAX_LINES = 32


def pages_of_ones(ram, seed):
    """Pages that hold ones and nothing else while `fade` rests on ones, in a random order, each once."""
    rng, ones, seen = random.Random(seed), PAGE * b"\xff", set()
    while len(seen) < SIZE // PAGE:
        at = rng.randrange(SIZE // PAGE) * PAGE
        if at not in seen and ram[at:at + PAGE] == ones:
            yield RAM + at
        seen.add(at)


def chosen(ram):
    """What is to be broken, at two rests: physical address of a 64-bit word -> bits. In tested pages."""
    pages, rng, seen = pages_of_ones(ram, 3), random.Random(2), set()
    planted = []

    def page(fits=lambda page: True):
        found = next(page for page in pages if fits(page))
        seen.add(found)
        return found

    for _ in range(2):  # single bits anywhere
        planted.append({page() + rng.randrange(PAGE // 8) * 8: 1 << rng.randrange(64)
                        for _ in range(12)})
    lane = page(lambda page: page >= HIGH) + rng.randrange(PAGE // 64) * 64
    planted[0].update({lane + 8 * i: 0xff << 24 for i in range(8)})  # a byte lane of a line
    behind = page(lambda page: page - PAGE not in seen and
                  ram[page - PAGE - RAM:page - RAM] == PAGE * b"\xff")
    # across two pages, and all of a word
    planted[1].update({behind - 8: 1 << 63, behind: 1, page(): (1 << 64) - 1})
    return planted


def damage(ram, wrong):
    """Exclusive-ors them into the guest's RAM."""
    for pa, bits in wrong.items():
        at = pa - RAM
        ram[at:at + 8] = (int.from_bytes(ram[at:at + 8], "little") ^ bits).to_bytes(8, "little")


def ranges_of(words):
    """The words' pages, in ranges."""
    pages = sorted({pa // PAGE * PAGE for pa in words})
    ranges = []
    for page in pages:
        if ranges and ranges[-1][1] == page:
            ranges[-1][1] += PAGE
        else:
            ranges.append([page, page + PAGE])
    return [tuple(r) for r in ranges]


def reserved(dts, folder):
    """What dtc makes of the printed node, pasted behind a tree of the same cells."""
    source = folder / "pasted.dts"
    source.write_text("/dts-v1/;\n/ { #address-cells = <2>; #size-cells = <2>; };\n" + dts)
    done = subprocess.run(["dtc", "-I", "dts", "-O", "dtb", "-o", folder / "pasted.dtb", source],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0 and not done.stderr, done.stderr
    out = subprocess.run(["fdtdump", folder / "pasted.dtb"], capture_output=True, text=True,
                         check=True).stdout
    assert out.count("no-map;") == out.count("reg = ")
    cells = [[int(c, 16) for c in m.split()] for m in re.findall(r"reg = <([^>]*)>", out)]
    return [(c[0] << 32 | c[1], (c[0] << 32 | c[1]) + (c[2] << 32 | c[3])) for c in cells]


def test_every_planted_fault_and_no_other(tmp_path):
    """Where, it learns in the first of two sweeps: from the pages themselves."""
    path = tmp_path / "ram"
    with open(path, "wb") as file:
        file.truncate(SIZE)
    planted = []
    backend = f"memory-backend-file,id=ram,size={SIZE},mem-path={path},share=on"
    run = Run(name="memtest-planted", board="vexpress-a15", memory="512M", smp=4, kind="memtest",
              bootargs="memtest=2,fade,fade=2 panic=poweroff", verdict=Verdict.FAIL, total=300,
              args=("-object", backend, "-machine", "memory-backend=ram"))
    with open(path, "r+b") as file, mmap.mmap(file.fileno(), SIZE) as ram:
        rests = 0
        seen = bytearray()

        def listen(data):
            nonlocal rests
            seen.extend(data)
            while seen.count(b"rests for 2 s\r\n") > rests:
                rests += 1  # zeros, ones, zeros, ones
                if rests == 2:
                    planted.extend(chosen(ram))
                elif rests > 2:
                    damage(ram, planted[rests - 3])

        outcome = session.boot(run, BUILDS, on_data=listen)
    assert rests == 4
    assert outcome.verdict is Verdict.PASS, outcome.reasons  # as the table has it: a fail
    check_report(outcome.stream, seen.decode("latin-1").replace("\r", ""), planted, tmp_path)


def check_report(stream, text, planted, folder):
    """All that was planted is in the stream, once each, and nothing else."""
    reported = [(int(b["pa"], 16), int(b["bits"], 16)) for b in stream.bad]
    wanted = [item for wrong in planted for item in wrong.items()]
    assert len(reported) == MAX_LINES and len(wanted) == 12 + 8 + 12 + 3
    assert len(set(reported)) == len(reported) and set(reported) <= set(wanted)
    assert {item for item in wanted if item in planted[0].items()} <= set(reported)
    for bad in stream.bad:
        word = 0 if int(bad["pa"], 16) in planted[0] and bad["expected"] == "0x" + 16 * "0" \
            else (1 << 64) - 1
        bits = int(bad["bits"], 16)
        assert int(bad["expected"], 16) == word and int(bad["got"], 16) == word ^ bits
        assert bad["again"] == bad["got"] and bad["bank"] == 0 and bad["pass"] == "fade"
        assert int(bad["lanes"], 16) == sum(1 << i for i in range(8) if bits >> 8 * i & 0xff)
    end = stream.mem[-1]
    assert end["phase"] == "end" and end["errors"] == len(wanted)
    assert end["tested"] > SIZE * 99 // 100
    assert "more is only counted" in text
    last = RAM + SIZE - 1
    assert f"memtest: bank 0, {RAM:010x} to {last:010x}: {len(wanted)} bad words" in text
    node = re.search(r"^/ \{\n\treserved-memory.*?^\};\n", text, re.M | re.S)[0]
    assert reserved(node, folder) == ranges_of(pa for wrong in planted for pa in wrong)


def test_the_recorded_run_on_16_gib():
    """docs/memtest-16g.txt, as it came over the line."""
    stream = Stream()
    stream.feed((ROOT / "docs" / "memtest-16g.txt").read_bytes())
    stream.finish()
    result = judge(stream, Expect(kind="memtest-all"), Ending.EOF)
    assert result.verdict is Verdict.PASS, result.reasons
    end = stream.mem[-1]
    assert end["phase"] == "all" and end["ram"] == end["tested"] == 16 << 30 and end["percent"] == 100
    assert {test.name for test in result.tests} >= {"memory.lines", "memory.own"}


# -- at the prompt ---------------------------------------------------------------------------


@pytest.fixture(name="m", scope="module")
def fixture_m():
    with Booted("vexpress-a15", memory="256M", smp=4) as monitor:
        yield monitor


@pytest.mark.parametrize("word", ["0", "x", "seed=", "seed=5000000000", "fade=-1", "own,,copy",
                                  "1,nothing*", "size=7q", "size=0", "loop2", "=", ",", "18446744073709551616"])
def test_a_word_that_makes_no_sense_is_named(m, word):
    lines = m.ask(f"memtest {word}")
    wrong = next((w for w in word.split(",") if w not in ("1", "own", "copy")), "")
    assert lines[0].startswith(f'error: memtest={word}: "{wrong}" makes no sense: SWEEPS, loop')
    assert "passes: lines own moving fade random checker copy" in lines[0]
    assert lines[-1] == '@end {"verdict":"fail"}'


def results(lines):
    return [line.strip() for line in lines if re.match("    (not )?ok ", line)]


def test_a_run_at_the_prompt(m):
    lines = m.ask("memtest 2,lines,own,size=8M,seed=77")
    assert re.match(r"memtest: 8192 KiB on 4 CPUs, seed=0x4d; \^C ends it", lines[0])
    assert results(lines) == ["ok 1 memory.lines", "ok 2 memory.own"]
    mem = [json.loads(line[5:]) for line in lines if line.startswith("@mem ")]
    assert [x.get("sweep") for x in mem] == [1, 1, 2, 2, None]
    assert mem[-1]["tested"] == 8 << 20 and mem[-1]["errors"] == 0
    assert sum(mem[-1][key] for key in ("tested", "reserved", "in_use", "left_out")) == 256 << 20
    assert mem[-1]["left_out"] > 200 << 20 and mem[-1]["in_use"] < 1 << 20
    assert mem[1]["done"] == mem[1]["total"] == 32 << 20


def test_address_lines_alone_are_no_coverage(m):
    lines = m.ask("memtest lines,size=8M")
    assert results(lines) == ["ok 1 memory.lines"]
    end = json.loads(next(line[5:] for line in lines if line.startswith('@mem {"phase":"end"')))
    assert end["tested"] == 0
    assert '@end {"verdict":"pass"}' in lines


def test_sweeps_that_are_cut_short_are_no_pass(m):
    m.type("memtest 1000000,own,size=64M\r")
    m.port.expect(rb'"sweep":3,"pass":"own"')
    m.type("\x03")
    lines = m.wait().replace("\r", "").split("\n")
    assert results(lines) == ["ok 1 memory.own # SKIP stopped by a key"]
    assert '@end {"verdict":"fail"}' in lines


def test_globs_and_hexadecimal_numbers(m):
    lines = m.ask("memtest c*,size=0x100000,seed=0x10,fade=0")
    assert lines[0].startswith("memtest: 1024 KiB on 4 CPUs, seed=0x10;")
    assert results(lines) == ["ok 1 memory.checker", "ok 2 memory.copy"]


def test_errors_only(m):
    lines = m.ask("memtest errors,own,size=8M,seed=1")
    assert [line for line in lines if line.startswith("@mem")][0].startswith('@mem {"phase":"end"')
    assert not any("memtest: own" in line for line in lines)


@pytest.mark.parametrize("words", ["loop,own,moving,size=64M", "loop,errors", "fade,fade=3600,size=1M"])
def test_a_key_ends_it(m, words):
    """It says what was done; all memory is back, and of its own type: the suites count it."""
    m.type(f"memtest {words}\r")
    m.port.expect_exact(b"^C ends it\r\n")
    m.type("x\r")  # no other key does
    if "loop," in words and "errors" not in words:
        m.port.expect(rb'"sweep":2,"pass":"moving"')
    m.type("\x03")
    lines = m.wait().replace("\r", "").split("\n")
    end = next(json.loads(line[5:]) for line in lines if line.startswith('@mem {"phase":"end"'))
    assert (end["tested"] > 0) == ("own" in words)
    assert not any("memtest took" in line for line in lines)
    if end["tested"]:  # a loop's time has come when each pass is through
        assert results(lines) == ["ok 1 memory.own", "ok 2 memory.moving"]
    else:
        assert any(r.endswith("# SKIP stopped by a key") for r in results(lines))
    assert '@end {"verdict":"%s"}' % ("pass" if end["tested"] else "fail") in lines
    m.says("test memtest.sound*,bigwin.*", '^@end {"verdict":"pass"}')
