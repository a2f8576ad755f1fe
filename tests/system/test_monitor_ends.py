# SPDX-License-Identifier: BSD-2-Clause
"""How one comes to the monitor's prompt, and what ends it: a guest of its own for each."""

import re
import sys

import pexpect
import pytest

from prompt import BUILDS, PATIENCE, PROMPT, Booted
from runner.table import ROOT

def test_make_run_on_a_terminal_ends_at_the_prompt():
    """The runner passes keys on; its verdict is the suites', whatever a person does then."""
    person = pexpect.spawn(
        sys.executable, ["tools/runner", "run", "--build", str(BUILDS.root), "--",
                         "selftest=layout.*"], cwd=ROOT, timeout=PATIENCE)
    person.expect_exact("ok layout (")
    person.expect_exact('@end {"verdict":"pass"}')
    person.expect_exact(PROMPT)
    person.send("what 0xffc00000\r")
    person.expect_exact("image, text")
    person.send("report\rtest kmap.nothing\rexit\r")
    person.expect_exact("runner: make-run-vexpress-a15: pass")
    person.expect(pexpect.EOF)
    person.close()
    assert person.exitstatus == 0


def test_prompt_after_the_suites():
    with Booted(bootargs="selftest=layout.* monitor", memory="1G") as m:
        assert m.says("dmesg", r'^@end {"verdict":"pass"}', "^(Fanlight)")
        m.says("report", '^@end {"verdict":"pass"}')


@pytest.mark.parametrize("level", [0, 4, 5, 6, 7, None])
def test_loglevel_holds_back_what_is_less_urgent(level):
    """Lines of boot and warnings go to the log only; machine lines, results, answers do not."""
    argument = "" if level is None else f" loglevel={level}"
    with Booted(bootargs=f"nonsense=1 selftest=layout.* monitor{argument}", memory="1G") as m:
        most = 8 if level is None else level
        assert ("The story of one page" in m.booted) == (most > 6)
        assert ("CPUs" in m.booted) == (most > 6)
        assert ('warning: boot argument "nonsense' in m.booted) == (most > 4)
        assert "loglevel" not in re.sub(" args .*", "", m.booted)
        for line in ('@boot {"v":1', '@layout {"v":1', "KTAP version 1", "# Totals: ", '@end {"ver'):
            assert f"\n{line}" in "\n" + m.booted, line
        m.says("dmesg", "^The story of one page", '^warning: boot argument "nonsense')
        m.says("layout", "lowmem +direct")


def test_a_panic_is_not_held_back():
    with Booted(bootargs="loglevel=0 panic=poweroff mem=1M", memory="1G", until=b"backtrace:") as m:
        assert m.booted.startswith("# interrupted\r\n@panic {")
        m.wait(b" kernel_main+0x")
        m.wait(b"# panic: poweroff")


@pytest.mark.parametrize(("args", "cpus"), [("", 4), (" maxcpus=2", 2), (" maxcpus=1", 1)])
def test_maxcpus(args, cpus):
    with Booted(bootargs=f"monitor{args}", memory="1G") as m:
        assert sum(" online" in line for line in m.ask("cpus")) == cpus
        assert "no effect" not in m.booted


def test_errata_and_init():
    with Booted(bootargs="monitor errata=force:798181 init=/bin/sh", memory="1G") as m:
        m.says("errata", "798181 .*: forced: barriers on all CPUs")
        assert [line for line in m.booted.splitlines() if "no effect" in line] == \
            ['warning: boot argument "init" has no effect yet']


def test_exit_lists_what_is_open():
    with Booted(memory="1G") as m:
        m.ask("alloc high 2")
        m.ask("kmap #1")
        m.says("exit", "^#1: alloc of 2 pages from", "^#2: kmap of page", "^still open")
        m.type("exit\r")
        assert m.ended().name == "POWEROFF"


def test_poweroff_lists_what_is_open():
    with Booted(memory="1G") as m:
        m.ask("alloc low 3")
        m.type("poweroff\r")
        m.port.expect_exact(b"#1: alloc of 3 pages from")
        assert m.ended().name == "POWEROFF"


@pytest.mark.parametrize(("command", "ending"), [("poweroff", "POWEROFF"), ("reboot", "RESET")])
def test_the_end(command, ending):
    with Booted("qemu-virt", memory="1G") as m:
        m.type(command + "\r")
        assert m.ended().name == ending


@pytest.mark.parametrize(("kind", "rule"), [
    ("null", "fault.translation"), ("text", "fault.permission"), ("exec", "fault.permission"),
    ("undef", "fault.undefined"), ("bug", "monitor.asked"), ("stack", "")])
def test_oops_and_the_monitor_behind_it(kind, rule):
    """panic=monitor: it looks, it does not act, and a fault in it comes back to it."""
    with Booted(bootargs="monitor panic=monitor", memory="1G") as m:
        m.type(f"oops {kind}\r")
        m.wait(b"# interrupted")
        m.wait(f'@panic {{"rule":"{rule}'.encode())
        m.wait(b"# panic: monitor")
        m.wait(b"panic> ")
        for command, answer in (("layout", b"pkmap"), ("alloc high", b"not after a panic"),
                                ("zones", b"HighMem"), ("kmaps", b"permanent"),
                                ("what 0xffc00000", b"image"), ("dmesg", b"# interrupted"),
                                ("md 0x1c090000", b"no device is mapped")):
            m.type(command + "\r")
            m.wait(answer)
            m.wait(b"panic> ")
        m.type("poweroff\r")
        assert m.ended().name == "POWEROFF"
