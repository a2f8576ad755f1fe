# SPDX-License-Identifier: BSD-2-Clause
"""tools/symtab.py writes what lib/symtab.c reads: every name, at every offset, under sanitizers."""

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

		printf("%d %s+%u\\n", found, name, offset);
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
        return subprocess.run([program, str(size)], input=text, capture_output=True, text=True,
                              check=True).stdout.splitlines()
    return look_up


@pytest.mark.parametrize("count", [1, 700])
def test_every_name_is_found_at_every_place(tmp_path, count):
    text, functions, end = listing(count)
    look_up = reader(tmp_path, write(tmp_path, text))
    ends = [address for address, _ in functions[1:]] + [end]
    expected = {}
    for (address, name), after in zip(functions, ends):
        for place in (address, address + 1, after - 1):
            expected[place] = f"1 {name}+{place - address}"
    assert look_up(expected) == list(expected.values())


def test_names_are_cut_to_the_room_there_is(tmp_path):
    text, functions, _ = listing(40)
    look_up = reader(tmp_path, write(tmp_path, text))
    for size in (1, 2, 5):
        assert look_up([a for a, _ in functions], size) == [f"1 {n[:size - 1]}+0"
                                                           for _, n in functions]


def test_nothing_is_known_outside_the_text(tmp_path):
    text, _, end = listing(40)
    look_up = reader(tmp_path, write(tmp_path, text))
    assert set(look_up([0, 4, BASE - 1, end, end + 64, 0xffffffff])) == {"0 +0"}


def test_the_empty_table_knows_nothing(tmp_path):
    look_up = reader(tmp_path, write(tmp_path, "", "--empty"))
    assert set(look_up([0, BASE, BASE + 4, 0xffffffff])) == {"0 +0"}


def test_seven_hundred_names_fit_into_nine_kib(tmp_path):
    table = write(tmp_path, listing(700)[0])
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
