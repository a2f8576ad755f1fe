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
#include <mm/memblock.h>

#define SLOT_BYTES	(1u << SECTION_MEMMAP_SHIFT)
#define MAX_BLOCK_BYTES SZ_4M /* of the buddy system: 2^MAX_ORDER pages */

struct mm_state mm __aligned(64);

bool pfn_valid(pfn_t pfn)
{
	return memblock_is_ram(pfn_to_pa(pfn), PAGE_SIZE);
}

/* Slots of the sections up to the end of lowmem. */
static u32 low_slots(void)
{
	return ((mm.low_end_pfn - 1) >> SECTION_PFN_SHIFT) -
	       pa_section(mm.phys_offset, SECTION_SHIFT) + 1;
}

static bool section_has_ram(u32 section)
{
	return memblock_has_ram((phys_addr_t)section << SECTION_SHIFT, 1u << SECTION_SHIFT);
}

/* How many slots the sections [first, last] need; fills the two tables, if given, for slots from
 * base on. Sections without a slot stay as they are. */
static u32 assign_slots(u32 first, u32 last, vaddr_t base, vaddr_t *sections, u32 *deltas)
{
	u32 slots = 0;

	for (u32 section = first; section <= last; section++) {
		vaddr_t slot = base + slots * SLOT_BYTES;
		u32 first_pfn = section << SECTION_PFN_SHIFT;

		if (slots >= low_slots() && !section_has_ram(section)) {
			continue;
		}
		if (sections) {
			sections[section - first] = slot - (vaddr_t)(first_pfn << 4);
			deltas[slots] = first_pfn - (u32)(slot >> 4);
		}
		slots++;
	}
	return slots;
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
	phys_addr_t low_end = pfn_to_pa(mm.low_end_pfn), array_pa, tables_pa;
	u32 first = pa_section(mm.phys_offset, SECTION_SHIFT);
	u32 last = pa_section(memblock_end() - 1, SECTION_SHIFT);
	u32 slots = assign_slots(first, last, 0, NULL, NULL);
	u32 sections = last - first + 1;
	u32 skew = pa_offset(mm.phys_offset, 1u << SECTION_SHIFT); /* the first slot begins below */
	vaddr_t *section_table, array;
	u32 *delta_table;

	array_pa = memblock_alloc_range((phys_addr_t)slots << SECTION_MEMMAP_SHIFT, SLOT_BYTES,
					mm.phys_offset, low_end);
	tables_pa = memblock_alloc_range(ALIGN_UP((sections + slots) * 4, PAGE_SIZE), PAGE_SIZE,
					 mm.phys_offset, low_end);
	if (array_pa == 0 || tables_pa == 0) {
		return -ENOMEM;
	}
	array = (vaddr_t)phys_to_virt(array_pa);
	section_table = phys_to_virt(tables_pa);
	delta_table = (u32 *)(section_table + sections);
	for (u32 i = 0; i < sections; i++) {
		section_table[i] = 0;
	}
	(void)assign_slots(first, last, array, section_table, delta_table);

	mm.section = (struct page *const *)(section_table - first);
	mm.section_count = last + 1;
	mm.pfn_delta = delta_table - (array >> SECTION_MEMMAP_SHIFT);
	mm.end_pfn = pa_to_pfn(memblock_end());
	mm.low_va_bias = PAGE_OFFSET - skew - (array << 8);
	mm.low_page_bias = (u32)(array - ((PAGE_OFFSET - skew) >> PAGE_SHIFT << 4));
	mm.high_start = (struct page *)array + (mm.low_end_pfn - (first << SECTION_PFN_SHIFT));
	clear_and_trim(array, array + slots * SLOT_BYTES);
	return 0;
}
