/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fixmap: fixed addresses whose page changes. Its last test is what the fixmap was
 * invented for elsewhere: a page table that lies in HighMem, written through a window.
 */
#include <arch/cpreg.h>
#include <arch/early_boot.h>
#include <arch/early_tables.h>
#include <arch/irqflags.h>
#include <arch/probe.h>
#include <arch/walk.h>
#include <kernel/test.h>
#include <mm/highmem.h>
#include <mm/pgtable.h>

#include "pages.h"

/* The same address shows one page after the other, and nothing in between. */
TEST(fixmap, set_and_clear)
{
	struct page *pages[2] = { alloc_page(GFP_HIGHONLY), alloc_page(GFP_HIGHONLY) };

	REQUIRE(pages[0] && pages[1]);
	for (u32 i = 0; i < 4; i++) {
		struct page *page = pages[i % 2];
		void *va = fixmap_set(FIX_STORY, page_to_pa(page), PAGE_KERNEL);

		CHECK_EQ(va, (void *)fixmap_va(FIX_STORY));
		pattern_fill(va, i);
		CHECK_EQ(page_wrong(page, i), 0);
		fixmap_clear(FIX_STORY);
		CHECK_NO_READ(va);
		CHECK_EQ(page_wrong(page, i), 0);
	}
	free_page(pages[0]);
	free_page(pages[1]);
}

/* Exactly one level-2 entry; nothing executable; the gaps that catch strays are empty. */
TEST(fixmap, table_is_sane)
{
	pmd_t pmd = *kernel_pmd(FIXMAP_START);
	u32 executable = 0, beyond = 0;

	CHECK(pmd_is_table(pmd));
	CHECK_EQ(pmd_pa(pmd), __pa_symbol(fixmap_table));
	for (u32 i = 0; i < PTRS_PER_TABLE; i++) {
		pte_t pte = fixmap_table[i];

		executable += pte_present(pte) && (~pte.raw & (LEAF_XN | LEAF_PXN)) != 0;
		beyond += pte_present(pte) && (i >= FIX_SLOTS || i == FIX_NONE);
	}
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++) {
		beyond += pte_present(fixmap_table[FIX_KMAP_BEGIN + cpu * KMAP_LOCAL_STRIDE +
						   KMAP_LOCAL_STRIDE - 1]);
	}
	CHECK_EQ(executable, 0);
	CHECK_EQ(beyond, 0);
	CHECK_NO_READ(fixmap_va(FIX_NONE));
}

/* The UART has been there since before there was an allocator. */
TEST(fixmap, uart_is_device)
{
	pte_t pte = fixmap_table[FIX_UART];
	pgprot_t prot = { pte.raw };

	CHECK(pte_present(pte));
	CHECK_EQ(pgprot_type(prot), MT_DEVICE);
	CHECK(!pte_present(fixmap_table[FIX_UART_GUARD]));
}

FATAL_TEST(fixmap.writable_and_executable, "fixmap.busy")
{
	pgprot_t both = { PAGE_KERNEL.raw & ~(LEAF_XN | LEAF_PXN) };

	fixmap_set(FIX_STORY, virt_to_phys((void *)PAGE_OFFSET), both);
}

/* ---- a page table in HighMem ---- */

#define USER_VA 0x12345000u /* of the user part, in every split */

enum { LEVEL1, LEVEL2, LEVEL3, DATA, CHAIN };

/* Empties the table in that page, and lets one entry point to the next table. */
static void table_link(struct page *table, u32 index, struct page *next)
{
	u64 *entries = kmap_local_page(table);

	for (u32 i = 0; i < PTRS_PER_TABLE; i++) {
		desc_write(&entries[i], i == index ? page_to_pa(next) | DESC_TABLE : 0);
	}
	kunmap_local(entries);
}

/* Lets TTBR0 be walked from that page on; the state that was is put into *saved. */
static void user_walks_on(struct page *root, u64 *saved)
{
	*saved = read_ttbr0();
	write_ttbr0(page_to_pa(root));
	isb(); /* the table, before walks of it are allowed */
	write_ttbcr(read_ttbcr() & ~TTBCR_EPD0);
	isb(); /* before the next access */
}

static void user_walks_off(u64 saved)
{
	write_ttbcr(read_ttbcr() | TTBCR_EPD0);
	isb(); /* no walk any more, before the table goes */
	write_ttbr0(saved);
	isb();
	dsb_walk_local();
	tlbi_all_local(0);
	dsb_nsh(); /* nothing of it is left, before its pages are freed */
	isb();
}

static void read_through_user_part(struct page **chain, pte_t *level3)
{
	volatile u32 *va = (u32 *)USER_VA;
	u32 word, flags = irq_save();
	u64 saved;

	user_walks_on(chain[KERNEL_T0SZ >= 2 ? LEVEL2 : LEVEL1], &saved);
	/* A machine whose walks go astray must not be followed there. */
	if (CHECK_EQ(walk_ask_mmu(USER_VA, true) & DESC_ADDR_MASK, page_to_pa(chain[DATA]))) {
		CHECK_EQ(pattern_wrong((void *)USER_VA, 5), 0);
		va[100] = 4711;
		CHECK_NO_READ((char *)USER_VA + PAGE_SIZE);
	}
	pte_write(&level3[pte_index(USER_VA)], pte_none());
	tlb_flush_local(USER_VA);
	CHECK_NO_READ(USER_VA);
	user_walks_off(saved);
	irq_restore(flags);
	CHECK_NO_READ(USER_VA);
	memcpy_from_page(&word, chain[DATA], 100 * sizeof(u32), sizeof(word));
	CHECK_EQ(word, 4711);
}

TEST(fixmap, pte_page_in_highmem)
{
	struct page *chain[CHAIN];
	u32 n = alloc_pages_bulk(GFP_HIGHONLY, CHAIN, chain);
	pte_t *level3;

	if (CHECK_EQ(n, CHAIN)) {
		test_note("level 3 at 0x%010llx, its page at 0x%010llx", page_to_pa(chain[LEVEL3]),
			  page_to_pa(chain[DATA]));
		page_fill(chain[DATA], 5);
		table_link(chain[LEVEL1], USER_VA >> PGD_SHIFT, chain[LEVEL2]);
		table_link(chain[LEVEL2], pmd_index(USER_VA), chain[LEVEL3]);
		level3 = fixmap_set(FIX_STORY, page_to_pa(chain[LEVEL3]), PAGE_KERNEL);
		for (u32 i = 0; i < PTRS_PER_TABLE; i++) {
			pte_write(&level3[i], pte_none());
		}
		pte_write(&level3[pte_index(USER_VA)],
			  pfn_pte(page_to_pfn(chain[DATA]), PAGE_KERNEL));
		dsb_walk(); /* all three tables, before TTBR0 leads a walker there */
		read_through_user_part(chain, level3);
		fixmap_clear(FIX_STORY);
	}
	free_pages_bulk(chain, n);
}
