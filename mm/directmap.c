/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the direct mapping of lowmem (how far it reaches is lowmem.c's), built once, by 2 MiB blocks
 * where all bytes are RAM that may be mapped, else by pages. Nothing here is ever split or changed
 * afterwards. The image's pages are left out: they have an address of their own, and its text must
 * not be writable through another.
 */
#include <mm/directmap.h>

#include <arch/early_tables.h>
#include <arch/pte_write.h>
#include <arch/setup.h>
#include <arch/tlb.h>
#include <bug.h>
#include <errno.h>
#include <mm/lowmem.h>
#include <mm/memblock.h>
#include <mm/page.h>
#include <mm/pgtable.h>

bool ram_may_be_mapped(phys_addr_t pa, u32 size)
{
	phys_addr_t image_end = boot_info.image_pa + (u32)(__content_end - __image_start);

	return memblock_is_ram(pa, size) && !memblock_is_nomap(pa, size) &&
	       (pa >= image_end || pa + size <= boot_info.image_pa);
}

static phys_addr_t block_pa(vaddr_t va)
{
	return mm.phys_offset + (va - PAGE_OFFSET);
}

static void map_blocks(void)
{
	for (vaddr_t va = PAGE_OFFSET; va < mm.lowmem_end; va += PMD_SIZE) {
		if (ram_may_be_mapped(block_pa(va), PMD_SIZE)) {
			pmd_write(kernel_pmd(va),
				  pfn_pmd_block(pa_to_pfn(block_pa(va)), PAGE_KERNEL));
		}
	}
	dsb_walk(); /* the entries, before the walker may look: tables come from these blocks */
	isb();
}

/* Maps what can be mapped of the 2 MiB at va by pages; their table comes from a block. */
static int map_pages(vaddr_t va)
{
	for (u32 i = 0; i < PTRS_PER_TABLE; i++) {
		phys_addr_t pa = block_pa(va + i * PAGE_SIZE);
		pte_t *pte;

		if (!ram_may_be_mapped(pa, PAGE_SIZE)) {
			continue;
		}
		pte = kernel_pte_alloc(va + i * PAGE_SIZE);
		if (!pte) {
			return -ENOMEM;
		}
		pte_write(pte, pfn_pte(pa_to_pfn(pa), PAGE_KERNEL));
	}
	return 0;
}

static void *table_in_lowmem(phys_addr_t table)
{
	return phys_to_virt(table);
}

int directmap_init(u32 vmalloc_bytes)
{
	int error = lowmem_choose(vmalloc_bytes);

	if (error) {
		return error;
	}
	table_set_resolver(table_in_lowmem);
	map_blocks();
	for (vaddr_t va = PAGE_OFFSET; va < mm.lowmem_end; va += PMD_SIZE) {
		if (!pmd_present(*kernel_pmd(va))) {
			error = map_pages(va);
			if (error) {
				return error;
			}
		}
	}
	dsb_walk(); /* the pages, before the walker may look */
	isb();
	return 0;
}
