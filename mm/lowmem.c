/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns two decisions: how much RAM the direct mapping takes, and where in it the page array lies.
 * Must never touch the memory: the host asks too, for boards that it does not have.
 */
#include <mm/lowmem.h>

#include <errno.h>
#include <layout.h>
#include <mm/memblock.h>
#include <mm/page.h>

#define LOWMEM_MIN   (16 * SZ_1M) /* below this nothing could run */
#define HIGHMEM_MIN  (8 * SZ_1M)  /* every machine has HighMem */
#define HIGHMEM_PART 16		  /* at least this part of RAM */
#define SLOT_BYTES   (1u << SECTION_MEMMAP_SHIFT)

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

phys_addr_t lowmem_end_below(phys_addr_t end, phys_addr_t (*free_from)(phys_addr_t at))
{
	while (end > mm.phys_offset + LOWMEM_MIN && free_from(end) < HIGHMEM_MIN) {
		end -= PMD_SIZE; /* an initrd, or what firmware keeps, likes to be at the top */
	}
	return end;
}

int lowmem_choose(u32 vmalloc_bytes)
{
	u32 window = VMALLOC_END - VMALLOC_GUARD - PAGE_OFFSET;
	phys_addr_t end;

	vmalloc_bytes = vmalloc_bytes ? vmalloc_bytes : VMALLOC_MIN;
	if (vmalloc_bytes > window - LOWMEM_MIN) {
		return -EINVAL; /* before it is rounded up, which could wrap */
	}
	vmalloc_bytes = ALIGN_UP(vmalloc_bytes, PMD_SIZE);
	mm.phys_offset = pa_align_down(memblock_start(), PMD_SIZE);
	end = address_below_top(max(memblock_total() / HIGHMEM_PART, (phys_addr_t)HIGHMEM_MIN));
	end = min(end, mm.phys_offset + (window - vmalloc_bytes));
	if (end < mm.phys_offset + LOWMEM_MIN) {
		return -ENOMEM;
	}
	end = lowmem_end_below(end, memblock_free_from);
	mm.low_end_pfn = pa_to_pfn(end);
	mm.lowmem_end = PAGE_OFFSET + (u32)(end - mm.phys_offset);
	return 0;
}

static bool section_has_ram(u32 section)
{
	return memblock_has_ram((phys_addr_t)section << SECTION_SHIFT, 1u << SECTION_SHIFT);
}

u32 page_array_slots(u32 first, u32 last, vaddr_t base, vaddr_t *sections, u32 *deltas)
{
	u32 last_low = (mm.low_end_pfn - 1) >> SECTION_PFN_SHIFT; /* lowmem's have one each */
	u32 slots = 0;

	for (u32 section = first; section <= last; section++) {
		vaddr_t slot = base + slots * SLOT_BYTES;
		u32 first_pfn = section << SECTION_PFN_SHIFT;

		if (slots > last_low - first && !section_has_ram(section)) {
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

int page_array_place(struct page_array_place *place)
{
	phys_addr_t low_end = pfn_to_pa(mm.low_end_pfn);
	u32 first = pa_section(mm.phys_offset, SECTION_SHIFT);
	u32 last = pa_section(memblock_end() - 1, SECTION_SHIFT);
	u32 slots = page_array_slots(first, last, 0, NULL, NULL);
	u32 words = last - first + 1 + slots;

	place->first = first;
	place->last = last;
	place->slots = slots;
	place->array = memblock_alloc_range((phys_addr_t)slots << SECTION_MEMMAP_SHIFT, SLOT_BYTES,
					    mm.phys_offset, low_end);
	place->tables = memblock_alloc_range(ALIGN_UP(words * 4, PAGE_SIZE), PAGE_SIZE,
					     mm.phys_offset, low_end);
	return place->array == 0 || place->tables == 0 ? -ENOMEM : 0;
}
