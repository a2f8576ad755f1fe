/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the type in struct page, which is the only authority on how a page may be mapped. Must never
 * change that of a page that is mapped. No locks: the caller holds the pages.
 */
#include <mm/page_type.h>

#include <arch/tlb.h>
#include <bug.h>
#include <mm/highmem.h>
#include <mm/vmalloc.h>

#define BLOCK_PAGES (SZ_2M / PAGE_SIZE)

void page_types_unmapped(void)
{
	vmalloc_purge();
	pkmap_purge();
	tlb_flush_all();
}

static void types_write(pfn_t pfn, pfn_t end, u32 type, u32 alike)
{
	for (; pfn < end; pfn++) {
		struct page *page = pfn_to_page(pfn);
		bool whole = pfn % BLOCK_PAGES == 0 && end - pfn >= BLOCK_PAGES;

		BUG_ON(type && !page_is_high(page), "page.type_of_lowmem", "page %08x", pfn);
		page->flags = (page->flags & ~(PAGE_TYPE_MASK | PAGE_ALIKE)) |
			      type << PAGE_TYPE_SHIFT | (whole ? alike : 0);
	}
}

void page_types_set(pfn_t first, u32 pages, enum mem_type type)
{
	types_write(first, first + pages, type, PAGE_ALIKE);
}

void page_types_reset(pfn_t first, u32 pages)
{
	types_write(first, first + pages, MT_NORMAL, 0);
}
