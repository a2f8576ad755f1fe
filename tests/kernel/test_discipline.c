/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The discipline checker (mm/discipline.c, DEBUG builds): each of its rules is broken here on
 * purpose, on entries that nobody else uses, and must be reported by its name; what is right must
 * not be. The mistakes are made of the primitives themselves, step by step, and tidied up behind.
 */
#define KMAP_DEBUG_BYPASS /* the real windows */
#include <mm/discipline.h>

#include <kernel/test.h>

#if CONFIG_DEBUG

#include <arch/early_tables.h>
#include <arch/pte_write.h>
#include <arch/spinlock.h>
#include <arch/tlb.h>
#include <kernel/irq.h>
#include <kernel/sched.h>
#include <kernel/smp.h>
#include <lib/string.h>
#include <mm/bigwin.h>
#include <mm/highmem.h>
#include <mm/pgtable.h>
#include <mm/vmalloc.h>

#include "threads.h"

/* ---- what was reported ---- */

static struct {
	const char *rule; /* the first one */
	vaddr_t address;
	u32 count;
} caught;

static void catch_report(const char *rule, vaddr_t address)
{
	if (caught.count++ == 0) {
		caught.rule = rule;
		caught.address = address;
	}
}

static void catch_begin(void)
{
	caught.count = 0;
	caught.rule = "none";
	caught.address = 0;
	WRITE_ONCE(discipline_catch, catch_report);
}

/* The first report was that one; NULL: there was none. */
static bool catch_end(const char *rule)
{
	WRITE_ONCE(discipline_catch, NULL);
	if (rule ? caught.count > 0 && strcmp(caught.rule, rule) == 0 : caught.count == 0) {
		return true;
	}
	test_note("wanted %s, got %s at 0x%08x, %u reports", rule ? rule : "no report", caught.rule,
		  caught.address, caught.count);
	return false;
}

/* ---- two pages and a shared window ---- */

static struct page *pages[2];
static pte_t *shared; /* FIX_STORY's entry: of all CPUs */
#define SHARED_VA fixmap_va(FIX_STORY)

static pte_t page_pte(u32 page)
{
	return pfn_pte(page_to_pfn(pages[page]), PAGE_KERNEL);
}

static bool set_up(void)
{
	shared = &fixmap_table[FIX_STORY];
	return alloc_pages_bulk(GFP_HIGHONLY, 2, pages) == 2;
}

/* Leaves the shared window empty and flushed, whatever was done to it. */
static void shared_tidy(void)
{
	WRITE_ONCE(discipline_catch, discipline_ignore);
	pte_write(shared, pte_none());
	tlb_flush_page(SHARED_VA);
	WRITE_ONCE(discipline_catch, NULL);
}

static void shared_open(u32 page)
{
	pte_write(shared, page_pte(page));
	dsb_walk(); /* the entry, before the walker may look */
	isb();
}

static void tear_down(void)
{
	shared_tidy();
	free_pages_bulk(pages, 2);
}

/* ---- what is right ---- */

TEST(discipline, right_sequences_give_no_report)
{
	void *a, *b;

	REQUIRE(set_up());
	catch_begin();
	a = kmap_local_page(pages[0]);
	b = kmap_local_page(pages[1]);
	kunmap_local(b);
	kunmap_local(a);
	shared_open(0);
	pte_write(shared, pte_none());
	tlb_flush_page(SHARED_VA);
	shared_open(1);
	fixmap_clear(FIX_STORY);
	a = vmap(pages, 2, PAGE_KERNEL);
	vunmap(a);
	vmalloc_purge();
	a = kmap(pages[0]);
	kunmap(pages[0]);
	pkmap_purge();
	CHECK(a && catch_end(NULL));
	tear_down();
}

/* B3.10.1: access flag and permissions may change without a break. */
TEST(discipline, permissions_may_change)
{
	pte_t pte;

	REQUIRE(set_up());
	shared_open(0);
	catch_begin();
	pte = *shared;
	pte.raw |= LEAF_RO;
	pte_write(shared, pte);
	tlb_flush_page(SHARED_VA);
	CHECK(catch_end(NULL));
	tear_down();
}

/* A table that no entry of the kernel's leads to is nobody's business. */
TEST(discipline, scratch_tables_are_not_watched)
{
	u64 *table;

	REQUIRE(set_up());
	table = kmap_local_page(pages[0]);
	catch_begin();
	desc_write(&table[7], page_pte(0).raw);
	desc_write(&table[7], page_pte(1).raw);
	CHECK(catch_end(NULL));
	kunmap_local(table);
	tear_down();
}

/* ---- entries ---- */

TEST(discipline, valid_to_valid)
{
	pte_t pte;

	REQUIRE(set_up());
	shared_open(0);
	catch_begin();
	pte_write(shared, page_pte(1));
	CHECK(catch_end("tlb.valid_to_valid"));
	CHECK_EQ(caught.address, SHARED_VA);
	pte = *shared;
	pte.raw ^= LEAF_ATTR(MT_UNCACHED);
	catch_begin();
	dsb_walk();
	isb();
	pte_write(shared, pte);
	CHECK(catch_end("tlb.valid_to_valid"));
	tear_down();
}

TEST(discipline, reuse_without_flush)
{
	REQUIRE(set_up());
	shared_open(0);
	catch_begin();
	pte_write(shared, pte_none());
	pte_write(shared, page_pte(1));
	CHECK(catch_end("tlb.reuse_address"));
	CHECK_EQ(caught.address, SHARED_VA);
	tear_down();
}

/* The flush came first: it took nothing. */
TEST(discipline, reuse_after_an_early_flush)
{
	REQUIRE(set_up());
	shared_open(0);
	catch_begin();
	tlb_flush_page(SHARED_VA);
	pte_write(shared, pte_none());
	dsb_walk();
	isb();
	pte_write(shared, page_pte(1));
	CHECK(catch_end("tlb.reuse_address"));
	tear_down();
}

TEST(discipline, local_flush_of_shared)
{
	REQUIRE(set_up());
	shared_open(0);
	catch_begin();
	pte_write(shared, pte_none());
	tlb_flush_local(SHARED_VA);
	CHECK(catch_end("tlb.local_for_shared"));
	catch_begin();
	tlb_flush_local_all();
	pte_write(shared, page_pte(1));
	CHECK(catch_end("tlb.reuse_address"));
	tear_down();
}

/* ---- DSB and ISB ---- */

TEST(discipline, no_dsb_before_tlbi)
{
	REQUIRE(set_up());
	shared_open(0);
	catch_begin();
	pte_write(shared, pte_none());
	tlbi_page(SHARED_VA);
	CHECK(catch_end("tlb.no_dsb_before_tlbi"));
	shared_tidy();
	shared_open(1);
	catch_begin();
	pte_write(shared, pte_none());
	dsb_walk_local(); /* of this CPU alone: not enough for a broadcast */
	tlbi_page(SHARED_VA);
	CHECK(catch_end("tlb.no_dsb_before_tlbi"));
	dsb_ish();
	isb();
	tear_down();
}

/* In an interrupt's handler: its stores are none of the thread's. */
static bool cleared;

static void clear_shared(__unused u32 irq, __unused void *arg)
{
	pte_write(shared, pte_none());
	WRITE_ONCE(cleared, true);
}

/* Tests stay on their CPU. */
static bool clear_prepare(void)
{
	shared_open(0);
	cleared = false;
	return irq_request(SGI_TEST, clear_shared, NULL, true, "clear") == 0;
}

static void have_it_cleared(void)
{
	irq_controller()->send(1u << my_cpu(), SGI_TEST);
	while (!READ_ONCE(cleared)) {
	}
}

static void clear_done(void)
{
	irq_free(SGI_TEST);
	tear_down();
}

/*
 * A flush of many addresses is under way, its DSB is done, when somebody clears an entry among
 * them: that one is not taken, and waits for a flush of its own.
 */
TEST(discipline, flush_that_passes_a_later_clear)
{
	REQUIRE(set_up());
	REQUIRE(clear_prepare());
	catch_begin();
	dsb_walk();
	have_it_cleared();
	tlbi_page(SHARED_VA);
	dsb_ish();
	isb();
	CHECK(catch_end(NULL));
	catch_begin();
	pte_write(shared, page_pte(1));
	CHECK(catch_end("tlb.reuse_address"));
	clear_done();
}

TEST(discipline, no_dsb_behind_anothers_clear)
{
	REQUIRE(set_up());
	REQUIRE(clear_prepare());
	have_it_cleared();
	catch_begin();
	tlbi_page(SHARED_VA);
	CHECK(catch_end("tlb.no_dsb_before_tlbi"));
	dsb_ish();
	isb();
	clear_done();
}

TEST(discipline, no_dsb_after_tlbi)
{
	REQUIRE(set_up());
	shared_open(0);
	catch_begin();
	pte_write(shared, pte_none());
	dsb_walk();
	tlbi_page(SHARED_VA);
	isb();
	CHECK(catch_end("tlb.no_dsb_after_tlbi"));
	catch_begin();
	dsb_nsh(); /* of this CPU alone: a broadcast is not complete */
	isb();
	CHECK(catch_end("tlb.no_dsb_after_tlbi"));
	dsb_ish();
	isb();
	tear_down();
}

TEST(discipline, no_isb_after_tlbi)
{
	REQUIRE(set_up());
	shared_open(0);
	catch_begin();
	pte_write(shared, pte_none());
	dsb_walk();
	tlbi_page(SHARED_VA);
	dsb_ish();
	pte_write(shared, page_pte(1));
	CHECK(catch_end("tlb.no_isb_after_tlbi"));
	dsb_walk();
	isb();
	tear_down();
}

TEST(discipline, no_dsb_after_write)
{
	REQUIRE(set_up());
	catch_begin();
	pte_write(shared, page_pte(0));
	isb();
	CHECK(catch_end("tlb.no_dsb_after_write"));
	tear_down();
}

TEST(discipline, no_isb_after_write)
{
	spinlock_t lock = SPINLOCK_INIT;

	REQUIRE(set_up());
	catch_begin();
	pte_write(shared, page_pte(0));
	dsb_walk();
	spin_lock(&lock);
	spin_unlock(&lock); /* as kmap() ends, say */
	CHECK(catch_end("tlb.no_isb_after_write"));
	tear_down();
}

/* ---- this CPU's windows ---- */

/* Opens the next slot by hand; which of the steps it does. */
static void local_open(struct thread_core *core, bool dsb, bool sync)
{
	core->kmap_depth++;
	pte_write(core->kmap_ptes + core->kmap_depth - 1, page_pte(0));
	if (dsb) {
		dsb_walk_local();
	}
	if (sync) {
		isb();
	}
}

static void local_close(struct thread_core *core)
{
	pte_write(core->kmap_ptes + core->kmap_depth - 1, pte_none());
	tlb_flush_local(core->kmap_va + (core->kmap_depth - 1) * PAGE_SIZE);
	core->kmap_depth--;
}

TEST(discipline, window_without_dsb_or_isb)
{
	struct thread_core *core = current_core();

	REQUIRE(set_up());
	catch_begin();
	local_open(core, false, false);
	local_close(core);
	CHECK(catch_end("tlb.no_dsb_after_write"));
	catch_begin();
	local_open(core, true, false);
	local_close(core);
	CHECK(catch_end("tlb.no_isb_after_write"));
	catch_begin();
	local_open(core, true, true);
	local_close(core);
	CHECK(catch_end(NULL));
	tear_down();
}

TEST(discipline, slot_given_back_too_early)
{
	struct thread_core *core = current_core();

	REQUIRE(set_up());
	local_open(core, true, true);
	catch_begin();
	core->kmap_depth--;
	pte_write(core->kmap_ptes + core->kmap_depth, pte_none());
	CHECK(catch_end("tlb.slot_given_back"));
	catch_begin();
	tlb_flush_local(core->kmap_va + core->kmap_depth * PAGE_SIZE);
	CHECK(catch_end("tlb.slot_given_back"));
	tear_down();
}

TEST(discipline, slot_of_another_cpu)
{
	u32 other = (current_core()->cpu + 1) % NR_CPUS;
	u32 slot = FIX_KMAP_BEGIN + other * KMAP_LOCAL_STRIDE + KMAP_LOCAL_DEPTH;

	REQUIRE(set_up());
	catch_begin();
	pte_write(&fixmap_table[slot], page_pte(0));
	CHECK(catch_end("tlb.foreign_slot"));
	WRITE_ONCE(discipline_catch, discipline_ignore);
	dsb_walk();
	isb();
	pte_write(&fixmap_table[slot], pte_none());
	tlb_flush_page(fixmap_va(slot));
	tear_down();
}

/* ---- bigwin: its level-2 entry ---- */

/* An invalidation of one page of it is not enough. */
TEST(discipline, bigwin_without_flush)
{
	void *va = NULL;
	pmd_t *pmd, was;

	REQUIRE(set_up());
	catch_begin();
	CHECK_EQ(bigwin_map_pages(page_to_pa(pages[0]), PAGE_SIZE, &va), 0);
	pmd = kernel_pmd((vaddr_t)va);
	was = *pmd;
	bigwin_unmap(va);
	CHECK_EQ(bigwin_map_pages(page_to_pa(pages[0]), PAGE_SIZE, &va), 0);
	CHECK(catch_end(NULL));
	catch_begin();
	pmd_write(pmd, (pmd_t){ 0 });
	tlb_flush_local((vaddr_t)va);
	pmd_write(pmd, was);
	CHECK(catch_end("tlb.reuse_address"));
	dsb_walk_local();
	isb();
	bigwin_unmap(va);
	tear_down();
}

/* ---- pages ---- */

TEST(discipline, page_freed_while_it_is_shown)
{
	struct page *page = alloc_page(GFP_HIGHONLY);

	REQUIRE(set_up());
	REQUIRE(page);
	pte_write(shared, pfn_pte(page_to_pfn(page), PAGE_KERNEL));
	dsb_walk();
	isb();
	catch_begin();
	free_page(page);
	CHECK(catch_end("tlb.reuse_page"));
	CHECK_EQ(caught.address, SHARED_VA);
	tear_down();
}

/* Unmapped, but not flushed: a TLB may go on showing it. */
TEST(discipline, page_freed_before_the_flush)
{
	struct page *page = alloc_page(GFP_HIGHONLY);

	REQUIRE(set_up());
	REQUIRE(page);
	pte_write(shared, pfn_pte(page_to_pfn(page), PAGE_KERNEL));
	dsb_walk();
	isb();
	pte_write(shared, pte_none());
	catch_begin();
	free_page(page);
	CHECK(catch_end("tlb.reuse_page"));
	CHECK_EQ(caught.address, SHARED_VA);
	tear_down();
}

/* ---- broadcasts ---- */

TEST(discipline, broadcast_under_a_lock)
{
	spinlock_t lock = SPINLOCK_RANKED(LOCK_RANK_MEMORY);

	REQUIRE(set_up());
	if (!tlb_others) {
		tear_down();
		SKIP("no other CPU was ever looked for");
	}
	catch_begin();
	spin_lock(&lock);
	dsb_walk();
	tlbi_page(SHARED_VA); /* alone: an erratum's work-around would take a lock of rank 3 */
	dsb_ish();
	isb();
	spin_unlock(&lock);
	CHECK(catch_end("tlb.broadcast_in_lock"));
	tear_down();
}

/* ---- nobody caught it ---- */

FATAL_TEST(discipline.report, "tlb.valid_to_valid")
{
	if (set_up()) {
		shared_open(0);
		pte_write(shared, page_pte(1));
	}
}

#endif
