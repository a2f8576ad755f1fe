# SPDX-License-Identifier: BSD-2-Clause
"""The other end of the monitor's `load`: sends a file by YMODEM, well or badly.

Owns: the protocol's blocks, written again from its description; no code shared with lib/ymodem.c.
"""


def crc16(data):
    """CRC-16 as XMODEM has it."""
    crc = 0
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xffff
    return crc


def block(number, data):
    """One block, of 128 or 1024 bytes."""
    size = 128 if len(data) <= 128 else 1024
    data = data.ljust(size, b"\x00" if number == 0 else b"\x1a")
    return bytes([1 if size == 128 else 2, number & 0xff, ~number & 0xff]) + data + \
        crc16(data).to_bytes(2, "big")


def header(name, size):
    """The block that names the file."""
    return block(0, name + b"\x00" + str(size).encode() + b" 0 0\x00")


class Sender:
    """The sending side: just enough to do it right, and wrong."""

    def __init__(self, m):
        self.m = m
        m.type("load\r")
        m.port.expect_exact(b"gives up\r\n")
        self.answer(b"C")

    def answer(self, wanted):
        self.m.port.expect_exact(wanted)

    def send(self, data, wanted=b"\x06"):
        self.m.type(data)
        self.answer(wanted)

    def begin(self, size, name=b"f"):
        self.send(header(name, size), b"\x06C")

    def file(self, name, data):
        self.begin(len(data), name)
        for i in range(0, len(data), 1024):
            self.send(block(i // 1024 + 1, data[i:i + 1024]))
        self.send(b"\x04")
        self.answer(b"C")
        self.send(block(0, b""))
