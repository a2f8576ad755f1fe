/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns lowmem: decides how much RAM the direct mapping takes, and builds it once, by
 * 2 MiB blocks where all bytes are RAM that may be mapped, else by pages. Nothing here is
 * ever split or changed afterwards. The image's pages are left out: they have an address
 * of their own, and its text must not be writable through another.
 */
#include <mm/directmap.h>

#include <arch/early_tables.h>
#include <arch/pte_write.h>
#include <arch/setup.h>
#include <arch/tlb.h>
#include <bug.h>
#include <errno.h>
#include <mm/memblock.h>
#include <mm/page.h>
#include <mm/pgtable.h>

#define LOWMEM_MIN   (16 * SZ_1M) /* below this nothing could run */
#define HIGHMEM_MIN  (8 * SZ_1M)  /* every machine has HighMem */
#define HIGHMEM_PART 16		  /* at least this part of RAM */

/* The highest 2 MiB-aligned address with at least `bytes` of RAM above it. */
static phys_addr_t address_below_top(phys_addr_t bytes)
{
	for (u32 i = memblock.memory.count; i-- > 0;) {
		const struct memblock_range *bank = &memblock.memory.range[i];

		if (bank->size >= bytes) {
			return pa_align_down(bank->start + bank->size - bytes, PMD_SIZE);
		}
		bytes -= bank->size;
	}
	return 0;
}

/* Sets the bounds of lowmem in mm. */
static int choose_lowmem(u32 vmalloc_bytes)
{
	u32 window = VMALLOC_END - VMALLOC_GUARD - PAGE_OFFSET;
	phys_addr_t total = memblock_total();
	phys_addr_t share = total / HIGHMEM_PART;
	phys_addr_t end;

	vmalloc_bytes = vmalloc_bytes ? vmalloc_bytes : VMALLOC_MIN;
	if (vmalloc_bytes > window - LOWMEM_MIN) {
		return -EINVAL; /* before it is rounded up, which could wrap */
	}
	vmalloc_bytes = ALIGN_UP(vmalloc_bytes, PMD_SIZE);
	mm.phys_offset = pa_align_down(memblock_start(), PMD_SIZE);
	end = address_below_top(max(share, (phys_addr_t)HIGHMEM_MIN));
	end = min(end, mm.phys_offset + (window - vmalloc_bytes));
	if (end < mm.phys_offset + LOWMEM_MIN) {
		return -ENOMEM;
	}
	mm.low_end_pfn = pa_to_pfn(end);
	mm.lowmem_end = PAGE_OFFSET + (u32)(end - mm.phys_offset);
	return 0;
}

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
	int error = choose_lowmem(vmalloc_bytes);

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
