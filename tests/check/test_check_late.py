# SPDX-License-Identifier: BSD-2-Clause
"""The rule `late` of `make check`, on small images: each way into the late part that it must find."""

import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from check import late  # noqa: E402  (needs the path above)
from check.tree import Tree  # noqa: E402

SCRIPT = """ENTRY(_start)
SECTIONS {
	.text 0x10000 : {
		KEEP(*(.head.text))
		*(.text.front)
		EXCLUDE_FILE(*shell*) *(.text*)
		EXCLUDE_FILE(*shell*) *(.rodata*)
		EXCLUDE_FILE(*shell*) *(.bss*)
		*(.data*)
	}
	.late 0x20000 : { __late_start = .; *(.text* .rodata* .bss*) __late_end = .; }
	/DISCARD/ : { *(.ARM.* .comment) }
}
"""
HEADER = """int unpack(void), ready(void), shell(int), helper(int), other(int), early(void);
void ask(void);
extern int (*const table[])(int), words[], (*given[])(int), (*hook)(int);
"""
HEAD = '.section .head.text, "ax"\n.global _start\n_start: b main\n'
UNPACK = "int unpack(void) { return 1; }\nint ready(void) { return hook != 0; }\n" \
    "int (*hook)(int);\n"
# helper is in front, and calls the late part: right as long as only that calls it.
HELPER = "int helper(int a) { return shell(a) + 1; }\nint other(int a) { return a + 1; }\n"
SHELL = "int words[] = { 3 };\nint shell(int a) { return a > 3 ? helper(a - 1) : a; }\n" \
    "int (*given[])(int) = { shell };\n"
MAIN = "int main(void) { unpack(); return shell(3); }\n"
RULES = '[late]\nentry = "_start"\n[late.behind]\n"main" = { call = "unpack" }\n[late.bounds]\n'


@pytest.fixture(name="problems")
def fixture_problems(tmp_path):
    """Builds these sources, late ones are named so, and returns what the rule says of them."""
    def problems(main, rules=RULES, thumb=True, **more):
        sources = {"head.S": HEAD, "unpack.c": UNPACK, "helper.c": HELPER, "shell.c": SHELL,
                   "main.c": main, **{f"{name}.c": text for name, text in more.items()}}
        build = tmp_path / "build"
        (build / "obj").mkdir(parents=True)
        (tmp_path / "tools" / "check").mkdir(parents=True)
        (tmp_path / "tools" / "check" / "rules.toml").write_text(rules)
        (tmp_path / "script").write_text(SCRIPT)
        (tmp_path / "all.h").write_text(HEADER)
        flags = ["arm-none-eabi-gcc", "-march=armv7ve", "-mthumb" if thumb else "-marm", "-Os",
                 "-fno-inline", "-ffreestanding", "-fno-ipa-cp", "-fno-ipa-ra", "-nostdlib",
                 "-ffunction-sections", "-fdata-sections"]
        for name, text in sources.items():
            (tmp_path / name).write_text(text)
            subprocess.run([*flags, *(["-include", "all.h"] if name.endswith(".c") else []), "-c",
                            "-o", build / "obj" / f"{name[:-2]}.o", name], cwd=tmp_path, check=True)
        subprocess.run([*flags, "-Wl,--gc-sections", "-T", "script", "-o", build / "fanlight",
                        *sorted((build / "obj").iterdir())], cwd=tmp_path, check=True)
        (build / "flags").write_text(" ".join([*flags, *sources]))
        return late.run(Tree(tmp_path, build)).problems
    return problems


@pytest.mark.parametrize("thumb", [False, True])
@pytest.mark.parametrize("main", [
    MAIN,
    "int main(void) { if (other(1)) unpack(); else unpack(); while (other(3)) shell(2); return 0; }",
    "int main(void) { other(3); unpack(); while (shell(2)) other(1); return shell(1); }",
])
def test_late_accepts_what_comes_behind(problems, main, thumb):
    assert not problems(main, thumb=thumb)


@pytest.mark.parametrize("thumb", [False, True])
@pytest.mark.parametrize("main, says", [
    ("int main(void) { shell(1); unpack(); return 0; }", "does not lead past unpack()"),
    ("int main(void) { if (other(1)) unpack(); return shell(1); }", "does not lead past unpack()"),
    ("int main(void) { while (other(3)) { shell(2); unpack(); } return 0; }",
     "does not lead past unpack()"),
    ("int main(void) { unpack(); hook = shell; return shell(1); }", "does not call it"),
    ("int main(void) { unpack(); return shell(1) + words[0]; }", "does not call it"),
])
def test_late_refuses_what_may_come_before(problems, main, says, thumb):
    found = problems(main, thumb=thumb)
    assert found and all("main" in p and says in p for p in found), found


@pytest.mark.parametrize("early, says", [
    ("int early(void) { return helper(1); }",  # two steps away
     "helper refers to shell, which is in the late part, and may run before it is unpacked:"
     " helper <- early <- main"),
    ("int early(void) { hook = helper; return 0; }", "helper refers to shell"),  # called by whom?
    ("int early(void) { return words[0]; }", "early refers to words"),
    ("int early(void) { return given[other(0)](3); }", "early refers to given"),
    ("int (*const table[])(int) = { other, shell };\nint early(void) { return table[ready()](3); }",
     "table refers to shell"),
    ("static int (*const own[])(int) = { other, shell };\nint early(void) { return own[ready()](3); }",
     "refers to shell"),
    ("extern char __late_start[];\nint early(void) { return __late_start[0]; }",
     "early uses __late_start, a bound of the late part"),
])
def test_late_follows_what_runs_early(problems, early, says):
    main = "int main(void) { early(); unpack(); return shell(3); }\n"
    found = problems(main, early=early)
    assert len(found) == 1 and says in found[0], found


ASKED = RULES.replace("[late.bounds]", '"ask" = { call = "ready", answer = true }\n[late.bounds]')


# Only Thumb, which the kernel's C is, has branches there; conditional calls are not followed.
@pytest.mark.parametrize("ask, right, thumb", [
    ("if (ready()) { shell(1); }", True, True),
    ("if (!ready()) { shell(1); }", False, False),
    ("if (!ready()) { return; }\nother(1); shell(1); shell(2);", True, True),
    ("if (other(1) && ready()) { shell(1); }", True, True),
    ("ready(); shell(1);", False, True),
    ("if (!ready()) { shell(1); }", False, True),
    ("if (ready()) { other(1); } shell(1);", False, True),
    ("if (other(ready())) { shell(1); }", False, True),
    ("if (other(1) || ready()) { shell(1); }", False, True),
])
def test_late_looks_at_the_answer(problems, ask, right, thumb):
    text = "void ask(void)\n{\n\t" + ask + "\n}\n"
    main = "int main(void) { ask(); unpack(); return shell(3); }\n"
    found = problems(main, rules=ASKED, thumb=thumb, ask=text)
    assert not found if right else found and all("does not lead past ready()" in p for p in found)


def test_late_wants_a_list_without_idle_entries(problems):
    idle = RULES + '"unpack.c" = "for no reason"\n'
    assert "nothing to do with the late part" in problems(MAIN, rules=idle)[0]


def test_late_wants_files_as_a_whole(problems):
    half = "__attribute__((section(\".text.front\"))) int front(void)\n{\n\treturn shell(1);\n}\n"
    main = "int front(void);\nint main(void) { unpack(); return front(); }\n"
    assert problems(main, shell=SHELL + half) == [
        "shell.c: partly in the late part, partly in front of it"]


def test_late_wants_what_it_looks_at(problems, tmp_path):
    assert late.run(Tree(tmp_path)).problems == ["no ELF: build first, and pass --build"]
    assert not problems(MAIN)
    (tmp_path / "build" / "obj" / "helper.o").unlink()
    assert "helper.o: not built" in late.run(Tree(tmp_path, tmp_path / "build")).problems[0]
