/* SPDX-License-Identifier: BSD-2-Clause */
/* ARM Generic Interrupt Controller, version 2 (IHI 0048B). */
#pragma once

#include <lib/fdt.h>

/*
 * Finds it, maps it, sets up the distributor and registers. After vmalloc_init(). Says once if
 * there is none that we know.
 */
void gic_init(const struct fdt *f);

/*
 * The index-th interrupt of a device, as a number for irq_request(). -ENODEV: it belongs to
 * another controller; -EINVAL: the tree makes no sense; -ENOENT: the device has no such interrupt.
 */
int __must_check irq_from_tree(const struct fdt *f, fdt_node node, u32 index, u32 *irq, bool *edge);
