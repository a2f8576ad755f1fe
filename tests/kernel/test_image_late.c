/* SPDX-License-Identifier: BSD-2-Clause */
/* The late part of the image, which this test is a part of: whose pages it has, and what rights. */
#include <arch/early_tables.h>
#include <arch/walk.h>
#include <kernel/test.h>
#include <mm/highmem.h>
#include <mm/image_late.h>
#include <mm/page_alloc.h>
#include <mm/vmalloc.h>

static pte_t late_entry(vaddr_t va)
{
	return image_table[pte_index(va)];
}

#define LATE_START ((vaddr_t)__late_start)
#define LATE_END   ((vaddr_t)__late_end)

/* Text executes, only data are written; nothing before, nothing behind. */
TEST(image_late, rights)
{
	u32 wrong = 0;

	for (vaddr_t va = LATE_START; va < LATE_END; va += PAGE_SIZE) {
		pgprot_t want = va < (vaddr_t)__late_text_end	? PAGE_KERNEL_RX :
				va < (vaddr_t)__late_rodata_end ? PAGE_KERNEL_RO :
								  PAGE_KERNEL;

		wrong += late_entry(va).raw != pfn_pte(pte_pfn(late_entry(va)), want).raw;
	}
	CHECK_EQ(wrong, 0);
	CHECK(!pte_present(late_entry(LATE_START - PAGE_SIZE)));
	CHECK(LATE_END == REGION_END(image) || !pte_present(late_entry(LATE_END)));
}

/* Pages of HighMem, each its own; both ways from address to page agree. */
TEST(image_late, pages)
{
	struct page *other = alloc_page(GFP_HIGHONLY);

	for (vaddr_t va = LATE_START; va < LATE_END; va += PAGE_SIZE) {
		struct page *page = pfn_to_page(pte_pfn(late_entry(va)));

		CHECK(page_is_high(page));
		CHECK_EQ(page_state(page), PAGE_RESERVED);
		CHECK_EQ(image_va(page_to_pa(page) + 8), va + 8);
	}
	CHECK_EQ(image_va(__pa_symbol(__image_start)), (vaddr_t)__image_start);
	REQUIRE(other);
	CHECK_EQ(image_va(page_to_pa(other)), 0);
	free_page(other);
}

/* No second, writable name for what executes. */
TEST(image_late, no_other_mapping)
{
	struct page *page = pfn_to_page(pte_pfn(late_entry(LATE_START)));

	CHECK(!vmap(&page, 1, PAGE_KERNEL));
	CHECK_EQ(page->refcount, 1);
}
