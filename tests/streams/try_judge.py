#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Tries any judge on the streams of this folder, and says which ones it misjudges.

    try_judge.py [--exact] [--only GLOB] -- COMMAND [ARGUMENT]…

COMMAND is run once for each stream. It says `pass` by exit status 0, and `no pass` by any other;
with --exact the status must be the number of the verdict (README.md). In its arguments these are
replaced:

    {file}      the stream's file; without it, the stream comes on standard input
    {kind}      what the boot was asked for: suites, fatal, memtest or memtest-all
    {tests}     a file with the names of the tests that the image has, one a line
    {may_skip}  globs of those that may skip, with commas between
    {build}     the image's build-id
    {fatal}     the fatal test that a boot of kind fatal was asked for

Any other {word} is an error; `{ word }`, as awk takes it too, is left alone.

Exit status: 0 all are judged right, 1 some are not, 2 the judge can't be tried.
Needs Python 3.11, and nothing else of this repository.
"""

import argparse
import concurrent.futures
import fnmatch
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import tomllib

KIT = pathlib.Path(__file__).resolve().parent
STATUS = {"pass": 0, "fail": 1, "crash": 2, "hang": 3, "truncated": 4, "corrupted": 5,
          "unexpected reset": 6, "infra": 7}
PATIENCE = 60  # seconds for one stream


WORDS = ("{file}", "{kind}", "{tests}", "{may_skip}", "{build}", "{fatal}")


class Trouble(Exception):
    """The judge can't be tried."""


def asked(manifest, names):
    """What is the same for all streams: placeholder -> text."""
    names.write_text("".join(f"{test}\n" for test in manifest["tests"]))
    return {"{tests}": str(names), "{may_skip}": ",".join(manifest["may_skip"]),
            "{build}": manifest["build"], "{fatal}": manifest["fatal"]}


def judged(command, name, words):
    """The judge's exit status, None if it took too long; and the last line that it said."""
    file = KIT / f"{name}.bin"
    words = {**words, "{file}": str(file)}
    argv = list(command)
    for word, text in words.items():
        argv = [argument.replace(word, text) for argument in argv]
    on_file = any("{file}" in argument for argument in command)
    try:
        with open(os.devnull if on_file else file, "rb") as stream:
            done = subprocess.run(argv, stdin=stream, capture_output=True, timeout=PATIENCE,
                                  check=False)
    except subprocess.TimeoutExpired:
        return None, ""
    except OSError as error:
        raise Trouble(f"{argv[0]}: {error.strerror}") from error
    lines = (done.stdout + done.stderr).decode(errors="replace").splitlines()
    return done.returncode, lines[-1] if lines else ""


def as_word(status, exact):
    """The judge's answer as a word."""
    if status is None:
        return "no answer"
    if not exact:
        return "pass" if status == 0 else "no pass"
    return next((v for v, number in STATUS.items() if number == status), f"status {status}")


def is_right(want, answer, exact):
    """Whether that is what the manifest says."""
    if exact:
        return answer == want
    return answer == ("pass" if want == "pass" else "no pass")


def report(manifest, answers, exact):
    """Prints what was misjudged; the exit status."""
    wrong = {name: got for name, (got, _) in answers.items()
             if not is_right(manifest["stream"][name]["verdict"], got, exact)}
    for name, got in wrong.items():
        want = manifest["stream"][name]
        print(f"{name:26} is {want['verdict']}, was judged {got}: {want['why']}")
    if len({got for got, _ in answers.values()}) == 1 and len(answers) > 1:
        got, said = next(iter(answers.values()))
        print(f"it judged each of them {got}; the first time it said: {said!r}")
    print(f"kit {manifest['version']}: {len(answers)} streams, {len(wrong)} misjudged, "
          f"{sum(got == 'pass' for got in wrong.values())} of them taken for a pass")
    return 1 if wrong else 0


def main():
    about, more = __doc__.split("\n\n", maxsplit=1)
    parser = argparse.ArgumentParser(description=about, epilog=more.split("\n\n", maxsplit=1)[1],
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--exact", action="store_true", help="the exit status is the verdict")
    parser.add_argument("--only", default="*", metavar="GLOB", help="streams with such names")
    parser.add_argument("command", nargs="+", help="the judge, behind --")
    args = parser.parse_args()
    manifest = tomllib.loads((KIT / "streams.toml").read_text())
    chosen = [n for n in manifest["stream"] if fnmatch.fnmatchcase(n, args.only)]
    with tempfile.TemporaryDirectory(prefix="streams.") as folder, \
            concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        words = asked(manifest, pathlib.Path(folder) / "tests")

        def answer(name):
            mine = {**words, "{kind}": manifest["stream"][name]["kind"]}
            status, said = judged(args.command, name, mine)
            return as_word(status, args.exact), said

        try:
            if unknown := set(re.findall(r"\{\w+\}", " ".join(args.command))) - set(WORDS):
                raise Trouble(f"{min(unknown)} is none of {' '.join(WORDS)}")
            if not chosen:
                raise Trouble(f"--only {args.only}: no such stream")
            answers = dict(zip(chosen, pool.map(answer, chosen), strict=True))
        except Trouble as trouble:
            print(f"try_judge: {trouble}", file=sys.stderr)
            return 2
    return report(manifest, answers, args.exact)


if __name__ == "__main__":
    sys.exit(main())
