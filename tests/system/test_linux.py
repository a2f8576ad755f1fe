# SPDX-License-Identifier: BSD-2-Clause
"""The Linux beside us: that Debian's LPAE kernel boots here, up to a program of ours.

Skips where the kernel is neither cached nor to be had. Must never judge what an operation costs:
that is `make bench-linux`.
"""

import pytest

from linux import guest, packages


def test_boots_and_stays(builds, tmp_path):
    try:
        with guest.booted(builds.root, tmp_path / "qemu.err") as one:
            one.until(r"^INIT_STAYS")
            one.guest.qmp.command("stop")
            assert not one.guest.qmp.command("query-status")["running"]
            assert f"Linux version {one.version}" in one.said
    except packages.Unavailable as why:
        pytest.skip(str(why))
