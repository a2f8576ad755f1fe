/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns what stands in a world's tables: the way to its code, and the chains that tests ask for.
 * Must be called between visits only, while nobody walks them.
 */
#include <arch/cpreg.h>
#include <arch/early_tables.h>

#include "world.h"

#define ENTRIES (PAGE_SIZE / sizeof(u64))
#define LEAF	(D_PAGE | D_AF | D_SH_INNER)

void entry_set(u64 *entry, u64 value)
{
	*entry = value;
	if (boot_info.walks_cleaned) {
		write_dccmvac((vaddr_t)entry);
	}
}

void table_empty(struct table *table)
{
	for (u32 i = 0; i < ENTRIES; i++) {
		entry_set(&table->entry[i], D_INVALID);
	}
}

/* The entry of a half's root for va, where it is covered; else the one that its low bits select. */
static u64 *root_entry(struct world *w, u32 half, u32 va)
{
	u32 span = 0xffffffffu >> w->regs.size[half];

	return &w->root[half].entry[(va & span) >> (world_start_level(w, half) == 1 ? 30 : 21)];
}

static u32 code_va(u32 half)
{
	return half ? WORLD_HIGH : WORLD_LOW;
}

static u32 index_of(u32 va, u32 shift)
{
	return (va >> shift) & (ENTRIES - 1);
}

/* Code for both modes, data for ours alone. */
void world_code(struct world *w)
{
	u64 *last = w->code_last.entry;

	entry_set(&last[0], page_to_pa(w->code) | LEAF | D_AP(3));
	for (u32 i = 0; i < 1u << DATA_ORDER; i++) {
		entry_set(&last[1 + i],
			  (page_to_pa(w->data) + i * PAGE_SIZE) | LEAF | D_XN | D_PXN);
	}
	for (u32 half = 0; half < 2; half++) {
		u32 alias = index_of(WORLD_ALIAS(half), 12);

		entry_set(&last[alias], table_pa(&w->last[half]) | LEAF | D_XN | D_PXN);
		entry_set(&w->code_mid[half].entry[index_of(code_va(half), 21)],
			  table_pa(&w->code_last) | D_TABLE);
	}
}

void world_show(struct world *w, u32 half, u64 pa)
{
	BUG_ON(w->behind[half] && w->behind[half] != pa, "mmu.behind", "two pages behind half %u",
	       half);
	w->behind[half] = pa;
	entry_set(&w->code_last.entry[index_of(WORLD_BEHIND(WORLD_LOW, half), 12)],
		  pa | LEAF | D_XN | D_PXN);
}

void world_shape(struct world *w, u32 t0sz, u32 t1sz)
{
	w->regs.size[0] = (u8)t0sz;
	w->regs.size[1] = (u8)t1sz;
	for (u32 half = 0; half < 2; half++) {
		const struct table *next = world_start_level(w, half) == 1 ? &w->code_mid[half] :
									     &w->code_last;

		table_empty(&w->root[half]);
		entry_set(root_entry(w, half, code_va(half)), table_pa(next) | D_TABLE);
	}
}

static bool ends_at(const struct chain *chain, u32 level)
{
	return level == chain->leaf;
}

void world_map(struct world *w, u32 half, u32 va, struct chain *chain)
{
	struct table *mid = &w->mid[half];
	u64 *entry = root_entry(w, half, va);

	if (chain->start == 1) {
		if (!ends_at(chain, 1)) {
			if (entry == root_entry(w, half, code_va(half))) {
				mid = &w->code_mid[half];
			}
			chain->desc[1] |= table_pa(mid);
		}
		entry_set(entry, chain->desc[1]);
		if (ends_at(chain, 1)) {
			return;
		}
		entry = &mid->entry[index_of(va, 21)];
	}
	if (!ends_at(chain, 2)) {
		chain->desc[2] |= table_pa(&w->last[half]);
	}
	entry_set(entry, chain->desc[2]);
	if (!ends_at(chain, 2)) {
		entry_set(&w->last[half].entry[index_of(va, 12)], chain->desc[3]);
	}
}

struct chain *world_page(struct world *w, u32 half, u32 slot, u32 va, u64 leaf)
{
	struct chain *chain = &w->chain[half][slot];

	chain->start = (u8)world_start_level(w, half);
	chain->leaf = 3;
	chain->desc[1] = chain->desc[2] = D_TABLE;
	chain->desc[3] = leaf;
	chain->word = land_word(half);
	chain->behind = land_pa(w, half);
	world_map(w, half, va, chain);
	return chain;
}
