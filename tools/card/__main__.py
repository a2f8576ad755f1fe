# SPDX-License-Identifier: BSD-2-Clause
"""`make sdcard` and `make flash-board`: the command line.

Must never: write to a device without --run.
"""

from __future__ import annotations

import argparse
import pathlib
import shlex
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

# pylint: disable=wrong-import-position
from card import card, flash  # noqa: E402  (needs the path above)
from uboot import table  # noqa: E402
from uboot.table import BoardError  # noqa: E402


def image_of(board: table.Hardware, build: pathlib.Path) -> pathlib.Path:
    """Where a board's card image is."""
    return build / f"{board.name}-sdcard.img"


def with_card(name: str) -> table.Hardware:
    """A board that starts from a card."""
    board = table.board(name)
    if not board.card_start:
        raise BoardError(f"{name} starts from no card: {board.doc} says from what")
    return board


def make_image(given: argparse.Namespace) -> None:
    """`make sdcard`."""
    board = with_card(given.board)
    build = given.build.resolve()
    dtb = table.tree_file(board, given.dtb, build)
    print("sdcard: " + card.make(board, build, image_of(board, build), dtb,
                                 table.arguments(board, given.args), given.filesystem, given.force))
    for first, behind, what in board.reserved:
        print(f"sdcard: sectors {first} to {behind - 1} stay the board's own: {what}")
    print(f"sdcard: to write it: make flash-board BOARD={board.name} DEVICE=/dev/…")


def write(given: argparse.Namespace) -> None:
    """`make flash-board`: print, or do."""
    board = with_card(given.board)
    image = image_of(board, given.build.resolve())
    flash.check_image(board, image)
    device = given.device or "/dev/NAME"
    if given.device:
        found = flash.refuse(given.device, given.really, flash.lsblk())
        print(f"flash-board: {given.device}: {found['size'] >> 20} MiB, "
              f"{found.get('model') or 'no name'}; all partitions on it will be gone")
    elif given.run:
        raise BoardError("RUN_IT=1: DEVICE= must say where")
    if not given.run:
        print("\n".join(f"sudo {shlex.join(argv)}" for argv in flash.writes(board, image, device)))
        print("flash-board: nothing was written; RUN_IT=1 does that")
        return
    flash.run(board, image, given.device)
    print(f"flash-board: written to {given.device}")


def main() -> int:
    """0, or 1 with the reason."""
    parser = argparse.ArgumentParser(prog="card")
    commands = parser.add_subparsers(required=True)
    made = commands.add_parser("image", help="make a card's image")
    made.set_defaults(function=make_image)
    made.add_argument("--dtb", default="")
    made.add_argument("--args", default="")
    made.add_argument("--filesystem", default="fat", choices=("fat", "ext4"))
    made.add_argument("--force", action="store_true")
    written = commands.add_parser("flash", help="print what writes it, or write it")
    written.set_defaults(function=write)
    written.add_argument("--device", default="")
    written.add_argument("--really", default="")
    written.add_argument("--run", action="store_true")
    for sub in (made, written):
        sub.add_argument("--board", required=True)
        sub.add_argument("--build", type=pathlib.Path, default=table.ROOT / "build")
    given = parser.parse_args()
    try:
        given.function(given)
    except BoardError as error:
        print(f"{'sdcard' if given.function is make_image else 'flash-board'}: error: {error}",
              file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
