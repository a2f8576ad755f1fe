# SPDX-License-Identifier: BSD-2-Clause
"""What is on a board's card: boot script, its settings, FIT with the board's own tree.

Owns: fanlight.txt, which tells boot.cmd how to boot; and the FIT with one tree more.
Must never: write to anything but files in the build folder.
"""

from __future__ import annotations

import os
import pathlib
import subprocess
import tempfile

from uboot import tree
from uboot.table import ROOT, BoardError, Hardware

from . import image

ITS = ROOT / "tools" / "uboot" / "fanlight.its"


def settings(**words: str) -> str:
    """The text of fanlight.txt: KEY=VALUE lines for `env import -t`."""
    for key, value in words.items():
        if "\n" in value or "\0" in value:
            raise BoardError(f"{key}: one line only")
    return "".join(f"fl_{key}={value}\n" for key, value in words.items() if value)


def _tool(argv: list[str], **more) -> None:
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False, **more)
    except OSError as error:
        raise BoardError(f"{argv[0]}: {error.strerror} (try `make deps`)") from error
    if done.returncode:
        raise BoardError(f"{' '.join(argv)}: {done.stderr.strip()}")


def fit_with(board: Hardware, dtb: pathlib.Path, build: pathlib.Path, out: pathlib.Path,
             work: pathlib.Path) -> None:
    """The FIT of `make`, and a configuration `card` with this tree, which it names first."""
    names = tree.compatible(dtb)
    defines = {"CARD_BOARD": f'"{board.name}"', "CARD_TREE": f'"{dtb.resolve()}"',
               "CARD_TREE_AT": hex(board.dtb_at), "CARD_COMPATIBLE": f'"{names[0]}"'}
    made = work / "card.its"
    _tool(["cpp", "-P", "-nostdinc", "-undef", "-x", "assembler-with-cpp",
           *(f"-D{key}={value}" for key, value in defines.items()), str(ITS), str(made)])
    when = os.environ.get("SOURCE_DATE_EPOCH", "1700000000")
    _tool(["mkimage", "-D", f"-I dts -O dtb -i {build}", "-f", str(made), str(out)],
          env={**os.environ, "SOURCE_DATE_EPOCH": when})


def make(board: Hardware, build: pathlib.Path, out: pathlib.Path, dtb: pathlib.Path | None,
         args: str, filesystem: str = "fat", force: bool = False) -> str:
    """Write the image file; returns what a person should know of it."""
    words = {"how": "fit", "first": "; ".join(board.before_boot), "args": args}
    with tempfile.TemporaryDirectory(prefix="fanlight-card.") as folder:
        work = pathlib.Path(folder)
        files = {name: build / name
                 for name in ("boot.scr", "fanlight.itb", "fanlight.zImage", "uImage")}
        if dtb is None:
            words["config"] = "any"
            words["tree"] = hex(board.dtb_at)
        else:
            tree.check(dtb)
            tree.check_owner(board, dtb, force)
            words["config"] = "card"
            files["fanlight.itb"] = work / "fanlight.itb"
            files["board.dtb"] = dtb
            fit_with(board, dtb, build, files["fanlight.itb"], work)
        (work / "fanlight.txt").write_text(settings(**words))
        files["fanlight.txt"] = work / "fanlight.txt"
        image.make(out, files, board.card_start, filesystem)
    return (f"{out}: {out.stat().st_size >> 20} MiB, partition from sector {board.card_start} on, "
            f"{filesystem}: {' '.join(sorted(files))}")
