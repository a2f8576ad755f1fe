# SPDX-License-Identifier: BSD-2-Clause
"""Each check of `make check` passes a good tree and fails on each kind of bad snippet."""

import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from check import (barriers, braces, docs, floors, format_c, headers, learner, links,  # noqa: E402
                   physmask, pte_writer, tidy)
from check.tree import Tree, blank, compile_flags  # noqa: E402

SPDX = "/* SPDX-License-Identifier: BSD-2-Clause */\n"
TYPES = SPDX + "#pragma once\n\ntypedef unsigned int u32;\ntypedef unsigned long long u64;\n" \
    "typedef u64 phys_addr_t;\n"


@pytest.fixture
def make(tmp_path):
    """Writes files into an empty tree and returns it."""
    def write(files, build=None, cflags="-std=gnu11 -Iinclude -Iarch/arm/include"):
        for name, text in {"include/types.h": TYPES, **files}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return Tree(tmp_path, build, cflags)
    return write


def body(*lines):
    """A function around these statements."""
    return "void f(u32 a)\n{\n" + "".join(f"\t{line}\n" for line in lines) + "}\n"


# ---- format ----

def formatted(make, text):
    style = (ROOT / ".clang-format").read_text(encoding="utf-8")
    return format_c.run(make({"mm/a.c": text, ".clang-format": style})).problems


def test_format_accepts_the_house_style(make):
    assert not formatted(make, body("if (a) {", "\ta = 1;", "}"))


@pytest.mark.parametrize("text", [
    body("if (a){", "\ta = 1;", "}"),
    "void f(u32 a) {\n\ta = 1;\n}\n",
    "void f(u32 a)\n{\n    a = 1;\n}\n",
    "void f(u32 a)\n{\n\ta  = 1;\n}\n",
    body("a = " + " + ".join(["aaaaaaaaaa"] * 9) + ";"),
    "char* p;\n",
])
def test_format_refuses_another_style(make, text):
    assert formatted(make, text)


def test_format_wants_iterators_in_its_list(make):
    macro = "#define for_each_thing(x) for (; x;)\n"
    assert "ForEachMacros" in formatted(make, macro)[0]


# ---- braces ----

@pytest.mark.parametrize("lines", [
    ["if (a) {", "} else if (f(a)) {", "} else {", "}"],
    ["for (;;) {", "}", "while (a) {", "}", "do {", "} while (a);", "switch (a) {", "}"],
    ["for_each_bank(b, m) {", "}", 'puts("if (a) b;"); /* while (a) b; */'],
    ["foo_for_each_x(a, b);"],
])
def test_braces_accepts_braced_statements(make, lines):
    assert not braces.run(make({"mm/a.c": body(*lines)})).problems


@pytest.mark.parametrize("lines", [
    ["if (a)", "\treturn;"], ["if (a) return;"], ["if (a) {", "} else", "\treturn;"],
    ["for (;;)", "\ta++;"], ["while (a)", "\ta--;"], ["while (a);"], ["do", "\ta--;", "while (a);"],
    ["for_each_bank(b, m)", "\tf(b);"], ["if (f(a)) /* why */", "\treturn;"],
])
def test_braces_refuses_bare_statements(make, lines):
    assert braces.run(make({"mm/a.c": body(*lines)})).problems


def test_braces_looks_into_macros(make):
    good = "#define X(a) \\\n\tdo { \\\n\t\tif (a) { \\\n\t\t} \\\n\t} while (0)\n"
    assert not braces.run(make({"mm/a.c": good})).problems
    assert not braces.run(make({"mm/a.c": "#define for_each(a) for (; a;)\nint x;\n"})).problems
    assert braces.run(make({"mm/a.c": "#define X(a) if (a) \\\n\tb = 1\n"})).problems


# ---- includes ----

HEADER = SPDX + "#pragma once\n"
HOUSE = {"include/lib/a.h": HEADER, "include/mm/b.h": HEADER, "include/kernel/c.h": HEADER,
         "arch/arm/include/arch/d.h": HEADER, "include/drivers/e.h": HEADER}
EXCEPTED = {"tests/kernel/pages.h": HEADER,     # floors.toml's own, which must be of use
            "tests/kernel/mmu/test_mmu.c": SPDX + '#include "../pages.h"\n'}


def included(make, path, *names):
    lines = "".join(f"#include {name}\n" for name in names)
    files = HOUSE | EXCEPTED
    files[path] = files.get(path, "") + lines
    return floors.run(make(files)).problems


@pytest.mark.parametrize("path,name", [
    ("mm/x.c", "<mm/b.h>"), ("mm/x.c", "<arch/d.h>"), ("mm/x.c", "<lib/a.h>"),
    ("mm/x.c", "<types.h>"), ("mm/x.c", "<stdint.h>"), ("kernel/main.c", "<drivers/e.h>"),
    ("drivers/x.c", "<kernel/c.h>"), ("tests/kernel/x.c", "<drivers/e.h>"),
    ("include/mm/b.h", "<arch/d.h>"), ("tests/host/x.c", "<stdio.h>"),
])
def test_includes_accepts_the_same_floor_and_below(make, path, name):
    assert not included(make, path, name)


@pytest.mark.parametrize("path,name", [
    ("mm/x.c", "<kernel/c.h>"), ("lib/x.c", "<arch/d.h>"), ("arch/arm/x.c", "<mm/b.h>"),
    ("kernel/x.c", "<drivers/e.h>"), ("include/types.h", "<lib/a.h>"),
    ("include/lib/a.h", "<mm/b.h>"), ("arch/arm/include/arch/d.h", "<kernel/c.h>"),
    ("arch/arm/x.S", "<mm/b.h>"), ("mm/x.c", "<mm/none.h>"), ("mm/x.c", "<stdio.h>"),
    ("mm/x.c", '"../kernel/y.h"'), ("mm/x.c", '"none.h"'),
])
def test_includes_refuses_floors_above(make, path, name):
    assert included(make, path, name)


def test_includes_wants_the_own_header_first(make):
    assert not included(make, "mm/b.c", "<mm/b.h>", "<types.h>")
    assert included(make, "mm/b.c", "<types.h>", "<mm/b.h>")
    assert included(make, "mm/b.c", "<types.h>")


def test_includes_wants_pragma_once(make):
    assert floors.run(make({"include/mm/z.h": SPDX})).problems


def test_includes_exceptions_need_a_reason_and_a_use(make):
    table = (ROOT / "tools/check/floors.toml").read_text(encoding="utf-8")
    table = table.split("# [[exception]]", maxsplit=1)[0].split("[[exception]]", maxsplit=1)[0]
    entry = '[[exception]]\nfile = "mm/x.c"\nincludes = "kernel/c.h"\nreason = "{}"\n'

    def problems(reason, include):
        text = f"#include <{include}>\n"
        return floors.run(make({**HOUSE, "mm/x.c": text,
                                "tools/check/floors.toml": table + entry.format(reason)})).problems
    assert not problems("told here", "kernel/c.h")
    assert problems("", "kernel/c.h")
    assert problems("told here", "types.h")


# ---- headers ----

def test_headers_compile_alone(make):
    assert not headers.run(make({"include/mm/b.h": HEADER + "#include <types.h>\nu32 f(void);\n"})
                           ).problems
    assert headers.run(make({"include/mm/b.h": HEADER + "u32 f(void);\n"})).problems
    assert headers.run(make({"arch/arm/include/arch/d.h": HEADER + "#include <none.h>\n"})).problems


def test_flags_are_found_among_those_of_other_tools():
    words = "gcc -O2 -I include -DX=1 -include arch/p.h -nostdlib -Wl,--gc-sections mm/a.c".split()
    assert compile_flags(words) == ["-O2", "-I", "include", "-DX=1", "-include", "arch/p.h"]


# ---- learner's path ----

def test_learner_counts_lines_and_misses_files(make):
    rules = '[learner]\nlimit = 10\nfiles = ["mm/a.c", "mm/b.c"]\n'

    def problems(a, b):
        files = {"mm/a.c": "\n" * a, "tools/check/rules.toml": rules}
        return learner.run(make({**files, "mm/b.c": "\n" * b} if b else files)).problems
    assert "not in the tree" in problems(4, 0)[0]
    assert not problems(5, 5)
    assert problems(5, 6) == ["11 lines: more than 10"]


# ---- masks on physical addresses ----

PHYS = """
struct bank {
	phys_addr_t start;
	u32 count;
};
phys_addr_t virt_to_phys(const void *p);

void f(phys_addr_t base, u32 size, struct bank *b, u32 pfn, void *p)
{
	phys_addr_t a, c;

	LINE
}
"""


def masks(make, line, **other):
    return physmask.run(make({"mm/x.c": PHYS.replace("LINE", line), **other})).problems


@pytest.mark.parametrize("line", [
    "x = size & 0xfff;", "x = size >> 12;", "x = b->count & 3;", "f(&a, &base, (void *)&c);",
    "if (base && a < c || b->start > a) {", "x = pa_to_pfn(base) & 3;", "x = t[pa_to_pfn(a)] >> 3;",
    "x = base + size;", "x = (base < a) << 3;", "x = (u32)size;", "return &a;",
    "x = base & 3; /* pa-ok: told here */", "/* pa-ok: told here */\n\tx = base & 3;",
    "x = 0xffffffffu;", "x = 0x40ull; /* hex-ok: told here */", "x = pfn + 12;",
    "/* base & 3 */", 'puts("base & 3");',
])
def test_physmask_accepts(make, line):
    assert not masks(make, line)


@pytest.mark.parametrize("line", [
    "x = base & 0xfff;", "x = base >> 12;", "x = base << 1;", "base &= 3;", "base >>= 3;",
    "x = base % SZ_2M;", "x = ~base;", "x = 0xfff & base;", "x = (u32)base;",
    "x = (u32)(base + 1);",
    "x = (base + size - 1) & ~(SZ_2M - 1);", "x = ((base) & 3);", "x = b->start & 3;",
    "x = b[3].start >> 12;", "x = (vaddr_t)b->start;", "x = virt_to_phys(p) & 3;",
    "x = (u32)virt_to_phys(p);", "x = c >> 3;", "x = table_pa & 3;", "x = pfn << PAGE_SHIFT;",
    "x = page_to_pfn(p) << 12;", "x = 0x8000000000ull;", "x = base & 3; /* pa-ok: */",
    "x = base & 3; /* pa-ok */",
])
def test_physmask_refuses(make, line):
    assert masks(make, line)


def test_physmask_knows_members_from_headers_and_leaves_phys_h_alone(make):
    header = SPDX + "struct mm {\n\tphys_addr_t offset;\n};\n"
    assert not masks(make, "x = mm.offset & 3;")
    assert masks(make, "x = mm.offset & 3;", **{"include/mm/mm.h": header})
    other = SPDX + "struct area {\n\tu32 start, offset;\n\tu32 *p[2];\n};\n"
    area = {"include/mm/area.h": other}
    assert not masks(make, "struct area *r;\n\tx = r->start << 12;\n\tx = r[2].offset & 3;", **area)
    assert masks(make, "x = unknown.start << 12;", **area)
    assert not masks(make, "", **{"include/phys.h": PHYS.replace("LINE", "x = base & 3;")})


# ---- barriers ----

TLBI, ALL_IS = "mcr p15, 0, r0, c8, c3, 3", "mcr p15, 0, r0, c8, c3, 0"
TTBCR, SCTLR = "mcr p15, 0, r0, c2, c0, 2", "mcr p15, 0, r0, c1, c0, 0"
STORE = "1: strd r0, r1, [r2]\n.pushsection .pte_writes,\"\",%progbits\n.word 1b\n.popsection"


def barrier_problems(tmp_path, *lines, thumb=True, wanted=None):
    """What the check says of a function of these lines."""
    text = ".syntax unified\n" + (".thumb\n.thumb_func\n" if thumb else ".arm\n")
    text += ".global use\n.type use, %function\nuse:\n" + "\n".join(lines) + "\n.size use, . - use\n"
    text += ".type done, %function\n" + (".thumb_func\n" if thumb else "") + \
        "done:\nisb\nbx lr\n.size done, . - done\n"
    (tmp_path / "x.S").write_text(text)
    subprocess.run(["arm-none-eabi-gcc", "-march=armv7ve", "-nostdlib", "-Wl,-e,use", "-o",
                    tmp_path / "x", tmp_path / "x.S"], check=True)
    return barriers.inspect(tmp_path / "x", wanted or {})[1]


@pytest.mark.parametrize("thumb", [False, True])
@pytest.mark.parametrize("lines", [
    (STORE, "dsb ishst", TLBI, "dsb ish", "isb", "bx lr"),
    (STORE, "dsb ishst", "cmp r1, #9", "bhi 3f", "2:", TLBI, "subs r1, r1, #1", "bne 2b", "b 4f",
     "3:", ALL_IS, "4:", "dsb ish", "isb", "bx lr"),
    ("dsb nshst", "mcr p15, 0, r0, c8, c7, 3", "dsb nsh", "isb", "pop {r4, pc}"),
    ("dsb ishst", TLBI, "dsb ish", "b done"),
    ("dsb ishst", TLBI, "dsb ish", "push {r4, lr}", "bl done", "pop {r4, pc}"),
    (TTBCR, "isb", SCTLR, "isb", "bx lr"),
    ("dsb ish", "mcr p15, 0, r0, c8, c3, 1", "dsb ish", "bx lr"),  # of nothing: an erratum's
])
def test_barriers_accept_what_is_right(tmp_path, lines, thumb):
    assert not barrier_problems(tmp_path, *lines, thumb=thumb)


@pytest.mark.parametrize("thumb", [False, True])
@pytest.mark.parametrize("lines, says", [
    ((STORE, TLBI, "dsb ish", "isb", "bx lr"), "without a DSB before"),
    (("dsb ishst", STORE, TLBI, "dsb ish", "isb", "bx lr"), "without a DSB before"),
    (("cmp r1, #0", "beq 2f", "dsb ishst", "2:", TLBI, "dsb ish", "isb", "bx lr"),
     "without a DSB before"),
    (("dsb ishst", TLBI, "isb", "bx lr"), "and an ISB, but no DSB"),
    (("dsb ishst", TLBI, "dsb ishst", "isb", "bx lr"), "and an ISB, but no DSB"),
    (("dsb ishst", TLBI, "bx lr"), "without a DSB behind"),
    (("dsb ishst", TLBI, "dsb ish", "bx lr"), "without an ISB behind"),
    (("dsb ishst", TLBI, "dsb ish", "push {r4, lr}", "bl use", "pop {r4, pc}"),
     "without an ISB behind"),
    (("dsb ishst", TLBI, "dsb ish", "cmp r1, #0", "beq 2f", "isb", "2:", "bx lr"),
     "without an ISB behind"),
    ((TTBCR, "bx lr"), "without an ISB behind"),
    ((SCTLR, "cmp r1, #0", "beq 2f", "isb", "2:", "bx lr"), "without an ISB behind"),
])
def test_barriers_refuse_what_is_missing(tmp_path, lines, says, thumb):
    problems = barrier_problems(tmp_path, *lines, thumb=thumb)
    assert problems and all("use: " in p and says in p for p in problems), problems


def test_barriers_compare_what_is_listed(tmp_path):
    lines = ("dsb sy", SCTLR, "isb", "mcr p15, 0, r0, c8, c7, 0", "bx lr")
    right = ["dsb sy", "SCTLR", "isb", "tlbi c7,0"]
    assert not barrier_problems(tmp_path, *lines, wanted={"use": right})
    for i in range(len(lines) - 1):
        fewer = lines[:i] + lines[i + 1:]
        assert "its barriers are" in barrier_problems(tmp_path, *fewer, wanted={"use": right})[0]
    assert "not in the ELF" in barrier_problems(tmp_path, *lines, wanted={"gone": []})[0]


# ---- the writer of descriptors ----

WRITER = SPDX + r"""#pragma once
static inline __attribute__((always_inline)) void desc_write(u64 *entry, u64 value)
{
	__asm__ volatile("1:	INSN	%[v], HI[%[p]]\n"
			 ".pushsection .pte_writes,\"\",%%progbits\n"
			 "	.word	1b\n"
			 ".popsection\n"
			 : "=m"(*entry) : [v] "r"(value), [p] "r"(entry));
}
"""
USER = SPDX + "#include <types.h>\n#include <arch/pte_write.h>\n" \
    "void use(u64 *p, u64 v);\nvoid use(u64 *p, u64 v)\n{\n\tdesc_write(p, v);\n}\n"


def built(make, tmp_path, writer=WRITER, user=USER, insn="strd", thumb=False, more=None):
    """Compiles the user of a writer to an ELF and runs the check on both."""
    writer = writer.replace("INSN", insn).replace("HI", "%H[v], " if insn == "strd" else "")
    tree = make({"arch/arm/include/arch/pte_write.h": writer, "mm/user.c": user, **(more or {})},
                build=tmp_path / "build")
    (tmp_path / "build").mkdir(exist_ok=True)
    sources = ["mm/user.c"] + [name for name in more or () if name.endswith(".c")]
    subprocess.run(["arm-none-eabi-gcc", "-O2", "-g", "-march=armv7ve", "-mthumb" if thumb else
                    "-marm", "-nostdlib", "-Iinclude", "-Iarch/arm/include", "-Wl,-e,use",
                    "-include", "types.h", "-o", "build/fanlight", *sources], cwd=tmp_path,
                   check=True)
    return pte_writer.run(tree)


@pytest.mark.parametrize("thumb", [False, True])
def test_writer_accepts_recorded_strd(make, tmp_path, thumb):
    result = built(make, tmp_path, thumb=thumb)
    assert not result.problems and result.note.startswith("1 stores")


def test_writer_refuses_another_instruction(make, tmp_path):
    assert "it is `str" in built(make, tmp_path, insn="str").problems[0]


def test_writer_refuses_a_recorded_store_from_another_file(make, tmp_path):
    other = WRITER.replace("desc_write", "other_write").replace("#pragma once\n", "")
    other = other.replace("INSN", "strd").replace("HI", "%H[v], ")
    other += "void use2(u64 *p, u64 v);\nvoid use2(u64 *p, u64 v)\n{\n\tother_write(p, v);\n}\n"
    problems = built(make, tmp_path, more={"mm/other.c": other}).problems
    assert any("it comes from" in p for p in problems)
    assert any("`strd` outside" in p for p in problems)


def test_writer_refuses_an_unrecorded_strd_of_its_header(make, tmp_path):
    bare = SPDX + '#pragma once\nstatic inline void desc_write(u64 *entry, u64 value)\n{\n' \
        '\t__asm__ volatile("strd %Q1, %R1, [%0]" : : "r"(entry), "r"(value) : "memory");\n}\n'
    both = WRITER.replace("desc_write", "good_write") + bare.split("once\n")[1]
    user = USER.replace("\tdesc_write(p, v);", "\tgood_write(p, v);\n\tdesc_write(p, v);")
    problems = built(make, tmp_path, writer=both, user=user).problems
    assert len(problems) == 1 and "not recorded" in problems[0]


def test_writer_lets_the_compiler_spill_to_the_stack(make, tmp_path):
    spill = '\t__asm__ volatile("strd %Q0, %R0, [sp, #-8]!\\n\tadd sp, #8" : : "r"(value));\n}\n'
    writer = WRITER.rsplit("}\n", 1)[0] + spill
    assert not built(make, tmp_path, writer=writer).problems
    assert built(make, tmp_path, writer=writer.replace("[sp, #-8]!", "[r0]")).problems


def test_writer_wants_an_elf_with_records(make, tmp_path):
    assert pte_writer.run(make({})).problems == ["no ELF: build first, and pass --build"]
    nothing = USER.replace("\tdesc_write(p, v);", "\t*p = v;")
    assert "no stores recorded" in built(make, tmp_path, user=nothing).problems[0]


def stored(make, text):
    problems = pte_writer.run(make({"mm/x.c": text})).problems
    return [p for p in problems if not p.startswith("no ELF")]


@pytest.mark.parametrize("line", [
    "entry->raw = 3;", "entry->raw |= 3;", "table[3].raw = 3;", "(*entry).raw = 3;",
    "*entry = value;", "table[i] = value;", "*(entry + 1) = value;", "*tables[cpu] = value;",
    "tables[cpu][3] = value;", "kernel_pmds[4] = value;",
    '__asm__("strd r0, r1, [r2]");',
])
def test_writer_refuses_plain_stores(make, line):
    text = "static pte_t *tables[8];\nvoid f(pte_t *entry, pte_t *table, pte_t value)\n" \
        "{\n\t" + line + "\n}\n"
    header = {"include/mm/p.h": "extern pmd_t kernel_pmds[2048];\n"}
    assert [p for p in pte_writer.run(make({"mm/x.c": text, **header})).problems
            if not p.startswith("no ELF")]


@pytest.mark.parametrize("line", [
    "value.raw |= 3;", "value = other;", "pte_t *p = entry;", "if (entry->raw == 3) {",
    "pte_t saved[2] = { 0 };", "tables[2] = entry;", "/* strd */", "saved.raw = entry->raw;",
    "entry->raw = 3; /* pte-ok: told here */",
])
def test_writer_accepts_values_and_reads(make, line):
    text = f"static pte_t *tables[8];\nvoid f(pte_t *entry, pte_t value)\n{{\n\t{line}\n}}\n"
    assert not stored(make, text)


def test_writer_knows_where_a_name_holds(make):
    other = "void g(u32 *entry)\n{\n\t*entry = 3;\n}\n"
    assert not stored(make, "void f(pte_t *entry)\n{\n\tg(entry);\n}\n\n" + other)
    assert stored(make, "static pte_t *entry;\n\nvoid f(void)\n{\n}\n\n" + other)


def test_writer_refuses_strd_in_assembly(make):
    problems = pte_writer.run(make({"arch/arm/x.S": SPDX + "\tstrd r0, r1, [r2]\n"})).problems
    assert any("`strd` outside" in p for p in problems)


# ---- small habits ----

@pytest.mark.parametrize("name,text", [
    ("mm/x.c", "int x;\n"), ("tools/x.py", "print(1)\n"), ("boards/b/b.dts", "/dts-v1/;\n"),
    ("arch/arm/x.S", "\tnop\n"), ("Makefile", "all:\n"), ("tools/run", "#!/bin/sh\n"),
    ("mm/x.c", SPDX + "/* TO" "DO: nicer */\n"), ("mm/x.c", SPDX + "int x; // FIX" "ME\n"),
    ("mm/x.c", SPDX + "/* TO" "DO(): */\n"), ("mm/x.c", SPDX + "int x; \n"),
    ("mm/x.c", SPDX + "void f(void)\n{\n#if A\n\tg();\n#endif\n}\n"),
])
def test_tidy_refuses(make, name, text):
    assert tidy.run(make({name: text})).problems


@pytest.mark.parametrize("name,text", [
    ("mm/x.c", SPDX + "#if A\nint x;\n#endif\nvoid f(void)\n{\n\tg();\n}\n#if B\n#endif\n"),
    ("mm/x.c", SPDX + "/* TO" "DO(no threads yet): sleep here once there are any */\n"),
    ("tools/run", "#!/bin/sh\n# SPDX-License-Identifier: BSD-2-Clause\n"),
])
def test_tidy_accepts(make, name, text):
    assert not tidy.run(make({name: text})).problems


def test_tidy_warns_of_long_files_and_functions(make):
    text = SPDX + body(*["a++;"] * 70)
    assert "f has 70 lines" in tidy.run(make({"mm/x.c": text})).warnings[0]
    assert not tidy.run(make({"mm/x.c": SPDX + body(*["a++;"] * 50)})).warnings
    assert "700 lines" in tidy.run(make({"mm/x.c": SPDX + "\n" * 699})).warnings[0]


# ---- docs ----

def test_docs_must_be_what_the_generator_says(make, tmp_path):
    for folder in ("include", "docs"):
        (tmp_path / folder).mkdir(exist_ok=True)
    for name in ("types.h", "config.h", "layout.h"):
        (tmp_path / "include" / name).write_bytes((ROOT / "include" / name).read_bytes())
    assert docs.run(Tree(tmp_path)).problems
    document = subprocess.run([sys.executable, ROOT / "tools/memdoc.py", "--root", tmp_path],
                              capture_output=True, text=True, check=True).stdout
    (tmp_path / "docs" / "memory.md").write_text(document, encoding="utf-8")
    assert not docs.run(Tree(tmp_path)).problems
    layout = tmp_path / "include" / "layout.h"
    layout.write_text(layout.read_text(encoding="utf-8").replace("X(fdt, SZ_4M", "X(fdt, SZ_16M"),
                      encoding="utf-8")
    assert docs.run(Tree(tmp_path)).problems
    assert "PAGE_OFFSET" in document and document.count("## VMSPLIT") == 3


# ---- links ----

LINKED = {"a.md": "# Of `a`, and b\n```\n# no heading\n[x](none.md)\n```\n"}


@pytest.mark.parametrize("link", ["a.md", "../a.md#of-a-and-b", "#here", "https://example.org/x#y"])
def test_links_that_lead_somewhere(make, link):
    name = "docs/b.md" if link.startswith("..") else "b.md"
    assert not links.run(make({**LINKED, name: f"## Here\n[x]({link})\n"})).problems


@pytest.mark.parametrize("link", ["none.md", "a.md#of-b", "#there", "a.md#no-heading", "docs/a.md"])
def test_links_that_lead_nowhere(make, link):
    assert len(links.run(make({**LINKED, "b.md": f"## Here\n[x]({link})\n"})).problems) == 1


# ---- the driver ----

def test_comments_and_strings_are_blanked_in_place():
    text = 'a /* x\n y */ b "c d" // e\n'
    assert blank(text) == 'a     \n      b "___"     \n'
    assert len(blank(text)) == len(text)


def driver(root, *args):
    return subprocess.run([ROOT / "tools/check/check", "--root", root, *args],
                          capture_output=True, text=True, check=False)


def test_the_driver_reports_and_fails(make, tmp_path):
    make({"mm/x.c": SPDX + body("if (a)", "\treturn;")})
    done = driver(tmp_path, "--only", "braces,tidy")
    assert done.returncode == 1 and "check braces      FAIL" in done.stdout
    assert "mm/x.c:4: if without braces" in done.stdout and "check tidy        ok" in done.stdout
    assert driver(tmp_path, "--only", "tidy").returncode == 0
    assert driver(tmp_path, "--only", "nonsense").returncode == 2


def test_the_driver_runs_every_check(tmp_path):
    modules = {p.stem for p in (ROOT / "tools/check").glob("*.py")} - {"__init__", "tree"}
    lines = driver(tmp_path).stdout.splitlines()
    assert len([line for line in lines if line.startswith("check ")]) == len(modules)
    assert os.access(ROOT / "tools/check/check", os.X_OK)
