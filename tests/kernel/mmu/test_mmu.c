/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The MMU against the manual: every kind of access, by tables of every shape, in a world of our own
 * (world.h), held against a model (model.h). Nothing of the kernel is tested here but that it sees
 * the same afterwards: the suite is for machines, emulated or real. docs/mmu-conformance.md says
 * what is judged, and what is only told.
 */
#include <kernel/test.h>
#include <mm/highmem.h>

#include "../pages.h"
#include "judge.h"
#include "leaves.h"
#include "profile.h"

/* Opens a world, or leaves the test as failed. */
#define WORLD(w)                        \
	struct world *w = world_open(); \
	if (!CHECK(w)) {                \
		return;                 \
	}

/* How many cases there were; fails if any differed, or there were fewer than there should be. */
static void world_sum_up(struct world *w, u32 least, u32 least_allowed)
{
	u32 wrong = w->wrong, cases = w->cases, allowed = w->allowed;

	world_close(w);
	test_note("%u cases, %u of them without a fault; %u differ", cases, allowed, wrong);
	CHECK_EQ(wrong, 0);
	CHECK(cases >= least && allowed >= least_allowed);
}

static void rights(u32 half, bool wxn, bool uwxn)
{
	WORLD(w);

	w->regs.wxn = wxn;
	w->regs.uwxn = uwxn;
	if (!w->gib_page) {
		test_note("no GiB is all RAM here: blocks of level 1 are not judged");
	}
	each_shape(w, half);
	world_sum_up(w, 31000, 4200);
}

/* ---- first of all: does it read the tables at all? ---- */

/* Two level-2 roots that differ in address bit 32 alone, and lead each to its own block. */
static bool cut_is_shown(const struct page_pair *pair)
{
	u64 below = page_to_pa(pair->below), above = page_to_pa(pair->above), par;
	struct world *w = world_open();
	struct table root;
	bool shown = false;

	if (w && above - below == SZ_4G && pair->order >= LAND_ORDER) {
		world_shape(w, 2, 2);
		root = w->root[0];
		for (u32 i = 0; i < 2; i++) {
			u64 pa = i ? below : above;
			u64 *table = kmap_local_page(i ? pair->below : pair->above);

			entry_set(table,
				  pa_align_down(pa, SZ_2M) | D_BLOCK | D_AF | D_SH_INNER | D_XN);
			kunmap_local(table);
		}
		w->root[0].page = pair->above;
		par = world_ask(w, 0);
		w->root[0] = root;
		shown = !(par & 1) && par_pa(par) == below;
	}
	world_close(w);
	return shown;
}

TEST(mmu, tables_above_4g_are_read)
{
	struct page_pair pair;
	struct world *w = world_open();
	bool high = w && page_to_pa(w->root[0].page) >= SZ_4G;

	world_close(w);
	REQUIRE(w);
	if (!world_cuts) {
		test_note(high ? "the tables of this suite lie above 4 GiB" :
				 "no RAM above 4 GiB: nothing to judge");
		return;
	}
	REQUIRE(page_pair_get(&pair));
	test_note("table walks cut addresses to 32 bits%s: qemu-system-arm 7.2 does, "
		  "use qemu-system-aarch64",
		  cut_is_shown(&pair) ? ", the table at address - 4 GiB is read" : "");
	page_pair_put(&pair);
	CHECK(!world_cuts);
}

/* ---- rights ---- */

TEST(mmu, rights_of_the_lower_half)
{
	rights(0, false, false);
}

TEST(mmu, rights_of_the_upper_half)
{
	rights(1, false, false);
}

TEST(mmu, writable_is_not_executable_by_wxn)
{
	rights(0, true, false);
}

TEST(mmu, user_writable_is_not_executable_by_uwxn)
{
	rights(1, false, true);
}

TEST(mmu, wxn_and_uwxn_together)
{
	rights(0, true, true);
}

/* ---- types ---- */

/* What is no table, block or page, with all other bits as they may be. */
static void invalid_at(struct world *w, u32 half, u32 start, u32 level)
{
	static const u64 types[] = { D_INVALID, D_INVALID_TOO, D_BLOCK };
	struct chain shape = { .start = (u8)start, .leaf = (u8)level };

	for (u32 i = start; i < level; i++) {
		shape.desc[i] = D_TABLE;
	}
	for (u32 type = 0; type < (level == 3 ? 3u : 2u); type++) {
		for (u32 kind = 0; kind < LEAF_KINDS; kind++) {
			if (level > 1) {
				add_leaf(w, half, shape, kind, leaf_kind(kind) | types[type]);
			} else {
				add_leaf(w, half, shape, 0, leaf_kind(kind) | types[type]);
				visit_and_judge(w);
			}
		}
		visit_and_judge(w);
	}
}

TEST(mmu, reserved_types_do_not_translate)
{
	WORLD(w);

	for (u32 half = 0; half < 2; half++) {
		for (u32 start = 1; start <= 2; start++) {
			world_shape(w, start, start);
			for (u32 level = start; level <= 3; level++) {
				invalid_at(w, half, start, level);
			}
		}
	}
	world_sum_up(w, 9216, 0);
}

/* ---- the halves' edges ---- */

/* A page at va in both halves, as far as each half's table reaches: who asks the wrong one hits. */
static void add_edge(struct world *w, u32 slot, u32 va)
{
	for (u32 half = 0; half < 2; half++) {
		(void)world_page(w, half, slot, va, land_pa(w, half) | PAGE_RW);
	}
	ask_everything(w, slot, va);
}

static void edges(struct world *w, u32 t0sz, u32 t1sz)
{
	u32 low_end = t0sz ? 1u << (32 - t0sz) : 0,
	    high_start = t1sz ? -(1u << (32 - t1sz)) : low_end;
	u32 gap = low_end / 2 + high_start / 2 + 0x00a005a0; /* not where the code is */
	const u32 vas[] = {
		0, 4, low_end - 4, low_end, high_start - 4, high_start, gap, 0xfffffffc
	};

	world_shape(w, t0sz, t1sz);
	for (u32 i = 0; i < ARRAY_SIZE(vas); i++) {
		add_edge(w, i, vas[i]);
	}
	visit_and_judge(w);
}

static void all_sizes(bool epd0, bool epd1)
{
	WORLD(w);

	w->regs.epd[0] = epd0;
	w->regs.epd[1] = epd1;
	for (u32 sizes = epd0; sizes < 64; sizes++) { /* both 0: with EPD0 no code would be left */
		edges(w, sizes & 7, sizes >> 3);
	}
	world_sum_up(w, 6048, 1788);
}

TEST(mmu, halves_end_where_their_sizes_say)
{
	all_sizes(false, false);
}

TEST(mmu, epd0_stops_walks_of_the_lower_half)
{
	all_sizes(true, false);
}

TEST(mmu, epd1_stops_walks_of_the_upper_half)
{
	all_sizes(false, true);
}

/* ---- where tables and memory lie ---- */

#define PLACED 4 /* root, level 2, level 3, and the page */

/* Takes that half's tables and page from pages[above or not]; bit i of `above` says which. */
static void place(struct world *w, u32 half, u32 start, struct page *const pages[2][PLACED],
		  u32 above)
{
	u32 va = leaf_va(w, half, start, 3, 0, 0);
	struct table *const used[] = { &w->root[half], &w->mid[half], &w->last[half] };
	struct page *page = pages[above >> 3 & 1][3];
	struct chain *chain;
	struct table saved[ARRAY_SIZE(used)];
	u32 seen, mark = 0xc0de0000 + above;

	for (u32 i = 0; i < ARRAY_SIZE(used); i++) {
		saved[i] = *used[i];
		used[i]->page = pages[above >> i & 1][i];
		used[i]->entry = kmap_local_page(used[i]->page);
		table_empty(used[i]);
	}
	world_shape(w, start, start);
	chain = world_page(w, half, 0, va, page_to_pa(page) | PAGE_RW);
	chain->word = land_word(above >> 3);
	chain->behind = page_to_pa(page);
	ask_everything(w, 0, va);
	world_op(w, 0, va + 64, OP_WRITE)->lo = mark;
	visit_and_judge(w);
	for (u32 i = ARRAY_SIZE(used); i-- > 0;) {
		kunmap_local(used[i]->entry);
		*used[i] = saved[i];
	}
	memcpy_from_page(&seen, page, 64, sizeof(seen));
	CHECK_EQ(seen, mark);
	memcpy_to_page(page, 64, &chain->word, sizeof(seen));
}

static void place_everywhere(struct world *w, const struct page_pair *pair)
{
	struct page *pages[2][PLACED];

	for (u32 i = 0; i < 2 * PLACED; i++) {
		struct page *first = i & 1 ? pair->above : pair->below;

		pages[i & 1][i / 2] = pfn_to_page(page_to_pfn(first) + i / 2);
	}
	page_make_land(pages[0][3], land_word(0));
	page_make_land(pages[1][3], land_word(1));
	for (u32 i = 0; i < 4 << PLACED; i++) {
		u32 above = i >> 2;

		if (!world_cuts || (above & 7) == 0) {
			place(w, i & 1, 1 + (i >> 1 & 1), pages, above);
		}
	}
}

/* Blocks of PLACED pages at least; on both sides of the line where there is RAM. */
static bool places_get(struct page_pair *pair)
{
	if (!page_pair_get(pair)) {
		return false;
	}
	if (1u << pair->order < PLACED) {
		page_pair_put(pair);
		pair->order = 2;
		pair->below = alloc_pages(GFP_HIGHONLY, 2);
		pair->above = alloc_pages(GFP_HIGHONLY, 2);
	}
	if (!pair->below || !pair->above) {
		page_pair_put(pair);
		return false;
	}
	return true;
}

TEST(mmu, tables_and_pages_lie_anywhere)
{
	struct page_pair pair;
	WORLD(w);

	if (CHECK(places_get(&pair))) {
		place_everywhere(w, &pair);
		page_pair_put(&pair);
	}
	world_sum_up(w, world_cuts ? 100 : 800, world_cuts ? 100 : 800);
}

/* ---- the rest ---- */

/* Of a page of each type the MMU is only asked: nobody reads it, so its caches stay out of it. */
TEST(mmu, par_has_the_memory_type)
{
	WORLD(w);

	world_shape(w, 1, 1);
	for (u32 type = 0; type < 4; type++) {
		u32 va = leaf_va(w, 0, 1, 3, type, 0);

		(void)world_page(w, 0, type, va,
				 land_pa(w, LAND_PAGES) | D_PAGE | D_AF | D_AP(type) |
					 D_ATTR(type) | D_SH_INNER | D_XN);
		for (u32 kind = OP_ATS_PR; kind <= OP_ATS_UW; kind++) {
			ask(w, type, va, (enum op_kind)kind);
		}
	}
	visit_and_judge(w);
	world_sum_up(w, 16, 9);
}

/* Accesses of those kinds, from each byte of a word, to pages of all sorts. */
static void alignments(struct world *w, bool align, const u8 *kinds, u32 count)
{
	static const u64 leaves[] = { D_PAGE | D_AF | D_AP(1), D_PAGE | D_AF | D_AP(2),
				      D_PAGE | D_AP(1), D_INVALID };

	w->regs.align = align;
	for (u32 i = 0; i < ARRAY_SIZE(leaves); i++) {
		u32 va = leaf_va(w, 0, 1, 3, i, 0);

		(void)world_page(w, 0, i, va, land_pa(w, 0) | D_SH_INNER | leaves[i]);
		for (u32 n = 0; n < 4 * count; n++) {
			ask(w, i, va + n / count, (enum op_kind)kinds[n % count]);
		}
	}
	visit_and_judge(w);
}

TEST(mmu, alignment_comes_before_translation)
{
	static const u8 kinds[] = { OP_READ, OP_WRITE, OP_LDRT, OP_STRT,  OP_LDRB, OP_LDRH,
				    OP_LDR2, OP_LDM,   OP_STM,	OP_LDREX, OP_PLD };
	WORLD(w);

	world_shape(w, 1, 1);
	alignments(w, false, kinds, sizeof(kinds));
	alignments(w, true, kinds, sizeof(kinds));
	world_sum_up(w, 352, 99);
}

TEST(mmu, user_mode_is_held_to_alignment)
{
	static const u8 kinds[] = { OP_USER_READ, OP_USER_WRITE };
	struct op *op;
	bool held;
	WORLD(w);

	world_shape(w, 1, 1);
	alignments(w, false, kinds, sizeof(kinds));
	w->regs.align = true;
	op = world_op(w, 0, leaf_va(w, 0, 1, 3, 0, 0) + 1, OP_USER_READ);
	world_visit(w);
	w->visit->count = 0;
	held = op->trap != TRAP_NONE;
	if (held) {
		alignments(w, true, kinds, sizeof(kinds));
	}
	world_sum_up(w, held ? 64 : 32, 8);
	if (!held) {
		SKIP("SCTLR.A has no effect in user mode: QEMU 7.2, in Secure state, asks the other SCTLR");
	}
}

/* An entry that faults is in no TLB (B3.10.1): made valid, it holds at once. */
static void valid_at_once(struct world *w, u32 half, u64 before)
{
	u32 va = leaf_va(w, half, 1, 3, 0, 0);
	u64 good = land_pa(w, half) | PAGE_RW;
	struct op *poke;

	(void)world_page(w, half, 1, va, good);
	(void)world_page(w, half, 0, va, before);
	ask_everything(w, 0, va);
	poke = world_op(w, 0, WORLD_ALIAS(half) + (va >> 12 & 511) * 8, OP_POKE);
	poke->lo = (u32)good;
	poke->hi = (u32)(good >> 32);
	ask_everything(w, 1, va);
	visit_and_judge(w);
}

TEST(mmu, entries_that_fault_are_not_kept)
{
	WORLD(w);

	world_shape(w, 1, 1);
	for (u32 half = 0; half < 2; half++) {
		valid_at_once(w, half, D_INVALID);
		valid_at_once(w, half, land_pa(w, half) | (PAGE_RW & ~D_AF));
	}
	world_sum_up(w, 100, 52);
}

TEST(mmu, a_visit_leaves_the_masks_alone)
{
	u32 before, after;
	WORLD(w);

	__asm__ volatile("mrs %0, cpsr" : "=r"(before));
	world_shape(w, 1, 1);
	(void)world_page(w, 0, 0, leaf_va(w, 0, 1, 3, 0, 0), land_pa(w, 0) | PAGE_RW);
	ask(w, 0, leaf_va(w, 0, 1, 3, 0, 0), OP_READ);
	visit_and_judge(w);
	__asm__ volatile("mrs %0, cpsr" : "=r"(after));
	world_sum_up(w, 1, 1);
	CHECK_EQ(after & 0x3c0, before & 0x3c0);
}

TEST(mmu, machine_profile)
{
	WORLD(w);

	profile_print(w);
	world_close(w);
}
