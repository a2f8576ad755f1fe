/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the making and finding of the kernel's level-3 tables. Must never free or
 * replace one, nor split a block: that is what lets walks go without a lock.
 *
 * Locks: pgtable_lock, irq-safe, innermost; tables are allocated before it is taken.
 */
#include <mm/pgtable.h>

#include <arch/pte_write.h>
#include <arch/spinlock.h>
#include <bug.h>
#include <interleave.h>
#include <mm/memblock.h>
#include <mm/page_alloc.h>

static spinlock_t pgtable_lock = SPINLOCK_RANKED(LOCK_RANK_MEMORY);

/* One load of 64 bits: an entry goes from nothing to a table once, and is never seen half. */
static inline pmd_t pmd_read(const pmd_t *pmd)
{
	return (pmd_t){ READ_ONCE(pmd->raw) };
}

pte_t *kernel_pte(vaddr_t va)
{
	pmd_t pmd = pmd_read(kernel_pmd(va));

	if (unlikely(!pmd_is_table(pmd))) {
		return NULL;
	}
	return (pte_t *)table_virt(pmd_pa(pmd)) + pte_index(va);
}

void pte_table_clear(pte_t *table)
{
	for (u32 i = 0; i < PTRS_PER_TABLE; i++) {
		pte_write(&table[i], pte_none());
	}
}

/* Lowmem that a block maps already: what the table itself will map must not hold it. */
static void *early_table_page(void)
{
	phys_addr_t max = pfn_to_pa(mm.low_end_pfn);
	phys_addr_t pa;

	while ((pa = memblock_alloc_range(PAGE_SIZE, PAGE_SIZE, mm.phys_offset, max)) != 0) {
		void *va = phys_to_virt(pa);
		pmd_t pmd = pmd_read(kernel_pmd((vaddr_t)va));

		if (pmd_present(pmd) && !pmd_is_table(pmd)) {
			return va;
		}
		if (memblock_free(pa, PAGE_SIZE) != 0) {
			return NULL;
		}
		max = pa_align_down(pa, PMD_SIZE);
	}
	return NULL;
}

/* The page behind a new table; *page is NULL for an early one. */
static pte_t *table_alloc(struct page **page)
{
	struct zone_info zone;

	*page = NULL;
	zone_query(ZONE_NORMAL, &zone);
	if (zone.total_pages == 0) {
		return early_table_page();
	}
	*page = alloc_page(GFP_KERNEL);
	return *page ? lowmem_page_address(*page) : NULL;
}

static __noinline pte_t *pte_alloc_slow(vaddr_t va)
{
	pmd_t *pmd = kernel_pmd(va), seen;
	struct page *page;
	pte_t *table;
	u32 flags;

	interleave_point(POINT_TABLE_MISSING);
	seen = pmd_read(pmd);
	if (pmd_is_table(seen)) {
		return kernel_pte(va); /* another CPU was faster */
	}
	BUG_ON(pmd_present(seen), "pgtable.block", "%p lies in a 2 MiB block", (void *)va);
	table = table_alloc(&page);
	if (!table) {
		return NULL;
	}
	pte_table_clear(table);
	dsb_walk(); /* the empty table, before a walker can reach it */
	interleave_point(POINT_TABLE_MISSING);
	flags = spin_lock_irqsave(&pgtable_lock);
	if (likely(!pmd_present(*pmd))) {
		pmd_write(pmd, pmd_table(virt_to_phys(table)));
		dsb_walk(); /* the link, before anybody relies on entries below it */
		page = NULL;
	}
	spin_unlock_irqrestore(&pgtable_lock, flags);
	if (unlikely(page)) {
		free_page(page); /* another CPU was faster */
	}
	return kernel_pte(va);
}

pte_t *kernel_pte_alloc(vaddr_t va)
{
	pte_t *pte = kernel_pte(va);

	return likely(pte) ? pte : pte_alloc_slow(va);
}
