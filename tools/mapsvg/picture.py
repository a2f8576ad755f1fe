# SPDX-License-Identifier: BSD-2-Clause
"""The scene as SVG: virtual addresses at left, physical ones at right, highest on top, and bands
from each mapping to the memory that it shows.

Owns: coordinates, colours, words of the legend. Heights grow with the logarithm of a size. Text of
the class `run` changes from run to run or with the code; nothing else depends on it, so two pictures
of one layout differ there only (`masked`).
"""

import math
import re
from html import escape

from . import scene

WIDTH, MARGIN, TOP = 1000, 24, 112
VIRTUAL, VIRTUAL_WIDTH = 116, 396       # left edge of the boxes
PHYSICAL, PHYSICAL_WIDTH = 684, 208
ROW, PAD, GAP_HEIGHT, HEAD = 19, 7, 17, 24
PANES_PER_LINE, PANE = 64, 5.9
CARD, INK, SOFT, LINE = "#fbf9f4", "#23272e", "#69707a", "#b9b5aa"
KINDS = {       # kind: (fill, edge, what it is)
    "direct": ("#d5e3f4", "#3b6ea8", "direct: a fixed distance, built once"),
    "vmalloc": ("#d6ecd8", "#3f8a4c", "vmalloc: pages from anywhere, side by side"),
    "permanent": ("#fbe0c3", "#c9742a", "permanent: windows for all CPUs, counted"),
    "temporary": ("#fbd5d6", "#c1484f", "temporary: windows of one CPU"),
    "fixed": ("#e6d9f2", "#7d57a8", "fixed: addresses known when it was built"),
    "boot": ("#e7e2d6", "#8a7f66", "boot: only until it has been copied"),
    "user": ("#eceef1", "#8d949e", "user: a process's, none is running"),
}
LOOKS = {"open": "#ffd75e", "stale": "#ffedb8", "closed": "#ffffff"}
SEGMENTS = {"lowmem": "#d5e3f4", "highmem": "#fdf2cf", "above": "#fde7a6", "gap": "#eeebe4"}
RIGHTS = {"r": "#3f8a4c", "w": "#c9742a", "x": "#c1484f"}
_RUN = re.compile(r'(<t(?:ext|span) class="[^"]*\brun\b[^"]*"[^>]*>)[^<]*')


def masked(svg):
    """The picture without what changes from run to run, or with the code."""
    return _RUN.sub(r"\1", svg)


class Canvas:
    """SVG elements as lines."""

    def __init__(self):
        self.lines = []

    def add(self, line):
        self.lines.append(line)

    def box(self, x, y, w, h, fill, edge="none", extra=""):
        self.add(f'<rect x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}" fill="{fill}"'
                 f' stroke="{edge}"{extra}/>')

    def text(self, x, y, text, name="", extra=""):
        if text:
            style = f' class="{name}"' if name else ""
            self.add(f'<text{style} x="{x:.1f}" y="{y:.1f}"{extra}>{escape(text)}</text>')

    def line(self, x1, y1, x2, y2, colour, extra=""):
        self.add(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
                 f' stroke="{colour}"{extra}/>')

    def band(self, left, right, colour, opacity):
        """Between two upright stretches (x, top, bottom)."""
        (x1, t1, b1), (x2, t2, b2) = left, right
        m = (x1 + x2) / 2
        self.add(f'<path d="M{x1:.1f} {t1:.1f}C{m:.1f} {t1:.1f} {m:.1f} {t2:.1f} {x2:.1f} {t2:.1f}'
                 f'V{b2:.1f}C{m:.1f} {b2:.1f} {m:.1f} {b1:.1f} {x1:.1f} {b1:.1f}Z" fill="{colour}"'
                 f' fill-opacity="{opacity}"/>')


def grown(size, least):
    """A height that says which of two sizes is larger."""
    return max(least, 18 + 13 * math.log2(max(size, 1) / (2 << 20)))


def panel_height(panel):
    if not panel.kind:
        return GAP_HEIGHT
    lines = -(-panel.pane_count // PANES_PER_LINE)
    if 0 < panel.pane_count <= 16:
        lines = 2
    rows = len(panel.rows) * ROW + (lines * PANE + 4 if lines else 0)
    return grown(panel.size, HEAD + rows + PAD)


def segment_height(segment):
    least = HEAD + 16 + len(segment.cells) * ROW + PAD
    return least + 40 if segment.kind == "gap" else grown(segment.end - segment.start, least)


def stack(items, heights, top):
    """[(item, top, bottom)] from the top down."""
    placed = []
    for item, height in zip(items, heights):
        placed.append((item, top, top + height))
        top += height
    return placed


def window_glyph(canvas, x, y, look, edge):
    """A window with four panes; its colour says whether one sees something."""
    if look == "plain":
        return
    dash = ' stroke-dasharray="2 1.5"' if look == "closed" else ""
    canvas.box(x, y, 12, 12, LOOKS[look], edge, dash)
    if look != "closed":
        canvas.line(x + 6, y, x + 6, y + 12, edge)
        canvas.line(x, y + 6, x + 12, y + 6, edge)


def chips(canvas, x, y, rights):
    """R, W and X: lit if the tables grant it."""
    for i, (letter, given) in enumerate(zip("rwx", rights)):
        on = given != "-"
        canvas.box(x + 15 * i, y, 13, 13, RIGHTS[letter] if on else "none",
                   "none" if on else LINE, ' rx="2"')
        canvas.text(x + 15 * i + 6.5, y + 10, letter.upper(), "chip",
                    f' style="fill:{"#ffffff" if on else LINE}"')


def draw_panes(canvas, panel, x, y, edge):
    """Every window of the region as a pane; returns the height used."""
    if not panel.pane_count:
        return 0
    few = panel.pane_count <= 16
    width = (VIRTUAL_WIDTH - 20) / panel.pane_count if few else PANE
    height = 2 * PANE if few else PANE
    across = panel.pane_count if few else PANES_PER_LINE
    down = -(-panel.pane_count // across)
    canvas.box(x, y, across * width, down * height, LOOKS["closed"])
    for i, look in sorted(panel.panes.items()):
        canvas.box(x + i % across * width, y + i // across * height, width, height, LOOKS[look])
    grid = "".join(f"M{x + i * width:.1f} {y:.1f}v{down * height:.1f}" for i in range(across + 1))
    grid += "".join(f"M{x:.1f} {y + i * height:.1f}h{across * width:.1f}" for i in range(down + 1))
    canvas.add(f'<path d="{grid}" stroke="{edge}" stroke-width=".5" fill="none"/>')
    return down * height + 4


def draw_panel(canvas, panel, top, bottom, anchors):
    """One region; anchors[id(row)] becomes where its band begins."""
    if not panel.kind:
        canvas.box(VIRTUAL, top, VIRTUAL_WIDTH, bottom - top, "url(#never)", LINE)
        canvas.text(VIRTUAL + 10, bottom - 4.5, f"never mapped, {scene.human(panel.size)}", "small")
        return
    fill, edge, _ = KINDS[panel.kind]
    canvas.box(VIRTUAL, top, VIRTUAL_WIDTH, bottom - top, fill, edge)
    canvas.text(VIRTUAL + 10, top + 16.5, panel.name, "name")
    canvas.text(VIRTUAL + VIRTUAL_WIDTH - 10, top + 16.5, scene.human(panel.size), "small end")
    y = top + HEAD + draw_panes(canvas, panel, VIRTUAL + 10, top + HEAD, edge)
    for row in panel.rows:
        edge = KINDS[row.kind or panel.kind][1]
        window_glyph(canvas, VIRTUAL + 10, y + 2, row.look, edge)
        x = VIRTUAL + (10 if row.look == "plain" else 28)
        canvas.add(f'<text x="{x:.1f}" y="{y + 12:.1f}">{escape(row.label)}'
                   + (f' <tspan class="run small">{escape(row.note)}</tspan>' if row.note else "")
                   + "</text>")
        if row.rights:
            chips(canvas, VIRTUAL + VIRTUAL_WIDTH - 53, y + 1.5, row.rights)
        anchors[id(row)] = (VIRTUAL + VIRTUAL_WIDTH, y + 2, y + ROW - 4)
        y += ROW


def draw_segment(canvas, segment, top, bottom, anchors):
    """Physical addresses of one kind; anchors[id(cell)] becomes where bands end."""
    canvas.box(PHYSICAL, top, PHYSICAL_WIDTH, bottom - top, SEGMENTS[segment.kind], LINE)
    canvas.text(PHYSICAL + 10, top + 16.5, segment.name, "name")
    what = {"above": "above 4 GiB, by windows only", "highmem": "reached by windows only",
            "lowmem": "always mapped"}.get(segment.kind, "")
    if segment.kind != "gap":
        canvas.text(PHYSICAL + PHYSICAL_WIDTH - 10, top + 16.5,
                    scene.human(segment.end - segment.start), "small end")
    canvas.text(PHYSICAL + 10, top + 31, what, "small")
    y = top + HEAD + (12 if what else 2)
    for cell in segment.cells:
        canvas.box(PHYSICAL + 8, y + 1, PHYSICAL_WIDTH - 16, ROW - 3, "#ffffff", LINE, ' rx="2"')
        name = "small" if cell.label else ("mono" if segment.kind == "gap" else "mono run")
        canvas.text(PHYSICAL + 14, y + 12.5, cell.label or cell.note, name)
        if len(cell.rows) > 1 and not cell.label:
            canvas.text(PHYSICAL + PHYSICAL_WIDTH - 14, y + 12.5, f"{len(cell.rows)} windows",
                        "small end")
        anchors[id(cell)] = (PHYSICAL + 8, y + 2, y + ROW - 3)
        y += ROW


def draw_bands(canvas, panels, segments, anchors):
    """Lowmem as a whole, and each row to its cell."""
    low = next((t, b) for p, t, b in panels if p.name == "lowmem")
    ram = [(t, b) for g, t, b in segments if g.kind == "lowmem"]
    canvas.band((VIRTUAL + VIRTUAL_WIDTH, *low), (PHYSICAL, ram[0][0], ram[-1][1]),
                KINDS["direct"][1], .22)
    colour = {id(row): KINDS[row.kind or p.kind][1] for p, _, _ in panels for row in p.rows if p.kind}
    for segment, _, _ in segments:
        for cell in segment.cells:
            for row in cell.rows:
                canvas.band(anchors[id(row)], anchors[id(cell)], colour[id(row)],
                            .25 if row.look == "stale" else .5)


def draw_addresses(canvas, panels, segments):
    """Virtual ones at left, physical ones at right, each at its border."""
    canvas.text(VIRTUAL - 8, TOP - 3, f"{scene.FOUR_GIB - 1:#010x}", "mono end")
    for panel, _, bottom in panels:
        canvas.text(VIRTUAL - 8, bottom - 2 if panel.start else bottom, f"{panel.start:#010x}",
                    "mono end")
    for segment, _, bottom in segments:
        canvas.text(PHYSICAL + PHYSICAL_WIDTH + 8, bottom - 2, f"{segment.start:#012x}", "mono")
    segment, top, _ = segments[0]
    canvas.text(PHYSICAL + PHYSICAL_WIDTH + 8, top + 10, f"{segment.end:#012x}", "mono")


def draw_lines(canvas, panels, segments):
    """Where TTBR1 takes over from TTBR0, and where 32 bits end."""
    y = next(t for p, t, _ in panels if p.name == "user")
    edge = VIRTUAL + VIRTUAL_WIDTH
    canvas.line(MARGIN, y, PHYSICAL - 8, y, INK, ' stroke-width="2" stroke-dasharray="7 4"')
    canvas.text(edge + 8, y - 6, "TTBR1: the kernel's", "small strong")
    canvas.text(edge + 8, y + 16, "TTBR0: a process's", "small strong")
    above = [b for g, _, b in segments if g.start >= scene.FOUR_GIB]
    if above and len(above) < len(segments):
        canvas.line(PHYSICAL - 50, above[-1], PHYSICAL + PHYSICAL_WIDTH, above[-1], INK,
                    ' stroke-width="2" stroke-dasharray="2 3"')
        canvas.text(PHYSICAL - 4, above[-1] + 14, "4 GiB", "small end strong")


def draw_head(canvas, said):
    """The title, with a fanlight."""
    x, y = MARGIN + 30, 60
    canvas.add(f'<path d="M{x - 30} {y}A30 30 0 0 1 {x + 30} {y}Z" fill="#ffe9a8" stroke="{INK}"'
               ' stroke-width="2"/>')
    for angle in (36, 72, 108, 144):
        canvas.line(x, y, x - 30 * math.cos(math.radians(angle)),
                    y - 30 * math.sin(math.radians(angle)), INK, ' stroke-width="1.5"')
    canvas.add(f'<path d="M{x - 10} {y}A10 10 0 0 1 {x + 10} {y}Z" fill="{CARD}" stroke="{INK}"'
               ' stroke-width="1.5"/>')
    total = scene.human(said.mem["total"])
    canvas.text(MARGIN + 76, 48, "The kernel's address space", "title")
    canvas.text(MARGIN + 76, 68, f"{said.board}, {total} of RAM, split {said.split}", "soft")
    canvas.text(VIRTUAL, TOP - 8, "virtual: 4 GiB of addresses", "small strong")
    canvas.text(PHYSICAL, TOP - 8, "physical: what is there", "small strong")
    if said.ranges is None:
        canvas.text(MARGIN + 460, 68, "the log has no ptdump: what is mapped is not known",
                    "small strong")


def draw_legend(canvas, y, kinds):
    """What colours and signs mean; returns where it ends."""
    for i, kind in enumerate(k for k in KINDS if k in kinds):
        x, row = VIRTUAL + i % 2 * 330, y + i // 2 * ROW
        canvas.box(x, row, 12, 12, KINDS[kind][0], KINDS[kind][1])
        canvas.text(x + 18, row + 10.5, KINDS[kind][2], "small")
    y += (len(kinds) + 1) // 2 * ROW + 4
    x = VIRTUAL
    for look, words in (("open", "open window"), ("stale", "nobody's, still open"),
                        ("closed", "closed")):
        window_glyph(canvas, x, y, look, INK)
        canvas.text(x + 18, y + 10.5, words, "small")
        x += 36 + 7 * len(words)
    chips(canvas, x, y, "rwx")
    canvas.text(x + 50, y + 10.5, "may be read, written, executed: by the page tables", "small")
    canvas.text(VIRTUAL, y + ROW + 10.5, "Heights grow with the logarithm of sizes; bands lead to"
                " the memory that an address shows.", "small")
    return y + 2 * ROW


STYLE = f"""<style>
text {{ font: 13px "DejaVu Sans", Verdana, sans-serif; fill: {INK}; }}
.small {{ font-size: 12px; fill: #3d434c; }} .soft {{ fill: {SOFT}; }}
.mono {{ font: 11.5px "DejaVu Sans Mono", Menlo, Consolas, monospace; fill: #3d434c; }}
.name {{ font-weight: bold; font-size: 14px; }} .strong {{ font-weight: bold; }}
.title {{ font-weight: bold; font-size: 21px; }} .end {{ text-anchor: end; }}
.chip {{ font-size: 9px; font-weight: bold; text-anchor: middle; }}
</style>
<defs><pattern id="never" width="7" height="7" patternUnits="userSpaceOnUse">
<rect width="7" height="7" fill="{CARD}"/><path d="M0 7L7 0" stroke="{LINE}" stroke-width=".8"/>
</pattern></defs>"""


def fitted(heights, wanted):
    """Heights stretched to a sum, if they are less."""
    have = sum(heights)
    return [h * max(1, wanted / have) for h in heights]


def draw(said):
    """The whole picture, as text."""
    panels, segments = scene.scene(said)
    left, right = [panel_height(p) for p in panels], [segment_height(g) for g in segments]
    high = max(sum(left), sum(right))
    panels = stack(panels, fitted(left, high) if sum(right) > sum(left) else left, TOP)
    segments = stack(segments, fitted(right, high), TOP)
    front, anchors = Canvas(), {}
    for panel, top, bottom in panels:
        draw_panel(front, panel, top, bottom, anchors)
    for segment, top, bottom in segments:
        draw_segment(front, segment, top, bottom, anchors)
    back = Canvas()
    draw_bands(back, panels, segments, anchors)
    draw_addresses(front, panels, segments)
    draw_lines(front, panels, segments)
    draw_head(front, said)
    end = draw_legend(front, TOP + high + 24, {p.kind for p, _, _ in panels if p.kind}) + 14
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {end:.0f}"'
            f' width="{WIDTH}" height="{end:.0f}" role="img">\n'
            "<title>The kernel's address space: regions, what is mapped, and to where</title>\n")
    card = (f'<rect x=".5" y=".5" width="{WIDTH - 1}" height="{end - 1:.0f}" rx="12" fill="{CARD}"'
            f' stroke="{LINE}"/>')
    return head + "\n".join([STYLE, card, *back.lines, *front.lines]) + "\n</svg>\n"
