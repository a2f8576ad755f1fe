/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the question whether a zImage lies at an address, whole, where it can be entered. Whoever
 * put it there may have put anything: must never read what is not RAM, nor write.
 */
#include <kernel/reenter.h>

#include <arch/early_tables.h>
#include <mm/highmem.h>
#include <mm/memblock.h>

#define ZIMAGE_MAGIC 0x016f2818u
enum { ZIMAGE_AT_MAGIC = 0x24, ZIMAGE_AT_START = 0x28, ZIMAGE_AT_END = 0x2c, ZIMAGE_HEADER = 0x30 };

static u32 word_at(phys_addr_t pa)
{
	u32 word;

	memcpy_from_page(&word, pfn_to_page(pa_to_pfn(pa)), pa_offset(pa, PAGE_SIZE), sizeof(word));
	return word;
}

static const char *place_check(phys_addr_t pa, u32 bytes)
{
	phys_addr_t start = pa_align_down(pa, PAGE_SIZE);
	phys_addr_t size =
		pa_align_up(pa + bytes, PAGE_SIZE) - start; /* whole pages have a struct */

	if (!pa_is_aligned(pa, sizeof(u32))) {
		return "not a multiple of 4";
	}
	if (!pa_below_4g(pa_without_mmu(start)) || !pa_below_4g(pa_without_mmu(start + size - 1))) {
		return "with the MMU off it must lie below 4 GiB";
	}
	if (!memblock_is_ram(start, size)) {
		return "not all of it is RAM";
	}
	return memblock_is_reserved(start, size) ? "some of it is reserved" : NULL;
}

const char *reenter_check(phys_addr_t pa, u32 most, u32 *bytes)
{
	const char *why = place_check(pa, ZIMAGE_HEADER);
	u32 start, end;

	if (why) {
		return why;
	}
	start = word_at(pa + ZIMAGE_AT_START);
	end = word_at(pa + ZIMAGE_AT_END);
	if (word_at(pa + ZIMAGE_AT_MAGIC) != ZIMAGE_MAGIC) {
		return "no zImage";
	}
	if (end < start + ZIMAGE_HEADER || end < start ||
	    (start != 0 && start != pa_low32(pa_without_mmu(pa)))) {
		return "its header makes no sense here";
	}
	*bytes = end - start;
	if (*bytes > most) {
		return "it has been cut";
	}
	return place_check(pa, *bytes);
}
