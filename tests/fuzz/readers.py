# SPDX-License-Identifier: BSD-2-Clause
"""What mutate.py fuzzes: the host's readers, their corpora, and who knows what must not come out.

Must never: share the readers' code in what judges them.
"""

import json
import pathlib
import re
import sys
import tomllib
import zlib
from dataclasses import dataclass
from typing import Callable

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools"))

import yaml  # noqa: E402  (these need the path above)
from load import ymodem  # noqa: E402
from mapsvg import said  # noqa: E402
from ptread import dump, layout as layouts, lpae, memory, reader, show  # noqa: E402
from runner import lava, layout as soundness  # noqa: E402
from runner.judge import Ending, Expect, Verdict, judge  # noqa: E402
from runner.stream import Stream  # noqa: E402

KIT = ROOT / "tests" / "streams"
MANIFEST = tomllib.loads((KIT / "streams.toml").read_text())
LOGS = pathlib.Path(__file__).resolve().parent / "corpus" / "log"


@dataclass(frozen=True)
class Target:
    """judge(data) ends in an exception if the reader did, or if what came out cannot be."""
    name: str
    corpus: Callable
    judge: Callable
    repaired: Callable = lambda rng, data: data  # sums made right, so that what lies behind is reached


# -- the judge of streams ----------------------------------------------------------------------


def recordings():
    return [path.read_bytes() for path in sorted(KIT.glob("*.bin"))]


def expectation(kind):
    return Expect(kind=kind, build=MANIFEST["build"], tests=frozenset(MANIFEST["tests"]),
                  may_skip=tuple(MANIFEST["may_skip"]), fatal=MANIFEST["fatal"])


def verdict(data, kind, chunk):
    stream = Stream()
    for at in range(0, len(data), chunk):
        stream.feed(data[at:at + chunk])
    stream.finish()
    assert isinstance(soundness.problems(stream.layout, ""), list)
    found = judge(stream, expectation(kind), Ending.EOF)
    assert (found.verdict is Verdict.PASS) == (not found.reasons)
    return found.verdict


def judge_stream(data):
    for kind in ("suites", "fatal", "memtest", "memtest-all"):
        found = {verdict(data, kind, chunk) for chunk in (len(data) or 1, 509)}
        assert len(found) == 1, f"by its chunks: {found}"
        if found == {Verdict.PASS}:
            may_pass(data, kind)


def may_pass(data, kind):
    """What a stream must have, at least, that was judged a pass: looked for line by line."""
    lines = [line.rstrip("\r") for line in data.decode("latin-1").split("\n")][:-1]
    boots = [line for line in lines if "@boot {" in line]
    assert len(boots) == 1 + (kind == "memtest-all"), boots
    assert all(f'"build":"{MANIFEST["build"]}"' in line for line in boots[:1])
    lines = lines[lines.index(boots[0]) + (boots[0] in lines):]
    if kind == "fatal":
        assert [line for line in lines if "@panic {" in line] and "# interrupted" in "\n".join(lines)
        return
    assert not any("@panic {" in line or line.endswith("# interrupted") for line in lines)
    assert [line for line in lines if line.startswith("@end ")] == ['@end {"verdict":"pass"}']
    assert not any(line.strip().startswith("not ok") for line in lines)
    summed(lines)
    passed = [m[1] for line in lines if (m := re.fullmatch(r"    ok \d+ (\S+)", line))]
    if kind == "suites":
        skipped = {m[1] for line in lines if (m := re.fullmatch(r"    ok \d+ (\S+) # SKIP.*", line))}
        assert skipped <= {"tlb.stale_local"}
        own = [name for name in passed if not name.startswith("memory.")]
        assert sorted([*own, *skipped]) == sorted(MANIFEST["tests"])
    else:
        assert passed and not any(line.startswith("@bad ") for line in lines)


def summed(lines):
    """Each suite has a sum, and it is right."""
    begins = [i for i, line in enumerate(lines) if line == "    KTAP version 1"]
    for begin in begins:
        end = next(i for i in range(begin, len(lines)) if lines[i].startswith("@sum "))
        crc = zlib.crc32("".join(line + "\n" for line in lines[begin:end]).encode("latin-1"))
        claim = json.loads(lines[end].removeprefix("@sum "))
        assert (claim["lines"], claim["crc32"]) == (end - begin, f"{crc:08x}")
    assert len(begins) == sum(line.startswith("@sum ") for line in lines)


# -- a job's log -------------------------------------------------------------------------------


def lava_logs():
    return [yaml.safe_dump([{"dt": "2026-11-22T00:00:00", "lvl": level, "msg": line.decode("latin-1")}
                            for line in (KIT / f"{name}.bin").read_bytes().split(b"\r\n")
                            for level in ("target", "info")][:-2]).encode()
            for name in ("good", "failed", "all-good", "panic", "noise")]


def judge_lava(data):
    """A log of nothing but what the target said says just that; the others, or nothing."""
    try:
        said_ = lava.stream_of(data.decode("latin-1"))
    except lava.LogError:
        return
    assert isinstance(said_, bytes) and said_.count(b"\n") <= 2 * data.count(b"\n") + len(data)
    judge_stream(said_)


# -- page tables over the line -----------------------------------------------------------------


def logs():
    return [path.read_bytes() for path in sorted(LOGS.iterdir())]


def dumps():
    """From the last `report` on."""
    return [log[log.rindex(b"@boot "):] for log in logs()]


def dump_lines(data):
    """The @pt lines of the last dump."""
    lines = [line.rstrip("\r") for line in data.decode("latin-1").split("\n") if line.startswith("@pt ")]
    begins = [i for i, line in enumerate(lines) if line.startswith('@pt {"v":')]
    return lines[begins[-1]:] if begins else lines


def summed_again(rng, data):
    """Half of the inputs with a sum that is right: what lies behind it is reached too."""
    lines = dump_lines(data)
    if len(lines) < 2 or rng.random() < 0.5:
        return data
    crc = zlib.crc32("".join(line + "\n" for line in lines[:-1]).encode("latin-1"))
    return data.replace(lines[-1].encode("latin-1"),
                        b'@pt {"lines":%d,"crc32":"%08x"}' % (len(lines) - 1, crc))


def judge_dump(data):
    text = data.decode("latin-1")
    try:
        source = dump.source(text)
    except dump.DumpError:
        return
    lines = dump_lines(data)
    crc = zlib.crc32("".join(line + "\n" for line in lines[:-1]).encode("latin-1"))
    assert f'"crc32":"{crc:08x}"' in lines[-1], "taken with another sum"
    assert len(source.cpus) == sum('"cpu":' in line for line in lines)
    try:
        layout = layouts.from_text(text)
    except (KeyError, TypeError, ValueError):
        return
    try:
        found = reader.look(source, layout)
    except (lpae.BadTables, memory.BadMemory):
        return
    json.dumps(show.findings_data(found, layout))
    assert show.findings_text(found, layout)


# -- what is drawn -----------------------------------------------------------------------------


def judge_said(data):
    """Facts, or what is wrong; what was counted came, each within its own bounds."""
    try:
        found = said.read(data.decode("latin-1"))
    except said.Unreadable:
        return
    for area in (*(found.ranges or ()), *found.areas):
        assert area.start < 1 << 32 and area.end <= 1 << 32


# -- the receiver's answers --------------------------------------------------------------------


class Receiver:
    """At the other end of the line: says what the input says, a byte or silence at a time."""

    def __init__(self, data):
        self._left, self.heard, self.blocks = iter(data), b"", []

    def send(self, data):
        self.blocks.append(data)
        assert len(self.blocks) < 1000

    def more(self, _seconds):
        if (byte := next(self._left, 0xff)) == 0xff:
            return False
        self.heard += bytes([byte])
        return True

    def until(self, pattern, seconds):
        while True:
            if match := pattern.search(self.heard):
                self.heard = self.heard[match.end():]
                return match
            if not self.more(seconds):
                return None

    def forget(self):
        self.heard = b""


FILE = bytes(range(256)) * 9 + b"the end"


def answers():
    good = b"C" + b"\x06C" + b"\x06" * 3 + b"\x06C" + b"\x06"
    return [good, b"", b"C", b"CC" + good, b"C\x18\x18", b"C" + b"\x15" * 40, b"C\xff\xff\x06C\x15\x06\x06\x06\x06C\x06",
            b"C\x06C\x06CC\xff\x06\x06\x06C\x06"]


def judge_sender(data):
    """Who is told that all of it got there has heard so of each block; who is not has cancelled."""
    line = Receiver(data[:400])
    try:
        ymodem.Sender(line).send("file", FILE)
    except ymodem.TransferError:
        return
    acked = data[:400].count(b"\x06")
    sent = [block[3:3 + 1024] for block in dict.fromkeys(line.blocks) if block[:1] == ymodem.STX]
    assert b"".join(sent)[:len(FILE)] == FILE
    assert acked >= 1 + len(sent) + 2, f"{acked} answers for {len(sent)} blocks"


TARGETS = {target.name: target for target in (
    Target("dump", dumps, judge_dump, summed_again),
    Target("judge", recordings, judge_stream),
    Target("lava", lava_logs, judge_lava),
    Target("said", logs, judge_said),
    Target("sender", answers, judge_sender),
)}

