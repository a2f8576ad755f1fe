# SPDX-License-Identifier: BSD-2-Clause
"""Debian's 32-bit LPAE Linux (linux-image-armmp-lpae), as the same rules see it.

Its layout is Linux's documentation (Documentation/arm/memory.rst): the kernel is linked at
0xc0000000, and modules and the pkmap lie in the 16 MiB below, which TTBR0 translates. So what counts
as user's ends there. Regions are not known, so only the rules that need none judge.
"""

from . import rules
from .layout import Layout

PAGE_OFFSET = 0xc0000000
MODULES_VADDR = PAGE_OFFSET - (16 << 20)


class LinuxLayout(Layout):
    """Without regions; the kernel's part begins below PAGE_OFFSET."""

    @property
    def kernel_start(self):
        return MODULES_VADDR


LAYOUT = LinuxLayout(PAGE_OFFSET, 0, {}, ())
RULES = rules.GENERIC
