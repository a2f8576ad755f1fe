# SPDX-License-Identifier: BSD-2-Clause
"""Where no console can be found, the kernel leaves a code in r0 and at image + 0x40, and stops.

On machines it has never heard of: QEMU's midway (Cortex-A15) and highbank (Cortex-A9, no LPAE).
"""

import re
import struct
import subprocess
import time

import pytest

from runner.qemu import Guest
from runner.table import ROOT

IMAGE_AT = 0x10000  # RAM begins at 0 on both, and QEMU loads a raw kernel 64 KiB into it
CODE_AT = IMAGE_AT + 0x40
PATIENCE = 30.0
CASES = {
    "no-tree": ("midway", None, b" BTD"),
    "no-console": ("midway", "no-console", b"SNOC"),
    "no-lpae": ("highbank", None, b"EAPL"),
}


def code_in_memory(guest, path):
    """The word at image + 0x40, read from outside."""
    guest.qmp.command("pmemsave", val=CODE_AT, size=4, filename=str(path))
    return path.read_bytes()


def r0(guest):
    """CPU 0's r0, in hex."""
    text = guest.qmp.command("human-monitor-command", **{"command-line": "info registers"})
    return re.search(r"R00=([0-9a-f]{8})", text).group(1)


@pytest.mark.parametrize("case", CASES)
def test_code_is_left_and_nothing_is_sent(case, builds, tmp_path):
    machine, tree, code = CASES[case]
    args = ["qemu-system-aarch64", "-M", machine, "-m", "1G", "-smp", "1", "-display", "none",
            "-nodefaults", "-no-reboot", "-kernel", str(builds.image("release"))]
    if tree:
        source = ROOT / "tests" / "system" / "dts" / f"{tree}.dts"
        subprocess.run(["dtc", "-q", "-O", "dtb", "-o", str(tmp_path / "dtb"), str(source)],
                       check=True)
        args += ["-dtb", str(tmp_path / "dtb")]
    with Guest(args, tmp_path / "qemu.err") as guest:
        guest.start()
        want = (code, f"{struct.unpack('<I', code)[0]:08x}")
        until = time.monotonic() + PATIENCE
        while (left := (code_in_memory(guest, tmp_path / "word"), r0(guest))) != want:
            assert time.monotonic() < until, f"it left {left}, not {want}"
            time.sleep(0.1)
        assert guest.read(0.2) == b""
