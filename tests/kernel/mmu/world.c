/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the pages of a world (world.h), and the registers' values for a visit. Must leave TTBR0,
 * TTBCR, SCTLR and VBAR as they were, and no entry of the world in the TLB: visit.S does.
 */
#include "world.h"

#include <arch/barrier.h>
#include <arch/cpreg.h>
#include <arch/early_tables.h>
#include <arch/irqflags.h>
#include <arch/tlb.h>
#include <arch/walk.h>
#include <kernel/test.h>
#include <mm/highmem.h>
#include <mm/memblock.h>
#include <mm/slab.h>

STATIC_ASSERT(offsetof(struct visit, kernel_ttbr) == VISIT_KERNEL_TTBR0);
STATIC_ASSERT(offsetof(struct visit, ttbcr_enter) == VISIT_ENTER);
STATIC_ASSERT(offsetof(struct visit, ttbcr_kernel) == VISIT_KERNEL_TTBCR);
STATIC_ASSERT(offsetof(struct visit, sctlr) == VISIT_SCTLR);
STATIC_ASSERT(offsetof(struct visit, vbar_kernel) == VISIT_KERNEL_VBAR);
STATIC_ASSERT(offsetof(struct visit, low) == VISIT_LOW);
STATIC_ASSERT(offsetof(struct visit, back) == VISIT_BACK);
STATIC_ASSERT(offsetof(struct visit, count) == VISIT_COUNT);
STATIC_ASSERT(offsetof(struct visit, op) == VISIT_OPS);
STATIC_ASSERT(offsetof(struct op, lo) == OP_RESULTS && sizeof(struct op) == OP_SIZE);

#define SCTLR_A (1u << 1) /* B4.1.130: word and halfword accesses must be aligned */
STATIC_ASSERT(sizeof(struct visit) <= PAGE_SIZE << DATA_ORDER);

extern const char visit_start[], visit_end[]; /* visit.S */
void visit(struct visit *visit);

bool world_cuts;

/* ---- memory ---- */

static void tables_put(struct world *w)
{
	for (u32 n = TABLES; n-- > 0;) {
		struct table *table = &w->table[n];

		if (table->page) {
			kunmap_local(table->entry);
			free_page(table->page);
			table->page = NULL;
		}
	}
}

static bool tables_get(struct world *w, gfp_t gfp)
{
	for (u32 n = 0; n < TABLES; n++) {
		struct table *table = &w->table[n];

		table->page = alloc_page(gfp);
		if (!table->page) {
			tables_put(w);
			return false;
		}
		table->entry = kmap_local_page(table->page);
		table_empty(table);
	}
	return true;
}

/* New code, before it is fetched anywhere: in memory, then the old forgotten (B2.2). */
static void code_written(const void *start, u32 bytes)
{
	for (u32 i = 0; i < bytes; i += 16) { /* no line is shorter */
		write_dccmvac((vaddr_t)start + i);
	}
	dsb_ish(); /* cleaned, before what was fetched is forgotten */
	write_iciallu();
	dsb_ish(); /* forgotten, before the next fetch */
	isb();
}

/* ADD pc, lr, #4 * n (A8.8.5, A1): eight bits, rotated right by an even number (A5.2.4). */
#define ADD_PC_LR     0xe28ef000u
#define ROTATED_BY_30 0xf00u

u32 land_word(u32 n)
{
	return ADD_PC_LR | 4 * (n % LAND_PAGES);
}

u32 land_twin(u32 word)
{
	return ADD_PC_LR | ROTATED_BY_30 | (word & 0xff) / 4;
}

u32 land_mark(u32 word)
{
	return LAND_PAGES - 1 - (word & 0xff) / 4;
}

struct page *land_page(const struct world *w, u32 n)
{
	return pfn_to_page(page_to_pfn(w->land) + LAND_FIRST + n);
}

u64 land_pa(const struct world *w, u32 n)
{
	return pfn_to_pa(page_to_pfn(land_page(w, n)));
}

void page_make_land(struct page *page, u32 word)
{
	u32 *words = kmap_local_page(page);

	for (u32 i = 0; i < PAGE_SIZE / sizeof(u32); i++) {
		words[i] = word;
	}
	code_written(words, PAGE_SIZE);
	kunmap_local(words);
}

/* Speculation may read all that a block of 1 GiB maps: it must be RAM, and to be mapped. */
static bool gib_is_ram(const struct page *page)
{
	phys_addr_t gib = pa_align_down(page_to_pa(page), SZ_1G);

	return memblock_is_ram(gib, SZ_1G) && !memblock_is_nomap(gib, SZ_1G);
}

static void gib_page_get(struct world *w)
{
	if (gib_is_ram(w->land)) {
		w->gib_page = land_page(w, 0);
		return;
	}
	w->gib_owned = alloc_page(GFP_KERNEL);
	if (w->gib_owned && gib_is_ram(w->gib_owned)) {
		w->gib_page = w->gib_owned;
		page_make_land(w->gib_page, land_word(0));
	}
}

static bool land_get(struct world *w)
{
	w->land = alloc_pages(GFP_HIGHONLY, LAND_ORDER);
	if (!w->land) {
		w->land = alloc_pages(GFP_KERNEL, LAND_ORDER);
	}
	for (u32 i = 0; w->land && i < LAND_PAGES; i++) {
		page_make_land(land_page(w, i), land_word(i));
	}
	if (w->land) {
		gib_page_get(w);
	}
	return w->land;
}

static bool code_get(struct world *w)
{
	u32 bytes = (u32)(visit_end - visit_start);
	char *code;

	w->code = alloc_page(GFP_HIGHONLY);
	w->data = alloc_pages(GFP_KERNEL, DATA_ORDER);
	if (!w->code || !w->data) {
		return false;
	}
	w->visit = lowmem_page_address(w->data);
	w->visit->count = 0;
	code = kmap_local_page(w->code);
	memcpy(code, visit_start, bytes);
	code_written(code, bytes);
	kunmap_local(code);
	return true;
}

/* ---- a visit ---- */

struct op *world_op(struct world *w, u32 slot, u32 va, enum op_kind kind)
{
	struct op *op = &w->visit->op[w->visit->count++];

	BUG_ON(w->visit->count > OPS_MAX, "mmu.ops", "more than %u accesses", OPS_MAX);
	*op = (struct op){ .va = va, .kind = kind, .slot = slot };
	return op;
}

/* Sizes and walks that are off; the walks' own attributes are the kernel's. */
static u32 ttbcr_of(u32 kernel, u32 t0sz, u32 t1sz, bool epd0, bool epd1)
{
	kernel &= ~(TTBCR_T0SZ(7) | TTBCR_T1SZ(7) | TTBCR_EPD0 | TTBCR_EPD1);
	return kernel | TTBCR_T0SZ(t0sz) | TTBCR_T1SZ(t1sz) | (epd0 ? TTBCR_EPD0 : 0) |
	       (epd1 ? TTBCR_EPD1 : 0);
}

static void registers_set(struct world *w)
{
	const struct mmu_regs *r = &w->regs;
	struct visit *v = w->visit;
	u32 kernel = read_ttbcr(), sctlr = read_sctlr();

	v->kernel_ttbr[0] = read_ttbr0();
	v->kernel_ttbr[1] = read_ttbr1();
	v->ttbcr_kernel = kernel;
	v->sctlr_kernel = sctlr;
	v->vbar_kernel = read_vbar();
	v->ttbr[0] = table_pa(&w->root[0]);
	v->ttbr[1] = table_pa(&w->root[1]);
	v->ttbcr_enter =
		ttbcr_of(kernel, r->size[0] ? r->size[0] : 1, (kernel >> 16) & 7, false, false);
	v->ttbcr_both = ttbcr_of(kernel, r->size[0], r->size[1], false, false);
	v->ttbcr_final = ttbcr_of(kernel, r->size[0], r->size[1], r->epd[0], r->epd[1]);
	sctlr &= ~(SCTLR_WXN | SCTLR_UWXN | SCTLR_A);
	v->sctlr = sctlr | (r->wxn ? SCTLR_WXN : 0) | (r->uwxn ? SCTLR_UWXN : 0) |
		   (r->align ? SCTLR_A : 0);
	v->low = WORLD_LOW;
	v->home = world_home(w);
}

void world_visit(struct world *w)
{
	registers_set(w);
	dsb_ish(); /* the tables, before they are walked */
	if (w->visit->count) {
		visit(w->visit);
	}
}

u64 world_ask(struct world *w, u32 va)
{
	u32 flags;
	u64 par;

	registers_set(w);
	dsb_ish(); /* the tables, before they are walked */
	flags = irq_save();
	write_ttbr0(w->visit->ttbr[0]);
	isb(); /* before it is walked */
	write_ttbcr(w->visit->ttbcr_enter);
	isb(); /* before the translation */
	par = walk_ask_mmu(va, false);
	write_ttbcr(w->visit->ttbcr_kernel);
	isb(); /* nothing is walked, before TTBR0 changes */
	write_ttbr0(w->visit->kernel_ttbr[0]);
	tlb_flush_local_all();
	irq_restore(flags);
	return par;
}

/* ---- open and close ---- */

static bool code_is_found(struct world *w)
{
	u64 par;

	world_code(w);
	world_shape(w, 2, 2);
	par = world_ask(w, WORLD_LOW);
	return !(par & PAR_FAULT) && par_pa(par) == page_to_pa(w->code);
}

/* Tables from the top of RAM; where the MMU does not find them there, from lowmem. */
static bool tables_ready(struct world *w)
{
	if (!world_cuts) {
		if (!tables_get(w, GFP_HIGHONLY)) {
			return false;
		}
		if (code_is_found(w)) {
			return true;
		}
		world_cuts = !pa_below_4g(page_to_pa(w->root[0].page));
		tables_put(w);
	}
	if (!tables_get(w, GFP_KERNEL)) {
		return false;
	}
	if (!code_is_found(w)) {
		test_note("the MMU does not find tables in lowmem");
		return false;
	}
	return true;
}

static void world_put(struct world *w)
{
	tables_put(w);
	if (w->gib_owned) {
		free_page(w->gib_owned);
	}
	if (w->land) {
		free_pages(w->land, LAND_ORDER);
	}
	if (w->data) {
		free_pages(w->data, DATA_ORDER);
	}
	if (w->code) {
		free_page(w->code);
	}
	kfree(w);
}

struct world *world_open(void)
{
	struct world *w = kzalloc(sizeof(*w));

	if (!w) {
		return NULL;
	}
	preempt_disable();
	if (code_get(w) && land_get(w) && tables_ready(w)) {
		w->regs.mair = (u64)read_mair1() << 32 | read_mair0();
		return w;
	}
	world_put(w);
	preempt_enable();
	return NULL;
}

void world_close(struct world *w)
{
	if (w) {
		world_put(w);
		preempt_enable();
	}
}
