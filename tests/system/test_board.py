# SPDX-License-Identifier: BSD-2-Clause
"""`make test-board`: a board at the end of a serial line, which here is QEMU behind a pseudo-terminal.

What must hold: the same judge, the same verdicts as for QEMU runs; and what only a line can do (lost,
busy, missing, another speed, changed bytes) is named and is never a pass.
"""

import contextlib
import fcntl
import os
import pathlib
import signal
import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest

from ahead import ahead
from cable import Cable, at_offset, cut_at, misheard, slowly
from runner import board, cable, cli, elf, port, prepare, session, table
from runner.judge import Verdict
from runner.prepare import Builds
from runner.table import ROOT, Run
from standin import KIT, POWER_OFF, RESET, STAY, put

THROUGH = "test_loads_through_u_boot"
GOOD = (KIT / "good.bin").read_bytes()
# QEMU's machine never aborts, and its CPUs take turns; the real board's table lets neither test skip.
AS_QEMU = ["--may-skip", "trap.external_abort_is_caught", "--may-skip", "balance.threads_wander",
           "--may-skip", "mmu.user_mode_is_held_to_alignment"]


class Desk:
    """A cable, and the runner started as `make test-board` does."""

    def __init__(self, folder, capsys):
        self.folder, self._capsys = folder, capsys
        self.results = folder / "results"

    def cable(self, stream, ending=STAY, **how):
        """A stand-in that says a stream, at the end of a cable."""
        put(self.folder, stream, ending)
        run = Run(name="standin", board="vexpress-a15", memory="256M", smp=1)
        return Cable(prepare.qemu_args(run, Builds(self.folder), self.folder), self.folder, **how)

    def run(self, line, *more, build=None, power=True, kit=True):
        """(verdict, what was said, the result folder)."""
        argv = ["board", "--build", str(build or self.folder), "--silence", "2", "--wait", "20",
                "--serial", getattr(line, "port", line)]
        if power:
            argv += ["--power", line.power]
        if kit:
            argv += ["--may-skip", "tlb.stale_local"]
        verdict = Verdict(cli.main([*argv, *more]))
        said = self._capsys.readouterr()
        found = sorted(pathlib.Path(build or self.folder).glob("results/board-*"))
        return verdict, said.err, found[-1] if found else None


@pytest.fixture(name="desk")
def fixture_desk(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(cable, "AFTER_END", 0.5)
    monkeypatch.setattr(board, "OFF_SECONDS", 0.1)
    put(tmp_path, "good")
    return Desk(tmp_path, capsys)


# -- the kernel ------------------------------------------------------------------------------


def kernel(builds, folder, bootargs, **how):
    """The real kernel at the end of a cable."""
    run = Run(name="board", board="vexpress-a15", memory="1G", smp=2, bootargs=bootargs, at_once=True)
    return Cable(prepare.qemu_args(run, builds, folder), folder, **how)


def test_suites_over_a_line(desk, builds, tmp_path):
    """All but those that take most of the time."""
    globs = ",".join(sorted({f"{name.split('.')[0]}.*" for name in elf.read(builds.elf("release")).tests}
                            - {"stress.*", "memtest.*", "console.*", "vmalloc.*"}))
    image = ["--elf", str(builds.elf("release")), "--silence", "60"]
    with kernel(builds, tmp_path, f"selftest={globs} panic=halt") as line:
        verdict, said, folder = desk.run(line, *image, *AS_QEMU, "--tests", globs)
        assert verdict is Verdict.PASS, said
        assert line.words() == ["off", "on", "off"]
    names = session.selected(elf.read(builds.elf("release")).tests, f"selftest={globs}")
    assert len(names) > 60
    cases = ET.parse(folder / "junit.xml").getroot().findall("testcase")
    assert {case.get("name") for case in cases} == names | {"stream"}
    assert (folder / "verdict").read_text() == "pass\n"
    assert f"SERIAL={line.port}" in (folder / "rerun").read_text()
    log = str(folder / "serial.log")
    again = ["judge", log, *image[:2], "--selftest", globs, "--board", "vexpress-a15"]
    assert cli.main([*again, *AS_QEMU]) == 0
    assert cli.main(again) == Verdict.FAIL


def test_suites_chosen_at_the_prompt(desk, builds, tmp_path):
    """And again without power, where an earlier run's results stand in `report`."""
    image = ["--elf", str(builds.elf("release")), "--monitor", "--silence", "60", *AS_QEMU]
    with kernel(builds, tmp_path, "monitor panic=halt") as line:
        verdict, said, folder = desk.run(line, *image, "--tests", "fixmap.*", "--power",
                                         f"test %s = off || {line.power}", power=False)
        assert verdict is Verdict.PASS, said
        assert b"fanlight> " in (folder / "before.log").read_bytes()
        assert (folder / "serial.log").read_bytes().startswith(b"@boot {")
        for globs, want in (("layout.*,highmem.*", Verdict.PASS), ("no.such_test", Verdict.FAIL),
                            ("fatal.kunmap.double", Verdict.PASS)):
            verdict, said, folder = desk.run(line, *image, "--tests", globs, power=False)
            assert verdict is want, said
        cases = ET.parse(folder / "junit.xml").getroot().findall("testcase")
        assert [case.get("name") for case in cases] == ["stream"]


def test_through_make(builds, tmp_path):
    with kernel(builds, tmp_path, "selftest=fixmap.* panic=halt") as line:
        done = subprocess.run(
            ["make", "-s", "-C", str(ROOT), "test-board", f"SERIAL={line.port}", f"O={builds.root}",
             f"ELF={builds.elf('release')}", f"POWER={line.power}", "T=fixmap.*", "NO_INSTALL=1"],
            capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "board-vexpress-a15-" in done.stderr
    done = subprocess.run(["make", "-s", "-C", str(ROOT), "test-board", "NO_INSTALL=1"],
                          capture_output=True, text=True, check=False)
    assert done.returncode and "SERIAL= is missing" in done.stderr


# -- the same verdicts as for QEMU ---------------------------------------------------------


@pytest.mark.parametrize(("stream", "ending", "verdict"), [
    ("good", STAY, Verdict.PASS),
    ("good", POWER_OFF, Verdict.PASS),
    ("good-after-noise", STAY, Verdict.PASS),
    ("failed", STAY, Verdict.FAIL),
    ("missing-test", STAY, Verdict.FAIL),
    ("unlisted-skip", STAY, Verdict.FAIL),
    ("truncated", STAY, Verdict.HANG),
    ("panic", STAY, Verdict.CRASH),
    ("panic-early", RESET, Verdict.CRASH),
    ("reboot", STAY, Verdict.RESET),
    ("noise", STAY, Verdict.CORRUPTED),
    ("other-build", STAY, Verdict.INFRA),
])
def test_verdicts(desk, stream, ending, verdict):
    with desk.cable(stream, ending) as line:
        got, said, folder = desk.run(line)
        assert got is verdict, said
        assert line.words() == ["off", "on", "off"]  # whatever came, it is not left on
    whole, log = (KIT / f"{stream}.bin").read_bytes(), (folder / "serial.log").read_bytes()
    assert log == whole or verdict is Verdict.RESET and whole.startswith(log)
    assert (folder / "verdict").read_text().startswith(str(verdict))
    failures = int(ET.parse(folder / "junit.xml").getroot().get("failures"))
    assert (failures == 0) == (verdict is Verdict.PASS)


def test_what_the_loader_says_does_no_harm(desk):
    with desk.cable(b"\0\xff\r\nU-Boot 2023.01\r\nHit any key: 0\r\nStarting kernel ...\r\n\r\n"
                    + GOOD) as line:
        assert desk.run(line)[0] is Verdict.PASS


def test_a_reset_into_the_loader_is_a_reset(desk):
    half = (KIT / "truncated.bin").read_bytes()
    with desk.cable(half + b"\r\n\r\nU-Boot SPL 2023.01\r\n") as line:
        assert desk.run(line)[0] is Verdict.RESET


def test_a_loaders_prompt_is_named(desk):
    with desk.cable(b"U-Boot 2023.01\r\n=> ") as line:
        verdict, said, _ = desk.run(line)
    assert verdict is Verdict.HANG
    assert "'=>': that is a loader's prompt, and LOAD=" in said


# -- what a line does ------------------------------------------------------------------------


MIDDLE = GOOD.index(b"    ok 2 ") + 5


@pytest.mark.parametrize(("fate", "verdict"), [
    (at_offset(MIDDLE, lambda b: bytes([b[0] ^ 1])), Verdict.CORRUPTED),
    (at_offset(MIDDLE, lambda b: bytes([b[0] | 0x80])), Verdict.CORRUPTED),
    (at_offset(MIDDLE, lambda b: b""), Verdict.CORRUPTED),
    (at_offset(MIDDLE, lambda b: b + b), Verdict.CORRUPTED),
    (at_offset(GOOD.rindex(b"}"), lambda b: b"?"), Verdict.CORRUPTED),
    (slowly, Verdict.PASS),
])
def test_changed_bytes(desk, fate, verdict):
    with desk.cable("good", fate=fate) as line:
        got, said, _ = desk.run(line)
    assert got is verdict, said
    assert verdict is Verdict.PASS or "the line lost or changed bytes" in said


@pytest.mark.parametrize("where", [GOOD.index(b"@layout") + 40, MIDDLE, GOOD.index(b"@end")])
def test_line_lost_in_the_middle(desk, where):
    with desk.cable("good", fate=cut_at(where)) as line:
        verdict, said, folder = desk.run(line)
    assert verdict is Verdict.INFRA
    assert f"the line {line.port} was lost behind {where} bytes" in said
    assert where != MIDDLE or "in suite highmem" in said
    assert (folder / "serial.log").read_bytes() == GOOD[:where]
    assert not [f for f in folder.iterdir() if f.name.startswith(".")]  # nothing half-written
    assert int(ET.parse(folder / "junit.xml").getroot().get("failures")) >= 1


def test_line_lost_behind_the_end(desk):
    """As when the board powers its own adapter, and switches itself off."""
    with desk.cable("good", fate=cut_at(len(GOOD))) as line:
        assert desk.run(line)[0] is Verdict.PASS


@pytest.mark.parametrize("ratio", [115200 / 9600, 115200 / 57600, 38400 / 115200, 115200 / 1500000])
def test_another_speed_is_named(desk, ratio):
    heard = misheard(GOOD * 8, ratio)
    with desk.cable(b"whatever", fate=_once(heard)) as line:
        verdict, said, _ = desk.run(line)
    assert verdict is Verdict.INFRA, said
    assert "most likely the board does not speak at 115200 baud" in said


def _once(heard):
    def fate(_data, at):
        return heard if at == 0 else b""
    return fate


def test_a_uart_hears_its_own_speed():
    """The model of a UART that the test above rests on."""
    assert misheard(GOOD, 1.0) == GOOD
    assert misheard(GOOD, 1.03) == GOOD  # three per cent off still works, as on real ones


def test_errors_that_the_driver_counts_are_named(desk, monkeypatch):
    counts = iter([(0,) * 20, (0,) * 6 + (12, 0, 0, 1) + (0,) * 10])
    monkeypatch.setattr(port.Port, "_icount", lambda self: next(counts))
    with desk.cable("truncated") as line:
        assert "12 framing errors, 1 breaks" in desk.run(line)[1]


# -- ports that cannot be had ---------------------------------------------------------------


def holder(path):
    """Another program that has the port open, and does not lock it."""
    child = subprocess.Popen([sys.executable, "-c", f"f = open({path!r}, 'rb', 0); print(1, flush=True);"
                              "import time; time.sleep(60)"], stdout=subprocess.PIPE)
    child.stdout.readline()
    return child


def test_busy_port_names_who_has_it(desk):
    with desk.cable("good") as line:
        child = holder(line.port)
        try:
            verdict, said, folder = desk.run(line)
        finally:
            child.send_signal(signal.SIGKILL)
            child.wait()
            child.stdout.close()
        assert verdict is Verdict.INFRA
        assert f"{line.port} is busy: python3 (process {child.pid}) has it open" in said
        assert (folder / "verdict").read_text().startswith("infra\n")
        assert not (folder / "serial.log").read_bytes()
        assert line.words() == []  # the board was not touched
        assert desk.run(line)[0] is Verdict.PASS


def test_busy_port_that_nobody_admits_to(desk, monkeypatch):
    monkeypatch.setattr(port, "holders", lambda device: [])
    with desk.cable("good") as line, open(line.port, "rb", 0) as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        verdict, said, _ = desk.run(line)
    assert verdict is Verdict.INFRA
    assert f"{line.port} is busy: a program that we may not see" in said


def test_nobody_gets_between(desk):
    """While a run goes on, the port is ours: by lock, and for all but root by the kernel."""
    with desk.cable("good") as line:
        ours = port.Port(line.port, 115200)
        try:
            with pytest.raises(port.PortError, match="busy"):
                port.Port(line.port, 115200)
            assert _as_nobody(lambda: os.open(line.port, os.O_RDWR | os.O_NOCTTY), line.port, 0o666) \
                == "[Errno 16] Device or resource busy"
        finally:
            ours.close()


def _as_nobody(action, path, mode):
    """What an action comes to when root's privileges are not there: its exception's text."""
    os.chmod(path, mode)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        text = ""
        try:
            if os.getuid() == 0:
                os.setgroups([])
                os.setresgid(65534, 65534, 65534)
                os.setresuid(65534, 65534, 65534)
            action()
        except Exception as error:
            text = str(error).split(": '/dev")[0]
        os.write(writing, text.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        text = answer.read()
    os.waitpid(child, 0)
    return text


def test_no_permission_says_which_group(desk):
    with desk.cable("good") as line:
        said = _as_nobody(lambda: port.check(line.port), line.port, 0)
    assert "permission denied; it belongs to the group" in said
    assert "sudo adduser $USER" in said


def test_missing_port(desk, monkeypatch):
    verdict, said, folder = desk.run("/dev/ttyUSB97", power=False)
    assert verdict is Verdict.INFRA
    assert "/dev/ttyUSB97: No such file or directory" in said
    assert "infra" in (folder / "verdict").read_text()
    monkeypatch.setattr(port, "present", lambda: ["/dev/serial/by-id/usb-FTDI"])
    assert "there is /dev/serial/by-id/usb-FTDI" in desk.run("/dev/ttyUSB97", power=False)[1]


@pytest.mark.parametrize("path", ["/dev/null", "/", __file__])
def test_what_is_no_port(desk, path):
    verdict, said, _ = desk.run(path, power=False)
    assert verdict is Verdict.INFRA
    assert "not a serial port" in said


def test_speed_that_the_port_does_not_have(desk):
    with desk.cable("good") as line:
        verdict, said, _ = desk.run(line, "--baud", "-7")
    assert verdict is Verdict.INFRA
    assert "-7" in said


# -- power and loader -------------------------------------------------------------------------


def test_nothing_comes(desk):
    with desk.cable("good") as line:
        verdict, said, _ = desk.run(line, "--power", "true", "--wait", "0.5", power=False)
        assert verdict is Verdict.INFRA
        assert f"not one byte came over {line.port} in 0.5 s" in said
        verdict, said, _ = desk.run(line, "--monitor", "--wait", "0.5", power=False)
        assert verdict is Verdict.INFRA and "not one byte came" in said


def test_waits_for_a_person_to_switch_it_on(desk):
    with desk.cable("good") as line:
        late = subprocess.Popen(["/bin/sh", "-c", "sleep 1; " + line.power.replace("%s", "on")])
        verdict, said, _ = desk.run(line, power=False)
        late.wait()
    assert verdict is Verdict.PASS
    assert f"{line.port}: switch the board on, or reset it, now" in said


def test_a_reset_command_is_called_once(desk):
    with desk.cable("good") as line:
        command = line.power.replace("%s", "reset")
        assert desk.run(line, "--power", command, power=False)[0] is Verdict.PASS
        assert line.words() == ["reset"]


def test_power_that_fails(desk):
    with desk.cable("good") as line:
        verdict, said, _ = desk.run(line, "--power", "echo no such outlet; exit 3 # %s", power=False)
    assert verdict is Verdict.INFRA
    assert "ended with 3: no such outlet" in said


LOADER = """
import os, sys
said = b""
while not said.endswith(b"=> "):
    said += os.read(0, 1)
open(sys.argv[1], "w").write("\\n".join(os.environ[k] for k in sorted(os.environ) if "FANLIGHT_" in k))
os.write(1, b"bootz\\r")
sys.exit(int(sys.argv[2]))
"""


def test_loader_between_power_and_stream(desk):
    script, told = desk.folder / "loader.py", desk.folder / "told"
    script.write_text(LOADER)
    load = f"{sys.executable} {script} {told}"
    with desk.cable(b"U-Boot 2023.01\r\n=> " + GOOD) as line:
        verdict, said, folder = desk.run(line, "--load", f"{load} 0", "--tests", "*",
                                         "--args", "loglevel=7")
        assert verdict is Verdict.PASS, said
        assert "selftest=* panic=halt loglevel=7" in told.read_text().splitlines()
        assert line.port in told.read_text().splitlines()
        assert (folder / "serial.log").read_bytes() == GOOD
        verdict, said, _ = desk.run(line, "--load", f"{load} 9")
    assert verdict is Verdict.INFRA
    assert "LOAD: " in said and "ended with 9" in said


# -- the table of real boards ----------------------------------------------------------------


def test_table_of_real_boards(builds):
    tests = elf.read(builds.elf("release")).tests
    names = sorted(path.parent.name for path in ROOT.glob("boards/*/hardware.toml"))
    assert len(names) >= 9
    for name in names:
        hardware = table.hardware(name)
        assert (ROOT / hardware.doc).is_file(), name
        for glob in hardware.may_skip:  # a name that nothing bears lets skip what it should not
            assert session.selected(tests, f"selftest={glob}"), f"{name}: {glob}"


def test_unknown_board(desk):
    verdict, said, _ = desk.run("/dev/null", "--board", "toaster", power=False)
    assert verdict is Verdict.INFRA
    assert "no boards/toaster/hardware.toml; real boards: arndale, " in said


# -- with `make load`'s loader and Debian's U-Boot -------------------------------------------


@contextlib.contextmanager
def through_u_boot(builds, folder):
    """What the runner came to, what the switch was told, and what came over the line."""
    load = f"{sys.executable} {ROOT}/tools/load --board qemu-virt --build {builds.root} " \
           '--args "$FANLIGHT_BOOTARGS"'
    uboot = ["qemu-system-aarch64", "-machine", "virt", "-cpu", "cortex-a15", "-m", "512M", "-smp", "2",
             "-display", "none", "-nodefaults", "-nic", "none", "-bios", "/usr/lib/u-boot/qemu_arm/u-boot.bin"]
    with Cable(uboot, folder) as line:
        argv = [sys.executable, ROOT / "tools" / "runner", "board", "--build", folder, "--serial", line.port,
                "--power", line.power, "--board", "qemu-virt", "--load", load, "--elf",
                builds.elf("release"), "--silence", "60", "--wait", "20", "--tests", "layout.*"]
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=300)
        logs = [path.read_bytes() for path in folder.glob("results/board-*/serial.log")]
        yield done, line.words(), logs


@pytest.fixture(name="loaded", scope="module", autouse=True)
def fixture_loaded(request, builds, tmp_path_factory):
    with ahead(request, THROUGH, lambda: through_u_boot(builds, tmp_path_factory.mktemp("u"))) as futures:
        yield futures


def test_loads_through_u_boot(loaded):
    """One command from power-on to the verdict."""
    done, words, logs = loaded[THROUGH].result()
    assert done.returncode == 0, done.stderr
    assert words == ["off", "on", "off"]
    assert len(logs) == 1 and b"@boot {" in logs[0]
