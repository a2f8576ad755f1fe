# SPDX-License-Identifier: BSD-2-Clause
"""The Linux beside us: that Debian's LPAE kernel boots here, and two of its operations are counted.

Skips where kernel or headers are neither cached nor to be had. The full measurement, and any
judgement of ours, is `make bench-linux`.
"""

import pytest

from linux import measure, packages, record

OPS = ("kmap_local_high", "kmap_high_same")


def test_two_operations_cost_what_is_recorded(builds):
    """In seconds: fewer rounds, less memory (there is HighMem yet), none of Linux's self-tests."""
    recorded = record.load()
    try:
        linux = packages.fetch(builds.root, again=False)
        initrd = packages.bench_initrd(builds.root, linux, users=False, again=False)
    except packages.Unavailable as why:
        pytest.skip(str(why))
    bench = measure.Bench(linux, initrd, builds.root / "results" / "bench-linux-quick")
    said = bench.boot("quick", f'task=boot module="mode=bench ops={":".join(OPS)} rounds=4000" '
                               'init_on_alloc=0 cryptomgr.notests', "1G")
    assert tuple(said.ops) == OPS and not said.processes
    assert 1e9 < said.boot < recorded.fair["boot_first_program"]
    if f"Linux {said.version}" == recorded.linux:
        assert said.ops == pytest.approx({op: recorded.fair[op] for op in OPS}, rel=record.NOISE)
