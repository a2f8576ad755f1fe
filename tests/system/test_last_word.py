# SPDX-License-Identifier: BSD-2-Clause
"""The last word of an image that cannot start: said on any UART that we know, with the MMU off; where
there is none, a code in r0 and at image + 0x40.

On machines that have no LPAE, or that the kernel has never heard of.
"""

import re
import struct
import subprocess
import time

import pytest

from runner.qemu import Guest
from runner.table import ROOT

CODE_AT = 0x10040  # into RAM: QEMU loads a raw kernel 64 KiB into it
PATIENCE = 30.0
CASES = {  # machine, start of its RAM, device tree, code
    "no-tree": ("mcimx6ul-evk", 0x80000000, None, b" BTD"),
    "no-console": ("mcimx6ul-evk", 0x80000000, "no-console", b"SNOC"),
    "no-lpae": ("sabrelite", 0x10000000, None, b"EAPL"),
}
SPEAKERS = {  # machines without LPAE, and device trees; the UART's
    "pl011-last-resort": ("highbank", None),
    "ns16550": ("cubieboard", "no-lpae-16550"),
    "ns16550-ti": ("cubieboard", "no-lpae-ti"),
    "samsung": ("smdkc210", "no-lpae-samsung"),
}


def code_in_memory(guest, ram, path):
    """The word at image + 0x40, read from outside."""
    guest.qmp.command("pmemsave", val=ram + CODE_AT, size=4, filename=str(path))
    return path.read_bytes()


def qemu(builds, machine, tree, folder):
    """QEMU's command line with the release image and a device tree of tests/system/dts/."""
    args = ["qemu-system-aarch64", "-M", machine, "-m", "512M", "-display", "none", "-nodefaults",
            "-no-reboot", "-kernel", str(builds.image("release"))]
    if tree:
        source = ROOT / "tests" / "system" / "dts" / f"{tree}.dts"
        subprocess.run(["dtc", "-q", "-O", "dtb", "-o", str(folder / "dtb"), str(source)],
                       check=True)
        args += ["-dtb", str(folder / "dtb")]
    return args


def r0(guest):
    """CPU 0's r0, in hex."""
    text = guest.qmp.command("human-monitor-command", **{"command-line": "info registers"})
    return re.search(r"R00=([0-9a-f]{8})", text).group(1)


@pytest.mark.parametrize("case", CASES)
def test_code_is_left_and_nothing_is_sent(case, builds, tmp_path):
    machine, ram, tree, code = CASES[case]
    with Guest(qemu(builds, machine, tree, tmp_path), tmp_path / "qemu.err") as guest:
        guest.start()
        want = (code, f"{struct.unpack('<I', code)[0]:08x}")
        until = time.monotonic() + PATIENCE
        while (left := (code_in_memory(guest, ram, tmp_path / "word"), r0(guest))) != want:
            assert time.monotonic() < until, f"it left {left}, not {want}"
            time.sleep(0.1)
        assert guest.read(0.2) == b""


@pytest.mark.parametrize("speaker", SPEAKERS)
def test_refusal_is_said_on_every_kind_of_uart(speaker, builds, tmp_path):
    machine, tree = SPEAKERS[speaker]
    with Guest(qemu(builds, machine, tree, tmp_path), tmp_path / "qemu.err") as guest:
        guest.start()
        guest.serial.expect_exact("# panic: halt\r\n", timeout=PATIENCE)
        assert guest.serial.before == (
            b'\r\n# interrupted\r\n@panic {"rule":"","text":"this CPU has no LPAE '
            b'(long page-table descriptors)"}\r\n')
