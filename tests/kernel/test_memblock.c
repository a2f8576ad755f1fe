/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memblock's lists as this boot left them, against what was built from them: the page array and
 * each page's first state. Its arithmetic is proven on the host (tests/host/test_memblock.c).
 */
#include <arch/early_tables.h>
#include <kernel/test.h>
#include <mm/image_late.h>
#include <mm/memblock.h>
#include <mm/page_alloc.h>

TEST(memblock, lists_are_in_order)
{
	const struct memblock_list *lists[] = { &memblock.memory, &memblock.reserved };

	for (u32 k = 0; k < ARRAY_SIZE(lists); k++) {
		const struct memblock_range *r = lists[k]->range;

		CHECK(lists[k]->count > 0 && lists[k]->count <= MEMBLOCK_MAX_RANGES);
		for (u32 i = 1; i < lists[k]->count; i++, r++) {
			CHECK(r->size != 0);
			CHECK(r->start + r->size <= r[1].start);
		}
	}
}

/* Image, page array and its tables are where RAM is, and nobody else can have them. */
TEST(memblock, what_we_use_is_reserved)
{
	const void *ours[] = { pfn_to_page(pa_to_pfn(mm.phys_offset)), pfn_to_page(mm.end_pfn - 1),
			       &mm.section[mm.section_count - 1],
			       &mm.pfn_delta[(vaddr_t)mm.high_start >> SECTION_MEMMAP_SHIFT] };

	CHECK(memblock_is_ram(boot_info.image_pa, 1));
	CHECK(memblock_is_reserved(boot_info.image_pa, 1));
	for (u32 i = 0; i < ARRAY_SIZE(ours); i++) {
		REQUIRE(is_lowmem(ours[i]));
		CHECK(memblock_is_ram(virt_to_phys(ours[i]), 4));
		CHECK(memblock_is_reserved(virt_to_phys(ours[i]), 4));
	}
}

/* Of a section that is not all RAM, the array's unused part was given back (beyond MAX_ORDER). */
TEST(memblock, holes_have_no_array)
{
	for (u32 i = 0; i < memblock.memory.count; i++) {
		const struct memblock_range *bank = &memblock.memory.range[i];
		phys_addr_t hole = pa_align_up(bank->start + bank->size, SZ_4M);
		const struct page *page = pfn_to_page(pa_to_pfn(hole - SZ_4M)) + SZ_4M / PAGE_SIZE;

		if (!pa_is_aligned(hole, 1u << SECTION_SHIFT) && !memblock_has_ram(hole, SZ_4M)) {
			CHECK(!memblock_is_reserved(virt_to_phys(page), PAGE_SIZE));
		}
	}
}

/*
 * Whether the allocator ever had the page must be what memblock says of all its bytes; only what is
 * the image's was reserved later.
 */
static bool page_agrees(pfn_t pfn)
{
	bool reserved = memblock_is_reserved(pfn_to_pa(pfn), PAGE_SIZE) || pfn == 0 ||
			image_va(pfn_to_pa(pfn)) != 0;

	return (page_state(pfn_to_page(pfn)) == PAGE_RESERVED) == reserved;
}

TEST(memblock, reserved_pages_and_no_others)
{
	const struct memblock_list *lists[] = { &memblock.memory, &memblock.reserved };
	u32 wrong = 0, looked = 0;

	for (u32 k = 0; k < ARRAY_SIZE(lists); k++) {
		for (u32 i = 0; i < lists[k]->count; i++) {
			const struct memblock_range *r = &lists[k]->range[i];
			pfn_t first = pa_to_pfn(r->start), end = pa_to_pfn(r->start + r->size) + 2;
			pfn_t step = 1 + (end - first) / 1024;

			for (pfn_t pfn = first - (first != 0); pfn < end; pfn += step) {
				if (pfn_valid(pfn)) {
					wrong += !page_agrees(pfn);
					looked++;
				}
			}
		}
	}
	CHECK(looked > 100);
	CHECK_EQ(wrong, 0);
}
