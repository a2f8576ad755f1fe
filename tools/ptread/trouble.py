# SPDX-License-Identifier: BSD-2-Clause
"""What everything here raises that cannot read what it should: one name for whoever calls."""


class Trouble(Exception):
    """Registers, memory, a log or an ELF cannot be read, and why. Says nothing of the tables."""
