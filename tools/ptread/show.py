# SPDX-License-Identifier: BSD-2-Clause
"""What was found, for people (text) and for programs (a JSON-able dict)."""

from itertools import groupby

SHARE = {0: "non-shareable", 1: "reserved", 2: "outer", 3: "inner"}


def merge(leaves):
    """Runs of leaves that continue each other in both addresses with the same rights: lists."""
    runs = []
    for leaf in leaves:
        last = runs[-1][-1] if runs else None
        if last and last.end == leaf.va and last.pa + last.size == leaf.pa and same(last, leaf):
            runs[-1].append(leaf)
        else:
            runs.append([leaf])
    return runs


def same(a, b):
    return all(getattr(a, name) == getattr(b, name) for name in (
        "half", "size", "attr", "rights", "share", "not_global", "contiguous", "ns", "xn", "pxn"))


def human(size):
    for shift, unit in ((30, "G"), (20, "M"), (10, "K")):
        if size % (1 << shift) == 0:
            return f"{size >> shift}{unit}"
    return str(size)


def flags(leaf):
    names = [("nG", leaf.not_global), ("contig", leaf.contiguous), ("NS", leaf.ns),
             ("!AF", not leaf.accessed)]
    return " ".join(name for name, present in names if present)


def line(run):
    first, last = run[0], run[-1]
    size = last.end - first.va
    share = "" if first.device else SHARE[first.share]
    return (f"  {first.va:#010x}-{last.end - 1:#010x} {human(size):>6}  {human(first.size):>2} x"
            f" {len(run):<6} pa {first.pa:#012x}  {first.rights}  {first.type_name:<10} {share}"
            f" {flags(first)}").rstrip()


def text(tables, layout, problems):
    """Lines of merged ranges, by region, then the problems; None: nobody looked for any."""
    regs = tables.regs
    lines = [f"TTBR0 {regs.ttbr0:#012x}  TTBR1 {regs.ttbr1:#012x}  TTBCR {regs.ttbcr:#010x}  "
             f"MAIR {regs.mair1:#010x} {regs.mair0:#010x}  SCTLR {regs.sctlr:#010x}"
             f"{' WXN' if regs.wxn else ''}"]
    for half in tables.halves:
        lines.append(f"TTBR{half.number} covers {half.start:#010x}-{half.end - 1:#010x}, begins at"
                     f" level {half.level}")

    def region_of(leaf):
        region = layout.at(leaf.va)
        return region.name if region else "(no region)"
    for name, leaves in groupby(tables.leaves, region_of):
        lines.append(f"{name}:")
        lines += [line(run) for run in merge(leaves)]
    lines.append(f"{len(tables.leaves)} mappings, {len(tables.tables)} tables")
    if problems is not None:
        lines += [f"PROBLEM {problem}" for problem in problems]
        lines.append(f"{len(problems)} problems")
    return "\n".join(lines)


def data(tables, layout, problems):
    ranges = []
    for run in merge(tables.leaves):
        first, region = run[0], layout.at(run[0].va)
        ranges.append({
            "va": hex(first.va), "size": run[-1].end - first.va, "pa": hex(first.pa),
            "leaf": first.size, "region": region.name if region else None, "half": first.half,
            "rights": first.rights, "type": first.type_name, "share": SHARE[first.share],
            "flags": flags(first).split()})
    return {
        "registers": {name: hex(value) for name, value in vars(tables.regs).items()},
        "halves": [{"ttbr": h.number, "start": hex(h.start), "end": hex(h.end), "level": h.level}
                   for h in tables.halves],
        "ranges": ranges, "mappings": len(tables.leaves), "tables": len(tables.tables),
        "problems": [{"rule": p.rule, "va": hex(p.va), "text": p.text} for p in problems]}


def findings_text(found, layout):
    """text() of the first CPU's tables, and what was found in all."""
    lines = [text(found.tables, layout, found.problems)]
    lines += [f"{name}: {what}" for name, what in found.cpus.items() if what != "walked"]
    lines += [f"NOT JUDGED {rule}: {why}" for rule, why in found.unjudged]
    return "\n".join(lines)


def findings_data(found, layout):
    return {**data(found.tables, layout, found.problems), "cpus": found.cpus,
            "not_judged": [{"rule": rule, "why": why} for rule, why in found.unjudged]}
