# SPDX-License-Identifier: BSD-2-Clause
"""RAM at two addresses (ram_alias.c): the low one is for a CPU without MMU, and for nothing else.

Owns: what a run of the table cannot see: the page tables from outside, and the way out of the kernel
and in again, at the low address. Must never: judge by time; only a hang costs seconds.
"""

import re

import pytest

from prompt import BUILDS, Booted
from ptread import layout as layouts
from ptread import reader
from test_boot_addr import boot, boot_to_prompt, cpus_online, image, in_ram, judged
from test_pagetables import opened

MACHINE = {"board": "midway", "memory": "36G", "ram_alias": True, "image_at": 0x82000000,
           "dtb_at": 0x88000000}
TREES = ["keystone2", "keystone2-low"]
LOW, REAL, SIZE = 0x80000000, 0x800000000, 0x80000000
DEVICES = 0xfff00000  # of this machine, over the alias's last MiB
LAST = "selftest=highmem.*,smp.* panic=poweroff"
COPIES = (0x19001004, 0x1a000000)  # what the tree reserves lies elsewhere


@pytest.mark.parametrize("tree", TREES)
@pytest.mark.parametrize("build", ["release", "vmsplit-1g"])
def test_no_descriptor_leads_to_the_low_address(tree, build):
    with opened(tree, bootargs="selftest=highmem.*,vmalloc.*,vmap.* panic=poweroff", build=build, dtb=tree,
                **MACHINE) as session:
        for mark in (b"@layout ", b"@sum ", None):
            session.until(mark)
            session.guest.qmp.command("stop")
            layout = layouts.from_text(session.said.decode("latin-1"))
            tables, problems = reader.inspect(session.guest.qmp.command, session.gdb, layout)
            assert not problems
            places = [leaf.pa for leaf in tables.leaves] + [*tables.tables]
            low = [f"{pa:#x}" for pa in places if LOW <= pa < DEVICES]
            assert not low, low
            assert any(REAL <= pa < REAL + SIZE for pa in places)
            assert REAL <= tables.regs.ttbr1 < REAL + SIZE
            if mark:
                session.guest.qmp.command("cont")


def alias_booted(dtb="keystone2", **changes):
    """At its prompt; images are in its RAM, put there by the low address."""
    args = in_ram(BUILDS.image("release"), *(LOW + copy for copy in COPIES))
    return Booted(dtb=dtb, args=args, **MACHINE, **changes)


def test_image_in_ram_runs_again_and_again():
    with alias_booted() as m:
        said, lines = boot_to_prompt(m, f"{REAL + COPIES[0]:#x} monitor")
        assert f"image at {REAL + COPIES[0]:010x}, {len(image())} bytes" in said
        tree = int(re.search(r"device tree at (\w{8})", said)[1], 16)
        assert LOW <= tree < LOW + SIZE
        assert "other CPUs off" in said
        assert cpus_online(m) == 4 and "smp: 4 of 4 CPUs run, by psci" in lines
        place = (REAL + COPIES[0] + 0xfff) & ~0xfff
        assert re.search(rf"image +\d+ KiB at 0x{place:010x}", lines)
        boot(m, f"{REAL + COPIES[1]:#x} {LAST}")
        judged(m, "midway", 4, LAST, 20)


def test_the_low_address_is_no_memory():
    with alias_booted() as m:
        m.says(f"boot {LOW + COPIES[0]:#x}", "not all of it is RAM")
        m.says("boot 0x8c0000000", "with the MMU off it must lie below 4 GiB")
        m.says(f"md {MACHINE['image_at'] + 0x24:#x} 1", "as normal memory, through: the image's",
               f"{MACHINE['image_at'] + 0x24:010x}: 016f2818")
        m.says(f"md {LOW + COPIES[0] + 0x24:#x} 1", "as normal memory",
               f"{LOW + COPIES[0] + 0x24:010x}: 016f2818")


def test_firmware_that_only_starts_cpus():
    """It has those that were left out; one that it started nobody can give back to it."""
    with alias_booted(dtb="keystone2-psci") as m:
        assert cpus_online(m) == 4
        m.says(f"boot {REAL + COPIES[0]:#x}", "a CPU could not be started again")
    with alias_booted(dtb="keystone2-psci", bootargs="monitor maxcpus=1") as m:
        said, lines = boot_to_prompt(m, f"{REAL + COPIES[0]:#x} monitor")
        assert "other CPUs off" in said and "smp: 4 of 4 CPUs run, by psci" in lines
