# SPDX-License-Identifier: BSD-2-Clause
"""tools/linux: Debian's LPAE Linux, on the QEMU that Fanlight runs on.

    /usr/bin/python3 tools/linux fetch              kernel and device tree, into build/cache
    /usr/bin/python3 tools/linux boot [-- QEMU ...] to the first program, which waits; ^C ends it
    /usr/bin/python3 tools/linux bench              both kernels measured: `make bench-linux`

`boot` shows the serial port; whatever stands behind `--` is QEMU's, as
`-qmp unix:/tmp/q,server=on,wait=off -gdb tcp::1234`. Exit status: 0, or 7 where something that is
needed can't be had here; of `bench` those of the runner.
"""

import argparse
import pathlib
import subprocess
import sys

if not __package__:
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from linux import beside, guest, packages  # noqa: E402
from runner.judge import Verdict  # noqa: E402
from runner.table import ROOT, TableError, parse_size  # noqa: E402


def command_fetch(args):
    linux = packages.fetch(args.build)
    print(f"{linux.kernel}\n{linux.dtb}")
    return 0


def command_boot(args):
    parse_size(args.memory)
    linux = packages.fetch(args.build)
    argv = guest.arguments(linux, packages.initrd(args.build), args.bootargs, args.memory, args.smp,
                           ("-serial", "stdio", *args.qemu))
    return subprocess.run(argv, check=False).returncode


def main():
    parser = argparse.ArgumentParser(prog="linux", description="Debian's LPAE Linux beside ours")
    parser.add_argument("--build", type=lambda p: pathlib.Path(p).resolve(), default=ROOT / "build")
    commands = parser.add_subparsers(required=True)
    sub = commands.add_parser("fetch", help="kernel and device tree")
    sub.set_defaults(function=command_fetch)
    sub = commands.add_parser("boot", help="boot to a first program that waits")
    sub.add_argument("--memory", default="2G")
    sub.add_argument("--smp", type=int, default=1)
    sub.add_argument("--bootargs", default="task=stay")
    sub.add_argument("qemu", nargs="*", help="more arguments for QEMU, after --")
    sub.set_defaults(function=command_boot)
    sub = commands.add_parser("bench", help="Linux and Fanlight, and the table of both")
    sub.add_argument("--count-build", type=lambda p: pathlib.Path(p).resolve())
    sub.add_argument("--record", action="store_true", help="this is the record from now on")
    sub.set_defaults(function=beside.command)
    args = parser.parse_args()
    try:
        return args.function(args)
    except (packages.Unavailable, packages.BuildError, TableError, OSError) as why:
        print(f"linux: {why}", file=sys.stderr)
        return Verdict.INFRA
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    sys.exit(main())
