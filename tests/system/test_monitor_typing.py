# SPDX-License-Identifier: BSD-2-Clause
"""The monitor's line editor, and typing that means no good."""

import random

import pytest

from prompt import at_the_prompt, fixture_leaves_nothing_open, fixture_m  # noqa: F401  (fixtures)

# -- the line editor -------------------------------------------------------------------------


def typed(m, keys, expected):
    """Keys that must come to the command `expected` (which is none): the error names it."""
    m.type(keys + "\r")
    said = m.wait()
    assert f"error: no command {expected}:" in said, said


def test_editing(m):
    typed(m, "zorb", "zorb")
    typed(m, "zorx\bb", "zorb")
    typed(m, "zorx\x7fb", "zorb")
    typed(m, "nonsense\x15zorb", "zorb")
    typed(m, "zorb nonsense \x17", "zorb")
    typed(m, "\b\b\b\x17\x15zorb", "zorb")
    typed(m, "zo\x1b[Crb\x1b[3~", "zorb")
    typed(m, "zob\x02r", "zorb")
    typed(m, "rb\x1b[D\x1b[Dzo", "zorb")
    typed(m, "\x02\x02ob\x01z\x06\x02\x06r\x05\x06\x06", "zorb")
    typed(m, "xzorb\x1b[H\x06\b\b\x1bOF", "zorb")
    typed(m, "word zorb\x02\x02\x02\x02\x17\x05\x08b", "zorb")
    typed(m, "wordzorb\x02\x02\x02\x02\x15", "zorb")
    typed(m, "y" * 170 + "\x01\x0b\x05\x15zorb", "zorb")
    m.type("zrb\x02\x02o\r")  # the tail again, and back: all that a terminal has to know
    assert m.wait().startswith("zrb\b\borb\b\brb\r\n")
    m.type("zorbx\x02\b\r")
    assert m.wait().startswith("zorbx\b\bx \b\bx\r\n")
    typed(m, "zo\x00\x04\x80\xffrb", "zorb")
    m.type("zo\x0crb\r")
    assert m.wait() == "zo\r\n"
    m.wait(b"error: no command zorb:")
    m.wait()
    m.type("layout\x03")
    assert "^C" in m.wait()
    m.type("\r")
    assert m.wait().strip() == ""


def test_history(m):
    typed(m, "first1", "first1")
    typed(m, "second2", "second2")
    typed(m, "\x10", "second2")
    typed(m, "\x10\x10", "first1")
    typed(m, "\x10\x10\x0e", "first1")
    typed(m, "\x1b[A", "first1")
    typed(m, "\x1bOA\x1b[A\x1b[B", "first1")
    typed(m, "\x10" * 30 + "\x15" + "third3", "third3")


def test_completion(m):
    m.type("ptd\t")
    m.port.expect_exact(b"ptdump ")
    m.type("pk\t")
    m.port.expect_exact(b"pkmap ")
    m.type("\r")
    assert "ranges" in m.wait()
    m.type("vm\t\t")
    said = m.wait()  # candidates, then the prompt and the line again
    assert "vmap  " in said and "vmalloc  " in said and "vmallocs  " in said
    m.type("\x03")
    m.wait()
    m.type("test highmem.copy_k\t")
    m.port.expect_exact(b"highmem.copy_kmap_atomic ")
    m.type("\x03")
    m.wait()
    m.type("qqq\t\t\x15layout\r")
    assert "pkmap" in m.wait()


def test_ctrl_c_stops_a_long_answer(m):
    m.type("md 0x80000000 16384\r" if m.board == "vexpress-a15" else "md 0x40000000 16384\r")
    m.port.expect_exact(b"00 ")
    m.type("\x03")
    assert m.wait().count("\n") < 4000
    assert m.ask("help md")


def test_what_is_typed_ahead_waits(m):
    m.type("layout\rhelp md\r")
    m.wait()
    assert "md PHYSADDR" in m.wait()
    m.type("md 0xffffffff00 1\r" * 40 + "help pa\r")  # md looks for ^C, and must lose nothing
    for _ in range(40):
        assert "md 0xffffffff00 1" in m.wait()
    assert "virtual to physical" in m.wait()


# -- hostile typing --------------------------------------------------------------------------


def test_endless_lines(m):
    m.type("x" * 5000)
    m.type("\r")
    m.wait(b"error: a line has at most 159 characters")
    m.wait()
    m.type("what " * 4000 + "\r")
    m.wait(b"at most")
    m.wait()
    m.says(" ".join("abcdefghijklmnop"), "^error: more than 12 words")
    at_the_prompt(m)


def test_breaks(m):
    for _ in range(3):
        m.type("layo")
        m.port.expect_exact(b"layo")
        m.guest.qmp.command("chardev-send-break", id="serial")
        assert "^C" in m.wait()
    at_the_prompt(m)


@pytest.mark.parametrize("seed", range(3))
def test_binary_noise(m, seed):
    noise = random.Random(seed).randbytes(6000)
    for at in range(0, len(noise), 500):
        m.type(noise[at:at + 500])
        while m.guest.read(0.05):
            pass
    at_the_prompt(m)


def test_nonsense_words(m):
    """Every command with every kind of wrong word; nothing that acts by itself."""
    acts = {"reboot", "poweroff", "exit", "load", "test", "bench", "memtest", "oops", "close"}
    names = [line.split()[0] for line in m.ask("help") if line.startswith("  ")]
    words = ["", "0x10000000000", "-1", "0x", "#", "#33", "#4294967297", "''", "%s%n",
             "0xffffffffff", "18446744073709551616", "1 2 3 4 5 6 7 8 9 10 11"]
    for name in names:
        if name in acts:
            continue
        for word in words:
            m.ask(f"{name} {word}".rstrip())
    m.ask("trace off")
    assert m.ask("close all") == []
    assert m.ask("opened") == ["nothing"]
    at_the_prompt(m)
