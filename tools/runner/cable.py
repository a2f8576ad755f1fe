# SPDX-License-Identifier: BSD-2-Clause
"""`make test-board`: the command that runs the suites on a real board, over a serial line.

Owns: what its options mean, and the run that they stand for (board.Wiring, and a Run to hold it to).
Must never: judge; session and judge do, as for QEMU.
"""

from __future__ import annotations

import argparse
import pathlib
import re
import shlex

from . import elf, session, table
from .board import Board, Wiring
from .judge import Expect
from .prepare import Builds
from .table import Hardware, Run
from .terminal import Folder
from .watch import Limits

AFTER_END = 5.0  # a board that cannot switch itself off says no more than this one that can
WAIT = 300.0
COMMANDS = {"suites": "test", "fatal": "test", "bench": "bench", "memtest": "memtest"}
MEMTEST_TOTAL = 7 * 24 * 3600.0  # of 32 GiB; silence still ends it


def arguments(sub: argparse.ArgumentParser) -> None:
    """The options of `runner board`; the Makefile's variables in lower case."""
    sub.add_argument("--serial", required=True, metavar="/dev/ttyUSB0")
    sub.add_argument("--board", default="vexpress-a15", help="a folder of boards/ with hardware.toml")
    sub.add_argument("--baud", type=int, default=0, help="if not the board's own")
    sub.add_argument("--power", default="", metavar="'COMMAND %%s'",
                     help="switches the board: called with off and on; without %%s it is a reset")
    sub.add_argument("--load", default="", metavar="COMMAND",
                     help="boots it from U-Boot; its standard input and output are the port")
    sub.add_argument("--monitor", action="store_true", help="choose the suites at our prompt")
    sub.add_argument("--tests", default="", metavar="GLOB[,GLOB]", help="the boot runs only these")
    sub.add_argument("--elf", type=pathlib.Path, help="the image that is on the board")
    sub.add_argument("--variables", default="", help="make's, of this build: NAME=VALUE …")
    sub.add_argument("--vmsplit", default="3g", choices=("3g", "2g", "1g"), help="that image's")
    sub.add_argument("--kind", default="", choices=("", *COMMANDS))
    sub.add_argument("--may-skip", action="append", default=[], metavar="GLOB")
    sub.add_argument("--args", default="", help="more boot arguments, for LOAD")
    sub.add_argument("--wait", type=float, default=WAIT, help="seconds for the first byte")
    sub.add_argument("--silence", type=float, default=0.0, help="seconds that count as a hang")
    sub.add_argument("--total", type=float, default=0.0)


def run_for(options: argparse.Namespace, hardware: Hardware) -> Run:
    """The run that these options stand for, as if it stood in the table."""
    fatal = options.tests if re.fullmatch(r"fatal\.[^*?,]+", options.tests) else ""
    kind = options.kind or ("fatal" if fatal else "suites")
    asked = {"suites": "selftest", "fatal": "selftest"}.get(kind, kind)
    if options.tests:
        asked += f"={options.tests}"
    elif kind == "memtest":
        asked += "=1"
    bootargs = " ".join(["monitor" if options.monitor else asked, "panic=halt", hardware.bootargs,
                         options.args]).split()
    total = options.total or (MEMTEST_TOTAL if kind == "memtest" else hardware.total)
    port = re.sub(r"[^A-Za-z0-9]+", "-", pathlib.Path(options.serial).name)
    build = "release" if options.vmsplit == "3g" else f"vmsplit-{options.vmsplit}"
    return Run(name=f"board-{hardware.name}-{port}", board=hardware.name, build=build, kind=kind,
               fatal=fatal, bootargs=" ".join(bootargs),
               may_skip=(*hardware.may_skip, *options.may_skip, *table.skips_of(options.variables)),
               power_off=False,
               silence=options.silence or hardware.silence, total=total)


def expected(options: argparse.Namespace, run: Run, image: elf.Elf) -> Expect:
    """What the ELF says must come of the tests that were asked for."""
    asked = f"selftest={options.tests}"
    tests = session.selected(image.tests, asked)
    missed = session.unmatched(image.tests, asked) if run.kind == "suites" else ()
    return Expect(kind=run.kind, build=image.build_id, may_skip=run.may_skip, unmatched=missed,
                  tests=tests if run.kind == "suites" else None, fatal=run.fatal or None)


def wiring_for(options: argparse.Namespace, hardware: Hardware, run: Run, image: pathlib.Path) -> Wiring:
    """How to reach the board, and what its commands may want to know."""
    baud = options.baud or hardware.baud
    typed = ""
    if options.monitor:
        globs = options.tests or ("1" if run.kind == "memtest" else "")
        typed = f"{COMMANDS[run.kind]} {globs}".strip()
    known = {"SERIAL": options.serial, "BAUD": str(baud), "IMAGE": str(image), "DTB": hardware.dtb,
             "IMAGE_AT": f"{hardware.image_at:#010x}", "DTB_AT": f"{hardware.dtb_at:#010x}",
             "BOOTARGS": run.bootargs, "BEFORE_BOOT": "; ".join(hardware.before_boot)}
    return Wiring(port=options.serial, baud=baud, power=options.power, load=options.load,
                  at_prompt=typed, wait=options.wait,
                  environment={f"FANLIGHT_{key}": value for key, value in known.items()})


def rerun_line(options: argparse.Namespace, builds: Builds) -> str:
    """The `make test-board` that does the same with the same build."""
    given = {"SERIAL": options.serial, "BOARD": options.board, "BAUD": options.baud or "",
             "POWER": options.power, "LOAD": options.load, "T": options.tests,
             "ELF": options.elf or "", "KIND": options.kind, "ARGS": options.args,
             "MONITOR": "1" if options.monitor else "", "MAY_SKIP": ",".join(options.may_skip),
             "WAIT": f"{options.wait:g}" if options.wait != WAIT else ""}
    words = [f"{k}={shlex.quote(str(v))}" for k, v in given.items() if v]
    return " ".join(["make", "test-board", *builds.words(), *options.variables.split(), *words])


def command(options: argparse.Namespace) -> int:
    """Run the board once; returns the verdict."""
    hardware = table.hardware(options.board)
    options.may_skip = [glob for word in options.may_skip for glob in word.split(",") if glob]
    run, builds = run_for(options, hardware), Builds(options.build.resolve())
    image = (options.elf or builds.elf("release")).resolve()
    wiring = wiring_for(options, hardware, run, image.with_name(image.name + ".zImage"))
    limits = Limits(silence=run.silence, total=run.total, after_end=AFTER_END)
    folder, rerun = Folder(), rerun_line(options, builds)
    try:
        outcome = session.listen(run, builds.results(run), lambda where: Board(wiring, where),
                                 lambda: expected(options, run, elf.read(image)), rerun,
                                 folder.data, limits=limits)
    finally:
        folder.finish()
    session.tell(outcome, rerun)
    return outcome.verdict
