# SPDX-License-Identifier: BSD-2-Clause
"""What a failed check says in its source: the release image prints only file and line.

Must never fail: a line that is not there, or a file of another version, is left out.
"""

from __future__ import annotations

import re

from . import table

_CHECK = re.compile(r"\s*# (test_\w+\.c):([0-9]+): ")


def explained(log: list[str]) -> list[str]:
    """The suite's lines, each failed check followed by its line of source."""
    lines = []
    for line in log:
        lines.append(line)
        m = _CHECK.match(line)
        if m:
            try:
                path = next((table.ROOT / "tests" / "kernel").rglob(m.group(1)))
                lines.append("        " + path.read_text().splitlines()[int(m.group(2)) - 1].strip())
            except (OSError, IndexError, StopIteration):
                pass
    return lines
