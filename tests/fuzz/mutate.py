#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Fuzzes the host's own readers of what comes over a line: what a board, or whoever holds it, may send.

    mutate.py TARGET --runs N [--seed N]     so many inputs, the same each time
    mutate.py TARGET --time S [--out FOLDER] for so many seconds, other ones each time
    mutate.py TARGET FILE...                 these inputs, as they are

Each input is one of the corpus (readers.py), damaged a few times: bits, bytes, pieces, lines, numbers,
JSON. The readers are Python, so the sanitizer is that nothing but their own errors may come out; and
each has somebody who knows what must not come of the bytes. What breaks one is kept in FOLDER.
Exit status: 0, or 1 with the input's name.
"""

import argparse
import hashlib
import pathlib
import random
import re
import signal
import sys
import time
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import readers  # noqa: E402  (needs the path above)

PATIENCE_S = 20  # for one input
BYTES_MAX = 256 << 10
WORDS = [b"", b"0", b"-1", b"1", b"true", b"null", b"[]", b"{}", b'""', b"NaN", b"1e999", b"0x", b"\xff",
         b"4294967296", b"18446744073709551616", b"9" * 5000, b"[" * 3000, b'{"a":' * 3000, b"\x00", b"\r\n",
         b'"', b"\\", b"\\ud800", b"0x_1", b"-0x1", b"1.5"]
_NUMBER = re.compile(rb'"?(?:0x)?[0-9a-f]+"?')


class TooSlow(Exception):
    """An input that takes longer than any does."""


def _slow(_number, _frame):
    raise TooSlow(f"not done after {PATIENCE_S} s")


def _piece(rng, data):
    at = rng.randrange(len(data) + 1)
    return at, min(at + rng.choice((1, 2, 8, 40, 400)), len(data))


def _lines(rng, data):
    lines = data.split(b"\n")
    at, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    how = rng.randrange(4)
    if how == 0:
        del lines[at]
    elif how == 1:
        lines.insert(other, lines[at])
    elif how == 2:
        lines[at], lines[other] = lines[other], lines[at]
    elif at != other:
        lines[at] += lines[other]
        del lines[other]
    return b"\n".join(lines)


def damaged(rng, data, corpus):
    """One step: data with something wrong in it, or with a piece of another input."""
    at, end = _piece(rng, data)
    how = rng.randrange(8)
    if how == 0 and data:
        at = rng.randrange(len(data))
        return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1:]
    if how == 1:
        return data[:at] + data[end:]
    if how == 2:
        return data[:end] + data[at:]
    if how == 3:
        return data[:at] + rng.choice(WORDS) + data[at:]
    if how == 4:
        other = rng.choice(corpus)
        begin, behind = _piece(rng, other)
        return data[:at] + other[begin:behind] + data[end:]
    if how == 5:
        return _lines(rng, data)
    found = [m.span() for m in _NUMBER.finditer(data, at)][:50]
    if not found:
        return data[:at]
    at, end = rng.choice(found)
    return data[:at] + rng.choice(WORDS) + data[end:]


def tried(target, data):
    """None, or how it broke."""
    signal.alarm(PATIENCE_S)
    try:
        target.judge(data)
    except Exception:  # whatever it is, it is what we are looking for
        return traceback.format_exc(limit=-6)
    finally:
        signal.alarm(0)
    return None


def broken(target, data, text, folder):
    path = pathlib.Path(folder) / f"{target.name}-{hashlib.sha1(data).hexdigest()}"
    path.write_bytes(data)
    print(f"{text}\n{target.name}: {path} ({len(data)} bytes)", file=sys.stderr)
    return 1


def fuzz(target, args):
    """Until the runs or the time are used up: the corpus as it is, then damaged."""
    rng = random.Random(args.seed if args.time is None else None)
    corpus = target.corpus()
    end = time.monotonic() + (args.time or 1e9)
    count = 0
    while count < args.runs and time.monotonic() < end:
        data = corpus[count] if count < len(corpus) else rng.choice(corpus)
        for _ in range(rng.randrange(1, 5) if count >= len(corpus) else 0):
            data = damaged(rng, data, corpus)[:BYTES_MAX]
        if count >= len(corpus):
            data = target.repaired(rng, data)
        if text := tried(target, data):
            return broken(target, data, text, args.out)
        count += 1
    print(f"{target.name}: {count} inputs, {len(corpus)} of them the corpus")
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", choices=sorted(readers.TARGETS))
    parser.add_argument("files", nargs="*", metavar="FILE")
    parser.add_argument("--runs", type=int, default=1 << 60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--time", type=float)
    parser.add_argument("--out", default=".")
    args = parser.parse_args()
    signal.signal(signal.SIGALRM, _slow)
    target = readers.TARGETS[args.target]
    for name in args.files:
        if text := tried(target, pathlib.Path(name).read_bytes()):
            print(f"{text}\n{name}", file=sys.stderr)
            return 1
    return 0 if args.files else fuzz(target, args)


if __name__ == "__main__":
    sys.exit(main())
