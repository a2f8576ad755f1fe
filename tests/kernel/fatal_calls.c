/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Wrong calls: each must stop at the call that is wrong, by its rule, and not later at the damage.
 * A test that cannot get its memory returns, which is a failure.
 */
#include <arch/early_tables.h>
#include <kernel/test.h>
#include <mm/highmem.h>
#include <mm/page_alloc.h>
#include <mm/slab.h>
#include <mm/vmalloc.h>

FATAL_TEST(kunmap.double, "kunmap.not_mapped")
{
	struct page *page = alloc_page(GFP_HIGHONLY);

	if (page && kmap(page)) {
		kunmap(page);
		kunmap(page);
	}
}

FATAL_TEST(kunmap.never_mapped, "kunmap.not_mapped")
{
	struct page *page = alloc_page(GFP_HIGHONLY);

	if (page) {
		kunmap(page);
	}
}

FATAL_TEST(kunmap_local.order, "kunmap_local.order")
{
	struct page *page = alloc_page(GFP_HIGHONLY);

	if (page) {
		void *first = kmap_local_page(page);

		(void)kmap_local_page(page);
		kunmap_local(first);
	}
}

FATAL_TEST(kunmap_local.empty, "kunmap_local.order")
{
	kunmap_local((void *)fixmap_va(FIX_KMAP_BEGIN));
}

FATAL_TEST(kmap_local.depth, "kmap_local.depth")
{
	struct page *page = alloc_page(GFP_HIGHONLY);

	for (u32 i = 0; page && i <= KMAP_LOCAL_DEPTH; i++) {
		(void)kmap_local_page(page);
	}
}

FATAL_TEST(fixmap.busy, "fixmap.busy")
{
	fixmap_set(FIX_STORY, pa_symbol(__image_start), PAGE_KERNEL_RO);
	fixmap_set(FIX_STORY, pa_symbol(__image_start), PAGE_KERNEL_RO);
}

FATAL_TEST(fixmap.empty, "fixmap.empty")
{
	fixmap_clear(FIX_STORY);
}

FATAL_TEST(page.double_free, "page.free_not_allocated")
{
	struct page *page = alloc_pages(GFP_HIGH, 1);

	if (page) {
		free_pages(page, 1);
		free_pages(page, 1);
	}
}

FATAL_TEST(page.double_free_single, "page.free_not_allocated")
{
	struct page *page = alloc_page(GFP_KERNEL);

	if (page) {
		free_page(page);
		free_page(page);
	}
}

FATAL_TEST(page.free_inside, "page.free_not_allocated")
{
	struct page *page = alloc_pages(GFP_KERNEL, 2);

	if (page) {
		free_page(page + 1);
	}
}

FATAL_TEST(page.free_reserved, "page.free_not_allocated")
{
	/* The page array's own first page: always lowmem, never the allocator's. */
	free_page(virt_to_page(pfn_to_page(pa_to_pfn(mm.phys_offset))));
}

FATAL_TEST(page.free_wrong_order, "page.free_wrong_order")
{
	struct page *page = alloc_pages(GFP_KERNEL, 2);

	if (page) {
		free_pages(page, 1);
	}
}

FATAL_TEST(vfree.wrong_address, "vmalloc.bad_address")
{
	char *area = vmalloc(2 * PAGE_SIZE);

	if (area) {
		vfree(area + PAGE_SIZE);
	}
}

FATAL_TEST(vfree.double, "vmalloc.bad_address")
{
	void *area = vmalloc(PAGE_SIZE);

	if (area) {
		vfree(area);
		vfree(area);
	}
}

FATAL_TEST(vfree.lowmem, "vmalloc.bad_address")
{
	struct page *page = alloc_page(GFP_KERNEL);

	if (page) {
		vfree(lowmem_page_address(page));
	}
}

FATAL_TEST(kfree.not_object, "slab.free_not_object")
{
	struct page *page = alloc_page(GFP_KERNEL);

	if (page) {
		kfree((char *)lowmem_page_address(page) + 16);
	}
}

/* Windows are write-back cached; a page of another type must not get one. */
FATAL_TEST(kmap.wrong_page, "kmap.wrong_page")
{
	struct page *page = alloc_page(GFP_HIGHONLY);

	if (page) {
		page->flags |= MT_DEVICE << PAGE_TYPE_SHIFT;
		(void)!kmap(page);
	}
}
