# SPDX-License-Identifier: BSD-2-Clause
"""The check of code that is written and then fetched: it passes each right sequence, and fails where a
step is missing, on one way alone, or in the wrong place."""

import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from check import icache  # noqa: E402

MVAC, MVAU = "mcr p15, 0, r0, c7, c10, 1", "mcr p15, 0, r0, c7, c11, 1"
ICIALLU, ICIMVAU = "mcr p15, 0, r3, c7, c5, 0", "mcr p15, 0, r3, c7, c5, 1"
BPIALL, BPIMVA = "mcr p15, 0, r3, c7, c5, 6", "mcr p15, 0, r3, c7, c5, 7"
LOOP = ("cmp r0, r1", "bhs 2f", "1:", MVAC, "add r0, r0, #16", "cmp r0, r1", "blo 1b", "2:")
END = ("dsb ish", "isb", "bx lr")
BY_HAND = {"makes": {"use": {"clean": "DCCMVAC"}}}
BY_CALL = {"makes": {"use": {"clean": "sweep"}}, "writers": {"patch": ["use"]}}
UNCACHED = {"makes": {"use": {"clean": "uncached"}}}


def functions(thumb, bodies):
    text = ".syntax unified\n" + (".thumb\n" if thumb else ".arm\n")
    for name, lines in bodies.items():
        text += (".thumb_func\n" if thumb else "") + f".type {name}, %function\n.global {name}\n" + \
            f"{name}:\n" + "\n".join(lines) + f"\n.size {name}, . - {name}\n"
    return text


def problems(tmp_path, rules, *lines, thumb=True, **others):
    """What the check says of a function `use` of these lines, and of others."""
    (tmp_path / "x.S").write_text(functions(thumb, {
        "use": lines, "sweep": (MVAC, "dsb sy", "bx lr"), "patch": ("bx lr",), **others}))
    subprocess.run(["arm-none-eabi-gcc", "-march=armv7ve", "-nostdlib", "-Wl,-e,use", "-o",
                    tmp_path / "x", tmp_path / "x.S"], check=True)
    return icache.inspect(tmp_path / "x", rules)[1]


RIGHT = [
    (BY_HAND, (*LOOP, "dsb ish", ICIALLU, BPIALL, *END)),
    (BY_HAND, (*LOOP, "dsb sy", ICIALLU, *END)),
    (BY_HAND, (*LOOP, "dsb ish", ICIMVAU, BPIMVA, *END)),
    (BY_HAND, (*LOOP, "dsb ish", ICIMVAU, BPIALL, *END)),
    (BY_CALL, ("push {r4, lr}", "bl patch", "bl sweep", "dsb ishst", ICIALLU, "dsb ish", "isb",
               "pop {r4, pc}")),
    (UNCACHED, ("dsb sy", ICIALLU, *END)),
]
WRONG = [
    (BY_HAND, (*LOOP, "dsb ish", *END), "no ICIALLU"),
    (BY_HAND, (*LOOP, "dsb ish", BPIALL, *END), "no ICIALLU"),
    (BY_HAND, ("dsb ish", ICIALLU, *END), "nothing was cleaned"),
    (BY_HAND, (MVAU, "dsb ish", ICIALLU, *END), "nothing was cleaned"),
    (BY_HAND, (*LOOP, ICIALLU, *END), "without a DSB before"),
    (BY_HAND, (*LOOP, "dsb ishst", ICIALLU, *END), "without a DSB before"),
    (BY_HAND, ("dsb ish", ICIALLU, *LOOP, *END), "nothing was cleaned"),
    (BY_HAND, (*LOOP, "cmp r2, #0", "beq 3f", "dsb ish", "3:", ICIALLU, *END),
     "without a DSB before"),
    (BY_HAND, (*LOOP, "dsb ish", ICIALLU, "isb", "bx lr"), "and an ISB, but no DSB"),
    (BY_HAND, (*LOOP, "dsb ish", ICIALLU, "dsb ishst", "isb", "bx lr"), "and an ISB, but no DSB"),
    (BY_HAND, (*LOOP, "dsb ish", ICIALLU, "dsb ish", "bx lr"), "without an ISB behind"),
    (BY_HAND, (*LOOP, "dsb ish", ICIALLU, "bx lr"), "without a DSB behind"),
    (BY_HAND, (*LOOP, "dsb ish", ICIALLU, "dsb ish", "cmp r2, #0", "beq 3f", "isb", "3:", "bx lr"),
     "without an ISB behind"),
    (BY_HAND, (*LOOP, "dsb ish", ICIMVAU, *END), "ICIMVAU without a BPIALL or BPIMVA"),
    (BY_HAND, (*LOOP, "dsb ish", ICIMVAU, "dsb ish", BPIALL, *END), "without a BPIALL or BPIMVA"),
    (BY_CALL, ("push {r4, lr}", "bl patch", "dsb ish", ICIALLU, "dsb ish", "isb", "pop {r4, pc}"),
     "nothing was cleaned"),
    (BY_CALL, ("push {r4, lr}", "bl sweep", "bl patch", ICIALLU, "dsb ish", "isb", "pop {r4, pc}"),
     "nothing was cleaned"),
    (BY_CALL, ("push {r4, lr}", "bl patch", "cmp r4, #0", "beq 1f", "bl sweep", "1:", ICIALLU,
               "dsb ish", "isb", "pop {r4, pc}"), "on a way without sweep"),
    (UNCACHED, (ICIALLU, *END), "without a DSB before"),
    ({}, ("dsb ish", ICIALLU, *END), "does not say what for"),
    ({}, ("dsb ish", ICIMVAU, BPIALL, *END), "does not say what for"),
    ({"forgets": {"use": ""}}, (BPIALL, "bx lr"), "without a DSB behind"),
    ({"forgets": {"use": ""}}, ("mcr p15, 0, r3, c7, c1, 0", "bx lr"), "without a DSB behind"),
]


@pytest.mark.parametrize("thumb", [False, True])
@pytest.mark.parametrize("rules, lines", RIGHT)
def test_icache_accepts_what_is_right(tmp_path, rules, lines, thumb):
    assert not problems(tmp_path, rules, *lines, thumb=thumb)


@pytest.mark.parametrize("thumb", [False, True])
@pytest.mark.parametrize("rules, lines, says", WRONG)
def test_icache_refuses_what_is_missing(tmp_path, rules, lines, says, thumb):
    found = problems(tmp_path, rules, *lines, thumb=thumb)
    assert found and all("use" in p and says in p for p in found), found


def test_icache_knows_who_writes_for_whom(tmp_path):
    calls = ("push {r4, lr}", "bl patch", "pop {r4, pc}")
    assert "calls patch, which writes code" in \
        problems(tmp_path, {"writers": {"patch": []}}, *calls)[0]
    assert "does not call patch" in problems(tmp_path, {"writers": {"patch": ["use"]}}, "bx lr")[0]


def test_icache_wants_what_is_given_away_cleaned_and_what_is_entered_forgotten(tmp_path):
    calls = ("push {r4, lr}", "bl sweep", "pop {r4, pc}")
    hands = {"hands": {"use": "sweep"}}
    assert not problems(tmp_path, hands, *calls)
    assert not problems(tmp_path, hands, "b sweep")
    assert "does not call sweep" in problems(tmp_path, hands, "bx lr")[0]
    assert "without a DSB" in problems(tmp_path, hands, *calls, sweep=(MVAC, "bx lr"))[0]
    assert "without a DSB" in problems(tmp_path, hands, *calls, sweep=(MVAC, "dsb st", "bx lr"))[0]
    assert "should clean" in problems(tmp_path, hands, *calls, sweep=("dsb sy", "bx lr"))[0]
    assert "should forget" in problems(tmp_path, {"enters": {"use": "sweep"}}, "bx lr")[0]


def test_icache_wants_each_name_once(tmp_path):
    assert "not in the ELF" in problems(tmp_path, {"forgets": {"gone": ""}}, "bx lr")[0]
    (tmp_path / "y.S").write_text("use: bx lr\n.type use, %function\n.size use, 4\n")
    (tmp_path / "x.S").write_text(functions(False, {"use": ("dsb ish", ICIALLU, *END)}))
    subprocess.run(["arm-none-eabi-gcc", "-march=armv7ve", "-nostdlib", "-Wl,-e,use", "-o",
                    tmp_path / "x", tmp_path / "x.S", tmp_path / "y.S"], check=True)
    assert "2 functions of that name" in \
        icache.inspect(tmp_path / "x", {"forgets": {"use": ""}})[1][0]
