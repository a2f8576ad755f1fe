# SPDX-License-Identifier: BSD-2-Clause
"""Where the page-table reader reads from: memory, stubs, sockets, files; each is named when it fails."""

import json
import pathlib
import re
import socket
import subprocess
import sys
import threading

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from ptread import layout as layouts  # noqa: E402
from ptread import debuginfo, dump, lpae, memory, owners, reader, rsp, rules  # noqa: E402
from ptread import kernel as kernels, scene, show, trouble  # noqa: E402


MTREE = """FlatView #0
 AS "memory", root: system
 AS "cpu-memory-0", root: system
 Root memory region: system
  0000000000000000-0000000003ffffff (prio 0, romd): vexpress.flash0
  000000001c090000-000000001c090fff (prio 0, i/o): pl011
  0000000300000000-000000033fffffff (prio 0, ram): low
  0000000340000000-000000037fffffff (prio 0, ram): high @0000000040000000

FlatView #1
 AS "I/O", root: io
"""


def test_memory_crosses_chunks_and_reads_each_once():
    calls = []

    def command(name, val=0, size=0, filename="", **told):
        if name == "human-monitor-command":
            assert told == {"command-line": "info mtree -f"}
            return MTREE
        assert (name, size) == ("pmemsave", 0x20000)
        calls.append(val)
        pathlib.Path(filename).write_bytes((val >> 17).to_bytes(8, "little") * (size // 8))
        return {}
    reader = memory.Memory(command)
    assert reader.read(0x3_0001_fff8, 16) == bytes.fromhex("0080010000000000" "0180010000000000")
    assert reader.read(0x3_0000_0008, 8) == bytes.fromhex("0080010000000000")
    assert calls == [0x3_0000_0000, 0x3_0002_0000]
    # From one bank into the next; but QEMU would give zeros for flash, for a device, for what is nothing.
    assert len(reader.read(0x3_3fff_ffff, 2)) == 2
    for pa, size in ((0, 8), (0x1c09_0000, 8), (0x2_ffff_ffff, 2), (0x3_7fff_ffff, 2), (0x70_0000_0000, 8)):
        with pytest.raises(memory.BadMemory, match="is not RAM"):
            reader.read(pa, size)


def packet(body):
    return b"+$" + body + b"#%02x" % (sum(body) & 0xff)


class Wire:
    """A socket that has one answer ready for each packet."""

    def __init__(self, answers):
        self.answers, self.pending = answers, b""

    def sendall(self, data):
        if data.startswith(b"$"):
            self.pending += packet(self.answers[data[1:data.index(b"#")].decode()])

    def recv(self, size):
        # One byte less than asked for: packets arrive in pieces.
        data, self.pending = self.pending[:7], self.pending[7:]
        return data


def stub(secure, ns):
    """A stub with the registers that QEMU shows, with and without the Security Extensions."""
    names = [("ttbr0", 64), ("ttbr1", 64), ("ttbcr", 32), ("mair0", 32), ("mair1", 32),
             ("sctlr", 32)]
    regs = list(names) + ([(f"{n}_s", s) for n, s in names] + [("scr", 32)] if secure else [])
    xml = "".join(f'<reg name="{n.upper()}" bitsize="{s}"/>' for n, s in regs)
    answers = {
        "qXfer:features:read:target.xml:0,7f0":
            b'l<?xml version="1.0"?><!DOCTYPE target SYSTEM "gdb-target.dtd"><target>'
            b'<xi:include href="sys.xml"/></target>',
        "qXfer:features:read:sys.xml:0,7f0": b"l<feature>" + xml.encode() + b"</feature>"}
    for number, (name, size) in enumerate(regs):
        value = ns if name == "scr" else 0x100 + number
        answers[f"p{number:x}"] = value.to_bytes(size // 8, "little").hex().encode()
    made = rsp.Stub.__new__(rsp.Stub)
    made._socket, made._buffer, made._numbers = Wire(answers), b"", None
    return made


@pytest.mark.parametrize("secure,ns,first", [(False, 0, 0x100), (True, 1, 0x100),
                                             (True, 0, 0x106)])
def test_registers_are_those_of_the_current_world(secure, ns, first):
    regs = rsp.translation(stub(secure, ns))
    assert (regs.ttbr0, regs.ttbr1, regs.sctlr) == (first, first + 1, first + 5)


def test_a_stop_that_nobody_asked_for_is_no_answer():
    made = stub(False, 0)
    made._socket.pending = packet(b"T02thread:01;")
    assert rsp.translation(made).ttbr0 == 0x100
    made._socket = Wire({"?": b"T05thread:01;"})
    assert made.ask("?") == "T05thread:01;"


def test_a_stub_without_cpus_is_refused():
    made = stub(False, 0)
    made._socket.answers["qfThreadInfo"] = b"l"
    with pytest.raises(rsp.GdbError, match="no CPU"):
        rsp.cpus(made)


@pytest.mark.parametrize("words, named", [
    (b"", "no greeting came in 0.3 s"), (b"login: \n", "the greeting is no JSON: 'login: "),
    (b"[]\n", "the greeting is no object"), (b"{}\n", "is no greeting")])
def test_a_control_socket_that_does_not_greet_is_named(words, named, tmp_path):
    path, held = f"{tmp_path}/mute", []
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()

        def answer():
            held.append(server.accept()[0])     # and kept: a closed one would be another story
            held[0].sendall(words)
        speaker = threading.Thread(target=answer)
        speaker.start()
        with pytest.raises(memory.QmpError) as error:
            memory.Qmp(path, patience=0.3)
        speaker.join()
        held[0].close()
    assert path in str(error.value) and named in str(error.value)


def test_a_stub_that_does_not_answer_is_named(tmp_path):
    path = f"{tmp_path}/mute"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        with pytest.raises(rsp.GdbError, match=f"{path}: no answer of a gdb stub's"):
            rsp.Stub(path, timeout=0.3)


def test_whatever_is_raised_here_is_trouble():
    """So that who calls has one name for it; Unjudged never leaves owners.judge()."""
    found = {one for module in (debuginfo, dump, kernels, layouts, lpae, memory, owners, reader, rsp, rules,
                                scene, show)
             for one in vars(module).values() if isinstance(one, type) and issubclass(one, Exception)}
    assert len(found) > 6
    assert {one.__name__ for one in found if not issubclass(one, trouble.Trouble)} == {"Unjudged"}


LAYOUT = json.dumps({"v": 1, "page_offset": "0xc0000000", "phys_offset": "0x80000000",
                     "regions": []})
UNREADABLE = {
    "no QMP socket": (["--qmp", "NONE", "--gdb", "1"], LAYOUT, "/none: No such file"),
    "no gdb socket": (["--memory", "RAM@0", "--gdb-socket", "NONE"], LAYOUT, "/none: No such file"),
    "no stub there": (["--memory", "RAM@0", "--gdb", ":1"], LAYOUT, "localhost:1: Connection refused"),
    "no port": (["--memory", "RAM@0", "--gdb", "host"], LAYOUT, "--gdb host: [HOST:]PORT is wanted"),
    "no base": (["--memory", "RAM", "--gdb", ":1"], LAYOUT, "/ram: FILE@BASE is wanted"),
    "a base that is none": (["--memory", "RAM@x", "--gdb", ":1"], LAYOUT, "FILE@BASE is wanted"),
    "no layout file": (["--dump", "NONE"], LAYOUT, "/none: No such file"),
    "a log without a layout": (["--memory", "RAM@0", "--gdb", ":1"], "hello", "/layout: no @layout"),
    "no JSON": (["--memory", "RAM@0", "--gdb", ":1"], "{", "/layout: "),
    "a layout that lacks something": (["--memory", "RAM@0", "--gdb", ":1"], '{"v": 1}',
                                      "/layout: the layout has no 'regions'"),
    "a layout nested too deep": (["--memory", "RAM@0", "--gdb", ":1"], "@layout " + '{"a":' * 5000,
                                 "/layout: nested too deep"),
    "a layout that is a list": (["--memory", "RAM@0", "--gdb", ":1"], "@layout []",
                                "/layout: the layout is a list: an object is wanted"),
    "a file that is a list": (["--memory", "RAM@0", "--gdb", ":1"], " [{}]",
                              "/layout: the layout is a list: an object is wanted"),
    "regions that are words": (["--memory", "RAM@0", "--gdb", ":1"], '{"regions": ["lowmem"]}',
                               "/layout: the layout's regions are no list of objects"),
    "a number that is none": (["--memory", "RAM@0", "--gdb", ":1"], '{"regions": [], "page_offset": null}',
                              "/layout: the layout says null where a number is wanted"),
    "no ELF": (["--memory", "RAM@0", "--gdb", ":1", "--elf", "RAM"], LAYOUT, "/ram: "),
}


@pytest.mark.parametrize("words, layout, named", UNREADABLE.values(), ids=UNREADABLE)
def test_the_command_line_says_why_it_cannot_read(words, layout, named, tmp_path):
    (tmp_path / "layout").write_text(layout)
    (tmp_path / "ram").write_bytes(bytes(4096))
    words = [word.replace("NONE", f"{tmp_path}/none").replace("RAM", f"{tmp_path}/ram")
             for word in words]
    done = subprocess.run([sys.executable, ROOT / "tools" / "ptread", *words, "--layout",
                           tmp_path / "layout"], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith("ptread: ") and named in done.stderr, done.stderr
    assert not re.search(r"Traceback|\w+Error|Bad[A-Z]|\[Errno", done.stderr), done.stderr
