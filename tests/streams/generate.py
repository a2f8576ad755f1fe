#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Writes the recorded streams of this folder, and streams.toml, which says what each must be judged.

The streams stand for what serial lines, resets and crashes do to a good run. They are a kit for
anyone who writes a reader of the protocol: feed it each .bin file and compare its verdict with the
manifest. This file knows the protocol from docs/serial-protocol.md alone; it shares no code with
the harness, so that the two can disagree.

    generate.py            write the files, and the table in README.md
    generate.py --check    exit 1 if the stored files are not what would be written
"""

import hashlib
import pathlib
import re
import sys
import zlib

HERE = pathlib.Path(__file__).resolve().parent
# Of the kit. The second number goes up when streams come, the first when one goes or changes, or is
# to be judged otherwise: a judge that was right may then be wrong. DIGEST is that of all streams and
# verdicts, so that neither happens unnoticed.
VERSION = "1.1"
DIGEST = "cb8886d092c25eeaf87d2538f74dcae502e6985041a3836a26ff278fa132cdca"
PROTOCOL = 1
BUILD = "5fd1c0ffee5fd1c0ffee5fd1c0ffee5fd1c0ffee"
BOOT = '@boot {"v":1,"id":"00000000075bcd15","build":"%s","board":"V2P-CA15"}' % BUILD
REGIONS = [("lowmem", 0xc0000000, 0x2f000000, "direct"),
           ("vmalloc", 0xef200000, 0x0f000000, "vmalloc"),
           ("bigwin", 0xfe200000, 0x01200000, "temporary"),
           ("pkmap", 0xff400000, 0x00200000, "permanent"),
           ("fixmap", 0xff600000, 0x00200000, "fixed"),
           ("image", 0xffc00000, 0x00200000, "direct")]
LAYOUT = ('@layout {"v":1,"split":"3g","page_offset":"0xc0000000","phys_offset":"0x0080000000",'
          '"mem":{"total":8589934592,"lowmem":788529152,"highmem":7801405440,"reserved":4194304,'
          '"free":8585740288,"lowmem_free":754712576},"regions":[%s]}'
          % ",".join('{"name":"%s","start":"0x%08x","size":"0x%08x","kind":"%s"}' % region
                     for region in REGIONS))
BANNER = ["Fanlight, a small kernel with high windows", "8192 MiB of RAM"]
STORY = ["The story of one page", "it lies at 0x0123456000, above 4 GiB"]
SUITES = {
    "highmem": [("highmem.copy_kmap_atomic", "ok"), ("highmem.nesting", "ok"),
                ("highmem.depth_error", "ok")],
    "pkmap": [("pkmap.counted", "ok"), ("pkmap.wraps", "ok")],
    "tlb": [("tlb.stale_local", "skip"), ("tlb.stale_broadcast", "ok")],
}
TESTS = [name for tests in SUITES.values() for name, _ in tests]
PANIC = ["# interrupted", '@panic {"rule":"kunmap.not_mapped","text":"kunmap of 0xff812000"}',
         "r0 00000000 r1 ff812000", "# panic: poweroff"]


def summed(suite, lines):
    """The closing checksum line over a suite's lines."""
    crc = zlib.crc32("".join(line + "\n" for line in lines).encode())
    return '@sum {"suite":"%s","lines":%d,"crc32":"%08x"}' % (suite, len(lines), crc)


def suite_lines(number, name, results, plan=None):
    """A suite with its checksum."""
    lines = ["    KTAP version 1", "    # Subtest: " + name,
             "    1..%d" % (len(results) if plan is None else plan)]
    for i, (test, result) in enumerate(results, 1):
        word = "not ok" if result == "fail" else "ok"
        if result == "fail":
            lines.append("    # %s: expected 1, got 0" % test)
        skip = " # SKIP entries do not outlive a flush here" if result == "skip" else ""
        lines.append("    %s %d %s%s" % (word, i, test, skip))
    failed = any(result == "fail" for _, result in results)
    lines.append("%s %d %s" % ("not ok" if failed else "ok", number, name))
    return [*lines, summed(name, lines)]


def run(suites=None, totals=None, end=None):
    """A whole run, as a list of lines."""
    suites = SUITES if suites is None else suites
    lines = [*BANNER, BOOT, LAYOUT, *STORY, "KTAP version 1", "1..%d" % len(suites)]
    for number, (name, results) in enumerate(suites.items(), 1):
        lines += suite_lines(number, name, results)
    flat = [result for results in suites.values() for _, result in results]
    counts = totals or [flat.count(r) for r in ("ok", "fail", "skip")]
    lines.append("# Totals: pass:%d fail:%d skip:%d" % tuple(counts))
    verdict = end or ("fail" if "fail" in flat else "pass")
    return [*lines, '@end {"verdict":"%s"}' % verdict]


def wire(lines, ending="\r\n"):
    """Lines as the kernel sends them."""
    return "".join(line + ending for line in lines).encode("latin-1")


def with_result(test, result):
    """The suites, one result changed."""
    return {name: [(t, result if t == test else r) for t, r in results]
            for name, results in SUITES.items()}


def index(lines, start):
    """Where the first line is that starts so."""
    return next(i for i, line in enumerate(lines) if line.startswith(start))


def edited(start, *new):
    """The good run with one line replaced by others, its checksums left as they were."""
    lines = run()
    at = index(lines, start)
    return [*lines[:at], *new, *lines[at + 1:]]


def cut_in(start, keep):
    """The good run's bytes up to `keep` characters into a line."""
    lines = run()
    at = index(lines, start)
    return wire(lines[:at]) + lines[at][:keep].encode()


def rechecked_lie():
    """`not ` lost before the checksum was made: the suite's result gives it away."""
    lines = run(with_result("highmem.nesting", "fail"))
    at, end = index(lines, "    KTAP"), index(lines, "@sum")
    body = [line.replace("    not ok", "    ok") for line in lines[at:end]]
    return [*lines[:at], *body, summed("highmem", body), *lines[end + 1:]]


def good():
    """Runs that must pass."""
    yield "good", "pass", wire(run()), "a whole run, one listed skip"
    yield "good-lf", "pass", wire(run(), "\n"), "a capture program took the carriage returns"
    yield "good-crcrlf", "pass", wire(run(), "\r\r\n"), "a terminal added carriage returns"
    yield ("good-after-noise", "pass", b"\x00\xff\xfe\x80\x00U-Boot 2023.01\r\nok 1 loader\r\n\x00"
           + wire([""] + run()), "power-on noise and a loader's words before the banner")
    yield "good-then-words", "pass", wire(run() + ["Power down."]), "words after @end claim nothing"


def failing():
    """Sound streams of runs that did not do what was asked."""
    yield "failed", "fail", wire(run(with_result("pkmap.wraps", "fail"))), "a test failed"
    yield "zero-tests", "fail", wire(run({})), "an empty plan, and a verdict of pass"
    yield ("no-plan", "fail", wire([*BANNER, BOOT, LAYOUT, '@end {"verdict":"pass"}']),
           "no KTAP at all, and a verdict of pass")
    yield ("nothing-selected", "fail", wire([*BANNER, BOOT, LAYOUT, "selftest: nothing matches",
                                             '@end {"verdict":"fail"}']), "no test was selected")
    yield ("unlisted-skip", "fail", wire(run(with_result("highmem.nesting", "skip"))),
           "a skip that the run's entry does not list")
    yield ("missing-test", "fail", wire(run({n: r for n, r in SUITES.items() if n != "pkmap"})),
           "two tests of the image never ran; the stream itself is sound")
    extra = {**SUITES, "pkmap": [*SUITES["pkmap"], ("pkmap.surprise", "ok")]}
    yield "unknown-test", "fail", wire(run(extra)), "a test that the image does not have"
    yield "end-fail", "fail", wire(run(end="fail")), "all passed, the kernel's own verdict is fail"


def crashing():
    """Panics, wherever they strike."""
    lines = run()
    at = index(lines, "    ok 2 highmem")
    yield "panic", "crash", wire(lines[:at] + PANIC), "a panic between two results"
    torn = wire(lines[:at]) + b"    ok 2 highm"
    yield "panic-fresh-line", "crash", torn + wire(["", *PANIC]), "the torn line got a newline"
    yield "panic-inside-line", "crash", torn + wire(PANIC), "the torn line got none"
    yield "panic-torn", "crash", torn + wire(["", "# interrupted"]) + b'@panic {"rule":"fau', \
        "the panic itself was cut short"
    yield "panic-only-mark", "crash", torn + wire(["", "# interrupted"]), "silence after the mark"
    yield ("panic-early", "crash",
           wire(['@panic {"rule":"","text":"this CPU has no LPAE: MIDR 0x410fc090"}']),
           "before there was a console: no @boot")
    yield "panic-after-end", "crash", wire(lines + PANIC), "the verdict was already out"
    yield ("panic-then-reboot", "crash",
           wire(lines[:at] + PANIC[:-1] + ["# panic: reboot"] + run()),
           "panic=reboot: the second boot was announced and is part of the crash")


def ending():
    """Streams that stop too early, or start again."""
    lines = run()
    at = index(lines, "    ok 2 highmem")
    yield "empty", "truncated", b"", "nothing at all"
    yield "only-noise", "truncated", bytes((i * 167 + 13) % 256 for i in range(3000)), \
        "nothing but noise, a wrong baud rate for one"
    yield "truncated", "truncated", cut_in("    ok 2 highmem", 9), "stops inside a line"
    yield "truncated-between", "truncated", wire(lines[:index(lines, "@sum")]), \
        "stops before a checksum"
    yield "missing-end", "truncated", wire(lines[:-1]), "everything but @end"
    yield "torn-end", "truncated", wire(lines)[:-2], "@end without its line end"
    yield "half-end", "truncated", cut_in("@end", 12), "half of @end"
    yield "reboot", "unexpected reset", wire(lines[:at]) + b"    ok 2 h" + wire(run()), \
        "a watchdog: the new banner starts inside a line, and the second run is whole"
    yield "reboot-silent", "unexpected reset", wire(lines[:at] + run()[:4]), \
        "resets and goes silent"
    yield "second-boot-after-end", "unexpected reset", wire(run() + run()), \
        "two whole runs: the first did not end the boot"
    yield "boot-torn-in", "unexpected reset", wire(lines[:at]) + b"    ok 2 h" + wire(run()[2:]), \
        "the second @boot is inside a line"


def corrupted():
    """Streams that contradict themselves."""
    lines = run()
    failed = run(with_result("highmem.nesting", "fail"))
    lost = [line.replace("    not ok", "    ok") for line in failed]
    yield "lost-not", "corrupted", wire(lost), "four bytes lost: a fail reads as a pass"
    at = index(failed, "not ok 1")
    relabelled = [*lost[:at], "ok 1 highmem", *lost[at + 1:-2],
                  "# Totals: pass:6 fail:0 skip:1", '@end {"verdict":"pass"}']
    yield "lost-not-everywhere", "corrupted", wire(relabelled), \
        "every sign of the failure lost; only the checksum knows"
    yield "lost-not-rechecked", "corrupted", wire(rechecked_lie()), \
        "the checksum is right, and the suite contradicts its tests"
    yield "torn-line", "corrupted", wire(edited("    ok 2 highmem", "    ok 2 high")), \
        "a result lost its tail"
    yield "merged-lines", "corrupted", wire(lines).replace(
        b"copy_kmap_atomic\r\n    ok 2", b"copy_kmap_atomic    ok 2"), "a line end was lost"
    yield "lost-line", "corrupted", wire(edited("    ok 3 highmem")), "a result was lost"
    yield "doubled-line", "corrupted", wire(edited("    ok 2 highmem", "    ok 2 highmem.nesting",
                                                   "    ok 2 highmem.nesting")), "sent twice"
    yield "wrong-crc", "corrupted", wire(edited(
        "@sum", '@sum {"suite":"highmem","lines":7,"crc32":"00000000"}')), "a wrong checksum"
    good_sum = lines[index(lines, "@sum")]
    yield "wrong-count", "corrupted", wire(edited("@sum", good_sum.replace(
        '"lines":7', '"lines":8'))), "a wrong line count"
    yield "wrong-suite", "corrupted", wire(edited("@sum", good_sum.replace(
        "highmem", "pkmap"))), "the checksum of another suite"
    yield "missing-sum", "corrupted", wire(edited("@sum")), "a suite without its checksum"
    yield "unreadable-sum", "corrupted", wire(edited("@sum", good_sum[:-4])), "half a checksum"
    body = wire(lines)
    middle = body.index(b"    ok 2 highmem") + 12
    yield "noise", "corrupted", body[:middle] + b"\x00\xf3\x9c" + body[middle:], \
        "binary noise inside a suite"
    middle = body.index(b"# Totals")
    yield "noise-outside", "corrupted", body[:middle] + b"\x00\xf3\x9c\r\n" + body[middle:], \
        "binary noise outside any suite: what else was lost?"
    yield "wrong-totals", "corrupted", wire(run(totals=[7, 0, 0])), "totals that do not add up"
    yield "missing-totals", "corrupted", wire(edited("# Totals")), "no totals"
    twice = {**SUITES, "pkmap": [*SUITES["pkmap"], ("pkmap.wraps", "ok")]}
    yield "duplicated-test", "corrupted", wire(run(twice)), "a test reported twice"
    short = suite_lines(1, "highmem", SUITES["highmem"], plan=4)
    yield "plan-mismatch", "corrupted", wire(
        [*lines[:index(lines, "    KTAP")], *short, *lines[index(lines, "@sum") + 1:]]), \
        "a suite's plan promises one more, with a good checksum"
    yield "huge-plan", "corrupted", wire(edited("1..3", "1.." + "3" * 5000)), \
        "a plan of more digits than a careless reader takes"
    yield "lost-suite", "corrupted", wire(
        [*lines[:index(lines, "    KTAP")], *lines[index(lines, "@sum") + 1:]]), \
        "a whole suite lost: the plan knows"
    yield "lost-layout", "corrupted", wire(edited("@layout")), "no @layout"
    yield "end-contradicts", "corrupted", wire(
        run(with_result("pkmap.wraps", "fail"), end="pass")), "@end says pass, a test failed"
    yield "claim-after-end", "corrupted", wire(run() + ["ok 4 late"]), "a result after @end"
    yield "second-end", "corrupted", wire(run() + ['@end {"verdict":"pass"}']), "@end twice"


def fatal(rule="kunmap.not_mapped", more=(), tail=tuple(PANIC)):
    """A fatal test's boot."""
    return wire([*BANNER, BOOT, LAYOUT, "# fatal: kunmap.double rule=" + rule, *more, *tail])


def fatals():
    """Boots of the fatal test kunmap.double."""
    yield "fatal-good", "pass", fatal(), "panics by the rule it announced"
    yield "fatal-other-rule", "crash", fatal("kunmap.twice"), "panics by another rule"
    yield "fatal-survived", "fail", fatal(tail=['@end {"verdict":"fail"}']), "did not panic"
    yield "fatal-twice", "crash", fatal(more=PANIC[:2]), "the panic panicked"
    yield "fatal-no-end", "crash", fatal(tail=PANIC[:-1]), "the panic did not come to its end"
    yield "fatal-too-early", "crash", wire([*BANNER, BOOT, LAYOUT, *PANIC]), \
        "panicked before the test began"
    yield "fatal-silent", "unexpected reset", fatal(tail=["Fanlight", BOOT]), "reset instead"
    yield "fatal-another", "fail", fatal().replace(b"fatal: kunmap.double", b"fatal: vfree.bad"), \
        "not the test that was asked for"


MEM = '@mem {"phase":"end","tested":8585740288,"ram":8589934592,"errors":%d}'
BAD = '@bad {"pa":"0x0123456008","expected":"0x0123456008","got":"0x0123456018"}'


def memory_results(number, own="ok", checker="ok"):
    """What the memory tester says at its end."""
    flat = [own, checker]
    return ["KTAP version 1", "1..1",
            *suite_lines(number, "memory", [("memory.own", own), ("memory.checker", checker)]),
            "# Totals: pass:%d fail:%d skip:%d" % tuple(flat.count(r) for r in ("ok", "fail", "skip"))]


def memory(*lines, verdict="pass"):
    """A boot of the memory tester."""
    return wire([*BANNER, BOOT, LAYOUT, *lines, '@end {"verdict":"%s"}' % verdict])


def memtests():
    """Boots of the memory tester, alone or behind the suites."""
    yield "memtest-good", "pass", memory(MEM % 0, *memory_results(1)), "all memory is sound"
    yield "memtest-bad", "fail", memory(BAD, MEM % 1, *memory_results(1, own="fail"),
                                        verdict="fail"), "a bad word"
    yield "memtest-stopped", "fail", memory(MEM % 0, *memory_results(1, checker="skip"),
                                            verdict="fail"), "somebody pressed a key"
    yield "memtest-no-results", "fail", memory(MEM % 0), "no results"
    yield "memtest-no-progress", "fail", memory(*memory_results(1)), "nothing says what was tested"
    yield "memtest-silent-errors", "fail", memory(MEM % 1, *memory_results(1)), \
        "an error was counted, and nothing else says so"
    yield "memtest-cut-result", "corrupted", memory(
        MEM % 0, *(line for line in memory_results(1) if "own" not in line)), "a result is lost"


def documents():
    """Two KTAP documents in one boot: suites, then the memory tester."""
    lines = run()[:-1]
    pass_end = '@end {"verdict":"pass"}'
    yield "two-documents", "pass", wire([*lines, MEM % 0, *memory_results(1), pass_end]), \
        "suites, and behind them the memory tester's results"
    yield "two-documents-fail", "fail", wire(
        [*lines, BAD, MEM % 1, *memory_results(1, own="fail"), '@end {"verdict":"fail"}']), \
        "the suites pass, the memory does not"
    yield "two-documents-no-totals", "corrupted", wire(
        [*lines, *memory_results(1)[:-1], pass_end]), "the second one has no totals"
    yield "two-documents-nested", "corrupted", wire(
        [*lines[:-1], *memory_results(1), pass_end]), "the second one begins inside the first"
    yield "two-documents-number", "corrupted", wire([*lines, *memory_results(4), pass_end]), \
        "numbers begin anew in each"


def coverage(states, percent, **changes):
    """What a run of the memory tester says of 8 GiB: the ends of ranges, each with its state."""
    lines, start, sums = [], 0x80000000, {}
    for end, state in states:
        lines.append('@mem {"phase":"range","start":"0x%010x","end":"0x%010x","state":"%s"}'
                     % (start, end, state))
        sums[state] = sums.get(state, 0) + end - start
        start = end
    tested = sums.pop("tested", 0) + sums.pop("bad", 0)
    untested = sums.pop("untested", 0)
    whole = {"ram": 8 << 30, "tested": tested, "kept": sum(sums.values()), "untested": untested,
             "errors": 0, "percent": percent, **changes}
    return [*lines, '@mem {"phase":"all",%s}' % ",".join('"%s":%d' % item for item in whole.items())]


FIRST = coverage([(0x80300000, "untested"), (0x90000000, "tested"), (0x90001000, "no-map"),
                (0x280000000, "tested")], 99)
SECOND = [(0x90000000, "tested"), (0x90001000, "no-map"), (0x280000000, "tested")]
REENTER = '@reenter {"image":"0x00a0000000","bytes":196608,"crc32":"89abcdef"}'
AGAIN = BOOT.replace("75bcd15", "75bcd16")
END = '@end {"verdict":"pass"}'


def two_runs(first=tuple(FIRST), announce=(REENTER, "boot: other CPUs off"), again=(AGAIN, LAYOUT),
             second=None, results=tuple(memory_results(1)), more=None):
    """memtest=all: two boots, the second announced."""
    second = coverage(SECOND, 100) if second is None else second
    return wire([*BANNER, BOOT, LAYOUT, *results, *first, *announce,
                 *BANNER, *again, *(results if more is None else more), *second, END])


def memtest_all():
    """Boots that were asked for memtest=all: the one place for a second @boot."""
    good_one = two_runs()
    yield "all-good", "pass", good_one, "the second @boot is the one that was announced"
    yield "all-unannounced", "unexpected reset", two_runs(announce=()), "nothing announced the second"
    yield "all-three-boots", "unexpected reset", good_one[:-len(END) - 2] + wire(
        [*BANNER, AGAIN.replace("16\"", "17\""), LAYOUT, END]), "a third @boot"
    yield "all-announced-twice", "unexpected reset", good_one[:-len(END) - 2] + wire(
        [REENTER, *BANNER, AGAIN.replace("16\"", "17\""), LAYOUT, *coverage(SECOND, 100), END]), \
        "the second run announces a third"
    yield "all-other-build", "unexpected reset", two_runs(
        again=(AGAIN.replace(BUILD, "0" * 40), LAYOUT)), "another build than the first came"
    yield "all-same-id", "corrupted", two_runs(again=(BOOT, LAYOUT)), "the first @boot, repeated"
    yield "all-torn-boot", "unexpected reset", two_runs(again=("boot: ot" + AGAIN, LAYOUT)), \
        "the second @boot is inside a line: something reset before the copy was entered"
    yield "all-no-boot", "truncated", wire([*BANNER, BOOT, LAYOUT, *FIRST, REENTER]), \
        "announced, and nothing came"
    yield "all-end-instead", "corrupted", wire([*BANNER, BOOT, LAYOUT, *FIRST, REENTER, END]), \
        "an end where a @boot was announced"
    yield "all-claim-between", "corrupted", two_runs(announce=(REENTER, *coverage(SECOND, 100))), \
        "between the announcement and the @boot nothing may be claimed"
    yield "all-no-crc", "unexpected reset", two_runs(announce=(REENTER[:-22] + "}",)), \
        "an announcement that does not say of what"
    yield "all-reset-in-second", "unexpected reset", good_one[:good_one.rindex(b"@mem")] + good_one, \
        "the second run resets, and all begins again"
    yield "all-second-layout", "corrupted", two_runs(again=(AGAIN,)), "the second run has no @layout"
    yield "all-first-only", "fail", wire([*BANNER, BOOT, LAYOUT, *FIRST, END]), "no second run"
    yield "all-untested", "fail", two_runs(second=coverage(
        [(0x80001000, "untested"), *SECOND], 99)), "a page that neither run tested, and says so"
    yield "all-rounded-up", "fail", two_runs(second=coverage(
        [(0x80001000, "untested"), *SECOND], 100)), "the same page, and 100 % are claimed"
    yield "all-hidden-gap", "corrupted", two_runs(second=[
        line for line in coverage(SECOND, 100) if "no-map" not in line]), "a range was lost"
    yield "all-overlap", "corrupted", two_runs(second=[
        *coverage(SECOND, 100)[:1], *coverage(SECOND, 100)]), "a range comes twice"
    yield "all-other-total", "corrupted", two_runs(second=coverage(SECOND, 100, ram=4 << 30)), \
        "less RAM than @layout says"
    yield "all-no-results", "fail", two_runs(more=()), "the second run has no results"
    yield "all-other-passes", "fail", two_runs(more=memory_results(1), results=(
        "KTAP version 1", "1..1", *suite_lines(1, "memory", [("memory.own", "ok")]),
        "# Totals: pass:1 fail:0 skip:0")), "the runs were not of the same passes"
    yield "all-failed-first", "corrupted", two_runs(results=memory_results(1, own="fail"), more=(
        memory_results(1))), "the first run's failure is forgotten at the end"
    yield "all-in-document", "unexpected reset", two_runs(results=memory_results(1)[:-1]), \
        "announced inside a KTAP document: no announcement"
    yield "all-bad-word", "fail", two_runs(first=(
        '@bad {"pa":"0x0090000000","expected":"0x0","got":"0x1"}', *FIRST)), "the first run found one"
    yield "all-crash-between", "crash", two_runs(announce=(REENTER, *PANIC[:3], "# panic: reboot")), \
        "the way out panicked"


def announcements():
    """memtest=all: announcements that are none, and boots that were not announced."""
    end = wire([END])
    good_one = two_runs()
    yield "all-mutant-second", "unexpected reset", two_runs(
        again=(AGAIN.replace(',"board"', ',"mutant":"vmap-wx","board"'), LAYOUT)), \
        "the second kernel is wrong on purpose, and says so"
    yield "all-torn-announcement", "unexpected reset", two_runs(announce=(
        "boot: im" + REENTER, "boot: other CPUs off")), "the announcement is inside a line"
    yield "all-merged-announcement", "unexpected reset", two_runs(announce=(
        REENTER + "boot: other CPUs off",)), "the announcement lost its line end"
    yield "all-in-suite", "unexpected reset", two_runs(results=[
        *memory_results(1)[:4], REENTER, *memory_results(1)[4:]], announce=(), more=(
            memory_results(1))), "announced inside a suite: no announcement"
    yield "all-after-end", "unexpected reset", two_runs(announce=(END, REENTER)), \
        "the first run had its end; what comes then is announced by nobody"
    yield "all-no-size", "unexpected reset", two_runs(announce=(
        REENTER.replace("196608", "true"),)), "an image of `true` bytes"
    yield "all-two-sums", "unexpected reset", two_runs(announce=(
        REENTER[:-1] + ',"crc32":"00000000"}',)), "an announcement that says two things of one image"
    yield "all-deep", "unexpected reset", two_runs(announce=(
        REENTER[:-1] + ',"x":' + "[" * 20000 + "]" * 20000 + "}",)), \
        "nested so deep that a careless reader falls over, and has not said fail"
    yield "all-noise-between", "corrupted", two_runs(announce=(REENTER, "boot: \x00\xf3\x9c")), \
        "binary noise on the way"
    yield "all-second-panics", "crash", good_one[:-len(end)] + wire(
        [*PANIC[:3], "# panic: reboot", *BANNER, AGAIN.replace("16\"", "17\""), LAYOUT]), \
        "the second run panicked, and its reboot is part of that"
    yield "all-no-first-results", "fail", two_runs(results=(), more=memory_results(1)), \
        "the first run tested nothing"


def accounts():
    """memtest=all: what the second run says of all RAM, and cannot be so."""
    first = [(0x80300000, "untested"), *SECOND]
    yield "all-no-account", "fail", two_runs(second=[]), "the second run has no account"
    yield "all-two-accounts", "fail", two_runs(second=[
        *coverage(SECOND, 100), coverage(SECOND, 100)[-1]]), "two sums: which one holds?"
    yield "all-unknown-state", "corrupted", two_runs(second=coverage(
        [(0x80001000, "spare"), *SECOND], 100)), "a page that is neither tested nor untested"
    yield "all-state-list", "corrupted", two_runs(second=[
        line.replace('"tested"}', '["tested"]}') for line in coverage(SECOND, 100)]), \
        "states that are no words"
    yield "all-odd-numbers", "corrupted", two_runs(second=[
        line.replace("0x00", "0x_0") for line in coverage(SECOND, 100)]), \
        "addresses that only a lenient reader can read"
    yield "all-two-percents", "corrupted", two_runs(second=[
        line.replace('"percent":100', '"percent":99,"percent":100')
        for line in coverage(SECOND, 100)]), "99 % and 100 %, in one line"
    yield "all-kept-more", "corrupted", two_runs(second=coverage(
        [(0x80300000, "reserved"), *SECOND], 100)), \
        "what was to be tested is the firmware's all of a sudden"
    yield "all-nothing-tested", "fail", two_runs(
        first=coverage([(0x280000000, "no-map")], 0), second=coverage(
            [(0x280000000, "no-map")], 100)), "all memory is somebody's, and 100 % are claimed"
    yield "all-bad-range", "fail", two_runs(first=coverage(first, 99), second=coverage(
        [(0x80001000, "bad"), *SECOND], 100)), "a page is bad, and nothing else says so"
    yield "all-silent-errors", "fail", two_runs(second=coverage(SECOND, 100, errors=3)), \
        "errors were counted, and nothing else says so"
    yield "all-layout-number", "corrupted", two_runs(again=(
        AGAIN, re.sub(r'"mem":\{.*?\}', '"mem":8589934592', LAYOUT))), \
        "the second @layout does not say how much RAM there is"


def unasked():
    """The same words where nobody asked for two boots."""
    yield "reenter-unasked", "unexpected reset", two_runs(), "memtest=all's boots, asked for suites"


def other_build():
    """A stream of another image."""
    yield "other-build", "infra", wire(run()).replace(BUILD.encode(), b"0" * 40), \
        "@boot names another build than the image's"
    yield "other-version", "infra", wire(run()).replace(b'"v":1,"id"', b'"v":2,"id"'), \
        "a protocol version that version 1 readers do not know"


def streams():
    """Every stream: name -> (kind, verdict, why, bytes)."""
    made = {}
    for group in (good, failing, crashing, ending, corrupted, documents, other_build, fatals,
                  memtests, memtest_all, announcements, accounts, unasked):
        kind = {fatals: "fatal", memtests: "memtest", memtest_all: "memtest-all",
                announcements: "memtest-all", accounts: "memtest-all"}.get(group, "suites")
        for name, verdict, data, why in group():
            assert name not in made, name
            made[name] = kind, verdict, why, data
    return made


def digest(made):
    """Of all that a judge can be wrong about."""
    whole = hashlib.sha256()
    for name, (kind, verdict, _, data) in sorted(made.items()):
        whole.update(f"{name} {kind} {verdict} {len(data)}\n".encode() + data)
    return whole.hexdigest()


def manifest(made):
    """streams.toml."""
    lines = ["# SPDX-License-Identifier: BSD-2-Clause",
             "# Written by generate.py. What a reader of the protocol must say of each stream.",
             "# kind suites: asked for all of `tests`, `may_skip` may be skipped, of image `build`.",
             "# kind fatal: asked for `fatal`. kind memtest: the memory tester; memtest-all: memtest=all.", "",
             'version = "%s"' % VERSION, "protocol = %d" % PROTOCOL, 'build = "%s"' % BUILD,
             'fatal = "kunmap.double"', 'may_skip = ["tlb.stale_local"]', "tests = ["]
    lines += ['    "%s",' % test for test in TESTS] + ["]", ""]
    for name, (kind, verdict, why, _) in made.items():
        lines += ["[stream.%s]" % name, 'kind = "%s"' % kind, 'verdict = "%s"' % verdict,
                  'why = "%s"' % why, ""]
    return "\n".join(lines[:-1]) + "\n"


def readme(made):
    """README.md with the table of now."""
    table = ["| stream | kind | verdict | why |", "|---|---|---|---|"]
    table += ["| `%s` | %s | %s | %s |" % (name, kind, verdict, why)
              for name, (kind, verdict, why, _) in made.items()]
    text = (HERE / "README.md").read_text()
    return re.sub(r"(?<=<!-- streams -->\n).*?(?=<!-- end -->)",
                  lambda _: "\n".join(["", *table, "", ""]), text, flags=re.DOTALL)


def files():
    """Every file that is written: name -> bytes."""
    made = streams()
    written = {name + ".bin": data for name, (_, _, _, data) in made.items()}
    written["streams.toml"] = manifest(made).encode()
    written["README.md"] = readme(made).encode()
    return written


def main():
    """Write, or with --check compare."""
    if digest(streams()) != DIGEST:
        print("generate.py: streams or verdicts changed: VERSION, and DIGEST = \"%s\""
              % digest(streams()), file=sys.stderr)
        return 1
    made = files()
    if sys.argv[1:] == ["--check"]:
        stored = {p.name: p.read_bytes() for p in HERE.iterdir() if p.suffix in (".bin", ".toml", ".md")}
        return 0 if stored == made else 1
    for old in HERE.glob("*.bin"):
        old.unlink()
    for name, data in made.items():
        (HERE / name).write_bytes(data)
    return 0


if __name__ == "__main__":
    sys.exit(main())
