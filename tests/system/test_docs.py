# SPDX-License-Identifier: BSD-2-Clause
"""What the documents say is so: transcripts, links, names, constants, locks, targets.

Owns: what in the documents is checked, and how. Must never: change them (that is for
tools/transcripts.py --write).
"""

import re
import subprocess
import sys
import tomllib

import pytest
import transcripts
from linux import record
from runner import bench
from runner.table import ROOT

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
WORDS = ROOT / "docs" / "words.md"
ARCHITECTURE = ROOT / "docs" / "architecture.md"
PERFORMANCE = ROOT / "docs" / "performance.md"

# What the constants of the documents are looked up in.
HEADERS = ("layout.h", "arch/early_boot.h", "arch/early_tables.h", "arch/tlb.h", "arch/trap.h",
           "arch/unwind.h", "config.h", "kernel/thread.h", "kernel/watchdog.h", "mm/buddy.h",
           "mm/highmem.h", "mm/memblock.h", "mm/page.h")
UNITS = {"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_CONSTANT = re.compile(r"`([A-Z][A-Z0-9_]{2,})` \((0x[0-9a-f]+|\d+) ?(KiB|MiB|GiB)?\)")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"^```.*?^```$|`[^`]*`", re.MULTILINE | re.DOTALL)


def rows(text):
    """The cells of each table row, without heads and rules."""
    for line in text.splitlines():
        if line.startswith("| ") and not line.startswith("|---"):
            yield [cell.strip() for cell in line.strip().strip("|").split("|")]


def section(path, title):
    """One section of a document, up to the next of the same level."""
    m = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", path.read_text(), re.MULTILINE | re.DOTALL)
    return m[1]


# -- transcripts -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", transcripts.DOCUMENTS)
def test_transcripts_are_what_is_printed(name, builds):
    wrong = "\n".join(transcripts.problems(ROOT / name, builds.root))
    assert not wrong, f"{wrong}\n(tools/transcripts.py --write brings the documents up to date)"


def test_what_may_differ_is_stated():
    tour = (ROOT / "docs" / "tour.md").read_text()
    assert [why for why, *_ in transcripts.RULES if f"\n- {why}\n" not in tour] == []


GOOD = ["Fanlight", "  level 3 at 0x0080030080: page", "walk: 0000000080030003", "ok 1 kmap",
        '@bench {"op":"x","insns":47,"iters":20000}', "memtest: 0 bad words", "r0-r3 00000001",
        "end"]


@pytest.mark.parametrize("change", [
    ("Fanlight", "Fanlicht"), ("030080", "030088"), ("level 3", "level 2"), ("page", "block"),
    ("80030003", "a0030003"), ("ok 1", "not ok 1"), ("20000", "2"), ("0 bad", "1 bad"),
    ("end", "en"),
], ids=lambda c: c[1].replace(" ", "-"))
def test_a_changed_line_is_a_difference(change):
    printed = [line.replace(*change) for line in GOOD]
    assert printed != GOOD
    assert transcripts.difference(GOOD, printed)
    middle = [transcripts.GAP, *GOOD[1:-1], transcripts.GAP]
    assert bool(transcripts.difference(middle, printed)) == (printed[1:-1] != GOOD[1:-1])


def test_lost_and_added_lines_are_differences():
    for i in range(len(GOOD)):
        assert transcripts.difference(GOOD, GOOD[:i] + GOOD[i + 1:])
        assert transcripts.difference(GOOD, GOOD[:i] + ["more"] + GOOD[i:])
    assert transcripts.difference(GOOD, [])
    assert transcripts.difference([transcripts.GAP, "end"], ["end", "more"])
    assert transcripts.difference(["Fanlight", transcripts.GAP], ["more", "Fanlight"])


def test_a_part_is_followed_to_other_addresses():
    shown = ["[...]", "at 0xc800e000: free", "two", "at 0xc800e008: used", "[...]"]
    printed = ["one", "at 0xc8000000: free", "three", "at 0xc8000008: used", "four"]
    assert transcripts.updated(shown, printed) == ["[...]", *printed[1:4], "[...]"]
    with pytest.raises(transcripts.Trouble):
        transcripts.updated(shown, [line.replace("free", "gone") for line in printed])


def test_what_may_differ_is_no_difference():
    other = [line.replace("0x0080030080", "0x0080041080").replace("0080030003", "0080041003")
             .replace("47", "48").replace("00000001", "00000002") for line in GOOD]
    assert other != GOOD
    assert transcripts.difference(GOOD, other) is None


# -- conversations with the monitor ----------------------------------------------------------


# Prompts three times for a line that ends in CR, and repeats it.
SPEAKER = """import os
for i in range(3):
    os.write(1, b"\\nfanlight> ")
    line = b""
    while (c := os.read(0, 1)) not in (b"", b"\\r"):
        line += c
    os.write(1, line + b"\\nyou said " + line)
"""


def conversation(*typed):
    """What is said when these lines are typed."""
    return transcripts._run(f"{sys.executable} -c '{SPEAKER}'", "build", typed)


def test_typed_lines_are_those_at_prompts():
    shown = ["[...]", "fanlight> kmap #1", "#2: kmap", "panic> poweroff", "  fanlight> no"]
    assert transcripts.typed_lines(shown) == ("kmap #1", "poweroff")


def test_a_line_is_typed_at_each_prompt():
    assert [line for line in conversation("a", "b  c", "#3") if line] == [
        "fanlight> a", "you said a", "fanlight> b  c", "you said b  c", "fanlight> #3",
        "you said #3"]


DIVIDED = """```console
$ boot monitor
[...]
fanlight> a
one
```

So much for a.

```console
fanlight> b
two
fanlight> c
```

```console
$ true
```
"""


def test_a_block_that_begins_with_the_prompt_goes_on():
    first, second = transcripts.transcripts(DIVIDED)
    assert second == ([((len(DIVIDED) - 11, len(DIVIDED) - 4), [])], ["$ true"])
    blocks, command = first
    assert command == ["$ boot monitor"]
    shown = transcripts.all_shown(blocks)
    assert transcripts.typed_lines(shown) == ("a", "b", "c")
    now = ["[...]", "fanlight> a", "another", "fanlight> b", "fanlight> c", "more"]
    assert transcripts.divided(now, blocks) == [now[:3], now[3:]]
    with pytest.raises(transcripts.Trouble):
        transcripts.transcripts(DIVIDED[DIVIDED.index("So much"):])


@pytest.mark.parametrize("typed", [("a",), ("a", "b", "c", "d")], ids=len)
def test_a_conversation_has_as_many_lines_as_prompts(typed):
    with pytest.raises(transcripts.Trouble):
        conversation(*typed)


# -- links and names -------------------------------------------------------------------------


def anchors(path):
    """The anchors of a document's headings, as forges make them."""
    heads = re.findall(r"^#+ (.*)$", _CODE.sub(lambda m: m[0].strip("`"), path.read_text()),
                       re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.name)
def test_links_lead_somewhere(path):
    broken = []
    for link in _LINK.findall(_CODE.sub("", path.read_text())):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name) if name else path
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def test_words_are_where_the_table_says():
    """Each name in the column "here" is in one of the files that its cell links to."""
    wrong = []
    for term, _, here, *_ in rows(WORDS.read_text()):
        files = [WORDS.parent / link for link in _LINK.findall(here)]
        text = "".join(f.read_text() for f in files)
        for name in re.findall(r"`(?:struct |enum )?(\w+)(?:\(\))?`", here):
            if not re.search(rf"\b{name}\b", text):
                wrong.append(f"{term}: {name}")
    assert wrong == []


def test_words_are_seen_where_the_table_says():
    """A chapter of the tour that a cell names exists; what it quotes stands there."""
    tour = (ROOT / "docs" / "tour.md").read_text()
    chapters = {m[1]: m[2] for m in re.finditer(r"^## (\d+)\. (.*?)(?=^## |\Z)", tour,
                                                re.MULTILINE | re.DOTALL)}
    wrong, count = [], 0
    for term, *_, see in rows(WORDS.read_text()):
        for number, text in re.findall(r'Tour (\d+)(?:[:,] "([^"]*)")?', see):
            count += 1
            if text.lower() not in chapters.get(number, "").lower() or number not in chapters:
                wrong.append(f"{term}: {see}")
    assert wrong == []
    assert count > 20


def test_functions_that_the_documents_name_exist():
    folders = ("include", "lib", "arch", "mm", "kernel", "drivers", "tests/kernel")
    source = "".join(f.read_text() for folder in folders
                     for f in (ROOT / folder).rglob("*.[chS]"))
    text = (ROOT / "README.md").read_text() + ARCHITECTURE.read_text()
    names = set(re.findall(r"`(\w+)\(\)`", text))
    assert names
    assert sorted(n for n in names if not re.search(rf"\b{n}\b", source)) == []


# -- constants -------------------------------------------------------------------------------


def evaluate(names, split, folder):
    """What the target's compiler makes of constants, by the headers."""
    source = folder / "constants.c"
    lines = [f"#include <{header}>" for header in HEADERS]
    lines += ["void constants(void);", "void constants(void) {"]
    lines += [f'__asm__ volatile("@= {n} %0" : : "i"((unsigned)({n})));' for n in names]
    source.write_text("\n".join([*lines, "}", ""]))
    done = subprocess.run(
        ["arm-none-eabi-gcc", "-std=gnu11", "-march=armv7ve", "-ffreestanding", "-S", "-o", "-",
         f"-DCONFIG_VMSPLIT={split}", "-I", ROOT / "include", "-I", ROOT / "arch/arm/include",
         source],
        capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {m[0]: int(m[1]) & 0xffffffff for m in re.findall(r"@= (\w+) #(-?\d+)", done.stdout)}


def test_constants_are_what_the_headers_say(tmp_path):
    said = [(path.name, name, int(value, 0) * UNITS[unit])
            for path in DOCUMENTS for name, value, unit in _CONSTANT.findall(path.read_text())]
    assert len(said) > 5
    real = evaluate(sorted({name for _, name, _ in said}), 3, tmp_path)
    assert [f"{doc}: {name} is {real[name]}, not {value}" for doc, name, value in said
            if real[name] != value] == []


@pytest.mark.parametrize("split", (3, 2, 1))
def test_splits_are_what_the_headers_say(split, tmp_path):
    row = next(r for r in rows(section(ARCHITECTURE, "Splits")) if r[0] == f"{split}g")
    real = evaluate(["KERNEL_T0SZ", "KERNEL_T1SZ", "KERNEL_PGDS"], split, tmp_path)
    assert [int(cell) for cell in row[1:4]] == list(real.values())


# -- locks -----------------------------------------------------------------------------------


LOCK_FOLDERS = ("arch", "include", "mm", "kernel", "drivers")
_LOCK = re.compile(r"\bspinlock_t (\w+) *[;=]")
_RANKED = re.compile(r"\b(\w+) = (?:\(spinlock_t\))?SPINLOCK_RANKED\(LOCK_RANK_(\w+)\)")


def lock_rows():
    """(rank, lock's name, its files) of each line of the list of locks."""
    for rank, lock, files, *_ in rows(section(ARCHITECTURE, "Locks")):
        if rank.isdigit():
            yield (int(rank), lock.split(",")[0].strip("`").split(".")[-1],
                   [file.strip("` ") for file in files.split(",")])


def sources():
    """(name, text) of each C file and header that may have locks."""
    for folder in LOCK_FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.[ch]")):
            yield str(path.relative_to(ROOT)), path.read_text()


def test_every_lock_has_a_place_in_the_order():
    """A file that declares spinlocks has as many rows in the list, by the locks' names."""
    declared = {(name, lock) for name, text in sources() for lock in _LOCK.findall(text)}
    listed = {(files[0], lock) for _, lock, files in lock_rows()}
    assert declared == listed


def test_ranks_are_those_of_the_code():
    """Wherever a lock is given a rank, its row has that rank; each row's is given somewhere."""
    header = (ROOT / "arch/arm/include/arch/spinlock.h").read_text()
    enum = re.search(r"enum lock_rank \{(.*?)\};", header, re.DOTALL)[1]
    number = {name: n for n, name in enumerate(re.findall(r"LOCK_RANK_(\w+),", enum))}
    given = {(number[rank], lock, name) for name, text in sources()
             for lock, rank in _RANKED.findall(text)}
    listed = {(rank, lock, tuple(files)) for rank, lock, files in lock_rows()}
    assert {g for g in given if not any(g[:2] == row[:2] and g[2] in row[2] for row in listed)} \
        == set()
    assert {row for row in listed if not any(row[:2] == g[:2] and g[2] in row[2] for g in given)} \
        == set()


# -- the monitor -----------------------------------------------------------------------------


def test_commands_are_those_of_the_monitor():
    """Every command with its arguments, in the order of `help`."""
    source = (ROOT / "kernel" / "monitor" / "monitor.c").read_text()
    table = re.search(r"struct command commands\[\] = \{\n(.*?)^\};", source,
                      re.MULTILINE | re.DOTALL)[1]
    real = re.findall(r'\{ "([^"\\]+)\\0', table)
    text = (ROOT / "docs" / "monitor.md").read_text().replace("\\|", "\0")  # no end of a cell
    listed = [row[0].strip("`").replace("\0", "|") for row in rows(text) if row[0].startswith("`")]
    assert real
    assert listed == real


# -- performance -----------------------------------------------------------------------------


def bench_lines():
    """The table of the last `make bench`."""
    block = re.search(r"^```bench\n(.*?)^```$", PERFORMANCE.read_text(),
                      re.MULTILINE | re.DOTALL)[1]
    return block[block.index("\nop ") + 1:].splitlines()[1:]


def test_red_rows_and_no_others_are_explained():
    red = [re.split(r"  +|,", line)[0] for line in bench_lines() if "RED" in line]
    assert red == re.findall(r"^- `([^`]*)`", section(PERFORMANCE, "Not met"), re.MULTILINE)


def test_performance_table_has_the_targets_of_the_plan_and_the_record_of_linux():
    """Every row of the plan is in the table, with Linux's recorded figure and the plan's target."""
    plan = tomllib.loads((ROOT / "tools" / "runner" / "bench.toml").read_text())
    linux = record.load().fair
    lines = {line.split()[0]: line.split() for line in bench_lines()}
    wrong = []
    for op, want in plan["op"].items():
        op_line = lines.get(op, ["", ""])
        theirs = record.number(linux.get(want.get("linux", op)))
        if op_line[1] != theirs:
            wrong.append(f"{op}: Linux {theirs}")
        if "target" in want and record.number(want["target"]) not in op_line:
            wrong.append(f"{op}: target {want['target']}")
    assert wrong == []


def test_the_table_is_what_this_build_counts(builds):
    """Within what moves with the places of code and data; and each target is met now too."""
    plan = tomllib.loads((ROOT / "tools" / "runner" / "bench.toml").read_text())["op"]
    counted = {op: row["insns"] for op, row in bench.operations(builds).items()}
    shown = {line.split()[0]: line.split()[2] for line in bench_lines() if line.split()[0] in counted}
    assert shown.keys() == counted.keys()
    written = {op: float(text.replace(",", "")) for op, text in shown.items()}
    stale = [op for op in counted if abs(written[op] - counted[op]) > record.NOISE * counted[op]]
    assert stale == [], "make bench >F; tools/transcripts.py --bench <F"
    missed = [op for op, want in plan.items() if counted[op] > want.get("target", counted[op])]
    assert missed == []


def test_table_of_linux_is_what_was_recorded():
    block = re.search(r"^```bench-linux\n(.*?)\n```$", PERFORMANCE.read_text(),
                      re.MULTILINE | re.DOTALL)[1]
    assert block == record.render(record.load()), "tools/transcripts.py --bench"
