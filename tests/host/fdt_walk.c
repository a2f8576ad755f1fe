/* SPDX-License-Identifier: BSD-2-Clause */
/* See fdt_walk.h. */
#include "fdt_walk.h"

#include <bug.h>
#include <errno.h>
#include <lib/fdt_irq.h>
#include <lib/string.h>

#define HOLDS(cond)                                \
	do {                                       \
		if (!(cond)) {                     \
			bug("fdt.walk", "" #cond); \
		}                                  \
	} while (0)

static volatile u64 sink;

void fdt_walk_value(u64 value)
{
	sink = sink + value;
}

void fdt_walk_bytes(const void *data, size_t len)
{
	const u8 *p = data;
	u32 sum = 0;

	while (len--) {
		sum += *p++;
	}
	fdt_walk_value(sum);
}

void fdt_walk_string(const char *s)
{
	if (s) {
		fdt_walk_bytes(s, strlen(s) + 1);
	}
}

void fdt_walk_node(const struct fdt *f, fdt_node node)
{
	static const char *const names[] = { "reg", "compatible", "status", "ranges", "" };
	struct fdt_prop it = { .next = 0 };
	u32 value;

	fdt_walk_string(fdt_node_name(f, node));
	while (fdt_next_prop(f, node, &it)) {
		fdt_walk_string(it.name);
		fdt_walk_bytes(it.data, it.len);
	}
	for (u32 i = 0; i < ARRAY_SIZE(names); i++) {
		fdt_walk_string(fdt_prop_string(f, node, names[i]));
		fdt_walk_value(fdt_prop_has_string(f, node, names[i], "okay"));
		fdt_walk_value(fdt_prop_u32(f, node, names[i], &value) == 0);
	}
	HOLDS(fdt_address_cells(f, node) <= FDT_MAX_CELLS);
	HOLDS(fdt_size_cells(f, node) <= FDT_MAX_CELLS);
	fdt_walk_value((u32)fdt_first_child(f, node) + (u32)fdt_next_sibling(f, node));
}

void fdt_walk_from(const struct fdt *f, fdt_node node)
{
	fdt_node chain[FDT_MAX_DEPTH], child;
	int depth = fdt_ancestry(f, node, chain);
	struct fdt_irq irq;
	u64 addr, size;

	HOLDS(depth >= 1 && depth <= FDT_MAX_DEPTH && chain[depth - 1] == node);
	HOLDS(fdt_parent(f, node) == (depth > 1 ? chain[depth - 2] : -ENOENT));
	fdt_for_each_child(f, child, node) {
		HOLDS(fdt_parent(f, child) == node);
	}
	for (u32 i = 0; i < 8 && fdt_reg(f, node, i, &addr, &size) == 0; i++) {
		if (fdt_reg_phys(f, node, i, &addr, &size) == 0) {
			HOLDS(size == 0 || addr + (size - 1) >= addr);
		}
	}
	for (u32 i = 0; i < 4 && fdt_irq(f, node, i, &irq) == 0; i++) {
		HOLDS(irq.count >= 1 && irq.count <= FDT_IRQ_CELLS);
		fdt_walk_string(fdt_node_name(f, irq.controller));
	}
	fdt_walk_value(fdt_node_enabled(f, node));
	fdt_walk_value((u32)fdt_find_compatible(f, node, "arm,pl011"));
}

void fdt_walk_tree(const struct fdt *f, int most, bool (*chosen)(void))
{
	fdt_node node = FDT_START;
	const char *options;
	int depth;
	u64 pa, size;

	while ((node = fdt_next_node(f, node, &depth)) >= 0) {
		HOLDS(depth >= 0 && depth < FDT_MAX_DEPTH);
		fdt_walk_node(f, node);
		if (most > 0 && chosen()) {
			fdt_walk_from(f, node);
			most--;
		}
	}
	HOLDS(node == -ENOENT);
	if (fdt_stdout_node(f, &options) >= 0) {
		fdt_walk_string(options);
	}
	for (u32 i = 0; fdt_rsv(f, i, &pa, &size) == 0; i++) {
		fdt_walk_value(pa + size);
	}
}
