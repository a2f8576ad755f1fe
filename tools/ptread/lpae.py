# SPDX-License-Identifier: BSD-2-Clause
"""Long-descriptor tables: from registers and memory to a list of leaf mappings.

Sections are those of ARM DDI 0406C. The contiguous hint is ignored: entries are read one by one.
"""

from dataclasses import dataclass, field

from .memory import BadMemory
from .trouble import Trouble

PAGE = 1 << 12
OUTPUT_BITS = 40
# UNK/SBZP while EAE is 1: TTBCR (B4.1.153), TTBR0 and TTBR1 (B4.1.154, B4.1.155).
TTBCR_RESERVED = 7 << 19 | 3 << 14 | 15 << 3
TTBR_RESERVED = 0xff << 56 | 0xff << 40
LEVEL_SHIFT = {1: 30, 2: 21, 3: 12}


class BadTables(Trouble):
    """The registers do not describe long-descriptor tables, or lead nowhere."""


@dataclass(frozen=True)
class Registers:
    """One CPU's translation registers, as the CPU's current security state sees them."""
    ttbr0: int
    ttbr1: int
    ttbcr: int
    mair0: int
    mair1: int
    sctlr: int

    @property
    def mmu_on(self):
        return bool(self.sctlr & 1)

    @property
    def wxn(self):
        """Writable means not executable, at any privilege (SCTLR.WXN)."""
        return bool(self.sctlr >> 19 & 1)

    @property
    def uwxn(self):
        """Writable by user mode means not executable by the kernel (SCTLR.UWXN)."""
        return bool(self.sctlr >> 20 & 1)

    def walks(self, number):
        """(SH, ORGN, IRGN) with which TTBR0's or TTBR1's tables are read."""
        bits = self.ttbcr >> 16 * number + 8
        return bits >> 4 & 3, bits >> 2 & 3, bits & 3

    def mair(self, index):
        return (self.mair1 << 32 | self.mair0) >> 8 * index & 0xff


@dataclass(frozen=True)
class Half:
    """What one TTBR covers (B3.6.4)."""
    number: int
    start: int
    end: int
    root: int
    txsz: int

    @property
    def level(self):
        """A part of 1 GiB or less needs no level 1."""
        return 2 if self.txsz >= 2 else 1

    @property
    def entries(self):
        return 1 << max(32 - self.txsz - LEVEL_SHIFT[self.level], 0)

    @property
    def root_bytes(self):
        return self.entries * 8


def halves(regs):
    """The parts that the TTBRs cover, without those switched off by EPD0 and EPD1."""
    if not regs.ttbcr >> 31:
        raise BadTables("TTBCR.EAE is 0: short descriptors")
    t0sz, t1sz = regs.ttbcr & 7, regs.ttbcr >> 16 & 7
    if t1sz:
        start1 = (1 << 32) - (1 << 32 - t1sz)
    elif t0sz:
        start1 = 1 << 32 - t0sz
    else:
        start1 = 1 << 32        # TTBR0 covers everything
    end0 = 1 << 32 - t0sz if t0sz else start1
    found = []
    if not regs.ttbcr >> 7 & 1:
        found.append(Half(0, 0, end0, regs.ttbr0 & (1 << OUTPUT_BITS) - 1, t0sz))
    if not regs.ttbcr >> 23 & 1 and start1 < 1 << 32:
        found.append(Half(1, start1, 1 << 32, regs.ttbr1 & (1 << OUTPUT_BITS) - 1, t1sz))
    return found


@dataclass(frozen=True)
class Above:
    """Restrictions that table descriptors put on all below them (B3.6.1)."""
    no_user: bool = False
    read_only: bool = False
    xn: bool = False
    pxn: bool = False
    ns: bool = False

    def under(self, descriptor):
        return Above(self.no_user or bool(descriptor >> 61 & 1),
                     self.read_only or bool(descriptor >> 62 & 1),
                     self.xn or bool(descriptor >> 60 & 1),
                     self.pxn or bool(descriptor >> 59 & 1),
                     self.ns or bool(descriptor >> 63 & 1))


@dataclass(frozen=True)
class Leaf:
    """One mapping: a page, or a block of 2 MiB or 1 GiB, with the rights that really hold."""
    half: int
    va: int
    pa: int
    size: int
    level: int
    descriptor: int
    attr: int               # the MAIR byte
    user: bool              # user mode may read it
    writable: bool          # the kernel may write it (and user mode, if it may read)
    kernel_exec: bool
    user_exec: bool
    xn: bool                # as stored in the leaf or above it, before WXN and UWXN
    pxn: bool
    accessed: bool
    not_global: bool
    share: int
    contiguous: bool
    ns: bool

    @property
    def executable(self):
        return self.kernel_exec or self.user_exec

    @property
    def end(self):
        return self.va + self.size

    @property
    def device(self):
        """Strongly-ordered or Device: MAIR byte 0000xxxx (B4.1.104)."""
        return self.attr >> 4 == 0

    @property
    def cacheable(self):
        return not self.device and self.attr != 0x44

    @property
    def type_name(self):
        return type_name(self.attr)

    @property
    def rights(self):
        """Kernel's and user's: rwx."""
        text = "r" + ("w" if self.writable else "-") + ("x" if self.kernel_exec else "-")
        if not self.user:
            return text + " ---"
        return f"{text} r{'w' if self.writable else '-'}{'x' if self.user_exec else '-'}"


def type_name(attr):
    """A MAIR byte in words: strongly-ordered, device, or normal with outer/inner policy."""
    if attr in (0x00, 0x04):
        return "device" if attr else "strongly-ordered"
    if attr >> 4 == 0 or attr & 15 == 0:    # UNPREDICTABLE, both (B4.1.104)
        return f"reserved-{attr:#04x}"
    if attr == 0x44:
        return "normal-nc"
    if attr == 0xff:
        return "normal-wb"
    return f"normal-{policy(attr >> 4)}/{policy(attr & 15)}"


def policy(bits):
    if bits == 4:
        return "nc"
    name = ("wt-transient", "wb-transient", "wt", "wb")[bits >> 2]
    allocate = ("r" if bits & 2 else "") + ("w" if bits & 1 else "")
    return f"{name}-{allocate or 'none'}"


@dataclass
class Tables:
    """The result of a walk."""
    regs: Registers
    halves: list = field(default_factory=list)
    leaves: list = field(default_factory=list)
    tables: dict = field(default_factory=dict)      # physical address: [(level, va)]
    level2: dict = field(default_factory=dict)      # va of a level-2 entry: its descriptor
    faults: list = field(default_factory=list)      # (va, text): what the architecture reserves


class Walker:
    """Walks all tables of one CPU. `memory.read(pa, size)` gives the bytes."""

    def __init__(self, regs, memory):
        self.memory = memory
        self.out = Tables(regs, halves(regs))

    def walk(self):
        self.reserved_bits()
        for half in self.out.halves:
            if half.root % half.root_bytes:
                self.fault(half.start, f"TTBR{half.number} {half.root:#012x} is not aligned to its"
                           f" table's {half.root_bytes} bytes")
            # With TxSZ = 0 it has an entry for each GiB of all addresses, whatever it covers.
            base = half.start if half.txsz else 0
            self.table(half, half.root, half.level, base, range(half.entries), Above())
        self.out.leaves.sort(key=lambda leaf: leaf.va)
        return self.out

    def reserved_bits(self):
        regs = self.out.regs
        if regs.ttbcr & TTBCR_RESERVED:
            self.fault(0, f"TTBCR {regs.ttbcr:#010x}: reserved bits"
                       f" {regs.ttbcr & TTBCR_RESERVED:#x} are set")
        for half in self.out.halves:
            value = (regs.ttbr0, regs.ttbr1)[half.number]
            if value & TTBR_RESERVED:
                self.fault(half.start, f"TTBR{half.number} {value:#018x}: reserved bits"
                           f" {value & TTBR_RESERVED:#x} are set")
            if regs.walks(half.number)[0] == 1:
                self.fault(half.start, f"TTBCR.SH{half.number} is 1, which is reserved")

    def fault(self, va, text):
        self.out.faults.append((va, text))

    def table(self, half, pa, level, base, indices, above):
        data = self.read(half, pa, level, base, 8 * indices.stop)
        if data is None:
            return
        self.out.tables.setdefault(pa, []).append((level, base))
        shift = LEVEL_SHIFT[level]
        for index in indices:
            entry = int.from_bytes(data[8 * index:8 * index + 8], "little")
            va = base + (index << shift)
            if va + (1 << shift) <= half.start or va >= half.end:
                continue        # the other half's
            if level == 2:
                self.out.level2[va] = entry
            if entry & 1:           # else the other 63 bits are software's own
                self.descriptor(half, entry, level, va, above)

    def read(self, half, pa, level, base, size):
        """A table's bytes; None: there is nothing, and for the other tables we go on."""
        try:
            return self.memory.read(pa, size)
        except BadMemory as error:
            if level == half.level:
                raise BadTables(f"TTBR{half.number} leads nowhere: {error}") from error
            self.fault(base, f"level {level - 1}: its table {pa:#012x} is nowhere: {error}")
            return None

    def descriptor(self, half, entry, level, va, above):
        kind = entry >> 1 & 1
        if level == 3 and not kind:
            self.fault(va, f"level 3: {entry:#018x}: reserved type 0b01")
        elif level < 3 and kind:
            self.next_table(half, entry, level, va, above)
        else:
            self.leaf(half, entry, level, va, above)

    def next_table(self, half, entry, level, va, above):
        if entry >> OUTPUT_BITS & 0xfff:
            self.fault(va, f"level {level}: {entry:#018x}: reserved bits [51:40] of a table entry")
        pa = entry & (1 << OUTPUT_BITS) - PAGE
        if len(self.out.tables.get(pa, ())) > 4:
            self.fault(va, f"level {level}: table {pa:#012x} is used again and again: not followed")
            return
        self.table(half, pa, level + 1, va, range(512), above.under(entry))

    def leaf(self, half, entry, level, va, above):
        size = 1 << LEVEL_SHIFT[level]
        reserved = entry & ((1 << 52) - (1 << OUTPUT_BITS) | size - PAGE)
        if reserved:
            self.fault(va, f"level {level}: {entry:#018x}: reserved bits {reserved:#x} are set")
        if entry >> 8 & 3 == 1:
            self.fault(va, f"level {level}: {entry:#018x}: SH is 1, which is reserved")
        regs = self.out.regs
        user = bool(entry >> 6 & 1) and not above.no_user
        writable = not entry >> 7 & 1 and not above.read_only
        xn = bool(entry >> 54 & 1) or above.xn
        pxn = bool(entry >> 53 & 1) or above.pxn
        # B3.7.2: execute-never by the descriptor, or because it is writable.
        never = xn or (regs.wxn and writable)
        self.out.leaves.append(Leaf(
            half=half.number, va=va, pa=entry & (1 << OUTPUT_BITS) - size, size=size, level=level,
            descriptor=entry, attr=regs.mair(entry >> 2 & 7), user=user, writable=writable,
            kernel_exec=not never and not pxn and not (regs.uwxn and user and writable),
            user_exec=not never and user, xn=xn, pxn=pxn, accessed=bool(entry >> 10 & 1),
            not_global=bool(entry >> 11 & 1), share=entry >> 8 & 3,
            contiguous=bool(entry >> 52 & 1), ns=bool(entry >> 5 & 1) or above.ns))


def walk(regs, memory):
    """All mappings that these registers lead to."""
    if not regs.mmu_on:
        raise BadTables("SCTLR.M is 0: the MMU is off")
    return Walker(regs, memory).walk()


def resolve(regs, memory, va):
    """One address: [(level, table, index, descriptor)] down to the last descriptor read."""
    steps = []
    half = next((h for h in halves(regs) if h.start <= va < h.end), None)
    if half is None:
        return steps
    table, level = half.root, half.level
    # Relative to the part, but with TxSZ = 0 by the address itself.
    offset = va - half.start if half.txsz else va
    while True:
        shift = LEVEL_SHIFT[level]
        index = offset >> shift & (half.entries - 1 if level == half.level else 511)
        entry = int.from_bytes(memory.read(table + 8 * index, 8), "little")
        steps.append((level, table, index, entry))
        if level == 3 or entry & 3 != 3:
            return steps
        table, level = entry & (1 << OUTPUT_BITS) - PAGE, level + 1
