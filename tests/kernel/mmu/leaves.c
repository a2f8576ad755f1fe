/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the combinations: every kind of leaf, at every level, below every kind of table. Knows what
 * entries say, and nothing of what must come of them.
 */
#include "leaves.h"

#include "judge.h"

#define TABLE_KINDS 16 /* APTable, XNTable, PXNTable */

#define BLOCK_SLOT 16 /* the first 2 MiB that blocks are at, away from the code */

/* The first address that is ours, in a half whose walks start there: T0SZ = T1SZ = 1, or 2. */
static u32 base_va(u32 half, u32 start)
{
	static const u32 base[2][3] = { { 0, 0x40000000, 0 }, { 0, 0x80000000, 0xc0000000 } };

	return base[half][start];
}

static u64 table_kind(u32 kind)
{
	return D_TABLE | (kind & 1 ? D_TABLE_IGNORED : 0) | D_AP_TABLE(kind & 3) |
	       (kind & 4 ? D_XN_TABLE : 0) | (kind & 8 ? D_PXN_TABLE : 0);
}

u64 leaf_kind(u32 kind)
{
	return D_SOFTWARE(kind) | D_AP(kind & 3) | (kind & 4 ? D_XN : 0) | (kind & 8 ? D_PXN : 0) |
	       (kind & 16 ? 0 : D_AF) | D_SH_INNER;
}

static u64 leaf_type(u32 level)
{
	return level == 3 ? D_PAGE : D_BLOCK;
}

/* Of a GiB that is not all RAM nothing is mapped, but entries that fault in any case. */
static const struct page *gib_page(const struct world *w)
{
	return w->gib_page ? w->gib_page : land_page(w, 0);
}

/* Where a leaf's memory begins: of a block, the one that holds page n of the land. */
static u64 output_of(const struct world *w, u32 level, u32 n)
{
	return level == 1 ? pa_align_down(page_to_pa(gib_page(w)), SZ_1G) :
	       level == 2 ? pa_align_down(land_pa(w, n), SZ_2M) :
			    land_pa(w, n);
}

/* The address of leaf number k, where page n of the land is seen. */
u32 leaf_va(const struct world *w, u32 half, u32 start, u32 level, u32 k, u32 n)
{
	u32 base = base_va(half, start);

	return level == 1 ? base + pa_offset(page_to_pa(gib_page(w)), SZ_1G) :
	       level == 2 ? base + (BLOCK_SLOT + k) * SZ_2M + pa_offset(land_pa(w, n), SZ_2M) :
			    base + BLOCK_SLOT * SZ_2M + k * PAGE_SIZE;
}

/* Leaf number k of that kind below tables of those kinds, and all accesses to it. */
void add_leaf(struct world *w, u32 half, struct chain shape, u32 k, u64 attributes)
{
	u32 va = leaf_va(w, half, shape.start, shape.leaf, k, half);
	struct chain *chain = &w->chain[half][k];

	*chain = shape;
	chain->word = land_word(shape.leaf == 1 ? 0 : half);
	chain->behind = shape.leaf == 1 ? page_to_pa(gib_page(w)) : land_pa(w, half);
	chain->desc[shape.leaf] = output_of(w, shape.leaf, half) | attributes;
	world_map(w, half, va, chain);
	ask_everything(w, k, va);
}

/* Each kind of leaf, as many at once as there is room for. */
static void each_leaf(struct world *w, u32 half, const struct chain *shape)
{
	u32 at_once = shape->leaf == 1 ? 1 : LEAF_KINDS;

	for (u32 first = 0; first < LEAF_KINDS; first += at_once) {
		for (u32 k = 0; k < at_once; k++) {
			add_leaf(w, half, *shape, k, leaf_kind(first + k) | leaf_type(shape->leaf));
		}
		visit_and_judge(w);
	}
}

/* All tables above a leaf: each kind alone at either level, and with another one at both. */
static void each_table(struct world *w, u32 half, struct chain shape)
{
	u32 first = shape.start, tables = shape.leaf - first;

	for (u32 kind = 0; kind < (tables ? TABLE_KINDS : 1); kind++) {
		for (u32 at = 1; at < 1u << tables || at == 1; at++) {
			for (u32 i = 0; i < tables; i++) {
				u32 mixed = (kind * (1 + 4 * i) + 3 * i) % TABLE_KINDS;

				shape.desc[first + i] = table_kind(at >> i & 1 ? mixed : 0);
			}
			each_leaf(w, half, &shape);
		}
	}
}

void each_shape(struct world *w, u32 half)
{
	for (u32 start = 1; start <= 2; start++) {
		world_shape(w, start, start);
		for (u32 leaf = start; leaf <= 3; leaf++) {
			if (leaf > 1 || w->gib_page) {
				each_table(w, half,
					   (struct chain){ .start = (u8)start, .leaf = (u8)leaf });
			}
		}
	}
}
