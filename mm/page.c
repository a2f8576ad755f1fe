/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the page array and the tables that convert between a page's names. Must never
 * leave RAM without a struct page, or keep memory for much that is not RAM: at 30 GiB the
 * array is a sixth of lowmem. Written at boot only, no locks.
 *
 * Slots of 512 KiB, one per section, in one piece of lowmem:
 *
 *	| sections from phys_offset to the end of lowmem, holes too | higher ones that have RAM |
 */
#include <mm/page.h>

#include <arch/copypage.h>
#include <errno.h>
#include <mm/lowmem.h>
#include <mm/memblock.h>

#define SLOT_BYTES	(1u << SECTION_MEMMAP_SHIFT)
#define MAX_BLOCK_BYTES SZ_4M /* of the buddy system: 2^MAX_ORDER pages */

struct mm_state mm __aligned(64);

bool pfn_valid(pfn_t pfn)
{
	return memblock_is_ram(pfn_to_pa(pfn), PAGE_SIZE);
}

/* The array's bytes that a bank needs: its pages' structs, in whole MAX_ORDER blocks. */
static void bank_array(const struct memblock_range *bank, vaddr_t *start, vaddr_t *end)
{
	phys_addr_t bank_end = bank->start + bank->size;

	*start = (vaddr_t)pfn_to_page(pa_to_pfn(pa_align_down(bank->start, MAX_BLOCK_BYTES)));
	/* The last block's start: the end may be where the next section has no slot. */
	*end = (vaddr_t)(pfn_to_page(pa_to_pfn(pa_align_down(bank_end - 1, MAX_BLOCK_BYTES))) +
			 (MAX_BLOCK_BYTES >> PAGE_SHIFT));
}

static void give_back(vaddr_t start, vaddr_t end)
{
	/* A failure costs memory only: the list of ranges is full, these stay reserved. */
	if (start < end && memblock_free(virt_to_phys((void *)start), end - start) != 0) {
		return;
	}
}

/* Banks ascend, and so do their parts of the array: what lies between them is not needed. */
static void clear_and_trim(vaddr_t array, vaddr_t array_end)
{
	vaddr_t done = array;

	for (u32 i = 0; i < memblock.memory.count; i++) {
		vaddr_t start, end;

		bank_array(&memblock.memory.range[i], &start, &end);
		give_back(done, start);
		for (vaddr_t va = max(start, done); va < end; va += PAGE_SIZE) {
			clear_page((void *)va);
		}
		done = max(done, end);
	}
	give_back(done, array_end);
}

int page_array_init(void)
{
	struct page_array_place place;
	u32 skew = pa_offset(mm.phys_offset, 1u << SECTION_SHIFT); /* the first slot begins below */
	u32 first, sections;
	vaddr_t *section_table, array;
	u32 *delta_table;

	if (page_array_place(&place)) {
		return -ENOMEM;
	}
	first = place.first;
	sections = place.last - first + 1;
	array = (vaddr_t)phys_to_virt(place.array);
	section_table = phys_to_virt(place.tables);
	delta_table = (u32 *)(section_table + sections);
	for (u32 i = 0; i < sections; i++) {
		section_table[i] = 0;
	}
	(void)page_array_slots(first, place.last, array, section_table, delta_table);

	mm.section = (struct page *const *)(section_table - first);
	mm.section_count = place.last + 1;
	mm.pfn_delta = delta_table - (array >> SECTION_MEMMAP_SHIFT);
	mm.end_pfn = pa_to_pfn(memblock_end());
	mm.low_va_bias = PAGE_OFFSET - skew - (array << 8);
	mm.low_page_bias = (u32)(array - ((PAGE_OFFSET - skew) >> PAGE_SHIFT << 4));
	mm.high_start = (struct page *)array + (mm.low_end_pfn - (first << SECTION_PFN_SHIFT));
	clear_and_trim(array, array + place.slots * SLOT_BYTES);
	return 0;
}
