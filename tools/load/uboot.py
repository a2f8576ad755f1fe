# SPDX-License-Identifier: BSD-2-Clause
"""U-Boot's prompt: found, and asked.

Owns: stopping autoboot, and commands whose end and success are known by a mark, not by a prompt
that each board spells in its own way. What is typed goes in small pieces, each waited for in its
echo: a UART without flow control drops what comes while U-Boot is busy.
Must never: send an empty line (U-Boot repeats its last command then), or save the environment.
"""

from __future__ import annotations

import re
import time

from .line import Listener

PIECE = 16
ECHO_S = 5.0
TRIES = 4
PROBE_S = 0.4
QUIET_S = 0.2

# How autoboot wants to be stopped. Any key does where nothing else is said.
STOPPERS = (
    (re.compile(rb"Press quickly 'Enter' twice"), b"\r\r"),
    (re.compile(rb"Press <s> to stop"), b"s"),
    (re.compile(rb"(?i)press (?:<)?space(?:>)?|(?i:hit any key)|(?i:stop autoboot)"), b" "),
)
INTERRUPT = b"\x03"


class NoUBoot(Exception):
    """Nobody there who answers as U-Boot does."""


class UBootError(Exception):
    """U-Boot refused, or did not understand us."""


class UBoot:
    """The prompt, once `find` has found it."""

    def __init__(self, line: Listener) -> None:
        self.line = line
        self._count = 0
        self._prompt = b""  # once it is known

    def find(self, timeout: float, stop: bytes = b"") -> str:
        """Wait for U-Boot, stop its autoboot; returns what it calls itself."""
        began = time.monotonic()
        self.line.forget()
        seen, answered = b"", set()
        while time.monotonic() - began < timeout:
            if self.line.more(PROBE_S):
                seen, self.line.heard = (seen + self.line.heard)[-8192:], b""
                for pattern, keys in STOPPERS:
                    if (match := pattern.search(seen)) and match.group(0) not in answered:
                        answered.add(match.group(0))
                        self.line.send(stop or keys)
                        break
                continue
            self.line.send(INTERRUPT)
            if re.search(rb"<INTERRUPT>[^\n]*\r?\n[^\r\n]{1,40}[>#$] ?$", seen) or \
                    re.search(rb"[\r\n][^\r\n]{0,40}(=>|[>#]) $", seen):
                version = self._introduced()
                if version:
                    return version
                seen = b""
        heard = seen[-200:].decode("latin-1").strip()
        raise NoUBoot(f"no U-Boot prompt within {timeout:.0f} s: " + (
            f"what came last was {heard!r}" if heard else "nothing came at all: is the board on, "
            "the cable in the right port, the baud rate right?"))

    def _introduced(self) -> str:
        """Whether this prompt is U-Boot's: its version; "" if not."""
        try:
            said = self.ask("version")
        except UBootError:
            return ""
        match = re.search(r"^\s*(U-Boot.*?)\s*$", said, re.MULTILINE)
        if not match:
            return ""
        while self.line.more(QUIET_S):
            pass
        self._prompt = self.line.heard.strip(b"\r\n")
        return match.group(1)

    def _type(self, text: str) -> None:
        """Each piece is waited for in the echo; a broken one starts the line again."""
        for _ in range(TRIES):
            self._fresh_line()
            for at in range(0, len(text), PIECE):
                piece = text[at:at + PIECE].encode()
                self.line.send(piece)
                if not self.line.until(re.compile(re.escape(piece)), ECHO_S):
                    break
            else:
                return
        raise UBootError(f"what is typed does not come back as it was typed: {text!r}: "
                         "a bad line, or another baud rate")

    def _fresh_line(self) -> None:
        """An empty line at the prompt, and nothing more to come."""
        self.line.forget()
        self.line.send(INTERRUPT)
        ready = re.compile(rb"\n\r?" + re.escape(self._prompt) + rb"$")
        if not self._prompt or not self.line.until(ready, ECHO_S):
            while self.line.more(QUIET_S):
                pass
        self.line.forget()

    def start(self, command: str) -> None:
        """Type a command that does not come back in the usual way."""
        self._type(command)
        self.line.send(b"\r")

    def ask(self, command: str, timeout: float = 15.0) -> str:
        """Run a command; what it printed. UBootError if it failed or does not end."""
        good, said = self.tell(command, timeout)
        if not good:
            raise UBootError(f"U-Boot refused `{command}`: {said.strip()[-300:] or '(silently)'}")
        return said

    def tell(self, command: str, timeout: float = 15.0) -> tuple[bool, str]:
        """Run a command; whether it succeeded, and what it printed."""
        mark = self.begin(command)
        return self.finish(command, mark, timeout)

    def begin(self, command: str) -> str:
        """Start a command whose end `finish` will know."""
        self._count += 1
        mark = f"{self._count:03d}"
        # The mark is written so that its echo is not yet the mark: ${fl_no} is empty.
        self.start(f"{command} && echo fl${{fl_no}}yes{mark} || echo fl${{fl_no}}not{mark}")
        return mark

    def finish(self, command: str, mark: str, timeout: float) -> tuple[bool, str]:
        """Wait for the mark."""
        pattern = re.compile(rb"(?s)^[^\n]*\n(.*?)fl(yes|not)" + mark.encode() + rb"\r?\n")
        match = self.line.until(pattern, timeout)
        if not match:
            raise UBootError(f"U-Boot did not come back from `{command}` within {timeout:.0f} s")
        text = match.group(1).decode("latin-1").replace("\r", "")
        return match.group(2) == b"yes", text

    def variable(self, name: str) -> str:
        """Of the environment; "" if not set."""
        good, said = self.tell(f"printenv {name}")
        match = re.search(rf"^{re.escape(name)}=(.*)$", said, re.MULTILINE)
        return match.group(1).strip() if good and match else ""

    def address(self, name: str) -> int | None:
        """A variable that holds an address."""
        text = self.variable(name)
        try:
            return int(text, 16) if text else None
        except ValueError:
            return None
