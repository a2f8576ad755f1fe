# SPDX-License-Identifier: BSD-2-Clause
"""tools/ptread: reads a kernel's page tables from outside and judges them.

    ptread --qmp SOCKET STUB LOG…                a QEMU that runs, or waits after power-off
    ptread --memory FILE@BASE STUB LOG…          its RAM as a file, registers by its stub
    ptread --dump LOG                            what the monitor's `tables` printed, in a serial log
    ptread --port DEVICE[,BAUD]                  asks the monitor at the other end of the line

    STUB   --gdb [HOST:]PORT or --gdb-socket PATH
    LOG…   --layout FILE (a serial log with an @layout line, or its JSON; `-`: standard input), or
           --linux: Debian's 32-bit LPAE kernel, whose layout is documented

--elf FILE: the kernel, whose own data are held against its tables too. The guest is stopped while it
is read by QMP, and continued if it ran before; otherwise the stub stops it, and it stays stopped.
Exit status: 0 clean, 1 problems were found, 2 the tables could not be read.
"""

import argparse
import json
import pathlib
import sys

if not __package__:
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from ptread import debuginfo, dump, linux, memory, reader, rsp, show  # noqa: E402
from ptread import layout as layouts  # noqa: E402
from ptread.trouble import Trouble  # noqa: E402


def arguments():
    parser = argparse.ArgumentParser(prog="ptread", description="an outside page-table verifier",
                                     formatter_class=argparse.RawDescriptionHelpFormatter,
                                     epilog=__doc__.split("\n\n", 1)[1])
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--qmp", metavar="SOCKET", help="QEMU's control socket (-qmp unix:PATH,…)")
    where.add_argument("--memory", metavar="FILE@BASE", help="a file that is RAM from BASE on")
    where.add_argument("--dump", metavar="LOG", help="a serial log; - is standard input")
    where.add_argument("--port", metavar="DEVICE[,BAUD]", help="a serial port; 115200 baud")
    stub = parser.add_mutually_exclusive_group()
    stub.add_argument("--gdb", metavar="[HOST:]PORT", help="the gdb stub's TCP port")
    stub.add_argument("--gdb-socket", metavar="PATH", help="the gdb stub's UNIX socket")
    parser.add_argument("--layout", metavar="FILE", help="serial log or JSON; - is standard input")
    parser.add_argument("--linux", action="store_true", help="the guest is Debian's LPAE Linux")
    parser.add_argument("--elf", metavar="FILE", help="the kernel, with debugging information")
    parser.add_argument("--json", action="store_true", help="JSON instead of text")
    args = parser.parse_args()
    live = args.qmp or args.memory
    if live and not (args.gdb or args.gdb_socket):
        parser.error("--qmp and --memory want --gdb or --gdb-socket, for the registers")
    if live and not (args.layout or args.linux):
        parser.error("--layout or --linux is wanted")
    if args.elf and not live:
        parser.error("--elf wants the whole memory: a dump has only tables")
    return args


def main():
    args = arguments()
    try:
        found, layout = findings(args)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"ptread: {where}{error.strerror or error}", file=sys.stderr)
        return 2
    except (ValueError, Trouble) as error:
        print(f"ptread: {error}", file=sys.stderr)
        return 2
    if args.json:
        print(json.dumps(show.findings_data(found, layout), indent=1))
    else:
        print(show.findings_text(found, layout))
    return 1 if found.problems else 0


def findings(args):
    """(reader.Findings, layout)"""
    text = read(args.layout) if args.layout else ""
    if args.dump:
        log = read(args.dump)
        source, text = dump.source(log), text or log
    elif args.port:
        log = over_port(args.port)
        source, text = dump.source(log), text or log
    if args.linux:
        layout = linux.LAYOUT
    else:
        layout = layout_of(args.layout or args.dump or args.port, text)
    info = kernel_info(args.elf, text) if args.elf else None
    judged = {"info": info, "only": linux.RULES if args.linux else None,
              "ram_reused": "\n@reenter " in text}
    if args.memory:
        path, base = memory_file(args.memory)
        with rsp.Stub(gdb_address(args)) as stub:
            source = reader.Source(rsp.cpus(stub), memory.MemoryFile(path, base))
    elif args.qmp:
        return with_guest_stopped(args, lambda qmp: reader.look(
            reader.stopped(qmp.command, gdb_address(args)), layout, **judged)), layout
    return reader.look(source, layout, **judged), layout


def read(path):
    """A log: bytes of a line, noise among them, as the monitor's sum counts them."""
    data = sys.stdin.buffer.read() if path == "-" else pathlib.Path(path).read_bytes()
    return data.decode("latin-1")


def layout_of(name, text):
    """The layout in what was read from `name`."""
    try:
        return layouts.from_text(text)
    except KeyError as error:
        raise ValueError(f"{name}: the layout has no {error}") from error
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}: {error}") from error


def memory_file(word):
    """FILE@BASE as (path, address)."""
    path, _, base = word.rpartition("@")
    try:
        if path:
            return path, int(base, 0)
    except ValueError:
        pass
    raise ValueError(f"--memory {word}: FILE@BASE is wanted")


def kernel_info(path, log):
    """The ELF's; it must be the one that runs."""
    info, running = debuginfo.DebugInfo(path), layouts.build_of(log)
    if running and running != info.build_id:
        raise debuginfo.DebugError(f"{path} is build {info.build_id}, {running} runs")
    return info


def with_guest_stopped(args, look):
    """look(qmp) with the guest stopped before, and continued after if it ran."""
    qmp = memory.Qmp(args.qmp)
    running = qmp.command("query-status")["running"]
    try:
        qmp.command("stop")
        return look(qmp)
    finally:
        if running:
            qmp.command("cont")
        qmp.close()


def over_port(word):
    """The dump that a board's monitor prints when it is asked."""
    from runner.port import Port, PortError     # only here: it wants python3-serial
    import pexpect
    path, _, baud = word.partition(",")
    if baud and not baud.isdecimal():
        raise ValueError(f"--port {word}: DEVICE[,BAUD] is wanted")
    try:
        port = Port(path, int(baud or 115200))
        try:
            return dump.over_port(port, 60)
        finally:
            port.close()
    except PortError as error:
        raise OSError(str(error)) from error
    except (pexpect.TIMEOUT, pexpect.EOF) as error:
        raise dump.DumpError(f"{path}: no dump came: is the monitor's prompt there?") from error


def gdb_address(args):
    if args.gdb_socket:
        return args.gdb_socket
    host, _, port = args.gdb.rpartition(":")
    if not port.isdecimal() or int(port) > 0xffff:
        raise ValueError(f"--gdb {args.gdb}: [HOST:]PORT is wanted")
    return (host or "localhost", int(port))


if __name__ == "__main__":
    sys.exit(main())
