# SPDX-License-Identifier: BSD-2-Clause
"""`make load`: the command line, and the exit status (the runner's; 7 for whatever went wrong on
the way there).
"""

from __future__ import annotations

import argparse
import pathlib
import subprocess
import sys

from pexpect import fdpexpect

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

# pylint: disable=wrong-import-position
from load import after, load  # noqa: E402  (needs the path above)
from load.line import Listener  # noqa: E402
from load.uboot import NoUBoot, UBoot, UBootError  # noqa: E402
from load.ymodem import TransferError  # noqa: E402
from runner.elf import ElfError  # noqa: E402
from runner.judge import Verdict  # noqa: E402
from runner.port import Port, PortError  # noqa: E402
from uboot import table  # noqa: E402


def number(text: str) -> int | None:
    """An address, as typed; None for nothing."""
    return int(text, 0) if text else None


def options() -> argparse.Namespace:
    """What make passes on."""
    parser = argparse.ArgumentParser(prog="load", description=__doc__.split(":")[0])
    parser.add_argument("--serial", default="", help="without it, standard input is the port, and "
                        "nothing is read behind bootz: for test-board's LOAD=")
    parser.add_argument("--board", required=True)
    parser.add_argument("--build", type=pathlib.Path, default=table.ROOT / "build")
    parser.add_argument("--baud", type=int, default=0)
    parser.add_argument("--dtb", default="")
    parser.add_argument("--args", default="")
    parser.add_argument("--image-at", type=number)
    parser.add_argument("--dtb-at", type=number)
    parser.add_argument("--memory", default="", choices=("", "tree"))
    parser.add_argument("--power", default="", help="a command that resets the board")
    parser.add_argument("--stop", default="", help="what stops autoboot, if it is unusual")
    parser.add_argument("--wait", type=float, default=120.0)
    parser.add_argument("--silence", type=float, default=120.0)
    parser.add_argument("--may-skip", default="", help="globs, with commas between")
    parser.add_argument("--force", action="store_true")
    return parser.parse_args()


def run(given: argparse.Namespace) -> Verdict:
    """All of it."""
    build = given.build.resolve()
    board = table.board(given.board)
    dtb = table.tree_file(board, given.dtb, build)
    job = load.Job(board=board, image=build / "fanlight.zImage", dtb=dtb,
                   args=table.arguments(board, given.args), image_at=given.image_at, dtb_at=given.dtb_at,
                   memory=given.memory, force=given.force)
    data = load.check_files(job)
    if not given.serial:
        return hook(given, job, data)
    may_skip = (*board.may_skip, *(glob for glob in given.may_skip.split(",") if glob))
    expect = None if after.interactive() else \
        after.expectation(build / "fanlight", job.args, may_skip)
    log = build / "results" / "load.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    port = Port(given.serial, given.baud or board.baud)
    try:
        with open(log, "wb") as port.logfile_read:
            line = Listener(port)
            reset(given)
            uboot = found(line, given)
            load.boot(uboot, load.to_bootz(uboot, job, data))
            return after.terminal(line) if expect is None else after.judged(line, expect, given.silence)
    finally:
        port.close()
        load.say(f"log {log}")


def reset(given: argparse.Namespace) -> None:
    """By POWER=, or by whoever reads this."""
    if not given.power:
        load.say(f"waiting for U-Boot on {given.serial}: reset the board, if it is not there")
        return
    load.say(f"power: {given.power}")
    if (status := subprocess.run(given.power, shell=True, check=False).returncode) != 0:
        raise PortError(f"POWER: `{given.power}` ended with {status}")


def found(line: Listener, given: argparse.Namespace) -> UBoot:
    """The prompt."""
    uboot = UBoot(line)
    load.say(uboot.find(given.wait, given.stop.encode().decode("unicode_escape").encode()))
    return uboot


def hook(given: argparse.Namespace, job: load.Job, data: bytes) -> Verdict:
    """As test-board's LOAD=: it opened the port, and reads what comes behind bootz."""
    uboot = found(Listener(fdpexpect.fdspawn(sys.stdin.fileno())), given)
    uboot.start(load.to_bootz(uboot, job, data))
    return Verdict.PASS


def main() -> int:
    """The exit status."""
    try:
        return int(run(options()))
    except (table.BoardError, PortError, NoUBoot, UBootError, TransferError, ElfError,
            OSError) as error:
        load.say(f"error: {error}")
    except KeyboardInterrupt:
        load.say("interrupted")
    return int(Verdict.INFRA)


if __name__ == "__main__":
    sys.exit(main())
