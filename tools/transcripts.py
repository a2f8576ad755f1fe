#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Replays the transcripts in the documents and compares them with what is printed now.

    tools/transcripts.py [--build DIR] [--write] [FILE…]
    tools/transcripts.py [--build DIR] --bench

A transcript is a fenced block marked `console`: a line `$ COMMAND`, then what it prints. The line
`[...]` stands for any lines. Functions that commands use are defined in the document's `sh` blocks
(those that begin so). A command runs just as a reader types it; only build/ is the folder given.
A line that begins with the monitor's prompt is typed there, when the prompt stands on the terminal,
and the last one must end the machine. A block that begins with the prompt goes on where the block
before it stopped: so text may stand between what one run says.

Owns: what counts as a difference (RULES, which docs/tour.md states word by word); --write, which
puts what is printed now between the first and the last line of each part that is shown; --bench,
which puts what `make bench` found last, and what is recorded of Linux, into docs/performance.md.
Must never: change a document that it cannot follow.
"""

import argparse
import datetime
import difflib
import functools
import os
import pathlib
import pty
import re
import subprocess
import sys
import tempfile
import tty

from linux import record

ROOT = pathlib.Path(__file__).resolve().parents[1]
DOCUMENTS = ("README.md", "docs/tour.md")
PERFORMANCE = ROOT / "docs" / "performance.md"
TIMEOUT = 300
GAP = "[...]"
PROMPTS = ("fanlight> ", "panic> ")

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_IMAGE_PA = range(0x80010001, 0x80210000)  # behind the image's start: it and what lies next to it
_NUMBER = re.compile(r"\d{3,}")
_HEX = re.compile(r"\b(0x)?[0-9a-f]{4,16}\b")


class Trouble(Exception):
    """A transcript that cannot be replayed, or written."""


def _physical(m):
    """An address in the image keeps what tells where in its page it lies."""
    return f"(image){m[2][-3:]}" if int(m[2], 16) in _IMAGE_PA else m[0]


def _no_numbers(m):
    return _NUMBER.sub("N", m[0])


# What may differ, in the words of docs/tour.md, and how it is taken out, line by line.
RULES = (
    ("the ids of a boot and of a build",
     (r'("id":"|"build":"|build   )[0-9a-f]+', r"\1")),
    ("addresses inside the image, whose size changes; physical ones keep their last three digits",
     (r"\b(0x)?ff[cd][0-9a-f]{5}\b(?<!ffc00000)", "(image)"),
     (r"(\b0x|\b)([0-9a-f]{16}|[0-9a-f]{10})\b", _physical)),
    ("registers, offsets behind function names, the numbers of fatal tests' functions",
     (r"^(r0-r3|r4-r7|r8-r11|r12 sp lr pc|cpsr)\b.*", r"\1"),
     (r"\+0x[0-9a-f]+$", ""),
     (r"\bfatal_run_\d+", "fatal_run")),
    ("how many tests there are, and sums over their lines",
     (r"^@sum .*", "@sum"),
     (r"^( *1\.\.)\d+$", r"\1N"),
     (r"\(\d+ (tests?|passed)", r"(N \1"),
     (r"\b\d+ skipped\b", "N skipped"),
     (r"\b(pass|skip):\d+", r"\1:N")),
    ("how large the image is, and how much memory it leaves",
     (r"image +\d+ KiB", "image N KiB"),
     (r'"(reserved|free|lowmem_free)":\d+', r'"\1":N'),
     (r"^  0xc00[0-9a-f]{5} to 0xc0[0-9a-f]{6} +\d+ KiB", "  (around the image) N KiB"),
     (r"^(  (?:0xffc00000|\(image\)) to \(image\)) +\d+ KiB", r"\1 N KiB"),
     (r"^(\d+ ranges?), \d+ KiB mapped$", r"\1, N KiB mapped"),
     (r"^(@mem|memtest:) .*", _no_numbers)),
    ("where tables and pages lie that were taken from lowmem",
     (r"(\blevel [23] at 0x)[0-9a-f]{7}", r"\1(table)"),
     (r"\b[0-9a-f]{13}003 table 0x[0-9a-f]{10}\b", "(table)"),
     (r"\b0xc8[0-9a-f]{6}\b", "(page)"),
     (r"\bpfn 0x88[0-9a-f]{3}\b", "pfn (page)")),
    ("how often a thread ran, and an interrupt came",
     (r"^( +\d+  \w+ +\d+ +\w+)  runn(?:able|ing) +\d+ ", r"\1 N "),
     (r"^( +\d+ \w+)( +\d+)+$", r"\1 N")),
    ("time and speed",
     (r'"mb_s":\w+', '"mb_s":N'),
     (r'"left_s":\w+', '"left_s":N'),
     (r"\bfor \d+ s$", "for N s"),
     (r"\b\d+ m?s ago\b", "N s ago"),
     (r"\bin \d+\.\d s$", "in N s")),
    ("instructions counted, for which there is `make bench`",
     (r'"insns":[0-9.]+', '"insns":N')),
)


def normalized(line):
    """The line without what may differ."""
    for _, *replacements in RULES:
        for pattern, by in replacements:
            line = re.sub(pattern, by, line)
    return line


# -- running ---------------------------------------------------------------------------------


def _shell(command, prelude, build):
    """What the shell runs: `make run` is the runner behind it, without building first."""
    m = re.match(r"make run(?: ARGS=(\S+|'[^']*'))?$", command)
    if m:
        command = (f"{sys.executable} tools/runner run --build build/ --board vexpress-a15 -- "
                   f"{m[1] or ''}")
    return re.sub(r"(?<![\w/.-])build/", f"{build}/", f"{prelude}\n{command}\n")


@functools.lru_cache(maxsize=None)
def _run(script, build, typed=()):
    """What the script shows on a terminal. Of its complaints, only the runner's count."""
    terminal, theirs = pty.openpty()
    tty.setraw(theirs)  # keys reach whoever asks for them as they are, from the start
    with tempfile.TemporaryFile() as errors:
        with subprocess.Popen(["timeout", str(TIMEOUT), "bash", "-c", script], cwd=ROOT,
                              stdin=theirs if typed else subprocess.DEVNULL, stdout=theirs,
                              stderr=errors) as process:
            os.close(theirs)
            data, left = _converse(terminal, list(typed), process)
        os.close(terminal)
        errors.seek(0)
        complaints = errors.read().decode("latin-1").splitlines()
    if process.returncode == 124 or not data or left:
        raise Trouble("\n".join(["nothing came, or it did not end:", script, *left, *complaints,
                                 *data.decode("latin-1").splitlines()[-3:]]))
    lines = data.decode("latin-1").replace("\r", "").splitlines()
    lines += [line for line in complaints if line.startswith("runner:")]
    return tuple(line.replace(f"{build}/", "build/").rstrip() for line in lines)


def _converse(terminal, typed, process):
    """What comes until the end, and the lines that nobody asked for; one is typed at each prompt."""
    prompts, data = tuple(b"\n" + prompt.encode() for prompt in PROMPTS), b""
    while more := _read(terminal):
        data += more
        if data.endswith(prompts):
            if not typed:
                process.terminate()  # it waits for a person
                raise Trouble("the monitor is left at its prompt: the last line must end it")
            os.write(terminal, typed.pop(0).encode() + b"\r")
    return data, typed


def _read(terminal):
    try:
        return os.read(terminal, 65536)
    except OSError:  # the other end is closed
        return b""


# -- comparing -------------------------------------------------------------------------------


def _parts(shown):
    """The runs of lines between gaps; an empty one where a gap stands at an end."""
    parts = [[]]
    for line in shown:
        if line.strip() == GAP:
            parts.append([])
        else:
            parts[-1].append(line.rstrip())
    return parts


def _find(part, printed, at, anchored_end):
    """Where part stands in printed, at or after `at`; None: nowhere. Both normalized."""
    last = len(printed) - len(part)
    for i in range(last if anchored_end else at, last + 1):
        if i >= at and printed[i:i + len(part)] == part:
            return i
    return None


def difference(shown, printed):
    """None if the lines shown are those printed, else a diff for people."""
    actual = [normalized(line) for line in printed]
    parts, at = _parts(shown), 0
    for i, part in enumerate(parts):
        wanted = [normalized(line) for line in part]
        first, last = i == 0, i == len(parts) - 1
        if first:
            found = 0 if actual[:len(wanted)] == wanted else None
            if last and len(actual) != len(wanted):
                found = None
        else:
            found = _find(wanted, actual, at, last and bool(wanted))
        if found is None:
            near = actual[at:] if first or last else _closest(wanted, actual[at:])
            diff = difflib.unified_diff(wanted, near, "document", "printed", n=2)
            return "\n".join(line.rstrip("\n") for line in diff)
        at = found + len(wanted)
    return None


def _closest(wanted, actual):
    """The lines of actual from the first wanted one on."""
    at = actual.index(wanted[0]) if wanted[0] in actual else 0
    return actual[at:at + len(wanted) + 5]


def _alike(line, wanted):
    """Whether only hexadecimal numbers differ."""
    return _HEX.sub("N", line) == _HEX.sub("N", wanted)


def _index(lines, wanted, at):
    """Where wanted is; or, as an author may write it at first, a line that begins so; or one with
    other addresses."""
    return next((i for test in (str.__eq__, str.startswith, _alike)
                 for i in range(at, len(lines)) if test(lines[i], wanted)), None)


def updated(shown, printed):
    """The lines shown, each part replaced by what is printed from its first line to its last."""
    actual = [normalized(line) for line in printed]
    parts, at, out = _parts(shown), 0, []
    for i, part in enumerate(parts):
        if i > 0:
            out.append(GAP)
        if not part:
            continue
        begin = 0 if i == 0 else _index(actual, normalized(part[0]), at)
        end = begin if begin is None or len(part) == 1 else \
            _index(actual, normalized(part[-1]), begin + 1)
        if i == len(parts) - 1:
            end = len(actual) - 1
        if begin is None or end is None:
            raise Trouble(f"not printed any more: {part[0]} up to {part[-1]}")
        out += printed[begin:end + 1]
        at = end + 1
    return out


# -- documents -------------------------------------------------------------------------------


def transcripts(text):
    """([(span of a block's body, its lines shown)], command lines) for each in a document."""
    found = []
    for m in _BLOCK.finditer(text):
        if m[1] != "console":
            continue
        lines = m[2].splitlines()
        if lines and lines[0].startswith(PROMPTS) and found:
            found[-1][0].append((m.span(2), lines))
            continue
        if not lines or not lines[0].startswith("$ "):
            raise Trouble(f"a console block without a command: {m[2][:60]!r}")
        count = 1
        while lines[count - 1].endswith("\\"):
            count += 1
        found.append(([(m.span(2), lines[count:])], lines[:count]))
    return found


def all_shown(blocks):
    """The lines of all of a transcript's blocks."""
    return [line for _, shown in blocks for line in shown]


def divided(lines, blocks):
    """The lines as they belong to the blocks: each has as many prompts as before."""
    parts, left = [[]], [len(typed_lines(shown)) for _, shown in blocks]
    for line in lines:
        if line.startswith(PROMPTS):
            if left[0] == 0:
                parts.append([])
                left.pop(0)
            left[0] -= 1
        parts[-1].append(line)
    return parts


def _prelude(text):
    """The functions that are defined in the document."""
    return "".join(m[2] for m in _BLOCK.finditer(text)
                   if m[1] == "sh" and re.match(r"\w+\(\) \{$", m[2].splitlines()[0]))


def typed_lines(shown):
    """What a person types at the monitor's prompts."""
    return tuple(line.removeprefix(prompt) for line in shown for prompt in PROMPTS
                 if line.startswith(prompt))


def printed_by(text, command_lines, shown, build):
    """What a transcript's command prints now, when what it shows is typed at the prompts."""
    command = " ".join(line.rstrip("\\").strip() for line in command_lines)[2:]
    return list(_run(_shell(command, _prelude(text), build), str(build), typed_lines(shown)))


def problems(path, build):
    """Yields a text for each transcript of the document that is not what is printed now."""
    text = path.read_text(encoding="utf-8")
    for blocks, command in transcripts(text):
        shown = all_shown(blocks)
        diff = difference(shown, printed_by(text, command, shown, build))
        if diff is not None:
            yield f"{path.name}: {command[0]}\n{diff}"


def rewrite(path, build):
    """Brings a document's transcripts up to date."""
    text = out = path.read_text(encoding="utf-8")
    for blocks, command in reversed(transcripts(text)):
        shown = all_shown(blocks)
        parts = divided(updated(shown, printed_by(text, command, shown, build)), blocks)
        parts[0] = [*command, *parts[0]]
        for ((start, end), _), lines in reversed(list(zip(blocks, parts))):
            out = out[:start] + "\n".join([*lines, ""]) + out[end:]
    path.write_text(out, encoding="utf-8")


def with_block(text, name, block):
    """The document with the contents of its one block of that name put in."""
    text, count = re.subn(rf"^```{name}\n.*?^```$", lambda _: f"```{name}\n{block}\n```", text,
                          flags=re.MULTILINE | re.DOTALL)
    if count != 1:
        raise Trouble(f"{PERFORMANCE.name} has {count} blocks `{name}`, not one")
    return text


def write_bench(build):
    """Puts the table of the last `make bench` and the recorded one of Linux into the document."""
    text = with_block(PERFORMANCE.read_text(), "bench-linux", record.render(record.load()))
    found = build / "results" / "bench.txt"
    if found.is_file():
        day = datetime.date.fromtimestamp(found.stat().st_mtime)
        text = with_block(text, "bench", f"make bench, {day}\n\n{found.read_text().rstrip()}")
    PERFORMANCE.write_text(text)


def main():
    parser = argparse.ArgumentParser(description="replays the documents' transcripts")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    parser.add_argument("--write", action="store_true", help="bring the documents up to date")
    parser.add_argument("--bench", action="store_true", help="update the table in performance.md")
    parser.add_argument("files", nargs="*", type=pathlib.Path, metavar="FILE")
    args = parser.parse_args()
    files = args.files or [ROOT / name for name in DOCUMENTS]
    try:
        if args.bench:
            return write_bench(args.build.resolve())
        if args.write:
            for path in files:
                rewrite(path, args.build.resolve())
        found = [p for path in files for p in problems(path, args.build.resolve())]
    except (Trouble, OSError, record.RecordError) as error:
        return f"transcripts: {error}"
    return "\n".join(found) or None


if __name__ == "__main__":
    sys.exit(main())
