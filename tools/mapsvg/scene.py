# SPDX-License-Identifier: BSD-2-Clause
"""What the picture shows, without coordinates: panels of virtual addresses with a row for each kind
of mapping, segments of physical addresses with a cell for each place that rows lead to.

Owns: which ranges of the tables become one row. Must never: draw a mapping that the log has not.
"""

from dataclasses import dataclass, field

from . import said

FOUR_GIB = 1 << 32
MIB = 1 << 20
SEEN_AS = {"r-x": "text", "r--": "constants", "rw-": "data"}
CLOSED = {"bigwin": "closed: memory tests open it, 2 MiB at a time",
          "kmapdebug": "closed", "fdt": "closed: the device tree has been copied",
          "fixmap": "closed", "pkmap": "closed", "vmalloc": "no areas"}


@dataclass
class Row:
    """One line in a panel, and where its addresses lead."""
    label: str
    rights: str = ""            # rwx; empty: nothing is mapped
    note: str = ""              # what changes from run to run, or with the code
    pas: list = field(default_factory=list)
    device: bool = False
    look: str = "open"          # open, stale or closed: a window; plain: none
    kind: str = ""              # where it is not its region's


@dataclass
class Panel:
    """A region, or a gap (no kind), by falling address."""
    name: str
    start: int
    end: int
    kind: str
    rows: list
    panes: dict = field(default_factory=dict)   # number of a pane: look
    pane_count: int = 0

    @property
    def size(self):
        return self.end - self.start


@dataclass
class Cell:
    """A place that rows lead to."""
    pa: int
    label: str
    note: str = ""
    rows: list = field(default_factory=list)


@dataclass
class Segment:
    """Physical addresses of one kind, in one piece."""
    name: str
    start: int
    end: int
    kind: str                   # lowmem, highmem, above or gap
    cells: list = field(default_factory=list)


def human(size):
    for shift, unit in ((30, "GiB"), (20, "MiB"), (10, "KiB")):
        if size % (1 << shift) == 0:
            return f"{size >> shift} {unit}"
    return f"{size} bytes"


def both(pas):
    """The first physical address, and how many more."""
    return f"{min(pas):#012x}" + (f" and {len(pas) - 1} more" if len(pas) > 1 else "")


# -- virtual ---------------------------------------------------------------------------------


def mapped(s, start, end):
    return [r for r in s.ranges or () if start <= r.start < end]


def direct_rows(s, region):
    """One row for each kind of rights."""
    rows = {}
    for r in mapped(s, region.start, region.end):
        row = rows.setdefault(r.rights, Row(SEEN_AS.get(r.rights, ""), r.rights, look="plain"))
        row.pas.append(r.pa)
    if region.name == "lowmem":
        return lowmem_rows(s, region, rows)
    for rights, row in rows.items():
        size = sum(r.end - r.start for r in mapped(s, region.start, region.end)
                   if r.rights == rights)
        row.note = human(size)
    return list(reversed(rows.values()))


def lowmem_rows(s, region, rows):
    """The rule, and what is left out: the image, which has an address of its own."""
    distance = s.layout.page_offset - s.layout.phys_offset
    for row in rows.values():
        row.label = f"virtual = physical {'-' if distance < 0 else '+'} {abs(distance):#x}"
    found = list(rows.values())
    image = s.layout.find("image")
    pas = [r.pa for r in mapped(s, image.start, image.end)]
    own = min(pas, default=0) + distance
    if region.start <= own < region.end and not any(
            r.start <= own < r.end for r in mapped(s, region.start, region.end)):
        found.append(Row("the image's pages are left out", look="closed"))
    return found


def slots(count):
    return f"{count} slot{'s' if count > 1 else ''}"


def owner(window):
    """Whom a window serves: without who typed what, and for how long."""
    return window.text.split(",")[0].split(";")[0]


def window_rows(s, region):
    """One row for each open window; those onto devices share one."""
    rows, devices, known = [], Row("device registers", look="open", device=True), set()
    for w in s.windows:
        if not region.start <= w.va < region.end:
            continue
        known.add(w.va)
        r = next((r for r in s.ranges or () if r.start <= w.va < r.end), None)
        rights = r.rights if r else ""
        if r and r.type == "device":
            devices.rights, devices.device = rights, True
            devices.pas.append(w.pa)
            continue
        text = owner(w)
        if region.name == "pkmap":
            text = "kmap: no user, flushed at the wrap" if w.stale else f"kmap: {text}"
        rows.append(Row(text, rights, "", [w.pa], look="stale" if w.stale else "open",
                        kind="temporary" if text.startswith("kmap_local") else ""))
    if devices.pas:
        devices.label = f"{slots(len(devices.pas))}: device registers"
        rows.append(devices)
    for r in mapped(s, region.start, region.end) if not known else ():
        rows.append(Row(f"open at {r.start:#x}", r.rights, "", [r.pa], r.type == "device"))
    return rows


def area_rows(s, region):
    """One row for each kind of area; without a list of areas, for each kind of rights."""
    rows = {}
    for a in s.areas:
        look = "closed" if a.kind == "lazy" else "open"
        row = rows.setdefault(a.kind, Row(a.kind, look=look))
        r = next((r for r in s.ranges or () if r.start <= a.start < r.end), None)
        row.note = human(sum(b.end - b.start for b in s.areas if b.kind == a.kind))
        if r:
            row.rights, row.device = r.rights, r.type == "device"
            row.pas.append(r.pa + a.start - r.start)
    words = {"vmalloc": "vmalloc: stacks and other memory", "ioremap": "ioremap: device registers",
             "vmap": "vmap: given pages, side by side", "lazy": "unmapped, waits for the purge"}
    for kind, row in rows.items():
        row.label = words.get(kind, kind)
    for r in mapped(s, region.start, region.end) if not s.areas else ():
        key = (r.rights, r.type)
        row = rows.setdefault(key, Row(r.type, r.rights, "", [], r.type == "device"))
        row.pas.append(r.pa)
    found = sorted(rows.values(), key=lambda row: (row.device, -max(row.pas, default=0)))
    return found + [Row("a guard behind each area, never mapped", look="closed")] * bool(found)


def panes(s, region):
    """The region's windows, each a pane: (how many, {number: look})."""
    size = {"bigwin": 2 * MIB, "fixmap": said.PAGE, "pkmap": said.PAGE}.get(region.name)
    if not size:
        return 0, {}
    lit = {}
    for r in mapped(s, region.start, region.end):
        for va in range(r.start, r.end, size):
            lit[(va - region.start) // size] = "open"
    for w in s.windows:
        if w.stale and region.start <= w.va < region.end:
            lit[(w.va - region.start) // size] = "stale"
    return region.size // size, lit


def panels(s):
    """All 4 GiB by falling address, gaps too."""
    found, end = [], FOUR_GIB
    for region in sorted(s.layout.regions, key=lambda r: -r.start):
        if region.end < end:
            found.append(Panel("never mapped", region.end, end, "", []))
        make = {"direct": direct_rows, "vmalloc": area_rows}.get(region.kind, window_rows)
        rows = make(s, region)
        if not rows and s.ranges is not None:
            rows = [Row(CLOSED.get(region.name, "nothing is mapped"), look="closed")]
        count, lit = panes(s, region)
        found.append(Panel(region.name, region.start, region.end, region.kind, rows, lit, count))
        end = region.start
    found.append(Panel("user", 0, s.layout.page_offset, "user",
                       [Row("no process: nothing is mapped", look="closed")]))
    return found


# -- physical --------------------------------------------------------------------------------


def lowmem_end(s):
    """Physical address behind lowmem."""
    return s.layout.phys_offset + s.layout.find("lowmem").size


def bank_list(s):
    """RAM; without an answer to `banks`, as if it were one piece."""
    return s.banks or ((s.layout.phys_offset, s.layout.phys_offset + s.mem["total"]),)


def ram_segments(s):
    """RAM cut where lowmem ends and at 4 GiB."""
    cuts = sorted({s.layout.phys_offset, lowmem_end(s), FOUR_GIB})
    for start, end in bank_list(s):
        points = [start, *[c for c in cuts if start < c < end], end]
        for low, high in zip(points, points[1:]):
            if s.layout.phys_offset <= low < lowmem_end(s):
                yield Segment("lowmem", low, high, "lowmem")
            else:
                kind = "above" if low >= FOUR_GIB else "highmem"
                yield Segment("HighMem", low, high, kind)


def segments(s, places):
    """All that is RAM, and the gaps between where a mapping leads; by falling address."""
    ram, found, end = sorted(ram_segments(s), key=lambda g: g.start), [], 0
    top = FOUR_GIB if max([0, *places, *(g.end - 1 for g in ram)]) < FOUR_GIB else 1 << 40
    for segment in [*ram, Segment("", top, top, "")]:
        if end < segment.start and any(end <= pa < segment.start for pa in places):
            found.append(Segment("no RAM: devices", end, segment.start, "gap"))
        if segment.kind:
            found.append(segment)
        end = segment.end
    return list(reversed(found))


def note(s, row, panel):
    """What a cell is called: the page, or what lies there."""
    if panel.name == "image":
        return "the image", ""
    if row.device or panel.kind not in ("vmalloc",) or len(row.pas) == 1:
        return "", both(row.pas)
    return "stacks and other memory", ""


def leads(panel, row):
    """What one band leads to: rows with the same key share a cell."""
    if panel.name == "image":
        return "image"
    return min(row.pas) if len(row.pas) == 1 else (panel.name, row.label)


def scene(s):
    """(panels, segments): cells hold the rows that lead to them, lowmem's band apart."""
    all_panels = panels(s)
    drawn = [(p, row) for p in all_panels for row in p.rows if row.pas and p.name != "lowmem"]
    all_segments = segments(s, [pa for _, row in drawn for pa in row.pas])
    cells = {}
    for panel, row in drawn:
        key = leads(panel, row)
        if key not in cells:
            label, text = note(s, row, panel)
            cells[key] = Cell(min(row.pas), label, text)
            segment = next((g for g in all_segments if g.start <= cells[key].pa < g.end), None)
            if segment is None:
                raise said.Unreadable(f"{panel.name}: leads to {cells[key].pa:#012x}, which `banks`"
                                      " and @layout do not have")
            segment.cells.append(cells[key])
        cells[key].rows.append(row)
    for segment in all_segments:
        segment.cells.sort(key=lambda cell: -cell.pa)
    return all_panels, all_segments
