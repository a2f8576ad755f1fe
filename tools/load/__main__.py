# SPDX-License-Identifier: BSD-2-Clause
"""`make load`: the command line, and the exit status (the runner's; 7 for whatever went wrong on
the way there).
"""

from __future__ import annotations

import argparse
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

# pylint: disable=wrong-import-position
from load import after, load  # noqa: E402  (needs the path above)
from load.port import Listener, Port, PortError  # noqa: E402
from load.uboot import NoUBoot, UBoot, UBootError  # noqa: E402
from load.ymodem import TransferError  # noqa: E402
from runner.elf import ElfError  # noqa: E402
from runner.judge import Verdict  # noqa: E402
from uboot import table  # noqa: E402


def number(text: str) -> int | None:
    """An address, as typed; None for nothing."""
    return int(text, 0) if text else None


def options() -> argparse.Namespace:
    """What make passes on."""
    parser = argparse.ArgumentParser(prog="load", description=__doc__.split(":")[0])
    parser.add_argument("--serial", required=True)
    parser.add_argument("--board", required=True)
    parser.add_argument("--build", type=pathlib.Path, default=table.ROOT / "build")
    parser.add_argument("--baud", type=int, default=115200)
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
                   args=given.args or board.args, image_at=given.image_at, dtb_at=given.dtb_at,
                   memory=given.memory, force=given.force)
    data = load.check_files(job)
    may_skip = tuple(glob for glob in given.may_skip.split(",") if glob)
    expect = None if after.interactive() else \
        after.expectation(build / "fanlight", job.args, may_skip)
    log = build / "results" / "load.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with Port(given.serial, given.baud) as port:
        line = Listener(port)
        uboot = UBoot(line)
        if given.power:
            load.say(f"power: {given.power}")
            if (status := subprocess.run(given.power, shell=True, check=False).returncode) != 0:
                raise PortError(f"POWER: `{given.power}` ended with {status}")
        else:
            load.say(f"waiting for U-Boot on {given.serial}: reset the board, if it is not there")
        load.say(uboot.find(given.wait, given.stop.encode().decode("unicode_escape").encode()))
        load.to_kernel(uboot, job, data)
        if expect is None:
            return after.terminal(line, log)
        return after.judged(line, expect, log, given.silence)


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
