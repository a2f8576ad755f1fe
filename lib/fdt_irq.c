/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the interrupt tree, which is another than the tree of buses. Must never follow a
 * loop of a hostile tree: every way up is counted.
 */
#include <lib/fdt_irq.h>

#include <errno.h>

#define WAY_MAX	      FDT_MAX_DEPTH
#define MAP_CELLS_MAX (FDT_MAX_CELLS + FDT_IRQ_CELLS)

/* A property's cells, of which each is taken once. */
struct cells {
	const u8 *next;
	u32 left;
};

static struct cells cells_of(const struct fdt *f, fdt_node node, const char *name)
{
	u32 len = 0;
	const u8 *data = fdt_prop(f, node, name, &len);

	return (struct cells){ data, len / 4 };
}

static bool cells_take(struct cells *from, u32 *to, u32 count)
{
	if (from->left < count) {
		return false;
	}
	for (u32 i = 0; i < count; i++, from->next += 4) {
		to[i] = fdt_be32(from->next);
	}
	from->left -= count;
	return true;
}

/* #interrupt-cells of a controller or map; 0: it is neither. */
static u32 irq_cells(const struct fdt *f, fdt_node node)
{
	u32 count;

	return fdt_prop_u32(f, node, "#interrupt-cells", &count) == 0 && count <= FDT_IRQ_CELLS ?
		       count :
		       0;
}

/* Where a node's interrupts go: the next one with #interrupt-cells, by interrupt-parent or up. */
static fdt_node irq_parent(const struct fdt *f, fdt_node node)
{
	u32 phandle;

	for (u32 way = 0; way < WAY_MAX && node >= 0; way++) {
		node = fdt_prop_u32(f, node, "interrupt-parent", &phandle) == 0 ?
			       fdt_by_phandle(f, phandle) :
			       fdt_parent(f, node);
		if (irq_cells(f, node) > 0) {
			return node;
		}
	}
	return -EINVAL;
}

/* The next <phandle cells…> of interrupts-extended, or of what a map leads to. */
static int take_target(const struct fdt *f, struct cells *from, bool with_address,
		       struct fdt_irq *irq)
{
	u32 phandle, skipped[FDT_MAX_CELLS], skip = 0;

	if (!cells_take(from, &phandle, 1)) {
		return -ENOENT;
	}
	irq->controller = fdt_by_phandle(f, phandle);
	irq->count = irq_cells(f, irq->controller);
	if (with_address && fdt_prop(f, irq->controller, "#address-cells", NULL)) {
		int cells = fdt_address_cells(f, irq->controller);

		if (cells < 0) {
			return cells;
		}
		skip = (u32)cells;
	}
	return irq->count > 0 && cells_take(from, skipped, skip) &&
			       cells_take(from, irq->cell, irq->count) ?
		       0 :
		       -EINVAL;
}

/* One entry of a map: true if what it is for, under the mask, is what we have. */
static bool entry_fits(const u32 *have, const u32 *want, struct cells mask, u32 count)
{
	for (u32 i = 0; i < count; i++) {
		u32 bits = UINT32_MAX;

		if (mask.next && !cells_take(&mask, &bits, 1)) {
			return false;
		}
		if ((have[i] ^ want[i]) & bits) {
			return false;
		}
	}
	return true;
}

/* Through the interrupt-map of irq->controller; node's reg is part of what is looked up. */
static int follow_map(const struct fdt *f, fdt_node node, struct fdt_irq *irq)
{
	struct cells map = cells_of(f, irq->controller, "interrupt-map");
	struct cells mask = cells_of(f, irq->controller, "interrupt-map-mask");
	struct cells reg = cells_of(f, node, "reg");
	u32 have[MAP_CELLS_MAX] = { 0 }, want[MAP_CELLS_MAX];
	int address = fdt_address_cells(f, irq->controller);
	u32 count;

	if (address < 0) {
		return address;
	}
	(void)cells_take(&reg, have, (u32)address);
	for (u32 i = 0; i < irq->count; i++) {
		have[(u32)address + i] = irq->cell[i];
	}
	count = (u32)address + irq->count;
	while (cells_take(&map, want, count)) {
		int error = take_target(f, &map, true, irq);

		if (error) {
			return -EINVAL;
		}
		if (entry_fits(have, want, mask, count)) {
			return 0;
		}
	}
	return -ENODEV;
}

/* Entry `index` of the node's own property, in the words of its first parent. */
static int first_parent(const struct fdt *f, fdt_node node, u32 index, struct fdt_irq *irq)
{
	struct cells cells = cells_of(f, node, "interrupts-extended");
	int error = 0;

	if (cells.next) {
		for (u32 i = 0; i <= index && error == 0; i++) {
			error = take_target(f, &cells, false, irq);
		}
		return error;
	}
	cells = cells_of(f, node, "interrupts");
	if (!cells.next) {
		return -ENOENT;
	}
	irq->controller = irq_parent(f, node);
	irq->count = irq_cells(f, irq->controller);
	if (irq->count == 0) {
		return -EINVAL;
	}
	for (u32 i = 0; i <= index; i++) {
		if (!cells_take(&cells, irq->cell, irq->count)) {
			return -ENOENT;
		}
	}
	return 0;
}

int fdt_irq(const struct fdt *f, fdt_node node, u32 index, struct fdt_irq *irq)
{
	int error = first_parent(f, node, index, irq);

	for (u32 way = 0; error == 0 && way < WAY_MAX; way++) {
		if (!fdt_prop(f, irq->controller, "interrupt-map", NULL)) {
			return 0;
		}
		error = follow_map(f, node, irq);
	}
	return error ? error : -EINVAL;
}
