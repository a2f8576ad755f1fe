# SPDX-License-Identifier: BSD-2-Clause
"""The sending side of YMODEM, as U-Boot's loady receives it: CRC-16, blocks of 1 KiB.

Owns: who says what when. A damaged block is sent again; what cannot be repaired is an error, and
the other side is told by CAN.
Must never: go on after an answer that it did not understand.
"""

from __future__ import annotations

import binascii
import re

from .line import Listener

SOH, STX, EOT, ACK, NAK, CAN = b"\x01", b"\x02", b"\x04", b"\x06", b"\x15", b"\x18"
TRIES = 10
ANSWER_S = 10.0
QUIET_S = 0.3
START_S = 30.0

_START = re.compile(b"C")
_ANSWER = re.compile(b"[\x06\x15C]|\x18\x18")


class TransferError(Exception):
    """The file did not get there; the text says where it stopped."""


def block(number: int, data: bytes, size: int, fill: bytes) -> bytes:
    """One block with its number, its complement and its CRC."""
    body = data.ljust(size, fill)
    crc = binascii.crc_hqx(body, 0)
    return (SOH if size == 128 else STX) + bytes([number & 0xff, ~number & 0xff]) + body \
        + crc.to_bytes(2, "big")


class Sender:
    """One file over a line on which the receiver was just started."""

    def __init__(self, line: Listener, progress=lambda done, total: None) -> None:
        self._line = line
        self._progress = progress

    def _give_up(self, what: str) -> TransferError:
        self._line.send(CAN * 8 + b"\b" * 8)
        return TransferError(f"transfer failed: {what}")

    def _answer(self) -> bytes:
        match = self._line.until(_ANSWER, ANSWER_S)
        return match.group(0) if match else b""

    def _late_answer(self) -> bytes:
        """Behind a refusal: what else is on its way, so that no old answer counts for a new block."""
        while self._line.more(QUIET_S):
            pass
        late, self._line.heard = self._line.heard, b""
        return ACK if ACK in late else CAN * 2 if CAN * 2 in late else b""

    def _put(self, data: bytes, what: str) -> None:
        """Send until it is acknowledged. U-Boot refuses by C, as it began, others by NAK."""
        for _ in range(TRIES):
            self._line.send(data)
            answer = self._answer()
            if answer in (b"C", NAK, b""):
                answer = self._late_answer()
            if answer == ACK:
                return
            if answer.startswith(CAN):
                raise TransferError(f"transfer failed: U-Boot cancelled at {what}")
        raise self._give_up(f"{what} was refused, or not answered, {TRIES} times")

    def send(self, name: str, data: bytes) -> None:
        """The whole conversation. TransferError, or the port's own error."""
        if not self._line.until(_START, START_S):
            raise self._give_up("U-Boot did not ask for the file")
        self._line.forget()
        self._put(block(0, f"{name}\0{len(data)}\0".encode(), 128, b"\0"), "the file's name")
        if not self._line.until(_START, ANSWER_S):
            raise self._give_up("U-Boot did not ask for the first block")
        for at in range(0, len(data), 1024):
            self._put(block(at // 1024 + 1, data[at:at + 1024], 1024, b"\x1a"), f"byte {at}")
            self._progress(min(at + 1024, len(data)), len(data))
        self._put(EOT, "the end")
        if not self._line.until(_START, ANSWER_S):
            raise self._give_up("U-Boot did not ask for the next file")
        self._put(block(0, b"", 128, b"\0"), "the end of the batch")
