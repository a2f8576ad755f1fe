# SPDX-License-Identifier: BSD-2-Clause
"""tools/symtab.py writes what lib/symtab.c reads: every function's name and unwind code, at every
offset, under sanitizers."""

import pathlib
import random
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOL = ROOT / "tools" / "symtab.py"
BASE = 0xffc00000
WORDS = "kmap local page alloc fixmap set vmalloc free memblock gic eoi pl011 put printk fdt " \
    "node panic thread sched highmem slab buddy map unmap flush range purge init early boot".split()

READER = """
#include <lib/symtab.h>
#include <stdio.h>
#include <string.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	char *name = malloc(atoi(argv[1])); /* exactly as large as said: ASan watches its end */
	unsigned long addr;

	while (scanf("%lx", &addr) == 1) {
		u32 offset = 0;
		bool found = symtab_lookup(addr, name, atoi(argv[1]), &offset);

		const u8 *code = symtab_unwind_code(addr);

		printf("%d %s+%u ", found, name, offset);
		for (u32 i = 0; code && i < *code; i++) {
			printf("%02x", code[1 + i]);
		}
		printf("%s\\n", code ? "." : "-");
	}
	free(name);
	return 0;
}
"""


def names(count):
    rng = random.Random(7)
    found = set()
    while len(found) < count:
        found.add("_".join(rng.sample(WORDS, rng.randrange(2, 4))))
    return sorted(found, key=lambda name: rng.random())


def listing(count):
    """`nm -n` output as a linker would give it, and the functions in it: [(address, name)]."""
    rng, address, functions = random.Random(8), BASE, []
    lines = [f"{BASE - 0x1000:08x} A absolute", f"{BASE:08x} T __text_start", f"{BASE:08x} t $a"]
    for name in names(count):
        functions.append((address, name))
        lines.append(f"{address:08x} {rng.choice('tTW')} {name}")
        address += rng.choice((2, 4, 60, 200, 254, 256, 700, 40000))
    lines += [f"{address:08x} T __text_end", f"{address:08x} R __rodata_start",
              f"{address + 64:08x} d a_table", "         U nothing"]
    return "\n".join(lines) + "\n", functions, address


def unwinding(functions, end):
    """`readelf -u` output for some of the functions, and {function's address: its code or None}."""
    rng, code, codes = random.Random(9), None, {}
    lines = ["", "Unwind section '.ARM.exidx' at offset 0x1b4d8 contains 465 entries:", ""]
    for address, name in functions:
        kind = rng.randrange(4)
        if kind == 0:       # it has none: that of the one before holds
            pass
        elif kind == 1:
            code = None
            lines += [f"0x{address:x} <{name}>: 0x1 [cantunwind]", ""]
        else:
            ops = rng.choice(((), ((0xa8,),), ((0x02,), (0xaf,)), ((0xb1, 0x08), (0x84, 0xb0)),
                              ((0x0d,), (0xb2, 0x86, 0x01), (0x84, rng.randrange(256)))))
            code = bytes(byte for op in ops for byte in op)
            word = "@0xffc15190" if len(code) > 3 else "0x80b0b0b0"
            lines += [f"0x{address:x} <{name}>: {word}",
                      f"  Compact model index: {int(len(code) > 3)}"]
            for op in (*ops, (0xb0,)):
                hexes = " ".join(f"0x{byte:02x}" for byte in op)
                lines.append(f"  {hexes:9} {'finish' if op == (0xb0,) else 'pop {r4, r14}'}")
            lines.append("")
        codes[address] = code
    lines += [f"0x{end + 6:x} <somewhere+0x6>: 0x1 [cantunwind]", ""]
    return "\n".join(lines), codes


def write(folder, text, *args):
    table = folder / "symtab.S"
    subprocess.run([sys.executable, TOOL, *args, "-o", table], input=text, text=True, check=True)
    return table


def reader(folder, table):
    source, program = folder / "reader.c", folder / "reader"
    source.write_text(READER, encoding="utf-8")
    subprocess.run(["cc", "-g", "-w", "-fsanitize=address,undefined", f"-I{ROOT}/include", "-o",
                    program, source, ROOT / "lib" / "symtab.c", table], check=True)

    def look_up(addresses, size=64):
        text = "".join(f"{address:x}\n" for address in addresses)
        said = subprocess.run([program, str(size)], input=text, capture_output=True, text=True,
                              check=True).stdout.splitlines()
        return [line.rsplit(" ", 1) for line in said]
    return look_up


@pytest.mark.parametrize("count", [1, 700])
def test_every_function_is_found_at_every_place(tmp_path, count):
    text, functions, end = listing(count)
    unwind, codes = unwinding(functions, end)
    look_up = reader(tmp_path, write(tmp_path, text + unwind))
    ends = [address for address, _ in functions[1:]] + [end]
    expected = {}
    for (address, name), after in zip(functions, ends):
        code = "-" if codes[address] is None else codes[address].hex() + "."
        for place in (address, address + 1, after - 1):
            expected[place] = [f"1 {name}+{place - address}", code]
    assert look_up(expected) == list(expected.values())


def test_names_are_cut_to_the_room_there_is(tmp_path):
    text, functions, _ = listing(40)
    look_up = reader(tmp_path, write(tmp_path, text))
    for size in (1, 2, 5):
        assert look_up([a for a, _ in functions], size) == [[f"1 {n[:size - 1]}+0", "-"]
                                                           for _, n in functions]


def test_nothing_is_known_outside_the_text(tmp_path):
    text, functions, end = listing(40)
    look_up = reader(tmp_path, write(tmp_path, text + unwinding(functions, end)[0]))
    found = look_up([0, 4, BASE - 1, end, end + 64, 0xffffffff])
    assert all(line == ["0 +0", "-"] for line in found)


def test_the_empty_table_knows_nothing(tmp_path):
    look_up = reader(tmp_path, write(tmp_path, "", "--empty"))
    assert all(line == ["0 +0", "-"] for line in look_up([0, BASE, BASE + 4, 0xffffffff]))


def test_seven_hundred_functions_fit_into_nine_kib(tmp_path):
    text, functions, end = listing(700)
    table = write(tmp_path, text + unwinding(functions, end)[0])
    made = tmp_path / "symtab.o"
    subprocess.run(["arm-none-eabi-gcc", "-c", table, "-o", made], check=True)
    sizes = subprocess.run(["arm-none-eabi-size", "-A", made], capture_output=True, text=True,
                           check=True).stdout
    size = next(int(line.split()[1]) for line in sizes.splitlines() if ".symtab_names" in line)
    assert 700 * 5 < size < 9 * 1024


def test_verify_sees_a_function_that_moved(tmp_path):
    text, functions, _ = listing(40)
    table = write(tmp_path, text)

    def verify(nm):
        return subprocess.run([sys.executable, TOOL, "--verify", table], input=nm, text=True,
                              capture_output=True, check=False)
    assert verify(text).returncode == 0
    address, name = functions[5]
    moved = verify(text.replace(f"{address:08x}", f"{address + 2:08x}"))
    assert moved.returncode != 0 and "moved" in moved.stderr
    assert verify(text.replace(name, name + "x")).returncode != 0


def test_no_function_is_an_error(tmp_path):
    done = subprocess.run([sys.executable, TOOL], input="ffc00000 R x\n", text=True,
                          capture_output=True, check=False)
    assert done.returncode != 0 and not done.stdout


def test_unwind_code_that_belongs_to_no_function_is_an_error(tmp_path):
    text, functions, _ = listing(40)
    stray = f"0x{functions[3][0] + 2:x} <inside+0x2>: 0x80a8b0b0\n  0xa8      pop {{r4, r14}}\n"
    done = subprocess.run([sys.executable, TOOL], input=text + stray, text=True,
                          capture_output=True, check=False)
    assert done.returncode != 0 and not done.stdout and "in no function" in done.stderr


def test_between_two_parts_nothing_is_known(tmp_path):
    text, functions, end = listing(40)
    late = BASE + 0x100000
    assert end < late
    text += f"{late:08x} T __late_start\n{late:08x} t a_test\n{late + 90:08x} T __late_text_end\n"
    look_up = reader(tmp_path, write(tmp_path, text + unwinding(functions, end)[0]))
    gap = look_up([end, end + 64, late - 1, late + 90])
    assert all(line == ["0 +0", "-"] for line in gap)
    assert look_up([late, late + 89]) == [["1 a_test+0", "-"], ["1 a_test+89", "-"]]
    assert look_up([functions[-1][0]])[0][0] == f"1 {functions[-1][1]}+0"
