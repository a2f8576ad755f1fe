# SPDX-License-Identifier: BSD-2-Clause
"""`boot`: this kernel enters a copy of itself, and that one must be as good as the first.

Owns: what is put into RAM and typed. A second @boot is never a pass for the runner, so each boot
here gets a stream of its own, judged by the runner's rules from its first byte on.
Must never: judge by time; only a hang costs seconds.
"""

import contextlib
import re
import struct

import pytest

from ahead import ahead
from prompt import BUILDS, Booted
from runner import session, table
from runner.judge import Ending, Verdict, judge
from runner.stream import Stream
from runner.table import Run
from runner.watch import Limits, watch
from ymodem_sender import Sender

RAM = {"vexpress-a15": 0x80000000, "qemu-virt": 0x40000000}
MACHINES = [("vexpress-a15", 1), ("vexpress-a15", 4), ("qemu-virt", 4)]
HOW = {"vexpress-a15": "in the pen", "qemu-virt": "off"}
COPY = 0x10000000  # from the start of RAM, where nothing else is
SUITES = "selftest stress=20000 panic=poweroff"
FEW = SUITES.replace("selftest", "selftest=highmem.*,kmap.*,vmalloc.*,vmap.*,smp.*")


def image():
    return BUILDS.image("release").read_bytes()


def in_ram(path, *addresses):
    """QEMU puts a file there before the first instruction."""
    args = []
    for at in addresses:
        args += ["-device", f"loader,file={path},addr={at:#x},force-raw=on"]
    return tuple(args)


def booted(board="vexpress-a15", offsets=(COPY,), memory="1G", path=None, **changes):
    """A guest at its prompt, with images in its RAM."""
    path = path or BUILDS.image("release")
    return Booted(board, memory=memory,
                  args=in_ram(path, *(RAM[board] + offset for offset in offsets)), **changes)


def boot(m, what):
    """Types it; what was said up to the point of no return."""
    m.type(f"boot {what}\r")
    m.port.expect(rb"boot: other CPUs [a-z ]+\r\n")
    return (m.port.before + m.port.after).decode("latin-1")


def boot_to_prompt(m, what):
    """The next kernel's lines up to its prompt."""
    said = boot(m, what)
    return said, m.wait().replace("\r", "")


def cpus_online(m):
    return sum("online" in line for line in m.ask("cpus"))


def judged(m, board, smp, args, least):
    """The rest is one run of suites: held against the ELF, as any other run."""
    stream = Stream()
    skips = tuple({skip for run in table.runs() if run.board == board and run.build == "release"
                   and (run.smp == 1) == (smp == 1) for skip in run.may_skip})
    run = Run(name="boot", board=board, bootargs=args, may_skip=skips)
    ending = watch(m.guest, stream, Limits(), stream.feed)
    stream.finish()
    result = judge(stream, session.expectation(run, BUILDS), ending)
    assert result.verdict is Verdict.PASS, result.reasons
    assert ending is Ending.POWEROFF
    assert len(result.tests) >= least


# -- it boots --------------------------------------------------------------------------------


@pytest.mark.parametrize(("board", "smp"), MACHINES)
def test_image_in_ram_passes_all_suites(board, smp):
    with booted(board, smp=smp) as m:
        said = boot(m, f"{RAM[board] + COPY:#x} {SUITES}")
        assert f"image at {RAM[board] + COPY:010x}, {len(image())} bytes" in said
        assert f"other CPUs {HOW[board] if smp > 1 else 'off'}" in said
        judged(m, board, smp, SUITES, 100)


@pytest.mark.parametrize(("board", "smp"), MACHINES)
def test_again_and_again(board, smp):
    """Each boot leaves the machine as good as it was: CPUs, arguments, memory but for a pen."""
    offsets = [COPY + i * 0x1000000 + i * 0x1004 for i in range(3)]  # on a page, and not
    with booted(board, smp=smp, offsets=offsets) as m:
        ids = {m.says("dmesg", r'^@boot \{"v":1,"id":"(\w{16})"')[0]}
        free = total_free(m)
        for i, offset in enumerate(offsets):
            said, lines = boot_to_prompt(m, f"{RAM[board] + offset:#x} monitor maxcpus={8 - i}")
            assert f"other CPUs {HOW[board] if smp > 1 else 'off'}" in said
            assert re.search(rf"args +monitor maxcpus={8 - i}\n", lines)
            assert f"smp: {smp} of {smp} CPUs run" in lines
            assert cpus_online(m) == smp
            ids |= {m.says("dmesg", r'^@boot \{"v":1,"id":"(\w{16})"')[0]}
            assert total_free(m) > free - 16  # pens; the pages that the image lies in
        assert len(ids) == 4
        assert m.ask("test kmap.*,smp.*")[-1] == '@end {"verdict":"pass"}'


def total_free(m):
    return sum(int(line.split()[2]) for line in m.ask("zones")[2:])


def test_the_arguments_stay_without_new_ones():
    with booted(bootargs="monitor panic=halt maxcpus=3") as m:
        _, lines = boot_to_prompt(m, f"{RAM['vexpress-a15'] + COPY:#x}")
        assert re.search(r"args +monitor panic=halt maxcpus=3\n", lines)
        assert cpus_online(m) == 3


def test_the_pen_is_reserved():
    with booted(smp=4) as m:
        said, _ = boot_to_prompt(m, f"{RAM['vexpress-a15'] + COPY:#x}")
        pen = int(re.search(r"device tree at (\w{8})", said)[1], 16) - 4096
        lines = m.ask("banks")
        reserved = [[int(a, 16) for a in re.findall(r"0x(\w{10})", line)]
                    for line in lines[lines.index("reserved at boot:") + 1:]]
        assert any(start <= pen and pen + 4095 <= end for start, end, *_ in reserved), reserved


@pytest.mark.parametrize("maxcpus", [1, 2])
def test_cpus_that_were_left_out_come(maxcpus):
    """They wait in the loader's pen, or parked in the image: the next kernel has them all."""
    with booted(bootargs=f"monitor maxcpus={maxcpus}") as m:
        assert cpus_online(m) == maxcpus
        _, lines = boot_to_prompt(m, f"{RAM['vexpress-a15'] + COPY:#x} monitor")
        assert "smp: 4 of 4 CPUs run" in lines
        assert cpus_online(m) == 4


def test_cpus_wait_in_flash_from_reset():
    """Two of them have never left it: they hear the next kernel's call there."""
    with booted(flash=True, bootargs="monitor maxcpus=2", smp=4) as m:
        assert cpus_online(m) == 2
        said, lines = boot_to_prompt(m, f"{RAM['vexpress-a15'] + COPY:#x} monitor")
        assert "other CPUs in the pen" in said
        assert "smp: 4 of 4 CPUs run" in lines
        assert cpus_online(m) == 4


@pytest.mark.parametrize(("board", "entry", "mode", "world"), [
    ("vexpress-a15", "nonsecure", "SVC", "non-secure"), ("vexpress-a15", "hyp", "HYP", "non-secure"),
    ("vexpress-a15", "secure-nohyp", "SVC", "secure"), ("qemu-virt", "secure", "SVC", "non-secure"),
    ("qemu-virt", "hyp", "HYP", "non-secure")])
def test_modes_and_worlds_stay(board, entry, mode, world):
    """Twice over: the second kernel has moved to the next page, and must find its way back too."""
    places = (COPY + 0x1004, 2 * COPY)
    with booted(board, offsets=places, entry=entry, smp=4) as m:
        for at in places:
            said, lines = boot_to_prompt(m, f"{RAM[board] + at:#x}")
            assert f"boot: entered in {mode}, {world}\r" in said
            assert f"entered in {mode}\n" in lines
            assert "smp: 4 of 4 CPUs run" in lines


def test_cpus_that_were_left_out_go_back_to_hyp():
    with booted(entry="hyp", smp=4, bootargs="monitor maxcpus=2") as m:
        assert cpus_online(m) == 2
        _, lines = boot_to_prompt(m, f"{RAM['vexpress-a15'] + COPY:#x} monitor")
        assert "smp: 4 of 4 CPUs run" in lines


# -- it refuses ------------------------------------------------------------------------------


def refused(m, what, why):
    """A clear line, the prompt, and nothing is lost."""
    before = total_free(m)
    m.says(f"boot {what}", rf"^error: {re.escape(what.split()[0])}: {why}$")
    assert total_free(m) == before


def test_refusals():
    base = RAM["vexpress-a15"]
    with booted(memory="8G") as m:
        refused(m, f"{base + COPY + 2:#x}", "not a multiple of 4")
        refused(m, f"{base + COPY + 4:#x} monitor", "no zImage")
        refused(m, "0x10000", "not all of it is RAM")
        refused(m, f"{base + 0x10000:#x}", "some of it is reserved")
        refused(m, "0x200000000", "with the MMU off it must lie below 4 GiB")
        refused(m, "0xfffffffc", "with the MMU off it must lie below 4 GiB")
        refused(m, "0xfffffffffc", "with the MMU off it must lie below 4 GiB")
        m.says("boot", "^usage: boot PHYSADDR")
        m.says("boot 0x10000000000", "^error: .* too large|40 bits")
        m.says("boot #1", "^error: #1: you have nothing open there")
        m.ask("alloc high")
        m.says("boot #1", "^#1: alloc of 1 page", "^error: #1 came from alloc$")
        assert m.ask("close all") == []
        assert cpus_online(m) == 4
        m.says("test smp.*", '^@end {"verdict":"pass"}')


def test_damaged_headers_are_refused(tmp_path):
    """Each at its own place: a size of nothing, one that wraps, one beyond RAM, another address."""
    wrong = [(0, 0, "its header makes no sense here"), (8, 4, "its header makes no sense here"),
             (0, 0xffffffff, "with the MMU off it must lie below 4 GiB"),
             (0x80008000, 0x80108000, "its header makes no sense here"),
             (0, 0x50000000, "not all of it is RAM")]
    data = image()
    ram = bytearray(len(wrong) << 16)
    for i, (start, end, _) in enumerate(wrong):
        ram[i << 16:(i << 16) + 0x30] = data[:0x28] + struct.pack("<2I", start, end)
    path = tmp_path / "headers"
    path.write_bytes(ram)
    with booted(path=path) as m:
        for i, (_, _, why) in enumerate(wrong):
            refused(m, f"{RAM['vexpress-a15'] + COPY + (i << 16):#x}", why)


def test_memory_in_use_is_refused():
    """A good image, where this kernel's own data have come to lie."""
    with booted() as m:
        at, = m.says("alloc low", r"page 0x\w+ at physical (0x\w+)$")
        at = int(at, 16)
        m.ask(f"mw {at + 0x24:#x} 0x016f2818")
        m.ask(f"mw {at + 0x28:#x} 0")
        m.ask(f"mw {at + 0x2c:#x} 0x1000")
        refused(m, f"{at:#x}", "some of it is in use")


@pytest.mark.parametrize(("size", "why"), [(5000, "it has been cut"), (40, "no zImage")])
def test_a_file_that_is_no_whole_image(size, why):
    with Booted(memory="1G") as m:
        Sender(m).file(b"half", image()[:size] if size > 100 else bytes(size))
        m.wait()
        refused(m, "#1", why)
        assert m.ask("close all") == []


# -- by `load`: over the line, which takes long ------------------------------------------------


@contextlib.contextmanager
def by_load(board, smp):
    """A guest with the image in pages above 4 GiB, each for itself, and its number there."""
    with Booted(board, memory="8G", smp=smp) as m:
        Sender(m).file(b"fanlight.zImage", image())
        number, pfn = re.search(r"#(\d+): load of \d+ bytes in \d+ pages from (0x\w+)",
                                m.wait()).groups()
        assert int(pfn, 16) >= 0x100000
        yield m, number


@pytest.fixture(name="loaded", scope="module", autouse=True)
def fixture_loaded(request):
    with ahead(request, "test_image_by_load_runs", by_load) as futures:
        yield futures


@pytest.mark.parametrize(("board", "smp"), MACHINES)
def test_image_by_load_runs(board, smp, loaded, request):
    """It is moved to where it can be entered."""
    m, number = loaded[request.node.name].result()
    boot(m, f"#{number} {FEW}")
    judged(m, board, smp, FEW, 30)
