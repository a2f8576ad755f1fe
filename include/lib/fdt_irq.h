/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which input of which interrupt controller a device in a tree is wired to (Devicetree
 * Specification v0.4, 2.4): interrupts or interrupts-extended, the parents of the interrupt tree,
 * and the maps of the buses between. Pure; what the cells mean is the controller's business.
 */
#pragma once

#include <lib/fdt.h>

#define FDT_IRQ_CELLS 4 /* more of them are refused */

struct fdt_irq {
	fdt_node controller;
	u32 count;
	u32 cell[FDT_IRQ_CELLS];
};

/*
 * The index-th interrupt of node. 0; -ENOENT: it has none, or fewer; -EINVAL: cells or lengths make
 * no sense, or a parent is missing; -ENODEV: a bus's map does not hold it. irq-safe.
 */
int fdt_irq(const struct fdt *f, fdt_node node, u32 index, struct fdt_irq *irq) __must_check;
