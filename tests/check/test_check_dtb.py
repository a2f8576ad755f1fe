# SPDX-License-Identifier: BSD-2-Clause
"""`make check-dtb` says what a person finds in the device trees of real boards (check_dtb.toml), and
names what is wrong with a bad one."""

import json
import os
import pathlib
import random
import subprocess
import sys

import pytest

try:
    import tomllib
except ImportError:
    tomllib = pytest.importorskip("tomli")

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
TOOL = ROOT / "tools" / "check-dtb" / "check-dtb"
BUILD = pathlib.Path(os.environ.get("FANLIGHT_BUILD", ROOT / "build")).resolve()
CORPUS = pathlib.Path(os.environ.get("FANLIGHT_DTBS", BUILD / "cache" / "dtbs"))
SPLITS = ("3g", "2g", "1g")
MIB = 1 << 20
VERDICTS = {"boots": "boots", "limits": "boots, with limits", "stops": "does not boot"}
BOOTS, DOES_NOT_BOOT, BAD_INPUT = range(3)
TIMEOUT_S = 60


def rows():
    """(name, is ours, what must be said) for each board of the table."""
    table = tomllib.loads((HERE / "check_dtb.toml").read_text(encoding="utf-8"))
    for group, shared in table.items():
        boards = shared.pop("boards")
        for name, own in boards.items():
            yield name, group == "ours", {**shared, **own}


ROWS = list(rows())


def program(split="3g"):
    return BUILD / "host" / f"check-dtb-{split}"


def ask(path, *options, split="3g"):
    """Status, the answer or None, and what was said on stderr; a sanitizer's report is status 70."""
    env = dict(os.environ, ASAN_OPTIONS="exitcode=70", UBSAN_OPTIONS="exitcode=70")
    run = subprocess.run([program(split), *options, path], capture_output=True, text=True, env=env,
                         timeout=TIMEOUT_S, check=False, errors="replace")
    return run.returncode, json.loads(run.stdout) if run.stdout else None, run.stderr


def front(path, *options):
    """The same by what people type: status, stdout, stderr."""
    run = subprocess.run([sys.executable, TOOL, "--program", program(), *options, path],
                         capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    return run.returncode, run.stdout, run.stderr


def corpus():
    if not (CORPUS / ".done").exists():
        pytest.skip(f"no device trees in {CORPUS}: make host-corpus fetches them")
    return CORPUS


def path_of(name, ours):
    return (BUILD if ours else corpus()) / f"{name}.dtb"


def console_as_in_the_table(console, want):
    if want["driver"] == "":
        return console["driver"] is None
    return (console["driver"], console["address"], console["shift"], console["width"],
            console["source"], console["irq"] or 0) == (
        want["driver"], want["console"], want["shift"], want["width"], want["source"],
        want["irq"])


# ---- real boards ----

@pytest.mark.parametrize("name, ours, want", ROWS, ids=[row[0] for row in ROWS])
def test_board(name, ours, want):
    """Devices, banks, CPUs and the verdict are as read by hand."""
    status, report, err = ask(path_of(name, ours))
    assert err == ""
    assert console_as_in_the_table(report["console"], want), report["console"]
    memory = report["memory"]
    assert [[bank["start"], bank["size"]] for bank in memory["banks"]] == want["banks"]
    if want["banks"]:
        reserved = want.get("reserved_kib", want.get("reserved", 0) * 1024) * 1024
        assert memory["reserved_bytes"] == reserved
    assert report["gic"]["distributor"] == want["gic"]
    assert report["gic"]["interface"] == want["gic"] + 0x1000
    assert report["timer"]["used"] == (want["timer"] == "used")
    assert want["timer"] == "used" or want["timer"] in report["timer"]["why_not"]
    assert report["timer"].get("secure_irq", 29) == 29
    assert report["timer"].get("virtual_irq", 27) == 27
    assert len(report["cpus"]) == want["cpus"]
    assert report["cpus_run"] == want["run"]
    assert (report["power"] or "") == want["power"]
    assert report["verdict"] == VERDICTS[want["verdict"]], report["fatal"] + report["unsupported"]
    assert status == (DOES_NOT_BOOT if want["verdict"] == "stops" else BOOTS)


@pytest.mark.parametrize("name, ours, want", [row for row in ROWS if row[2]["banks"]],
                         ids=[row[0] for row in ROWS if row[2]["banks"]])
def test_split(name, ours, want):
    """Lowmem, HighMem and the vmalloc area in each split."""
    total = sum(size for _, size in want["banks"])
    for split, lowmem in zip(SPLITS, want["lowmem"]):
        said = ask(path_of(name, ours), split=split)[1]["memory"]["split"]
        page_offset = int(split[0]) << 30
        assert said["name"] == split
        assert said["page_offset"] == page_offset
        assert said["phys_offset"] == want["banks"][0][0]
        assert said["lowmem_bytes"] == lowmem * MIB
        assert said["lowmem_end"] == page_offset + lowmem * MIB
        assert said["highmem_bytes"] == total - lowmem * MIB
        assert said["highmem_permille"] == (total - lowmem * MIB) * 1000 // total
        assert said["vmalloc_start"] == page_offset + (lowmem + 2) * MIB
        assert said["vmalloc_end"] == 0xfe200000


def test_table_is_complete():
    """Every Cortex-A15 tree of the corpus has its row, and no row is without its tree."""
    found = {path.stem for path in corpus().glob("*.dtb")
             if b"arm,cortex-a15\0" in path.read_bytes()}
    assert found == {name for name, ours, _ in ROWS if not ours}


def test_every_tree_of_the_corpus_gets_an_answer():
    """Whatever the CPU: an answer or a reason, and nothing for the sanitizers."""
    paths = sorted(corpus().glob("*.dtb"))
    for path in paths[::9]:
        status, report, err = ask(path)
        assert status in (BOOTS, DOES_NOT_BOOT), f"{path}: {err}"
        assert (status == DOES_NOT_BOOT) == bool(report["fatal"]), path


# ---- made by hand ----

TREE = """/dts-v1/;
%(top)s
/ {
	#address-cells = <2>; #size-cells = <2>; interrupt-parent = <&gic>;
	chosen { stdout-path = "/serial@9000000"; %(chosen)s };
	memory@80000000 { device_type = "memory"; %(memory)s };
	cpus { #address-cells = <1>; #size-cells = <0>; %(cpus)s };
	gic: gic@8000000 { compatible = "%(gic)s"; interrupt-controller; #interrupt-cells = <3>;
		reg = <0 0x8000000 0 0x1000 0 0x8010000 0 0x1000>; };
	timer { compatible = "arm,armv7-timer"; interrupts = <1 13 8 1 14 8 1 11 8 1 10 8>; %(timer)s };
	serial@9000000 { compatible = "%(uart)s"; reg = <0 0x9000000 0 0x1000>;
		interrupts = <0 1 4>; %(serial)s };
	%(more)s
};
"""
CPU = 'cpu@%x { device_type = "cpu"; compatible = "arm,cortex-%s"; reg = <0x%x>; %s };'
PSCI = 'psci { compatible = "arm,psci-%s"; method = "%s"; };'
GOOD = {
    "top": "", "chosen": "", "memory": "reg = <0 0x80000000 0 0x40000000>;",
    "cpus": CPU % (0, "a15", 0, "") + CPU % (1, "a15", 1, ""), "gic": "arm,cortex-a15-gic",
    "timer": "", "uart": "arm,pl011", "serial": "", "more": PSCI % ("0.2", "smc"),
}


@pytest.fixture(name="tree")
def fixture_tree(tmp_path):
    """A function that compiles the good tree with some parts replaced."""
    def make(**parts):
        source, blob = tmp_path / "tree.dts", tmp_path / "tree.dtb"
        source.write_text(TREE % {**GOOD, **parts}, encoding="ascii")
        subprocess.run(["dtc", "-q", "-I", "dts", "-O", "dtb", "-o", blob, source], check=True,
                       timeout=TIMEOUT_S)
        return blob
    return make


def test_good_tree(tree):
    status, report, _ = ask(tree())
    assert status == BOOTS and report["verdict"] == "boots"
    assert report["unsupported"] == report["fatal"] == report["notes"] == []
    assert [cpu["start"] for cpu in report["cpus"]] == ["boots", "psci by smc"]
    assert report["memory"]["image"] == 0x80010000
    assert report["console"]["irq"] == 33


FATAL = {
    "no_memory": ({"memory": 'status = "disabled";'}, [], "no memory"),
    "size_zero": ({"memory": "reg = <0 0x80000000 0 0>;"}, [], "no memory"),
    "overlap": ({"memory": "reg = <0 0x80000000 0 0x40000000 0 0x90000000 0 0x1000>;"}, [],
                "overlaps another"),
    "wrap": ({"memory": "reg = <0xffffffff 0x80000000 0 0x90000000>;"}, [], "wraps"),
    "beyond_40_bits": ({"memory": "reg = <0x100 0 0 0x40000000>;"}, [], "40 bits"),
    "odd_reg": ({"memory": "reg = <0 0x80000000 0>;"}, [], "makes no sense"),
    "tiny": ({"memory": "reg = <0 0x80000000 0 0x1000000>;"}, [], "too little"),
    "all_above_4g": ({"memory": "reg = <8 0 0 0x40000000>;"}, [], "below 4 GiB"),
    "all_reserved": ({"top": "/memreserve/ 0x80000000 0x40000000;"}, [], "below 4 GiB"),
    "no_lpae": ({"cpus": CPU % (0, "a9", 0, "")}, [], "no LPAE"),
    "unknown_uart": ({"uart": "acme,uart"}, [], "no console"),
    "uart_off": ({"serial": 'status = "disabled";'}, [], "no console"),
    "uart_in_ram": ({"memory": "reg = <0 0 0 0x40000000>;"}, [], "no console"),
    "vmalloc": ({}, ["--append", "vmalloc=1G"], "leaves no lowmem"),
    "mem_elsewhere": ({}, ["--append", "mem=64M@0xc0000000", "--image", "0x80010000"],
                      "not in RAM, says mem="),
    "image_outside": ({}, ["--image", "0x10000"], "not in RAM, says the device tree"),
    "image_reserved": ({"top": "/memreserve/ 0x80020000 0x1000;"}, ["--image", "0x80010000"],
                       "lies over a reserved range"),
    "huge": ({"more": "blob { data = [" + "00" * (2 << 20) + "]; };"}, [], "the kernel takes"),
}


@pytest.mark.parametrize("case", FATAL)
def test_does_not_boot(tree, case):
    """Each is named, with the kernel's own words where it has them."""
    parts, options, words = FATAL[case]
    # QEMU virt's GIC would lead to a last resort: another place has none.
    status, report, _ = ask(tree(**{"gic": "acme,gic", **parts}), *options)
    assert status == DOES_NOT_BOOT and report["verdict"] == "does not boot"
    assert any(words in line for line in report["fatal"]), report["fatal"]


CLUSTERS = CPU % (0, "a15", 0, "") + CPU % (0x100, "a7", 0x100, "")
LIMITS = {
    "gic_v3": ({"gic": "arm,gic-v3"}, "no interrupt controller that we know", 1),
    "timer_off": ({"timer": 'status = "disabled";'}, "timer: the device tree says", 2),
    "timer_lost": ({"timer": "interrupts = <1 99 8>;"}, "its interrupt leads nowhere", 2),
    "psci_method": ({"more": PSCI % ("0.2", "magic")}, "neither hvc nor smc", 1),
    "no_psci": ({"more": ""}, "neither PSCI nor Versatile Express", 1),
    "spin_table": ({"cpus": CPU % (0, "a15", 0, "") + CPU % (1, "a15", 1,
                                                             'enable-method = "spin-table";')},
                   "not one that we can use", 1),
    "spin_table_for_all": ({"cpus": 'enable-method = "spin-table";' + GOOD["cpus"]},
                           "not one that we can use", 1),
    "psci_without_cpu_on": ({"more": PSCI.replace("-%s", "%.0s") % (0, "smc")},
                            "neither PSCI nor Versatile Express", 1),
    "far_cluster": ({"cpus": CLUSTERS, "more": ""}, "another cluster's is firmware's", 1),
    "nine_cpus": ({"cpus": "".join(CPU % (i, "a15", i, "") for i in range(9))},
                  "more than the kernel takes", 8),
    "no_cpus": ({"cpus": ""}, "names no CPU", 1),
    "watchdog": ({"more": PSCI % ("0.2", "smc") + 'watchdog@1 { compatible = "acme,dog"; };'},
                 "watchdog /watchdog@1 (acme,dog)", 2),
    "polled": ({"serial": "interrupts = <0 999 4>;"}, "input is polled", 2),
    "stdout_lost": ({"chosen": 'stdout-path = "/nowhere";'}, "names no node", 2),
}


@pytest.mark.parametrize("case", LIMITS)
def test_boots_with_limits(tree, case):
    """Each is named, and the number of CPUs follows."""
    parts, words, run = LIMITS[case]
    parts = dict(parts)
    if "interrupts" in parts.get("timer", "") or "interrupts" in parts.get("serial", ""):
        path = replace_interrupts(tree, parts)
    elif "stdout-path" in parts.get("chosen", ""):
        path = tree(chosen='linux,stdout-path = "/x";')
        path.write_bytes(path.read_bytes().replace(b"/serial@9000000\0", b"/nowhere0000000\0"))
    else:
        path = tree(**parts)
    status, report, _ = ask(path)
    assert status == BOOTS and report["verdict"] == "boots, with limits"
    assert any(words in line for line in report["unsupported"]), report["unsupported"]
    assert report["cpus_run"] == run


def replace_interrupts(tree, parts):
    """The template's interrupts stand before a part's; the blob's words are replaced."""
    path = tree()
    blob = path.read_bytes()
    kind, tail, changes = (1, 8, ((13, 99), (11, 99))) if "timer" in parts else (0, 4, ((1, 999),))
    for was, now in changes:
        was, now = (b"".join(word.to_bytes(4, "big") for word in (kind, value, tail))
                    for value in (was, now))
        assert was in blob
        blob = blob.replace(was, now)
    path.write_bytes(blob)
    return path


def test_far_cluster_by_psci(tree):
    """Firmware starts another cluster's CPUs."""
    report = ask(tree(cpus=CLUSTERS))[1]
    assert report["cpus_run"] == 2


def test_arguments(tree):
    """--append replaces the tree's: memory, CPUs, and words that nobody knows."""
    status, report, _ = ask(tree(), "--append", "mem=256M@0x90000000 mem=1G@0x800000000 "
                            "maxcpus=1 frobnicate vmalloc=512M")
    assert status == BOOTS
    memory = report["memory"]
    assert memory["banks"] == [{"start": 0x90000000, "size": 256 * MIB},
                               {"start": 0x800000000, "size": 1024 * MIB}]
    assert memory["split"]["lowmem_bytes"] == 256 * MIB
    assert memory["split"]["vmalloc_end"] - memory["split"]["vmalloc_start"] == 512 * MIB
    assert report["cpus_run"] == 1
    assert any("frobnicate" in note for note in report["notes"])


def test_image_avoids_reserved(tree):
    """The first place of the image that nobody reserved."""
    assert ask(tree(top="/memreserve/ 0x80000000 0x400000;"))[1]["memory"]["image"] == 0x80410000


def test_reserved_memory(tree):
    """no-map, outside RAM, and one without an address, each said."""
    more = """reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
        in@90000000 { reg = <0 0x90000000 0 0x100000>; no-map; };
        out@10000000 { reg = <0 0x10000000 0 0x100000>; };
        pool { size = <0 0x100000>; }; };"""
    report = ask(tree(more=more + PSCI % ("1.0", "hvc")))[1]
    assert [(r["name"], r["no_map"], r["in_ram"]) for r in report["memory"]["reserved"]] == [
        ("in@90000000", True, True), ("out@10000000", False, False)]
    assert report["memory"]["reserved_bytes"] == MIB
    assert any("/reserved-memory/pool" in note for note in report["notes"])
    assert any("HYP" in note for note in report["notes"])


@pytest.mark.parametrize("start", (0x80000000, 0x800000000))
def test_ram_alias(tree, start):
    """Where RAM has two addresses the real one counts, whichever was given, of everything."""
    gib = start >> 32
    low = start & 0xffffffff
    path = tree(top=f"/memreserve/ {start + 0x1000000:#x} 0x1000;",
                memory=f"reg = <{gib} {low:#x} 0 0x40000000>;",
                chosen="linux,initrd-start = <0x8c000000>; linux,initrd-end = <0x8c100000>;")
    subprocess.run(["fdtput", "-t", "s", path, "/", "compatible", "ti,k2e", "ti,keystone"],
                   check=True, timeout=TIMEOUT_S)
    status, report, _ = ask(path, "--image", "0x82000000")
    memory = report["memory"]
    assert status == BOOTS and memory["image"] == 0x802000000
    assert memory["banks"] == [{"start": 0x800000000, "size": 1 << 30}]
    assert memory["reserved_bytes"] == MIB + 4096
    assert memory["split"]["phys_offset"] == 0x800000000
    assert any("0x80000000" in note for note in report["notes"])
    assert ask(path)[1]["memory"]["image"] == 0x800010000
    status, report, _ = ask(path, "--append", "mem=2G@0x80000000 mem=6G@0x880000000")
    assert report["memory"]["banks"] == [{"start": 0x800000000, "size": 8 << 30}]
    for wrong, words in (("mem=2G@0x80000000 mem=2G@0x800000000", "overlaps another"),
                         ("mem=1G@0x900000000", "below 4 GiB that nobody")):
        status, report, _ = ask(path, "--append", wrong)
        assert status == DOES_NOT_BOOT and words in report["fatal"][0], report["fatal"]
    status, report, _ = ask(path, "--image", "0x8c000000")
    assert status == DOES_NOT_BOOT and "lies over the initrd, 080c000000" in report["fatal"][0]


def test_text(tree):
    """What a person reads: the same facts, and the verdict last."""
    status, out, _ = front(tree())
    lines = out.splitlines()
    assert status == BOOTS
    assert lines[-1] == "verdict: boots"
    for words in ("pl011 at 0x0009000000", "0x0080000000 to 0x00bfffffff, 1024 MiB", "752 MiB",
                  "272 MiB of 1024 MiB, 26.5 %", "0xef200000 to 0xfe1fffff, 240 MiB",
                  "interrupt 29 if entered secure, else 27", "2 of 2 run", "0.2 or later by smc"):
        assert any(words in line for line in lines), words


def test_text_of_a_refusal(tree):
    """The reason is the last line; the options and the JSON go through the same door."""
    path = tree(memory='status = "disabled";')
    status, out, _ = front(path)
    assert status == DOES_NOT_BOOT
    assert out.splitlines()[-1].startswith("verdict: does not boot: no memory")
    status, out, _ = front(path, "--json", "--append", "mem=1G@0x80000000", "--image", "0x80100000")
    report = json.loads(out)
    assert status == BOOTS and report["memory"]["image"] == 0x80100000


@pytest.mark.parametrize("name, ours", [row[:2] for row in ROWS if row[0] in (
    "dra7-evm", "exynos5422-odroidxu4", "xenvm-4.2", "sun9i-a80-optimus", "vexpress-a15",
    "am57xx-cl-som-am57x")])
def test_text_of_boards(name, ours):
    """Whatever is missing on a board, the text can be laid out, and has the JSON's verdict."""
    path = path_of(name, ours)
    status, out, err = front(path)
    assert (status, err) == (ask(path)[0], "")
    assert out.splitlines()[-1].startswith("verdict: " + ask(path)[1]["verdict"])


def test_program_that_fails(tmp_path, tree):
    """A program that dies is status 3, never an answer."""
    fake = tmp_path / "fake"
    fake.write_text("#!/bin/sh\nexit 1\n", encoding="ascii")
    fake.chmod(0o755)
    run = subprocess.run([sys.executable, TOOL, "--program", fake, tree()], capture_output=True,
                         text=True, timeout=TIMEOUT_S, check=False)
    assert run.returncode == 3 and "failed, status 1" in run.stderr and run.stdout == ""


# ---- no device tree at all ----

def refused(path, words):
    status, out, err = front(path)
    assert (status, out) == (BAD_INPUT, "")
    assert words in err and err.count("\n") == 1, err


def test_bad_files(tmp_path, tree):
    """Each has its own message, and exit status 2."""
    good = tree().read_bytes()
    bad = tmp_path / "bad.dtb"
    refused(tmp_path / "absent.dtb", "No such file")
    refused(tmp_path, "not a file")
    for data, words in ((b"", "shorter than a header"), (good[:39], "shorter than a header"),
                        (b"/dts-v1/;\n" * 9, "not a device tree blob"),
                        (good[:40], "truncated: 40 of"), (good[:-1], "truncated"),
                        (good[:20] + b"\0\0\0\x02" + good[24:], "version"),
                        (good[:8] + b"\xff" * 4 + good[12:], "damaged")):
        bad.write_bytes(data)
        refused(bad, words)


def test_bad_image_address(tree):
    for address in ("nonsense", "0x80010001", "0x100000000"):
        status, _, err = ask(tree(), "--image", address)
        assert status == BAD_INPUT and "not an address" in err


def test_damaged_blobs(tree):
    """Random bytes in a good tree: an answer or a refusal, never a sanitizer's report."""
    good, path = tree().read_bytes(), tree()
    seed = random.randrange(1 << 32)
    dice = random.Random(seed)
    for _ in range(60):
        blob = bytearray(good)
        for _ in range(dice.randrange(1, 9)):
            blob[dice.randrange(len(blob))] = dice.choice((0, 1, 0x7f, 0xff, dice.randrange(256)))
        path.write_bytes(blob)
        status, _, err = ask(path)
        assert status in (BOOTS, DOES_NOT_BOOT, BAD_INPUT), f"seed {seed}: {err}"


def test_make_wants_a_file():
    """make check-dtb alone says what is missing."""
    run = subprocess.run(["make", "-n", "check-dtb", f"O={BUILD}"], cwd=ROOT, capture_output=True,
                         text=True, timeout=TIMEOUT_S, check=False)
    assert run.returncode != 0 and "which device tree?" in run.stderr
