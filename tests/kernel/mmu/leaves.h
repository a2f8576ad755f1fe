/* SPDX-License-Identifier: BSD-2-Clause */
/* Entries in all combinations, and where in a half they are tried. */
#pragma once

#include "world.h"

#define LEAF_KINDS 32 /* AP, XN, PXN, AF */

/* A leaf's attributes, without its type and address. */
u64 leaf_kind(u32 kind);

/* The address of leaf number k of that level, where page n of the land is seen. */
u32 leaf_va(const struct world *w, u32 half, u32 start, u32 level, u32 k, u32 n);

/* Leaf number k, with those attributes and that type, below shape's tables; and all accesses. */
void add_leaf(struct world *w, u32 half, struct chain shape, u32 k, u64 attributes);

/* Each kind of leaf below each kind of table, at all levels of a half: visited and judged. */
void each_shape(struct world *w, u32 half);
