# SPDX-License-Identifier: BSD-2-Clause
"""tools/mapsvg: the address space of a booted kernel as a picture (SVG).

    tools/mapsvg [--build DIR] [--board NAME] -o FILE   boots QEMU, and asks
    tools/mapsvg --log FILE -o FILE                                     reads a serial log

For a log of your own, boot with `monitor` and type the commands of COMMANDS in record.py while
your terminal program writes down what comes. Exit status: 0, or 1 with what is wrong.
"""

import argparse
import os
import pathlib
import sys

if not __package__:
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from mapsvg import picture, record, said  # noqa: E402


def write(path, text):
    """All of it or nothing."""
    part = path.with_name(f".{path.name}.part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, path)


def main():
    parser = argparse.ArgumentParser(prog="mapsvg", description="the address space as a picture")
    parser.add_argument("--log", type=pathlib.Path, help="a serial log with an @layout line")
    parser.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build"))
    parser.add_argument("--board", default="vexpress-a15")
    parser.add_argument("-o", dest="out", type=pathlib.Path, required=True)
    args = parser.parse_args()
    try:
        if args.log:
            text, name = args.log.read_text(encoding="utf-8", errors="replace"), str(args.log)
        else:
            text, name = record.record(args.build.resolve(), args.board), "the run"
        write(args.out, picture.draw(said.read(text)))
    except said.Unreadable as error:
        return f"map: {name}: {error}"
    except record.Trouble as error:
        return f"map: {error}"
    except OSError as error:
        return f"map: {error.filename}: {error.strerror}"
    print(f"  {args.out}")
    return None


if __name__ == "__main__":
    sys.exit(main())
