# SPDX-License-Identifier: BSD-2-Clause
"""The flash loader of vexpress-a15: whatever is wrong with the flash is named on the serial port, and
the end is a kernel, or a stop with a code that can be read from outside.

Owns: each kind of damage, each end. That all suites pass when the loader is done is the table of runs'.
"""

import re
import struct
import subprocess
import time

import pytest

from runner import flash, qemu
from runner.table import ROOT

BOARD = "vexpress-a15"
PATIENCE = 60.0
RAM = "256M"
STOP_CODE_AT = 0x2e000040  # place.h
KERNEL_AT = 0x80010000
A = {  # kind of damage in slot A, and what is said of it
    "magic": rb"slot A: not a slot: it begins with [0-9a-f]{8}, not 534c4746",
    "header": rb"slot A: header damaged: CRC-32 [0-9a-f]{8}, not [0-9a-f]{8}",
    "kernel": rb"slot A: kernel damaged: CRC-32 [0-9a-f]{8}, not [0-9a-f]{8}",
    "dtb": rb"slot A: device tree damaged: CRC-32 [0-9a-f]{8}, not [0-9a-f]{8}",
    "cut": rb"slot A: kernel damaged: CRC-32 [0-9a-f]{8}, not [0-9a-f]{8}",
    "length": rb"slot A: kernel at 00001000, 16777216 bytes: not inside the slot",
    "version": rb"slot A: version 2 is unknown, this loader knows 1",
    "erased": rb"slot A: empty \(ffffffff\)",
}
FIRST = b"flash: Fanlight's loader, from reset\r\n"


@pytest.fixture(name="folder")
def fixture_folder(tmp_path):
    """A folder that no 64 MiB are left in."""
    yield tmp_path
    for path in tmp_path.glob("*.img"):
        path.unlink()


def flash_guest(builds, folder, damage=(), loader=None, memory=RAM, bootargs="monitor", more=()):
    """A guest with such a flash; its RAM and what the tree says of it may differ."""
    made = folder / "flash.img"
    flash.make(made, loader or builds.root / "flash" / f"{BOARD}.bin", builds.image("release"),
               builds.root / f"{BOARD}.dtb", RAM, bootargs, damage)
    args = ["qemu-system-aarch64", "-M", BOARD, "-m", memory, "-smp", "4", "-display", "none",
            "-nodefaults", "-no-reboot", *flash.drive(made), *more]
    return qemu.Guest(args, folder / "qemu.err")


def hmp(guest, line):
    """QEMU's own monitor."""
    return guest.qmp.command("human-monitor-command", **{"command-line": line})


def word_at(guest, address):
    """One word, of RAM or of a device."""
    return int(re.search(r": (0x[0-9a-f]+)", hmp(guest, f"xp /1wx {address:#x}"))[1], 16)


def check_stopped(guest, code):
    """CPU 0 waits for ever, and left the code in r0 and in SRAM."""
    want = struct.unpack(">I", code)[0]
    until = time.monotonic() + PATIENCE
    while (left := (word_at(guest, STOP_CODE_AT), f"R00={want:08x}" in hmp(guest, "info registers"))) \
            != (want, True):
        assert time.monotonic() < until, f"it left {left[0]:08x}"
        time.sleep(0.1)
    assert guest.read(0.3) == b""


# -- one slot is left ------------------------------------------------------------------------


def test_every_kind_is_tried():
    assert set(A) == set(flash.DAMAGES)


@pytest.mark.parametrize("kind", A)
def test_damaged_slot_a_is_named_and_slot_b_boots(kind, builds, folder):
    with flash_guest(builds, folder, [f"A {kind}"]) as guest:
        guest.start()
        guest.serial.expect(rb"flash: booting slot B, \d+ ticks of \d+ Hz from reset\r\n",
                            timeout=PATIENCE)
        assert re.fullmatch(FIRST + rb"flash: " + A[kind] + rb"\r\nflash: slot B: kernel, \d+ bytes, "
                            rb"at 0080010000; device tree, \d+ bytes, at 0088000000\r\n",
                            guest.serial.before)
        guest.serial.expect_exact('@boot {"v":1,', timeout=PATIENCE)


def test_damaged_slot_b_is_named_although_a_boots(builds, folder):
    with flash_guest(builds, folder, ["B dtb"]) as guest:
        guest.start()
        guest.serial.expect_exact("flash: booting slot A, ", timeout=PATIENCE)
        assert b"flash: slot B: device tree damaged: " in guest.serial.before


# -- none is left ----------------------------------------------------------------------------


@pytest.mark.parametrize(("a", "b"), [("kernel", "kernel"), ("erased", "erased"), ("version", "dtb"),
                                      ("cut", "header")])
def test_both_damaged_are_named_and_it_stops(a, b, builds, folder):
    with flash_guest(builds, folder, [f"A {a}", f"B {b}"]) as guest:
        guest.start()
        guest.serial.expect_exact("flash: no slot can be booted: stopped\r\n", timeout=PATIENCE)
        assert re.fullmatch(FIRST + rb"flash: " + A[a] + rb"\r\nflash: "
                            + A[b].replace(b"slot A", b"slot B") + rb"\r\n", guest.serial.before)
        check_stopped(guest, b"SLOT")
        assert word_at(guest, KERNEL_AT) == 0  # nothing was copied


def test_the_port_is_set_up_from_reset(builds, folder):
    """24 MHz / (16 * 115200) = 13 + 1/64; 8 bits, FIFOs; UART, sending, receiving on."""
    with flash_guest(builds, folder, ["A erased", "B erased"]) as guest:
        guest.start()
        guest.serial.expect_exact("stopped\r\n", timeout=PATIENCE)
        registers = [word_at(guest, 0x1c090000 + at) for at in (0x24, 0x28, 0x2c, 0x30, 0x38)]
        assert registers == [13, 1, 0x70, 0x301, 0]


def test_a_flash_of_nothing_but_the_loader(builds, folder):
    """A flash that is zero behind it, as a file that was only made longer."""
    made = folder / "flash.img"
    loader = (builds.root / "flash" / f"{BOARD}.bin").read_bytes()
    made.write_bytes(loader.ljust(64 << 20, b"\0"))
    args = ["qemu-system-aarch64", "-M", BOARD, "-m", RAM, "-display", "none", "-nodefaults",
            *flash.drive(made)]
    with qemu.Guest(args, folder / "qemu.err") as guest:
        guest.start()
        guest.serial.expect_exact("flash: no slot can be booted: stopped\r\n", timeout=PATIENCE)
        assert b"slot A: not a slot: it begins with 00000000" in guest.serial.before
        check_stopped(guest, b"SLOT")


# -- RAM, and what should not happen ---------------------------------------------------------


def test_ram_that_does_not_hold_the_copy(builds, folder):
    """64 MiB, so that there is nothing where the device tree goes."""
    with flash_guest(builds, folder, memory="64M") as guest:
        guest.start()
        guest.serial.expect_exact("flash: the device tree's copy at 0088000000 differs: "
                                  "RAM does not hold it: stopped\r\n", timeout=PATIENCE)
        check_stopped(guest, b"COPY")


def symbol(builds, name):
    """An address in the loader."""
    done = subprocess.run(["arm-none-eabi-nm", str(builds.root / "flash" / BOARD)],
                          capture_output=True, text=True, check=True)
    return int(re.search(rf"^([0-9a-f]+) \w {name}$", done.stdout, re.MULTILINE)[1], 16) & ~1


@pytest.mark.parametrize(("name", "code", "said"), [
    ("slot_choose", b"\xde\xde", b"undefined instruction"),
    ("slot_choose", b"\xbe\xbe", b"prefetch abort")])  # bkpt
def test_an_exception_is_named(name, code, said, builds, folder):
    at = symbol(builds, name)
    loader = bytearray((builds.root / "flash" / f"{BOARD}.bin").read_bytes())
    loader[at - 0x08000000:at - 0x08000000 + 2] = code
    broken = folder / "loader.bin"
    broken.write_bytes(loader)
    with flash_guest(builds, folder, loader=broken) as guest:
        guest.start()
        guest.serial.expect(rb"flash: CPU 0: ([a-z ]+), return address ([0-9a-f]{8}): stopped\r\n",
                            timeout=PATIENCE)
        assert guest.serial.match[1] == said
        assert abs(int(guest.serial.match[2], 16) - at) <= 4
        check_stopped(guest, b"TRAP")


def test_an_exception_before_the_port_is_open_is_said_too(builds, folder):
    at = symbol(builds, "smp_bit_on")
    loader = bytearray((builds.root / "flash" / f"{BOARD}.bin").read_bytes())
    loader[at - 0x08000000:at - 0x08000000 + 4] = b"\xf0\x00\xf0\xe7"  # udf
    broken = folder / "loader.bin"
    broken.write_bytes(loader)
    with flash_guest(builds, folder, loader=broken, more=["-smp", "1"]) as guest:
        guest.start()
        guest.serial.expect_exact(f"flash: CPU 0: undefined instruction, return address {at + 4:08x}: "
                                  "stopped\r\n", timeout=PATIENCE)
        assert word_at(guest, 0x1c090024) == 13  # the divisor
        check_stopped(guest, b"TRAP")


def test_only_the_first_cpu_speaks(builds, folder):
    """All leave reset at once; what the loader says is said once, in any order of the CPUs."""
    with flash_guest(builds, folder, ["A erased", "B erased"]) as guest:
        guest.start()
        guest.serial.expect_exact("stopped\r\n", timeout=PATIENCE)
        check_stopped(guest, b"SLOT")
        for cpu in range(1, 4):  # in the pen, which is in flash
            hmp(guest, f"cpu {cpu}")
            at = int(re.search(r"R15=([0-9a-f]{8})", hmp(guest, "info registers"))[1], 16)
            assert 0x08000000 <= at < 0x08001000


def test_cpus_that_nobody_wants_sleep(builds, folder):
    """The call that wakes them all is taken in the pen: pending, it would end each wfi at once. One
    instruction count stands for all CPUs, so that one that spins would show in another's work."""
    with flash_guest(builds, folder, bootargs="bench=kmap_local_high maxcpus=2 panic=poweroff",
                     more=["-icount", "shift=0,align=off,sleep=off"]) as guest:
        guest.start()
        guest.serial.expect(rb'@bench \{"op":"kmap_local_high","insns":([0-9.]+),', timeout=PATIENCE)
        assert float(guest.serial.match[1]) < 60
        assert b"smp: 2 of 4 CPUs run" in guest.serial.before


# -- make flash ------------------------------------------------------------------------------


def make_flash(builds, folder, *given):
    """make flash into a folder, with these variables and no others."""
    return subprocess.run(["make", "--no-print-directory", f"O={builds.root}", "flash",
                           "-o", f"{builds.root}/flags",  # else another spelling of O makes all anew
                           f"FLASH_IMG={folder}/f.img", *given],
                          cwd=ROOT, capture_output=True, text=True, check=False)


def test_make_flash_only_makes_and_says_how_to_run(builds, folder):
    """The command that it prints boots what it made, with the RAM and arguments that make was told."""
    done = make_flash(builds, folder, "FLASH_RAM=3G", "ARGS=monitor loglevel=7")
    assert done.returncode == 0, done.stderr
    assert "Only made: nothing was written to a flash." in done.stdout
    assert (folder / "f.img").stat().st_size == 64 << 20
    command = re.search(r"^  (qemu-system-aarch64 .*)$", done.stdout, re.MULTILINE)[1]
    args = command.replace("-nographic", "-display none -nodefaults").split()
    with qemu.Guest(args, folder / "qemu.err") as guest:
        guest.start()
        guest.serial.expect_exact('@layout {"v":1', timeout=PATIENCE)
        assert re.search(rb"args +monitor loglevel=7\r\n", guest.serial.before)
        guest.serial.expect_exact(f'"total":{3 << 30},', timeout=PATIENCE)


@pytest.mark.parametrize(("given", "said"), [
    ("BOARD=midway", "BOARD=midway has no flash that we know"),
    ("FLASH_RAM=much", "flashimage: RAM of 'much'"),
    ("FLASH_B=README.md", "flashimage: README.md: not a zImage")])
def test_make_flash_refuses(given, said, builds, folder):
    done = make_flash(builds, folder, given)
    assert done.returncode != 0
    assert said in done.stderr
    assert not list(folder.iterdir())
