/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the bigwin region's level-2 entries and the level-3 tables that hang there when a
 * window is opened by pages. Must never change an entry that is in use: a window is
 * opened from empty and closed to empty and flushed, so block and table never meet in a TLB.
 *
 * Local invalidation is enough although all CPUs share the tables: CPU n alone uses the
 * addresses of window n, with preemption off, so another CPU can at most have walked
 * there by speculation, or by a PLD at the end of the window before it, and never uses what it
 * found. When CPU n goes on, its own TLB is clean.
 *
 * Locks: none; a window belongs to its CPU.
 */
#include <mm/bigwin.h>

#include <arch/current.h>
#include <arch/pte_write.h>
#include <arch/tlb.h>
#include <bug.h>
#include <mm/directmap.h>
#include <mm/page_alloc.h>
#include <mm/pgtable.h>

static pte_t *tables[NR_CPUS]; /* each CPU writes its own, once */

static vaddr_t window_va(u32 cpu)
{
	return BIGWIN_START + cpu * SZ_2M;
}

static bool pages_have_type(pfn_t pfn, u32 pages, enum mem_type type)
{
	const struct page *page = pfn_to_page(pfn);

	if (page->flags & PAGE_ALIKE && pages <= SZ_2M / PAGE_SIZE) {
		return page_type(page) == type;
	}
	for (u32 i = 0; i < pages; i++) {
		if (page_type(pfn_to_page(pfn + i)) != type) {
			return false;
		}
	}
	return true;
}

/* Takes this CPU's window; its level-2 entry, or NULL: it is open. */
static pmd_t *window_take(void)
{
	pmd_t *pmd;

	preempt_disable();
	pmd = kernel_pmd(window_va(current_core()->cpu));
	if (pmd_present(*pmd)) {
		preempt_enable();
		return NULL;
	}
	return pmd;
}

int bigwin_map_prot(phys_addr_t pa, u32 size, pgprot_t prot, void **va)
{
	pfn_t pfn = pa_to_pfn(pa);
	pmd_t *pmd, entry;
	pte_t *table;

	if (!pa_is_aligned(pa, PAGE_SIZE) || !IS_ALIGNED(size, PAGE_SIZE) || size == 0 ||
	    size > SZ_2M || !ram_may_be_mapped(pa, size) ||
	    !pages_have_type(pfn, size / PAGE_SIZE, pgprot_type(prot))) {
		return -EINVAL;
	}
	pmd = window_take();
	if (!pmd) {
		return -EBUSY;
	}
	if (size == SZ_2M && pa_is_aligned(pa, SZ_2M)) {
		entry = pfn_pmd_block(pfn, prot);
	} else {
		table = tables[current_core()->cpu];
		for (u32 i = 0; i < size / PAGE_SIZE; i++) {
			pte_write(&table[i], pfn_pte(pfn + i, prot));
		}
		entry = pmd_table(virt_to_phys(table));
	}
	pmd_write(pmd, entry);
	dsb_walk_local(); /* the entry, and those of its table, before this CPU's walker may look */
	isb();		  /* and before a later access is translated */
	*va = (void *)window_va(current_core()->cpu);
	return 0;
}

void bigwin_unmap(void *va)
{
	u32 cpu = current_core()->cpu;
	pmd_t *pmd = kernel_pmd(window_va(cpu));
	pmd_t was = *pmd;

	BUG_ON((vaddr_t)va - window_va(cpu) >= SZ_2M || !pmd_present(was), "bigwin.not_mapped",
	       "%p on CPU %u", va, cpu);
	pmd_write(pmd, (pmd_t){ 0 });
	/* Everything: a CPU may keep a block in pieces, and a table's pages are many. */
	tlb_flush_local_all();
	if (pmd_is_table(was)) {
		pte_t *table = tables[cpu];

		for (u32 i = 0; i < PTRS_PER_TABLE && pte_present(table[i]); i++) {
			pte_write(&table[i], pte_none()); /* a shorter range may come next */
		}
	}
	preempt_enable();
}

void bigwin_init(void)
{
	struct page *page = alloc_page(GFP_KERNEL);

	if (!page) {
		panic("no memory for a bigwin table");
	}
	tables[current_core()->cpu] = lowmem_page_address(page);
	pte_table_clear(lowmem_page_address(page));
}
