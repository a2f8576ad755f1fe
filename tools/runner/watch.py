# SPDX-License-Identifier: BSD-2-Clause
"""Reads one guest's serial port until there is nothing more to expect.

Owns: how long silence is borne. The same for an emulated guest (qemu.Guest) and for a board at the
end of a cable (board.Board): both have read(), ended(), trouble() and hints().
Must never: judge, or end anything.
"""

from __future__ import annotations

import dataclasses
import time

from .judge import Ending
from .stream import Stream


@dataclasses.dataclass(frozen=True)
class Limits:
    """When to stop waiting, in seconds. Wall-clock, so generous: only a hang costs them."""

    silence: float = 60.0
    total: float = 400.0
    after_end: float = 15.0  # from @end, or an announced power-off, to the guest's end
    after_panic: float = 6.0  # silence after a panic that has not announced what it does
    after_halt: float = 1.0  # silence after one that stays


def watch(guest, stream: Stream, limits: Limits, on_data,
          leave_at_end: bool = False) -> Ending | None:
    """Read the guest's serial port into the stream until there is nothing more to expect.

    None: @end came, and somebody else goes on from there.
    """
    began = heard = time.monotonic()
    while True:
        data = guest.read(0.25)
        now = time.monotonic()
        if data is None:
            return guest.ended()
        if data:
            heard = now
            on_data(data)
            if len(stream.boots) > 1 + stream.reentered:
                return Ending.STOPPED
            if leave_at_end and stream.end:
                return None
        elif now - heard > _patience(stream, limits):
            return Ending.STOPPED if stream.crashed or stream.end else Ending.TIMEOUT
        if now - began > limits.total:
            return Ending.TIMEOUT


def _patience(stream: Stream, limits: Limits) -> float:
    """How long silence is borne, by what was heard last."""
    if stream.panic_end in ("halt", "monitor"):
        return limits.after_halt
    if stream.end or stream.panic_end:
        return limits.after_end
    return limits.after_panic if stream.crashed else limits.silence
