# SPDX-License-Identifier: BSD-2-Clause
"""What happens behind `Starting kernel`: the terminal, or the runner's judgement.

Owns: turning a lost line into a verdict.
Must never: call a run a pass whose end was not seen.
"""

from __future__ import annotations

import os
import pathlib
import sys

from runner import elf, session
from runner.judge import Ending, Expect, Verdict, judge
from runner.port import PortError
from runner.stream import Stream
from runner.terminal import Conversation, Folder
from runner.watch import Limits, watch

from .line import Listener
from .load import say


class BoardAsGuest:
    """A board behind a line, where the runner wants a guest."""

    def __init__(self, line: Listener) -> None:
        self._line = line
        self.serial = self
        self.lost = ""

    def read(self, timeout: float) -> bytes | None:
        """Bytes; b"" if none came in time; None when the line is gone."""
        if self._line.heard:
            data, self._line.heard = self._line.heard, b""
            return data
        try:
            return self._line.read(timeout)
        except PortError as error:
            self.lost = str(error)
            return None

    def send(self, data: bytes) -> None:
        """Type; for the terminal."""
        self._line.send(data)

    def ended(self) -> Ending:
        """The line is gone: that is all that is known."""
        return Ending.EOF


def expectation(image: pathlib.Path, args: str, may_skip: tuple[str, ...]) -> Expect:
    """What the ELF beside the image, and the boot arguments, say must come. ElfError."""
    facts = elf.read(image)
    words = {word.split("=")[0] for word in args.split()}
    kind = next((k for k in ("memtest", "bench") if k in words and "selftest" not in words),
                "suites")
    tests = session.selected(facts.tests, args) if kind == "suites" else None
    missed = session.unmatched(facts.tests, args) if kind == "suites" else ()
    return Expect(kind=kind, build=facts.build_id, tests=tests, unmatched=missed, may_skip=may_skip)


def judged(line: Listener, expect: Expect, silence: float) -> Verdict:
    """Read to the end, and say what came of it as the runner would."""
    guest, stream, folder = BoardAsGuest(line), Stream(), Folder()

    def take(data: bytes) -> None:
        stream.feed(data)
        folder.data(data)

    ending = watch(guest, stream, Limits(silence=silence, total=1e9, after_end=2.0), take)
    stream.finish()
    folder.finish()
    if guest.lost and stream.end is None:
        say(guest.lost + ", in the middle of the run")
        return Verdict.INFRA
    result = judge(stream, expect, ending)
    for reason in result.reasons:
        say(reason)
    say(str(result.verdict))
    return result.verdict


def terminal(line: Listener) -> Verdict:
    """Key by key, until ^] or the line is gone."""
    say("^] leaves; the board goes on")
    guest, folder = BoardAsGuest(line), Folder(fold=False)
    with open(os.devnull, "wb") as nowhere:  # the port keeps the log
        Conversation(folder)(guest, nowhere)
    if guest.lost:
        say(guest.lost)
        return Verdict.INFRA
    return Verdict.PASS


def interactive() -> bool:
    """Whether a person sits here."""
    return sys.stdin.isatty()
