# SPDX-License-Identifier: BSD-2-Clause
"""Fanlight under labgrid: a driver that judges what a console says, and a strategy that boots it.

Owns: the way from labgrid's protocols (power, console, U-Boot) to the runner's. Both work with whatever
drivers a place has: a serial port here or in the network, any power switch, or the one for QEMU here.
Must never: judge by itself (the runner does), or know a board: its environment file does.
"""

import dataclasses
import enum
import logging
import pathlib
import shlex
import sys
import tempfile

import attr
import pexpect
from labgrid.driver import Driver
from labgrid.driver.consoleexpectmixin import ConsoleExpectMixin
from labgrid.factory import target_factory
from labgrid.protocol import ConsoleProtocol, PowerProtocol
from labgrid.step import step
from labgrid.strategy import Strategy, StrategyError

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from runner import elf, prepare, session, table  # noqa: E402  (needs the path above)
from runner.judge import Ending, Expect  # noqa: E402
from runner.prepare import Builds  # noqa: E402
from runner.qemu import Guest  # noqa: E402
from runner.watch import Limits  # noqa: E402


def run_named(name):
    """A run of the table."""
    found = [run for run in table.runs() if run.name == name]
    if not found:
        raise StrategyError(f"no run is named {name!r}: `python3 tools/runner list` has all")
    return found[0]


def tests_of(target):
    """The globs that the environment asks for."""
    return target.env.config.get_option("tests", "*")


@target_factory.reg_driver
@attr.s(eq=False)
class FanlightQEMU(ConsoleExpectMixin, Driver, PowerProtocol, ConsoleProtocol):
    """QEMU as the runner starts it.

    labgrid's own QEMUDriver waits for an answer to `cont` and does not read the serial port meanwhile. A
    guest that has said some hundred bytes by then spins with QEMU's lock held, and the answer never comes.

    Args:
        run (str): a run of tests/runs.toml; its boot arguments select what the option `tests` says; or
        command (str): QEMU's command line, without its serial port
    """

    run = attr.ib(default="", validator=attr.validators.instance_of(str))
    command = attr.ib(default="", validator=attr.validators.instance_of(str))

    def __attrs_post_init__(self):
        super().__attrs_post_init__()
        self.logger = logging.getLogger(f"{self}")
        self.txdelay = 0.0
        self._guest = self._work = None

    def on_deactivate(self):
        """Ends QEMU."""
        if self._guest:
            self._guest.__exit__(None, None, None)
            self._work.cleanup()
        self._guest = None

    def _args(self, work):
        if self.command:
            return shlex.split(self.command)
        run = run_named(self.run)
        run = dataclasses.replace(run, bootargs=run.bootargs.replace(
            "selftest", f"selftest={tests_of(self.target)}", 1))
        build = pathlib.Path(self.target.env.config.get_image_path("elf")).parent
        return prepare.qemu_args(run, Builds(build.resolve()), work)

    @Driver.check_active
    @step()
    def on(self):
        """Start it."""
        if self._guest:
            return
        self._work = tempfile.TemporaryDirectory(prefix="fanlight-labgrid.")
        work = pathlib.Path(self._work.name)
        self._guest = Guest(self._args(work), work / "errors").__enter__()
        self._guest.start()

    @Driver.check_active
    @step()
    def off(self):
        """End it."""
        self.on_deactivate()

    @Driver.check_active
    @step()
    def cycle(self):
        """End it, and start it anew."""
        self.off()
        self.on()

    def _read(self, size=1, timeout=0.0):
        return self._guest.serial.read_nonblocking(65536, timeout)

    def _write(self, data):
        return self._guest.serial.send(data)

    def ended(self):
        """Why it is gone."""
        return self._guest.ended()


class Line:
    """A labgrid console in the place of one of the runner's guests."""

    def __init__(self, console, start):
        self._console, self.start = console, start
        self._why = ""

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        pass  # labgrid's strategy switches off

    def read(self, timeout):
        """Bytes; b"" when none came in time, None when no more can come."""
        try:
            data = self._console.read(size=1, timeout=timeout)
        except pexpect.TIMEOUT:
            return b""
        except pexpect.EOF:
            return None
        except OSError as error:  # pyserial's are, too
            self._why = str(error)
            return None
        if not data:
            self._why = "it hung up"
        return data or None

    def ended(self):
        """Why no more can come; an emulator knows more than a line."""
        return self._console.ended() if hasattr(self._console, "ended") else Ending.LOST

    def trouble(self, stream):
        """What the line did to the stream."""
        if self._why and stream.end is None and stream.panic_end is None:
            return f"the console was lost: {self._why}"
        return ""

    def hints(self, _stream):
        """None: labgrid's own log has the console."""
        return []


@target_factory.reg_driver
@attr.s(eq=False)
class FanlightDriver(Driver):
    """Judges one boot, from its first byte on the console.

    Args:
        run (str): a run of tests/runs.toml that the boot is to be held to; or
        board (str): a real board, whose hardware.toml says what may skip
        after_end (float): seconds of silence behind @end in which a reset would still be seen
    The image `elf` says which tests must come, the option `tests` which of them were asked for.
    """

    bindings = {"console": ConsoleProtocol}
    run = attr.ib(default="", validator=attr.validators.instance_of(str))
    board = attr.ib(default="", validator=attr.validators.instance_of(str))
    after_end = attr.ib(default=3.0, validator=attr.validators.instance_of(float))

    def _entry(self, name):
        if bool(self.run) == bool(self.board):
            raise StrategyError("FanlightDriver wants either run or board")
        if self.board:
            hardware = table.hardware(self.board)
            return table.Run(name=name, board=self.board, may_skip=hardware.may_skip,
                             silence=hardware.silence, total=hardware.total, power_off=False)
        return dataclasses.replace(run_named(self.run), name=name, power_off=False)

    @Driver.check_active
    @step()
    def judge(self, start):
        """Call start(), then listen; returns the runner's Outcome."""
        config = self.target.env.config
        image = pathlib.Path(config.get_image_path("elf"))
        run = self._entry(f"labgrid-{pathlib.Path(config.filename).stem}")

        def expected():
            names = elf.read(image)
            asked = f"selftest={tests_of(self.target)}"
            return Expect(kind=run.kind, build=names.build_id, may_skip=run.may_skip,
                          tests=session.selected(names.tests, asked),
                          unmatched=session.unmatched(names.tests, asked))

        rerun = f"make test-labgrid LG_ENV={config.filename} T='{tests_of(self.target)}'"
        return session.listen(run, image.parent / "results" / run.name,
                              lambda _folder: Line(self.console, start), expected, rerun,
                              limits=Limits(silence=run.silence, total=run.total,
                                            after_end=self.after_end))


class Status(enum.Enum):
    """Where a target can be."""

    unknown = 0
    off = 1
    judged = 2


@target_factory.reg_driver
@attr.s(eq=False)
class FanlightStrategy(Strategy):
    """Off, or judged: power cycled, booted (by U-Boot, where there is a driver for it), listened to.

    Args:
        commands (list): what U-Boot is to do, each checked for success
        boot (str): the command that starts the kernel, and does not come back
    """

    bindings = {"power": PowerProtocol, "console": ConsoleProtocol, "fanlight": FanlightDriver,
                "uboot": {"UBootDriver", None}}
    commands = attr.ib(default=attr.Factory(list), validator=attr.validators.instance_of(list))
    boot = attr.ib(default="", validator=attr.validators.instance_of(str))
    status = attr.ib(default=Status.unknown)
    outcome = attr.ib(default=None, init=False)

    @step(args=["status"])
    def transition(self, status):
        """Go to `off` or `judged`; what came of the boot is then in `outcome`."""
        status = status if isinstance(status, Status) else Status[status]
        if status == self.status:
            return
        if status == Status.off:
            self.target.deactivate(self.console)
            self.target.activate(self.power)
            self.power.off()
        elif status == Status.judged:
            self.transition(Status.off)
            self.target.activate(self.console)
            self.target.activate(self.fanlight)
            self.outcome = self.fanlight.judge(self._start)
        else:
            raise StrategyError(f"there is no way to {status}")
        self.status = status

    def _start(self):
        self.power.on()
        if self.uboot is None:
            return
        self.target.activate(self.uboot)  # stops autoboot, and waits for the prompt
        for command in self.commands:
            self.uboot.run_check(command)
        self.console.sendline(self.boot)
