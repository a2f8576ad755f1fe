/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns one question, asked once at boot: does this machine read page tables that lie
 * above 4 GiB? QEMU 7.2's qemu-system-arm cuts the address of a table to 32 bits and
 * walks whatever lies there; better known before anything relies on it.
 *
 * Only the MMU is asked (ATS1CPR): nothing is accessed through the table.
 */
#include <mm/walk_check.h>

#include <arch/tlb.h>
#include <arch/walk.h>
#include <mm/highmem.h>
#include <mm/page_alloc.h>
#include <mm/pgtable.h>

/* Points the level-2 entry of an unused window at table and asks for its first page. */
static u64 translate_through(struct page *table)
{
	pmd_t *pmd = kernel_pmd(BIGWIN_START);
	u64 par;

	pmd_write(pmd, pmd_table(page_to_pa(table)));
	dsb_walk(); /* the entry, before the walker may look */
	isb();
	par = walk_ask_mmu(BIGWIN_START, false);
	pmd_write(pmd, (pmd_t){ 0 });
	tlb_flush_page(BIGWIN_START);
	return par;
}

bool high_tables_work(void)
{
	struct page *table = alloc_page(GFP_HIGHONLY);
	phys_addr_t pa;
	pte_t *ptes;
	u64 par;

	if (!table) {
		return true;
	}
	pa = page_to_pa(table);
	clear_highpage(table);
	ptes = kmap_local_page(table);
	pte_write(&ptes[0], pfn_pte(pa_to_pfn(pa), PAGE_KERNEL)); /* the table maps itself */
	kunmap_local(ptes);
	par = translate_through(table);
	free_page(table);
	return !(par & PAR_FAULT) && (par & DESC_ADDR_MASK) == pa;
}
