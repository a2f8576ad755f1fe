# SPDX-License-Identifier: BSD-2-Clause
"""`memtest=all`, from outside: is it really all of the RAM, and what is not let pass for a first run?

Owns: the sums over both boots' ranges, what RAM holds afterwards, and handovers that nobody should believe.
The way of each boot is tests/runs.toml's. Must never: take the second run's word for what is RAM.
"""

import json
import mmap
import re
import struct
import subprocess
import threading
import zlib

import pytest

from runner import elf
from runner.prepare import qemu_args
from runner.qemu import Guest
from runner.table import Run
from test_boot_addr import RAM, boot_to_prompt
from prompt import BUILDS, PROMPT, Booted, Monitor

MIB = 1 << 20
PAGE = 4096
ALL = "memtest=all,own"
START, END = RAM["vexpress-a15"], RAM["vexpress-a15"] + 64 * MIB
COPY = 20 * MIB
IMAGE_AT = 0x10000  # from the start of RAM: where QEMU puts a raw kernel
BAD = 1 << 4  # MEMBLOCK_BAD


def said(text):
    """The two runs of a boot: each one's @mem lines, and the whole text of each."""
    runs = re.split(r"(?m)^@reenter .*\n", text.replace("\r", ""))
    return [([json.loads(line[5:]) for line in re.findall(r"(?m)^@mem .*", run)], run) for run in runs]


def ranges(mem, *states):
    """[(start, end)] of those states, or of all."""
    found = [(int(m["start"], 16), int(m["end"], 16), m["state"]) for m in mem if m["phase"] == "range"]
    return [(start, end) for start, end, state in found if not states or state in states]


def size(spans):
    return sum(end - start for start, end in spans)


def inside(spans, start, end):
    """Whether the bytes are all in one of them."""
    return any(a <= start and end <= b for a, b in spans)


def one(pattern, text):
    found = re.findall(pattern, text, re.MULTILINE)
    assert len(found) == 1, (pattern, found)
    return found[0]


def check_union(text, ram, kept=()):
    """The second boot's ranges are the RAM that QEMU was given; returns what the first did not test."""
    (first, first_text), (second, second_text) = said(text)
    for mem in first, second:
        spans = ranges(mem)
        assert spans[0][0] == ram[0] and spans[-1][1] == ram[1]
        assert all(a[1] == b[0] for a, b in zip(spans, spans[1:])), "a gap, or two of a byte"
    tested, again = ranges(first, "tested"), ranges(second, "tested")
    assert size(ranges(second, "untested")) == 0
    assert [span for span in ranges(second) if span not in again] == list(kept)
    assert all(inside(again, *span) for span in tested), "forgotten"
    held = [[mem["reserved"] for mem in run if mem["phase"] == "end"] for run in (first, second)]
    assert held[1][0] < held[0][0] + MIB // 4, "what the second run tested is not reserved any more"
    ends = [[mem["tested"] for mem in run if mem["phase"] == "end"] for run in (first, second)]
    assert size(tested) <= ends[0][0], "more than it tested; less, if there are too many ranges to note"
    assert ends[1] == [size(again) - size(tested)], "what the second run itself tested"
    total = [mem for mem in second if mem["phase"] == "all"]
    assert (total[0]["percent"], total[0]["tested"]) == (100, ram[1] - ram[0] - size(kept))
    # What it lives in was tested before it came: image, tree and pen.
    image, length = one(r"^boot: image at (\w+), (\d+) bytes", second_text)
    tree = int(one(r"device tree at (\w+)$", second_text), 16)
    assert inside(tested, int(image, 16), int(image, 16) + int(length))
    assert inside(tested, tree - PAGE, tree + 3 * PAGE)
    assert f"image   {(int(length) - PAGE) // 1024} KiB at 0x{image}" in second_text
    return [span for span in ranges(first, "untested")]


def memory_of(guest, start, end, path):
    """Physical memory, past the guest."""
    guest.qmp.command("pmemsave", val=start, size=end - start, filename=str(path))
    return path.read_bytes()


@pytest.mark.parametrize(("board", "smp"), [("vexpress-a15", 4), ("qemu-virt", 8)])
def test_the_union_is_all_ram(board, smp, tmp_path):
    """And what the first run could not test holds the second one's pattern: every word, seen from outside."""
    with Booted(board, f"{ALL} monitor", "64M", smp=smp) as m:
        ram = RAM[board], RAM[board] + 64 * MIB
        left = check_union(m.booted, ram)
        assert len(set(re.findall(r'@boot {"v":1,"id":"(\w+)"', m.booted))) == 2
        assert size(left) >= MIB // 2
        for start, end in left:
            words = memory_of(m.guest, start, end, tmp_path / "ram")
            want = b"".join(struct.pack("<Q", ~pa & (1 << 64) - 1) for pa in range(start, end, 8))
            assert words == want, f"{start:#x} to {end:#x}"
        # The image that is announced is the file, and that is what was entered.
        assert one(r'@reenter .*"crc32":"(\w+)"', m.booted) == f"{zlib.crc32(image()):08x}"
        m.says("test highmem.*", '^@end {"verdict":"pass"}')


def image():
    return BUILDS.image("release").read_bytes()


def test_from_the_prompt_and_again():
    """The second run has a prompt if the first had one; from there it all works once more."""
    with Booted(memory="64M") as m:
        pens = []  # each re-entry leaves one to the tree
        for _ in range(2):
            m.type(ALL.replace("=", " ") + "\r")
            text = m.wait()
            check_union(text, (START, END), pens)
            tree = int(one(r"device tree at (\w+)\r$", text), 16)
            pens.append((tree - PAGE, tree))
            assert re.search("args +memtest=again,own", text)
        assert sum("online" in line for line in m.ask("cpus")) == 4


def test_a_stale_handover_is_no_handover(tmp_path):
    """`boot` hands on the arguments and the tree: what held for this image does not hold for another."""
    ram = tmp_path / "ram"
    with in_file(ram, tmp_path) as guest:
        guest.start()
        m = Monitor(guest, PROMPT)
        with ram.open("r+b") as file:
            file.seek(COPY)
            file.write(image())
        _, lines = boot_to_prompt(m, f"{START + COPY:#x}")
        assert one(r"^error: (.*)$", lines) == \
            "memtest=again,own: the handover is for another address"
        assert '@end {"verdict":"fail"}' in lines


def in_file(ram, work, banks=""):
    """A guest whose RAM is a file."""
    ram.write_bytes(b"")
    with ram.open("r+b") as file:
        file.truncate(64 * MIB)
    run = Run(name="file", board="vexpress-a15", memory="64M", bootargs=f"{ALL} monitor{banks}")
    args = qemu_args(run, BUILDS, work)
    args[args.index("-machine") + 1] += ",memory-backend=shared"
    args += ["-object", f"memory-backend-file,id=shared,size=64M,share=on,mem-path={ram}"]
    return Guest(args, work / "errors")


# -- it refuses ------------------------------------------------------------------------------


def refusal(bootargs, memory="64M", **changes):
    """What a boot says that gets no further than the first run."""
    with Booted(bootargs=f"{bootargs} monitor", memory=memory, **changes) as m:
        text = m.booted.replace("\r", "")
        assert '@end {"verdict":"fail"}' in text
        assert "@reenter" not in text and text.count("@boot {") == 1
        return one(r"^error: (.*)$", text)


# The page array has room for 16 sections in one piece of the lowest bank: once, but not twice.
SPARSE = " ".join(["mem=14M@0x80000000", *(f"mem=1M@{0x80000000 + i * 128 * MIB:#x}" for i in range(1, 16))])


@pytest.mark.parametrize(("bootargs", "memory", "why"), [
    (f"selftest=highmem.* {ALL}", "64M", "memtest=all goes alone"),
    (f"{ALL},size=1M", "64M", f"{ALL},size=1M: no tested memory below 4 GiB for an image"),
    (f"{ALL} {SPARSE}", "2G", f"{ALL}: no tested lowmem for a page array"),
    ("memtest=all,lines", "64M", "memtest=all,lines: lines alone looks at a few words"),
    ("memtest=all,own,loop", "64M", "memtest=all,own,loop: a loop never comes to the second run"),
    ("memtest=again", "64M", "memtest=again: the first run left no handover"),
], ids=["with-suites", "no-image", "no-array", "lines", "loop", "no-first"])
def test_refusals(bootargs, memory, why):
    assert refusal(bootargs, memory) == why


def test_words_that_make_no_sense():
    assert refusal("memtest=all,nonsense").startswith('memtest=nonsense: "nonsense" makes no sense')
    assert refusal("memtest=allthis").startswith('memtest=allthis: "allthis" makes no sense')


# -- handovers -------------------------------------------------------------------------------


def handover(ranges_, **changes):
    """As the first run would leave it for an image where QEMU puts one."""
    build = zlib.crc32(bytes.fromhex(elf.read(BUILDS.elf("release")).build_id))
    value = {"version": 1, "build": build, "image": RAM["vexpress-a15"] + IMAGE_AT, "first": 0x80800000,
             "seed": 7, "errors": 0, "failed": 0, **changes}
    count = value.pop("count", len(ranges_))
    listed = b"".join(struct.pack("<QQ", start, end - start | flags << 48) for start, end, flags in ranges_)
    rest = struct.pack("<7I", *value.values()) + struct.pack("<I4x", count) + listed.ljust(1024, b"\0")
    return struct.pack("<I", zlib.crc32(rest)) + rest


def given(tmp_path, value):
    """A second run that QEMU starts, with that handover; all that it says."""
    dtb = tmp_path / "handed.dtb"
    dtb.write_bytes((BUILDS.root / "vexpress-a15.dtb").read_bytes())
    if value is not None:
        subprocess.run(["fdtput", "-t", "bx", str(dtb), "/chosen", "fanlight,memtest",
                        *(f"{byte:x}" for byte in value)], check=True)
    with Booted(bootargs="memtest=again,own monitor", memory="64M", args=("-dtb", str(dtb))) as m:
        return m.booted.replace("\r", "")


GOOD = [(START, START + 34 * MIB, 0), (START + 35 * MIB, START + 40 * MIB, 0),
        (START + 40 * MIB, START + 40 * MIB + PAGE, BAD), (START + 40 * MIB + PAGE, END, 0)]


def test_a_handover_is_believed(tmp_path):
    """The control for those below: one mebibyte is left to test, a page is bad and left alone."""
    text = given(tmp_path, handover(GOOD))
    (mem, _), = said(text)
    assert ranges(mem, "bad") == [(START + 40 * MIB, START + 40 * MIB + PAGE)]
    assert [m["tested"] for m in mem if m["phase"] == "end"] == [MIB]
    assert [m["percent"] for m in mem if m["phase"] == "all"] == [100]
    assert '@end {"verdict":"pass"}' in text


def damaged(value):
    return value[:100] + bytes([value[100] ^ 1]) + value[101:]


NOT_IN_GOOD = [(START + MIB, END, 0)]
TOO_MANY = [(START + i * MIB, START + i * MIB + MIB // 2, 0) for i in range(64)]


@pytest.mark.parametrize(("value", "why"), [
    (None, "the first run left no handover"),
    (handover(GOOD)[:-1], "the handover is damaged"),
    (damaged(handover(GOOD)), "the handover is damaged"),
    (handover(GOOD, version=2), "the handover is of another build"),
    (handover(GOOD, build=0), "the handover is of another build"),
    (handover(GOOD, image=START + 0x200000), "the handover is for another address"),
    (handover(NOT_IN_GOOD), "its good memory is not where we are"),
    (handover([]), "its good memory is not where we are"),
    (handover([(START, END, BAD)]), "its good memory is not where we are"),
    (handover(TOO_MANY), "the handover has too many ranges"),
    (handover(GOOD, count=0x7fffffff), "the handover makes no sense"),
    (handover([*GOOD, GOOD[0]]), "the handover makes no sense"),
    (handover([(START, END, 0), (END, END, 0)]), "the handover makes no sense"),
    (handover([(START, END, 0), (1 << 40, (1 << 40) + PAGE, 0)]), "the handover makes no sense"),
], ids=["none", "short", "damaged", "version", "build", "image", "not-in-good", "empty", "all-bad",
        "too-many", "count", "order", "hollow", "beyond"])
def test_a_handover_is_refused(tmp_path, value, why):
    text = given(tmp_path, value)
    assert one(r"^error: (.*)$", text) == f"memtest=again,own: {why}"
    assert '@end {"verdict":"fail"}' in text
    assert "@reenter" not in text and "@mem" not in text


def test_a_first_run_that_failed_stays_failed(tmp_path):
    """All is tested, and all that is tested now is good."""
    text = given(tmp_path, handover(GOOD, errors=3, failed=1))
    assert '"errors":3,"percent":100}' in text
    assert '@end {"verdict":"fail"}' in text


# -- bad RAM ---------------------------------------------------------------------------------


class Hand:
    """Spoils bytes of RAM from outside, as fast as the host can, while it is entered."""

    def __init__(self, ram, where, length=1):
        self._ram, self._stop = ram, threading.Event()
        self._where, self._spoilt = slice(where, where + length), b"\x5a" * length
        self._thread = threading.Thread(target=self._run)

    def _run(self):
        with self._ram.open("r+b") as file, mmap.mmap(file.fileno(), 0) as ram:
            while not self._stop.is_set():
                ram[self._where] = self._spoilt

    def __enter__(self):
        self._thread.start()

    def __exit__(self, *exc):
        self._stop.set()
        self._thread.join()


def test_a_bad_page_is_found_and_not_lived_in(tmp_path):
    """For as long as the first run lasts: the second must neither test the page again nor use it."""
    where = 37 * MIB + 5 * PAGE + 0x120
    page = START + where & -PAGE
    ram = tmp_path / "ram"
    with in_file(ram, tmp_path) as guest:
        with Hand(ram, where):
            guest.start()
            m = Monitor(guest, b"@reenter ")
        text = m.booted + "@reenter " + m.wait(PROMPT)
        reserved = m.ask("banks")
    (first, first_text), (second, second_text) = said(text)
    assert ranges(first, "bad") == ranges(second, "bad") == [(page, page + PAGE)]
    assert f'"pa":"0x{START + where & -8:010x}"' in first_text
    assert "@bad" not in second_text
    assert any(f"0x{page:010x} to 0x{page + PAGE - 1:010x} " in line or
               f"0x{page:010x} to 0x{page + PAGE:010x} " in line for line in reserved), reserved
    assert f"bad@{page:x} {{" in first_text and f"bad@{page:x} {{" in second_text
    assert [mem["percent"] for mem in second if mem["phase"] == "all"] == [100]
    assert '@end {"verdict":"fail"}' in second_text


def with_bad_highmem(tmp_path, low, until):
    """What a guest of a low bank and 8 MiB says, all of which are bad but its last, where it lives itself."""
    ram, high = tmp_path / "ram", 48 * MIB
    with in_file(ram, tmp_path, f" mem={low}M@{START:#x} mem=8M@{START + high:#x}") as guest:
        with Hand(ram, high, 7 * MIB):
            guest.start()
            m = Monitor(guest, until)
        text = m.booted if until == PROMPT else m.booted + "@reenter " + m.wait(PROMPT)
    runs = said(text)
    for mem, _ in runs:
        assert ranges(mem, "bad") == [(START + high, START + high + 7 * MIB)]
    return [text for _, text in runs]


def test_bad_highmem_is_replaced_by_lowmem(tmp_path):
    first, second = with_bad_highmem(tmp_path, 24, b"@reenter ")
    ends = [int(one(r'"mem":{"total":\d+,"lowmem":(\d+)', text)) for text in (first, second)]
    assert ends[0] == 24 * MIB and 16 * MIB <= ends[1] < 24 * MIB
    assert '"percent":100}' in second and '@end {"verdict":"fail"}' in second


def test_without_good_highmem_there_is_no_second_run(tmp_path):
    text, = with_bad_highmem(tmp_path, 16, PROMPT)
    assert one(r"^error: (.*)$", text) == f"{ALL}: no tested HighMem"
    assert '@end {"verdict":"fail"}' in text and text.count("@boot {") == 1
