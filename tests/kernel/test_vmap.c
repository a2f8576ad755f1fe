/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vmap: given pages side by side, in the given order; what may not be mapped so, W^X above all;
 * and pages that stay their owner's, or nobody's, until the flush. (Areas, guards and the lazy
 * take-down are test_vmalloc.c's.)
 */
#include <arch/early_tables.h>
#include <arch/probe.h>
#include <arch/walk.h>
#include <kernel/test.h>
#include <mm/highmem.h>
#include <mm/vmalloc.h>

#include "pages.h"

#define PAGE_AT(va, i) ((char *)(va) + (i)*PAGE_SIZE)

TEST(vmap, in_the_given_order)
{
	struct page *pages[6];
	char *a, *b;

	REQUIRE(alloc_pages_bulk(GFP_HIGH, 5, pages) == 5);
	pages[5] = alloc_page(GFP_KERNEL); /* lowmem too */
	REQUIRE(pages[5]);
	for (u32 i = 0; i < 6; i++) {
		page_fill(pages[i], i);
	}
	a = vmap(pages, 6, PAGE_KERNEL);
	b = vmap(pages + 3, 2, PAGE_KERNEL_RO); /* a page may be mapped more than once */
	REQUIRE(a && b);
	for (u32 i = 0; i < 6; i++) {
		CHECK_EQ(pattern_wrong(PAGE_AT(a, i), i), 0);
	}
	*(u32 *)PAGE_AT(a, 3) = 42;
	CHECK_EQ(*(u32 *)b, 42);
	CHECK_ERR(probe_write(b, 43), EFAULT);
	CHECK_EQ(*(u32 *)b, 42);
	vunmap(a);
	CHECK_EQ(*(u32 *)b, 42);
	vunmap(b);
	for (u32 i = 0; i < 6; i++) {
		free_page(pages[i]);
	}
}

/* Pages inside a larger block: the block as a whole is held. */
TEST(vmap, inside_blocks)
{
	struct page *block, *pages[2];
	u32 before;
	void *va;

	vmalloc_purge();
	before = free_page_count();
	block = alloc_pages(GFP_HIGH, 3);
	REQUIRE(block);
	pages[0] = block + 7;
	pages[1] = block + 2;
	page_fill(pages[0], 1);
	page_fill(pages[1], 2);
	va = vmap(pages, 2, PAGE_KERNEL);
	REQUIRE(va);
	CHECK_EQ(block->refcount, 3);
	CHECK_EQ(pattern_wrong(PAGE_AT(va, 0), 1), 0);
	CHECK_EQ(pattern_wrong(PAGE_AT(va, 1), 2), 0);
	vunmap(va);
	free_pages(block, 3);
	CHECK_EQ(free_page_count(), before - 8);
	vmalloc_purge();
	CHECK_EQ(free_page_count(), before);
}

static void set_type(struct page *page, enum mem_type type)
{
	page->flags = (page->flags & ~PAGE_TYPE_MASK) | (u32)type << PAGE_TYPE_SHIFT;
}

/* One type per page, W^X, nothing for user mode: refused before anything is mapped. */
TEST(vmap, refuses)
{
	struct page *page = alloc_page(GFP_HIGHONLY), *low = alloc_page(GFP_KERNEL);
	struct page *image = pfn_to_page(pa_to_pfn(boot_info.image_pa));
	const pgprot_t wx = { PAGE_KERNEL.raw & ~LEAF_XN }, wpx = { PAGE_KERNEL.raw & ~LEAF_PXN };
	const pgprot_t user = { PAGE_KERNEL.raw | LEAF_USER };
	const pgprot_t type4 = { PAGE_KERNEL.raw | LEAF_ATTR(4) };
	const pgprot_t device_rx = { (PAGE_DEVICE.raw | LEAF_RO) & ~LEAF_XN };
	void *va;

	REQUIRE(page && low);
	CHECK(!vmap(&page, 0, PAGE_KERNEL));
	CHECK(!vmap(&page, 0x80000000u, PAGE_KERNEL));
	CHECK(!vmap(&page, 1, wx));
	CHECK(!vmap(&page, 1, wpx));
	CHECK(!vmap(&page, 1, user));
	CHECK(!vmap(&page, 1, type4));
	CHECK(!vmap(&page, 1, PAGE_DEVICE));
	CHECK(!vmap(&page, 1, PAGE_UNCACHED));
	CHECK(!vmap(&low, 1, PAGE_KERNEL_RX)); /* its direct mapping is writable */
	CHECK(!vmap(&image, 1, PAGE_KERNEL));  /* its own mapping is executable */
	set_type(page, MT_DEVICE);
	CHECK(!vmap(&page, 1, PAGE_KERNEL));
	CHECK(!vmap(&page, 1, device_rx));
	set_type(page, MT_NORMAL);
	CHECK_EQ(page->refcount, 1);
	va = vmap(&page, 1, PAGE_KERNEL_RX);
	CHECK(va);
	CHECK_ERR(probe_write(va, 1), EFAULT);
	vunmap(va);
	free_page(page);
	CHECK(!vmap(&low, 1, (pgprot_t){ PAGE_KERNEL.raw & ~LEAF_AF }));
	free_page(low);
}

/* W^X is of the page, not of the mapping: one that anybody else may write is not executed. */
TEST(vmap, executes_only_what_is_written_nowhere)
{
	struct page *page = alloc_page(GFP_HIGHONLY);
	void *va;

	REQUIRE(page);
	REQUIRE(kmap(page));
	kunmap(page); /* but its window is still there, and writable */
	CHECK(!vmap(&page, 1, PAGE_KERNEL_RX));
	pkmap_purge();
	va = vmap(&page, 1, PAGE_KERNEL);
	CHECK(!vmap(&page, 1, PAGE_KERNEL_RX));
	vunmap(va);
	CHECK(!vmap(&page, 1, PAGE_KERNEL_RX)); /* not yet flushed */
	vmalloc_purge();
	va = vmap(&page, 1, PAGE_KERNEL_RX);
	CHECK(va);
	vunmap(va);
	vmalloc_purge();
	free_page(page);
}

/* Nor where a window stayed open, without users, from before the page was freed. */
TEST(vmap, executes_no_page_with_a_forgotten_window)
{
	struct page *page = alloc_page(GFP_HIGHONLY), *again;
	void *window, *va;

	REQUIRE(page);
	window = (kmap)(page);
	REQUIRE(window);
	(kunmap)(page);
	free_page(page);
	again = alloc_page(GFP_HIGHONLY); /* the same: what is freed last is handed out first */
	CHECK_EQ(page_to_pfn(again), page_to_pfn(page));
	CHECK_EQ(walk_ask_mmu((vaddr_t)window, true) & PAR_FAULT, 0);
	va = vmap(&again, 1, PAGE_KERNEL_RX);
	CHECK(va);
	CHECK_EQ(walk_ask_mmu((vaddr_t)window, true) & PAR_FAULT, PAR_FAULT);
	vunmap(va);
	vmalloc_purge();
	free_page(again);
}

/* The last of four pages is refused: the first three are as they were. */
TEST(vmap, partial_failure_is_undone)
{
	struct vmalloc_info first, now;
	struct page *pages[4];
	bool any;

	REQUIRE(alloc_pages_bulk(GFP_HIGH, 4, pages) == 4);
	vmalloc_purge();
	any = vmalloc_query(vmalloc_start(), true, &first);
	set_type(pages[3], MT_UNCACHED);
	CHECK(!vmap(pages, 4, PAGE_KERNEL));
	set_type(pages[3], MT_NORMAL);
	for (u32 i = 0; i < 4; i++) {
		CHECK_EQ(pages[i]->refcount, 1);
	}
	CHECK_EQ(vmalloc_query(vmalloc_start(), true, &now), any);
	CHECK(!any || now.start == first.start);
	for (u32 i = 0; i < 4; i++) {
		free_page(pages[i]);
	}
}

/* The owner may free its pages right after vunmap; the allocator gets them after the flush. */
TEST(vmap, pages_are_kept_until_the_flush)
{
	struct page *pages[3];
	u32 before;
	void *va;

	vmalloc_purge();
	before = free_page_count();
	REQUIRE(alloc_pages_bulk(GFP_HIGH, 3, pages) == 3);
	va = vmap(pages, 3, PAGE_KERNEL);
	REQUIRE(va);
	vunmap(va);
	free_page(pages[0]);
	free_page(pages[2]);
	CHECK_EQ(free_page_count(), before - 3);
	vmalloc_purge();
	CHECK_EQ(free_page_count(), before - 1);
	CHECK_EQ(pages[1]->refcount, 1);
	free_page(pages[1]);
	CHECK_EQ(free_page_count(), before);
}
