# SPDX-License-Identifier: BSD-2-Clause
"""tools/ptread: reads a paused kernel's page tables through QEMU and judges them.

    /usr/bin/python3 tools/ptread --qmp SOCKET (--gdb [HOST:]PORT | --gdb-socket PATH) \\
                                  --layout FILE [--json]

FILE is a serial log with an @layout line, or only its JSON object; `-` is standard input. The guest
is stopped while it is read, and continued if it ran before. Exit status: 0 clean, 1 problems were
found, 2 the tables could not be read.
"""

import argparse
import json
import pathlib
import sys

if not __package__:
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from ptread import layout as layouts  # noqa: E402
from ptread import lpae, memory, reader, rsp, show  # noqa: E402


def main():
    parser = argparse.ArgumentParser(prog="ptread", description="an outside page-table verifier")
    parser.add_argument("--qmp", required=True, help="QEMU's control socket (-qmp unix:PATH,…)")
    stub = parser.add_mutually_exclusive_group(required=True)
    stub.add_argument("--gdb", metavar="[HOST:]PORT", help="the gdb stub's TCP port")
    stub.add_argument("--gdb-socket", metavar="PATH", help="the gdb stub's UNIX socket")
    parser.add_argument("--layout", required=True, help="serial log or JSON; - is standard input")
    parser.add_argument("--json", action="store_true", help="JSON instead of text")
    args = parser.parse_args()

    try:
        layout = layouts.from_text(read(args.layout))
        tables, problems = stopped(args, layout)
    except (OSError, KeyError, ValueError, lpae.BadTables, memory.QmpError,
            rsp.GdbError) as error:
        print(f"ptread: {type(error).__name__}: {error}", file=sys.stderr)
        return 2
    if args.json:
        print(json.dumps(show.data(tables, layout, problems), indent=1))
    else:
        print(show.text(tables, layout, problems))
    return 1 if problems else 0


def read(path):
    if path == "-":
        return sys.stdin.read()
    return pathlib.Path(path).read_text(encoding="utf-8", errors="replace")


def stopped(args, layout):
    """inspect() with the guest stopped before, and continued after if it ran."""
    qmp = memory.Qmp(args.qmp)
    running = qmp.command("query-status")["running"]
    try:
        qmp.command("stop")
        return reader.inspect(qmp.command, gdb_address(args), layout)
    finally:
        if running:
            qmp.command("cont")
        qmp.close()


def gdb_address(args):
    if args.gdb_socket:
        return args.gdb_socket
    host, _, port = args.gdb.rpartition(":")
    return (host or "localhost", int(port))


if __name__ == "__main__":
    sys.exit(main())
