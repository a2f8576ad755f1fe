# SPDX-License-Identifier: BSD-2-Clause
"""Input through a 16550, whatever a device tree calls it and however wide its registers are.

What is typed must come by interrupt, whole, and a break must be seen even if it is output that reads
the line status, for the read clears it. The PL011 has the same from prompt.py's guests, and Samsung's
driver is tried alone.
"""

import re
import subprocess

import pytest

from prompt import PATIENCE, Booted, at_the_prompt
from runner.qemu import Guest
from runner.table import ROOT

TREES = ["", "uart-ti", "uart-tegra"]  # by four bytes, one, two


@pytest.fixture(name="m", scope="module", params=TREES, ids=lambda tree: tree or "own")
def fixture_m(request):
    with Booted("orangepi-pc", memory="1G", dtb=request.param) as monitor:
        yield monitor


def interrupts(m):
    """How often the console's interrupt came."""
    return int(re.search(r"console +(\d+)", "\n".join(m.ask("irqs")))[1])


def test_typing_comes_by_interrupt(m):
    before = interrupts(m)
    m.ask("pa 0x1000")
    assert interrupts(m) > before


def test_what_is_typed_ahead_is_not_lost(m):
    lines = [f"pa {at:#x}" for at in range(0x1000, 0x29000, 0x1000)]
    m.type("\r".join(lines) + "\r")
    for line in lines:
        m.port.expect_exact(line.encode() + b"\r\n")
        m.wait()
    at_the_prompt(m)


def test_a_break_ends_a_line(m):
    m.type("layo")
    m.port.expect_exact(b"layo")
    m.guest.qmp.command("chardev-send-break", id="serial")
    assert "^C" in m.wait()
    at_the_prompt(m)


def test_a_break_during_output_is_seen(m):
    """Output reads the line status for each byte, so most often it is output that finds the break."""
    whole = len(m.ask("md 0x40000000 4096"))
    for _ in range(3):
        m.type("md 0x40000000 4096\r")
        m.port.expect_exact(b"00 ")
        m.guest.qmp.command("chardev-send-break", id="serial")
        assert m.wait().count("\n") < whole / 2
    at_the_prompt(m)


# ---- Samsung's, which no machine has that the kernel runs on ----

@pytest.fixture(name="port")
def fixture_port(tmp_path):
    """The driver alone (uart_guest.c) on QEMU's Exynos 4210."""
    guest_at = tmp_path / "guest"
    subprocess.run(["arm-none-eabi-gcc", "-std=gnu11", "-O1", "-ffreestanding", "-nostdlib",
                    "-march=armv7-a", "-marm", "-mgeneral-regs-only", "-mfloat-abi=soft",
                    "-mno-unaligned-access", "-DCONFIG_VMSPLIT=3", "-DCONFIG_DEBUG=0",
                    "-DCONFIG_COUNT=0", "-I", ROOT / "include", "-I", ROOT / "arch/arm/include",
                    "-Wall", "-Wextra", "-Werror", "-Wl,-Ttext=0x40010000,--build-id=none",
                    "-o", guest_at, ROOT / "tests/system/uart_guest.c",
                    ROOT / "drivers/samsung_uart.c"], check=True)
    with Guest(["qemu-system-aarch64", "-M", "smdkc210", "-smp", "2", "-m", "512M", "-display",
                "none", "-nodefaults", "-kernel", str(guest_at)], tmp_path / "errors") as guest:
        guest.start()
        guest.serial.timeout = PATIENCE
        guest.serial.expect_exact(b"ready\n")
        yield guest.serial


def taken(port):
    """What one interrupt brought; behind the one before there was nothing, or it still asked."""
    port.expect(rb"\[(.*?)\]")
    assert port.before == b""
    return port.match[1]


def test_samsung_takes_by_interrupt_and_sends(port):
    port.send(b"a")
    assert taken(port) == b"a"
    text = bytes(range(0x20, 0x5b)) * 4  # more than the fullest FIFO has at once
    port.send(text)
    got = b""
    while len(got) < len(text):
        got += taken(port)
    assert got == text
    port.send(b"q")
    assert taken(port) == b"q"
    port.expect_exact(b"done\n")
    assert port.before == b""
