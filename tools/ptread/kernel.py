# SPDX-License-Identifier: BSD-2-Clause
"""The stopped kernel's own variables, read at their virtual addresses through its page tables."""

from bisect import bisect_right

from .debuginfo import DebugError
from .trouble import Trouble

PAGE = 1 << 12
ADDRESSES = (1 << 32) - 1
MOST_SECTIONS = 1 << 16     # 40 bits of address by 16 MiB: more is nonsense


class BadKernel(Trouble):
    """What the kernel's data say cannot be followed."""


class View:
    """A value in memory: `view.member`, `view[index]`; numbers, pointers and enums come as int."""

    def __init__(self, kernel, kind, va):
        self._kernel, self._kind, self.va = kernel, kind, va & ADDRESSES

    def __getattr__(self, name):
        if name not in self._kind.members:
            raise DebugError(f"the kernel's structure has no member {name}")
        offset, kind = self._kind.members[name]
        return self._kernel.value(kind, self.va + offset)

    def where(self, name):
        """The address of a member."""
        return self.va + self._kind.members[name][0]

    def __bool__(self):
        return True         # also a struct, which has no length

    def __len__(self):
        return self._kind.count

    def __getitem__(self, index):
        if not 0 <= index < len(self):
            raise IndexError(index)
        element = self._kind.element
        return self._kernel.value(element, self.va + index * element.size)


class Kernel:
    """Reads virtual addresses of the kernel part as `tables` translate them."""

    def __init__(self, info, memory, tables):
        self.info, self._memory = info, memory
        self._leaves = [leaf for leaf in tables.leaves if leaf.half == 1]
        self._starts = [leaf.va for leaf in self._leaves]
        self._pages = None

    def leaf(self, va):
        """The mapping that this address lies in; None: there is none."""
        position = bisect_right(self._starts, va) - 1
        if position >= 0 and va < self._leaves[position].end:
            return self._leaves[position]
        return None

    def pa(self, va):
        leaf = self.leaf(va)
        if leaf is None:
            raise BadKernel(f"{va & ADDRESSES:#010x}, where the kernel's data lead, is not mapped")
        return leaf.pa + va - leaf.va

    def read(self, va, size):
        data = bytearray()
        while size:
            pa = self.pa(va)
            part = min(size, self.leaf(va).end - va)
            data += self._memory.read(pa, part)
            va, size = va + part, size - part
        return bytes(data)

    def value(self, kind, va):
        if kind.kind in ("struct", "array"):
            return View(self, kind, va)
        number = int.from_bytes(self.read(va, kind.size), "little", signed=kind.signed)
        if kind.bits:
            shift, width = kind.bits
            number = number >> shift & (1 << width) - 1
        return number

    def variable(self, file, name):
        found = self.info.variable(file, name)
        return self.value(found.type, found.address)

    def struct(self, file, name, va):
        return View(self, self.info.struct(file, name), va)

    # -- lists -------------------------------------------------------------------------------

    def linked(self, head, file, name, link, most=100_000):
        """The structs on a circular list whose links are their member `link`."""
        kind, seen = self.info.struct(file, name), set()
        offset, va = kind.members[link][0], head.next
        while va != head.va:
            if va in seen or len(seen) == most:
                raise BadKernel(f"the list at {head.va:#010x} has no end: it comes to {va:#010x}"
                                f" after {len(seen)} steps")
            seen.add(va)
            found = View(self, kind, va - offset)
            yield found
            va = getattr(found, link).next

    # -- pages -------------------------------------------------------------------------------

    @property
    def pages(self):
        if self._pages is None:
            self._pages = Pages(self)
        return self._pages


class Pages:
    """The page array: what the kernel knows of each physical page.

    Which section a page number lies in is not in the debugging information, but follows: there are
    section_count of them up to end_pfn.
    """

    def __init__(self, kernel):
        self._kernel = kernel
        self.mm = kernel.variable("mm/page.c", "mm")
        self._type = kernel.info.struct("mm/page.c", "page")
        self._states = kernel.info.enum("mm/pkmap.c", "page_state")
        count, end = self.mm.section_count, self.mm.end_pfn
        fits = [shift for shift in range(1, 32) if -(-end >> shift) == count]
        if (len(fits) != 1 and count != 1) or not 0 < count < MOST_SECTIONS or not fits:
            raise BadKernel(f"{count} sections up to page {end:#x}: of no size")
        self._shift = fits[0]
        self._sections = {}
        # The states are numbers but for the last, which is a bit: all of them fit below the next.
        self._mask = (1 << max(self._states.values()).bit_length()) - 1

    def _section(self, number):
        """A section's biased pointer; 0: it has no RAM, or is none."""
        if number not in self._sections:
            va = (self.mm.section + 4 * number) & 0xffffffff
            known = number < self.mm.section_count and self._kernel.leaf(va)
            self._sections[number] = int.from_bytes(self._kernel.read(va, 4), "little") \
                if known else 0
        return self._sections[number]

    def page(self, pfn):
        """The page's struct; None: it has none."""
        base = self._section(pfn >> self._shift)
        va = base + pfn * self._type.size & 0xffffffff
        return View(self._kernel, self._type, va) if base and self._kernel.leaf(va) else None

    def pfn(self, va):
        """Of which page the struct at va is; None: it is none's."""
        for number in range(self.mm.section_count):
            base, first = self._section(number), number << self._shift
            if base and (va - base) % (1 << 32) % self._type.size == 0:
                pfn = (va - base) % (1 << 32) // self._type.size
                if first <= pfn < first + (1 << self._shift):
                    return pfn
        return None

    def state(self, page):
        return page.flags & self._mask

    def state_is(self, page, name):
        return self.flags_are(page.flags, name)

    def flags_are(self, flags, name):
        return flags & self._mask == self._states[name]

    def is_free(self, pfn):
        """Whether the page allocator has it: itself, or the block that it lies inside."""
        for order in range(self._shift):
            head = self.page(pfn >> order << order)
            if head is None:
                return False
            if not self.state_is(head, "PAGE_INSIDE"):
                return self.state_is(head, "PAGE_BUDDY") or self.state_is(head, "PAGE_PCP")
        return False
