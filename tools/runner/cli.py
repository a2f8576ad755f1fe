# SPDX-License-Identifier: BSD-2-Clause
"""The harness's commands. The Makefile calls all but `judge` and `list`, which people do.

Owns: argument parsing and exit statuses (judge.Verdict).
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import pathlib
import shlex
import subprocess
import sys

from . import bench, cable, elf, lava, session, table
from .judge import Ending, Expect, Verdict, judge
from .prepare import Builds, Unavailable
from .stream import Stream
from .terminal import Conversation, Folder

STATUSES = "exit status: " + ", ".join(f"{int(v)} {v}" for v in Verdict)


def command_run(options: argparse.Namespace) -> int:
    """Boot a board's `make-run` entry and show everything."""
    name = f"make-run-{options.board}"
    found = [r for r in table.runs() if r.name == name]
    if not found:
        print(f"runner: {table.RUNS.name} has no run {name}", file=sys.stderr)
        return Verdict.INFRA
    extra = " ".join(options.bootargs)
    run = table.with_args(found[0], extra)
    run = table.of_variables(run, options.variables)
    talk = sys.stdin.isatty()  # then a person gets the monitor's prompt behind the suites
    if talk:
        run = table.with_monitor(run)
    builds = Builds(options.build.resolve(), run.build)
    rerun = rerun_line(options, builds, extra)
    folder = Folder()
    try:
        outcome = session.boot(run, builds, folder.data, rerun, Conversation(folder) if talk else None)
    except Unavailable as why:
        print(f"runner: {why}", file=sys.stderr)
        return Verdict.INFRA
    finally:
        folder.finish()
    session.tell(outcome, rerun)
    return outcome.verdict


def rerun_line(options: argparse.Namespace, builds: Builds, extra: str) -> str:
    """The `make run` that boots the same build again."""
    words = ["make", "run", *builds.words()]
    if options.board != "vexpress-a15":
        words.append(f"BOARD={options.board}")
    words += options.variables.split()
    if extra:
        words.append(f"ARGS={shlex.quote(extra)}")
    return " ".join(words)


def command_test(options: argparse.Namespace) -> int:
    """Run pytest over tests/, with its own totals as the last line."""
    build = options.build.resolve()
    build.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "FANLIGHT_BUILD": str(build)}
    argv = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir",
            str(table.ROOT), "-c", str(table.ROOT / "pytest.ini"),
            f"--junitxml={build}/results/junit.xml", *options.pytest, str(table.ROOT / "tests")]
    status = subprocess.run(argv, env=environment, cwd=table.ROOT, check=False).returncode
    return {0: Verdict.PASS, 1: Verdict.FAIL}.get(status, Verdict.INFRA)


def command_judge(options: argparse.Namespace) -> int:
    """Judge a recorded stream."""
    stream = Stream()
    try:
        data = options.file.read_bytes()
        stream.feed(lava.stream_of(data.decode()) if options.lava else data)
        image = elf.read(options.elf.resolve()) if options.elf else None
    except (OSError, UnicodeError, elf.ElfError, lava.LogError) as error:
        print(f"runner: {error}", file=sys.stderr)
        return Verdict.INFRA
    stream.finish()
    tests, missed = image.tests if image else None, ()
    if options.tests:
        tests = frozenset(options.tests.read_text().split())
    if tests is not None:
        asked = f"selftest={options.selftest}"
        missed = session.unmatched(tests, asked) if options.kind != "fatal" else ()
        tests = session.selected(tests, asked)
    may_skip = table.hardware(options.board).may_skip if options.board else ()
    build = image.build_id if image else options.build_id
    expect = Expect(kind=options.kind, build=build, tests=tests, unmatched=missed,
                    may_skip=(*may_skip, *options.may_skip), fatal=options.fatal)
    result = judge(stream, expect, Ending[options.ending.upper()])
    for reason in result.reasons:
        print(reason)
    print(f"{result.verdict} ({len(result.tests)} tests)")
    return result.verdict


def command_list(options: argparse.Namespace) -> int:
    """Print the table of runs."""
    for run in table.runs():
        fields = {f.name: getattr(run, f.name) for f in dataclasses.fields(run)}
        words = [f"{k}={fields[k]}" for k in ("build", "memory", "cpu", "entry", "dtb") if fields[k]]
        print(f"{run.name:34} {run.board:13} {' '.join(words)}  {run.bootargs!r}")
    return Verdict.PASS


class _Parser(argparse.ArgumentParser):
    """Wrong usage is trouble of the infrastructure: argparse's own 2 would mean a crash."""

    def error(self, message: str):
        self.print_usage(sys.stderr)
        self.exit(Verdict.INFRA, f"runner: {message}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="runner", epilog=STATUSES,
                     description="boots Fanlight and judges its serial stream")
    commands = parser.add_subparsers(required=True)

    def add(name: str, function, text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text, epilog=STATUSES)
        sub.set_defaults(function=function)
        return sub

    def add_build(sub: argparse.ArgumentParser) -> None:
        sub.add_argument("--build", type=pathlib.Path, default=table.ROOT / "build")

    sub = add("run", command_run, "boot a board and show all it says")
    add_build(sub)
    sub.add_argument("--board", default="vexpress-a15")
    sub.add_argument("--variables", default="", help="make's, of this build: NAME=VALUE …")
    sub.add_argument("bootargs", nargs="*", help="more boot arguments, after --")
    sub = add("test", command_test, "run every test; T=, RUN=, SHARD= from the environment")
    add_build(sub)
    sub.add_argument("pytest", nargs="*", help="more arguments for pytest, after --")
    sub = add("bench", bench.command, "count instructions and hold them against the targets")
    add_build(sub)
    sub.add_argument("--count-build", type=pathlib.Path)
    sub = add("board", cable.command, "run the suites on a real board, over a serial line")
    add_build(sub)
    cable.arguments(sub)
    sub = add("lava", lava.command, "make LAVA jobs of a board's runs")
    add_build(sub)
    lava.arguments(sub)
    sub = add("judge", command_judge, "judge a recorded stream")
    sub.add_argument("file", type=pathlib.Path)
    sub.add_argument("--elf", type=pathlib.Path, help="demand exactly this image's tests")
    sub.add_argument("--tests", type=pathlib.Path, help="a file of test names, instead of an ELF")
    sub.add_argument("--build-id", help="demand this image's, instead of an ELF's")
    sub.add_argument("--selftest", default="", help="globs the boot was given")
    sub.add_argument("--may-skip", action="append", default=[], metavar="GLOB")
    sub.add_argument("--board", help="a real board: what its hardware.toml lets skip")
    sub.add_argument("--lava", action="store_true", help="the file is the log of a LAVA job")
    sub.add_argument("--kind", default="suites",
                     choices=("suites", "fatal", "bench", "memtest", "memtest-all"))
    sub.add_argument("--fatal", help="the fatal test that was asked for")
    sub.add_argument("--ending", default="eof", choices=[e.name.lower() for e in Ending])
    add("list", command_list, "print the table of runs")
    return parser


def main(argv: list[str]) -> int:
    """Run one command; returns the exit status."""
    options = _parser().parse_args(argv)
    try:
        return int(options.function(options))
    except table.TableError as error:
        print(f"runner: {error}", file=sys.stderr)
        return Verdict.INFRA
    except KeyboardInterrupt:
        print("runner: interrupted", file=sys.stderr)
        return Verdict.INFRA
