/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the fdt region: the device tree where the loader put it, mapped read-only page by
 * page (a block could reach into device memory beside it), until it is copied to lowmem.
 */
#include <mm/fdtmap.h>

#include <arch/early_tables.h>
#include <arch/probe.h>
#include <arch/pte_write.h>
#include <arch/tlb.h>
#include <errno.h>
#include <layout.h>
#include <lib/fdt.h>
#include <mm/pgtable.h>

static u32 mapped_pages;

/* The table's page had another use before the MMU was on. */
static void link_table(void)
{
	for (u32 i = 0; i < PTRS_PER_TABLE; i++) {
		pte_write(&fdt_table[i], pte_none());
	}
	dsb_walk(); /* the empty table, before a walker can reach it */
	pmd_write(kernel_pmd(FDTMAP_START), pmd_table(__pa_symbol(fdt_table)));
}

static void map_up_to(pfn_t first, u32 pages)
{
	for (; mapped_pages < pages; mapped_pages++) {
		pte_write(&fdt_table[mapped_pages], pfn_pte(first + mapped_pages, PAGE_KERNEL_RO));
	}
	dsb_walk(); /* the entries, before the walker may look */
	isb();	    /* and before the tree is read */
}

/* False where nothing answers: every page is asked before anything relies on it. */
static bool pages_answer(u32 first, u32 end)
{
	u32 ignored;

	for (u32 i = first; i < end; i++) {
		if (probe_read((void *)(FDTMAP_START + i * PAGE_SIZE), &ignored) < 0) {
			return false;
		}
	}
	return true;
}

int fdtmap_open(phys_addr_t pa, const void **blob, u32 *bytes)
{
	u32 offset = pa_offset(pa, PAGE_SIZE);
	u32 pages = DIV_ROUND_UP(offset + FDT_HEADER_SIZE, PAGE_SIZE);
	u32 head = pages;
	int error;

	link_table();
	map_up_to(pa_to_pfn(pa), pages);
	if (!pages_answer(0, pages)) {
		return -EFAULT;
	}
	*blob = (const void *)(FDTMAP_START + offset);
	error = fdt_total_size(*blob, bytes);
	if (error) {
		return error;
	}
	if (*bytes > FDT_MAX_BYTES) {
		return -E2BIG;
	}
	pages = DIV_ROUND_UP(offset + *bytes, PAGE_SIZE);
	map_up_to(pa_to_pfn(pa), pages);
	return pages_answer(head, pages) ? 0 : -EFAULT;
}

void fdtmap_close(void)
{
	vaddr_t end = FDTMAP_START + mapped_pages * PAGE_SIZE;

	for (u32 i = mapped_pages; i < PTRS_PER_TABLE; i++) {
		BUG_ON(fdt_table[i].raw != 0, "boot.stack",
		       "it has reached the fdt region's table");
	}
	while (mapped_pages > 0) {
		pte_write(&fdt_table[--mapped_pages], pte_none());
	}
	pmd_write(kernel_pmd(FDTMAP_START), (pmd_t){ 0 });
	tlb_flush_range(FDTMAP_START, end);
}
