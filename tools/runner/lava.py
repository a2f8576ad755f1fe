# SPDX-License-Identifier: BSD-2-Clause
"""LAVA jobs, made from the table of runs and the table of real boards: `make lava`.

Owns: how a run is said in LAVA's words, the patterns by which LAVA reads our stream, and how our stream
is got back from a job's log.
Must never: start anything; or leave out a run without saying so.

LAVA's `monitors` look for test cases by regular expressions, in a window of 4000 characters, and know
nothing of sums, plans or what must come. The patterns make a failed case of a panic, of another boot, and
of a skip that the table does not list; the rest is for `runner judge --lava`, from the job's log.
"""

from __future__ import annotations

import argparse
import fnmatch
import hashlib
import os
import pathlib
import re
import shlex
import shutil
import sys

import yaml

from . import elf, prepare, table
from .judge import Verdict
from .prepare import Builds
from .table import Hardware, Run

# The qemu device type always adds a network card: one that the machine has.
NETWORK = {"vexpress-a15": "model=lan9118", "qemu-virt": "model=virtio", "midway": "model=xgmac",
           "orangepi-pc": "model=allwinner-sun8i-emac"}
# Debian has the boot ROM of virt's network card in a package that QEMU only recommends.
_BESIDE = {"qemu-virt": ["-global virtio-net-pci.romfile="]}
_CONTEXT = {"-machine": "machine", "-cpu": "cpu", "-m": "memory"}  # arguments that it makes of these
_NOT_HERE = {"-display": 1, "-nodefaults": 0, "-nic": 1}  # and those that it contradicts
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same in C, ten times as fast
_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
FETCH = 600  # seconds for fetching the images and, on a board, for U-Boot's part

START = r'@boot \{"v":1,"id":"'
END = r'\n@end \{"verdict":"(?:pass|fail)"\}[\r\n]'


class LogError(Exception):
    """Not a log of a LAVA job."""


# -- what LAVA reads ---------------------------------------------------------------------------


def _glob(glob: str) -> str:
    return "".join({"*": r"[\w.-]*", "?": r"[\w.-]"}.get(c) or re.escape(c) for c in glob)


def monitor(run: Run) -> dict:
    """LAVA's test monitor for a run of this kind: its `result` is what `fixupdict` translates."""
    if run.kind == "fatal":
        return {"name": "fanlight", "start": START, "end": "# panic: (?:poweroff|reboot|halt|monitor)",
                "pattern": r"\n# fatal: (?P<test_case_id>[\w.-]+) rule=([\w.-]+)\r?\n"
                           r'(?:[^\r\n@]*[\r\n]+)*?@(?=[^\r\n]*[\r\n])'
                           r'(?P<result>panic \{"rule":"(?=\2")|panic|end)',
                "fixupdict": {'panic {"rule":"': "pass", "panic": "fail", "end": "fail"}}
    if run.kind == "bench":
        return {"name": "fanlight", "start": START, "end": END,
                "pattern": r'\n@bench \{"op":"(?P<test_case_id>\w+)","insns":(?P<measurement>[0-9.]+),'}
    result = r"(?:not )?ok [0-9]+ "
    listed = "|".join(_glob(glob) for glob in run.may_skip)
    skips = (rf"{result}(?:{listed}) (?=# SKIP)|" if listed else "") + rf"{result}[\w.-]+ # (?=SKIP)"
    return {
        "name": "fanlight", "start": START, "end": END,
        # First all of the line: LAVA also looks at half of one. What tears lines may stand inside one.
        "pattern": rf"(?:\n    (?={result})|@(?=(?:panic|boot|bad) ))"
                   rf'(?=(?:{result})?(?P<test_case_id>[\w.-]+(?: \{{"rule":"[\w.-]*)?)[^\r\n]*[\r\n])'
                   rf"(?:{skips})?(?P<result># SKIP|SKIP|not ok|ok|panic|boot|bad)",
        "fixupdict": {"ok": "pass", "not ok": "fail", "# SKIP": "skip", "SKIP": "fail",
                      "panic": "fail", "boot": "fail", "bad": "fail"},
    }


def stream_of(text: str) -> bytes:
    """What the target said, from a job's log (YAML), without what LAVA did to it."""
    try:
        lines = [entry["msg"] for entry in yaml.load(text, _LOADER)
                 if entry["lvl"] == "target"]
        return "".join(line.replace('\\"', '"') + "\n" for line in lines).encode("latin-1", "replace")
    except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise LogError(f"not a log of a LAVA job: {error!r}") from error


# -- jobs --------------------------------------------------------------------------------------


class Jobs:
    """Makes the jobs of one board into a folder below the build folder."""

    def __init__(self, builds: Builds, url: str, folder: pathlib.Path) -> None:
        self._builds, self._folder = builds, folder
        self._url = url.rstrip("/") or builds.root.as_uri()

    def image(self, path: pathlib.Path, **more: str) -> dict:
        """Where the farm fetches a file, and its sum: another file of that name is refused."""
        where = path.resolve().relative_to(self._builds.root).as_posix()
        known = {"sha256sum": hashlib.sha256(path.read_bytes()).hexdigest()} if path.is_file() else {}
        return {"url": f"{self._url}/{where}", **known, **more}

    def _job(self, run: Run, device_type: str, actions: list, **more) -> dict:
        image = elf.read(self._builds.elf(run.build))
        seconds = int(run.total)
        beside = {"text": list(run.text), "absent": list(run.absent), "layout": run.layout}
        return {
            "job_name": f"fanlight {run.board} {run.name}",
            "device_type": device_type,
            "visibility": "public",
            "priority": "medium",
            "timeouts": {"job": {"seconds": seconds + FETCH}, "action": {"seconds": seconds},
                         "connection": {"seconds": int(run.silence)}},
            "metadata": {"build-id": image.build_id, "bootargs": run.bootargs, "kind": run.kind,
                         "may_skip": list(run.may_skip),
                         # What the table demands beside, and no monitor looks for.
                         **{key: value for key, value in beside.items() if value}},
            **more,
            "actions": [*actions, {"test": {"timeout": {"seconds": seconds},
                                            "monitors": [monitor(run)]}}],
        }

    def emulated(self, run: Run) -> dict:
        """A job for the device type `qemu`. Raises Unavailable, PrepareError."""
        work = self._folder / run.name
        work.mkdir(parents=True, exist_ok=True)
        args = prepare.qemu_args(run, self._builds, work)[1:]
        context, images, extra = {"arch": "aarch64"}, {}, []
        while args:
            option = args.pop(0)
            if option in _NOT_HERE:
                del args[:_NOT_HERE[option]]
                continue
            value = args.pop(0) if args and not args[0].startswith("-") else ""
            if option in _CONTEXT:
                context[_CONTEXT[option]] = value
                continue
            found = re.search(r"(?:^|file=)(/[^,]*)", value)
            if found and pathlib.Path(found[1]).is_file():
                path = pathlib.Path(found[1]).resolve()
                if not path.is_relative_to(self._builds.root):  # another package's: U-Boot
                    path = pathlib.Path(shutil.copy(path, work))
                name = f"{option.strip('-')}{len(images)}"
                images[name] = self.image(path, image_arg=f"{option} {value.replace(found[1], f'{{{name}}}')}")
            else:
                extra.append(f"{option} {shlex.quote(value)}" if value else option)
        if not any(work.iterdir()):
            work.rmdir()
        context |= {"model": NETWORK[run.board], "netdevice": "user",
                    "extra_options": [*extra, *_BESIDE.get(run.board, [])]}
        return self._job(run, "qemu", [
            {"deploy": {"timeout": {"seconds": FETCH}, "to": "tmpfs", "images": images}},
            {"boot": {"timeout": {"seconds": FETCH}, "method": "qemu", "media": "tmpfs"}},
        ], context=context)

    def real(self, board: Hardware, run: Run, dtb: str) -> dict:
        """A job for a board with U-Boot and a network."""
        files = {"kernel": self.image(self._builds.image("release"))}
        commands = ["setenv autoload no", "dhcp", "setenv serverip {SERVER_IP}",
                    f"tftp {board.image_at:#010x} {{KERNEL}}"]
        if dtb or board.dtb:
            root = self._builds.root
            ours = board.dtb if (root / board.dtb).is_file() else f"cache/dtbs/{board.dtb}"
            files["dtb"] = self.image(root / (dtb or ours))
            commands.append(f"tftp {board.dtb_at:#010x} {{DTB}}")
        commands += [*board.before_boot, f'setenv bootargs "{run.bootargs}"',
                     f"bootz {board.image_at:#010x} - {board.dtb_at:#010x}"]
        return self._job(run, board.lava or board.name, [
            {"deploy": {"timeout": {"seconds": FETCH}, "to": "tftp", **files}},
            {"boot": {"timeout": {"seconds": FETCH}, "method": "u-boot", "commands": commands}},
        ])

    def put(self, name: str, job: dict, comment: str) -> None:
        """Write one job: whole, or not at all."""
        text = "\n".join(["# SPDX-License-Identifier: BSD-2-Clause", f"# Made by `make lava`. {comment}",
                          yaml.dump(job, Dumper=_DUMPER, sort_keys=False, width=4096)])
        half = self._folder / f".{name}.yaml"
        half.write_text(text)
        os.replace(half, self._folder / f"{name}.yaml")


def hardware_runs(hardware: Hardware, extra: str) -> list[Run]:
    """What a farm can do with a real board."""
    def run(name: str, asked: str, total: float) -> Run:
        bootargs = " ".join(f"{asked} panic=halt {hardware.bootargs} {extra}".split())
        return Run(name=f"hardware-{name}", board=hardware.name, kind=name, bootargs=bootargs,
                   may_skip=hardware.may_skip, silence=hardware.silence, total=total)

    return [run("suites", "selftest", hardware.total), run("memtest", "memtest=1", 24 * 3600)]


def table_runs(board: str, builds: Builds) -> list[Run]:
    """The board's runs, fatal ones expanded. Raises ElfError."""
    found = []
    for run in table.runs():
        if run.board == board and "soak" not in run.tags:
            fatals = run.kind == "fatal" and not run.fatal
            found += table.fatal_runs(run, elf.read(builds.elf(run.build)).fatals) if fatals else [run]
    return found


def arguments(sub: argparse.ArgumentParser) -> None:
    """The options of `runner lava`."""
    sub.add_argument("--board", default="vexpress-a15")
    sub.add_argument("--runs", default="", metavar="GLOB[,GLOB]", help="only these runs")
    sub.add_argument("--url", default="", help="where the farm sees the build folder; else file://")
    sub.add_argument("--args", default="", help="more boot arguments, for a real board")
    sub.add_argument("--dtb", default="", help="a real board's, below the build folder")


def command(options: argparse.Namespace) -> int:
    """Write the jobs; says which runs have none, and why."""
    builds = Builds(options.build.resolve())
    folder = builds.root / "lava" / options.board
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.yaml"):
        old.unlink()
    globs = options.runs.split(",") if options.runs else ["*"]
    jobs, made, left = Jobs(builds, options.url, folder), 0, []

    def wanted(run: Run) -> bool:
        return any(fnmatch.fnmatchcase(run.name, glob) for glob in globs)

    try:
        for run in filter(wanted, table_runs(options.board, builds)):
            if run.verdict is not Verdict.PASS:
                left.append(f"{run.name}: it must end in {run.verdict}, which LAVA has no word for")
                continue
            try:
                jobs.put(run.name, jobs.emulated(run), "The run of that name in tests/runs.toml.")
                made += 1
            except (prepare.Unavailable, prepare.PrepareError, elf.ElfError) as why:
                left.append(f"{run.name}: {why}")
        if (table.ROOT / "boards" / options.board / "hardware.toml").is_file():
            hardware = table.hardware(options.board)
            for run in filter(wanted, hardware_runs(hardware, options.args)):
                known = "" if hardware.lava else " LAVA has no device type of this board: name yours."
                jobs.put(run.name, jobs.real(hardware, run, options.dtb), f"See {hardware.doc}.{known}")
                made += 1
    except (elf.ElfError, OSError) as error:
        print(f"lava: {error}", file=sys.stderr)
        return Verdict.INFRA
    for line in left:
        print(f"lava: left out: {line}")
    if not made and not left:
        print(f"lava: {options.board} has no run {options.runs!r}", file=sys.stderr)
        return Verdict.INFRA
    print(f"lava: {made} jobs in {folder}, {len(left)} runs left out")
    return Verdict.PASS if made else Verdict.INFRA
