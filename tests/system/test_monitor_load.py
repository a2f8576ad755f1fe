# SPDX-License-Identifier: BSD-2-Clause
"""The monitor's `load`: files come whole, over bad lines too, or give everything back."""

import random
import re
import zlib

import pytest

from prompt import at_the_prompt, fixture_leaves_nothing_open, fixture_m  # noqa: F401  (fixtures)
from test_monitor import free_high
from ymodem_sender import Sender, block, header

DATA = random.Random(7).randbytes(5000)

def test_load(m):
    before = free_high(m)
    Sender(m).file(b"kernel.bin", DATA)
    said = m.wait()
    assert f"kernel.bin: 5000 bytes, crc32 {zlib.crc32(DATA):08x}" in said
    number, pfn = re.search(r"#(\d+): load of 5000 bytes in 2 pages from (0x\w+)", said).groups()
    words = [f"{int.from_bytes(DATA[i:i + 4], 'little'):08x}" for i in range(0, 16, 4)]
    m.says(f"md {int(pfn, 16) << 12:#x} 4", " ".join(words))
    assert m.ask(f"free #{number}") == []
    assert free_high(m) == before


def test_load_with_a_bad_line(m):
    """A damaged block, a repeated one, noise between: the file is whole all the same."""
    s = Sender(m)
    s.send(b"noise", b"\x15")
    s.begin(len(DATA))
    bad = bytearray(block(1, DATA[:1024]))
    bad[500] ^= 1
    s.send(bytes(bad), b"\x15")
    s.send(block(1, DATA[:1024]))
    s.send(block(1, DATA[:1024]))
    for i in range(1, 5):
        s.send(block(i + 1, DATA[i * 1024:i * 1024 + 1024]))
    s.send(b"\x04")
    s.answer(b"C")
    s.send(block(0, b""))
    assert f"crc32 {zlib.crc32(DATA):08x}" in m.wait()
    assert m.ask("close all") == []


@pytest.mark.parametrize(("what", "error"), [
    (lambda s: s.m.type(b"\x18\x18"), "cancelled"),
    (lambda s: s.m.type(b"\x03"), "cancelled"),
    (lambda s: s.m.type(block(0, b"")), "has no file"),
    (lambda s: s.m.type(block(0, b"name\x00big")), "makes no sense"),
    (lambda s: s.m.type(header(b"f", 1 << 40)), "makes no sense"),
    (lambda s: s.m.type(header(b"f", 0)), "empty, or larger"),
    (lambda s: s.m.type(block(3, DATA[:128])), "a part is missing"),
    (lambda s: (s.begin(5000), s.m.type(block(2, DATA[:1024]))), "a part is missing"),
    (lambda s: (s.begin(5000), s.send(block(1, DATA[:1024])), s.m.type(b"\x04")),
     "a part is missing, after 1024 bytes"),
    (lambda s: (s.begin(5000), s.m.type(b"\x18\x18")), "cancelled"),
])
def test_load_that_fails_gives_everything_back(m, what, error):
    before = free_high(m)
    what(Sender(m))
    m.wait(b"error: load: ")
    assert error in m.wait()
    assert m.ask("opened") == ["nothing"]
    assert free_high(m) == before
    at_the_prompt(m)
