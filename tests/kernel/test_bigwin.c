/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bigwin: 2 MiB of any memory at once, by one level-2 entry, on this CPU alone.
 */
#include <arch/early_tables.h>
#include <arch/probe.h>
#include <kernel/test.h>
#include <mm/bigwin.h>
#include <mm/highmem.h>
#include <mm/memblock.h>
#include <mm/pgtable.h>

#include "pages.h"

#define BLOCK_ORDER 9 /* 2 MiB */
#define BLOCK_PAGES (1u << BLOCK_ORDER)

static struct page *block_get(u32 seed)
{
	struct page *block = alloc_pages(GFP_HIGH, BLOCK_ORDER);

	for (u32 i = 0; block && i < BLOCK_PAGES; i++) {
		page_fill(block + i, seed + i);
	}
	return block;
}

static u32 window_wrong(const char *va, u32 seed, u32 pages)
{
	u32 wrong = 0;

	for (u32 i = 0; i < pages; i++) {
		wrong += pattern_wrong(va + i * PAGE_SIZE, seed + i);
	}
	return wrong;
}

/* The same memory as through 512 small windows, in both directions. */
TEST(bigwin, shows_a_block)
{
	struct page *block = block_get(1000);
	void *va;

	REQUIRE(block);
	CHECK_EQ(bigwin_map(page_to_pa(block), &va), 0);
	CHECK(IS_ALIGNED((vaddr_t)va, SZ_2M));
	CHECK(!pmd_is_table(*kernel_pmd((vaddr_t)va)));
	CHECK_EQ(window_wrong(va, 1000, BLOCK_PAGES), 0);
	for (u32 i = 0; i < BLOCK_PAGES; i++) {
		pattern_fill((char *)va + i * PAGE_SIZE, 5000 + i);
	}
	bigwin_unmap(va);
	CHECK_NO_READ(va);
	for (u32 i = 0; i < BLOCK_PAGES; i += 73) {
		CHECK_EQ(page_wrong(block + i, 5000 + i), 0);
	}
	free_pages(block, BLOCK_ORDER);
}

/* By pages: exactly these, also right after a longer range. */
TEST(bigwin, shows_pages_and_no_more)
{
	struct page *block = block_get(7);
	void *va;

	REQUIRE(block);
	for (u32 pages = BLOCK_PAGES; pages > 0; pages /= 8) {
		CHECK_EQ(bigwin_map_pages(page_to_pa(block + 512 - pages), pages * PAGE_SIZE, &va),
			 0);
		CHECK_EQ(window_wrong(va, 7 + 512 - pages, pages), 0);
		if (pages < BLOCK_PAGES) {
			CHECK_NO_READ((char *)va + pages * PAGE_SIZE);
			CHECK_ERR(probe_write((char *)va + SZ_2M - 4, 1), EFAULT);
		}
		bigwin_unmap(va);
	}
	free_pages(block, BLOCK_ORDER);
}

/* Block, table, another block: each shows its own memory, nothing of the one before. */
TEST(bigwin, changes_between_block_and_table)
{
	struct page *a = block_get(100), *b = block_get(30000);
	void *va;

	REQUIRE(a && b);
	for (u32 i = 0; i < 4; i++) {
		CHECK_EQ(bigwin_map(page_to_pa(i % 2 ? a : b), &va), 0);
		CHECK_EQ(window_wrong(va, i % 2 ? 100 : 30000, BLOCK_PAGES), 0);
		bigwin_unmap(va);
		CHECK_EQ(bigwin_map_pages(page_to_pa(i % 2 ? b + 1 : a + 1), 16 * PAGE_SIZE, &va),
			 0);
		CHECK_EQ(window_wrong(va, i % 2 ? 30001 : 101, 16), 0);
		bigwin_unmap(va);
	}
	free_pages(a, BLOCK_ORDER);
	free_pages(b, BLOCK_ORDER);
}

TEST(bigwin, refuses)
{
	struct page *block = alloc_pages(GFP_HIGH, BLOCK_ORDER);
	phys_addr_t pa;
	void *va, *second;

	REQUIRE(block);
	pa = page_to_pa(block);
	CHECK_ERR(bigwin_map(pa + PAGE_SIZE, &va), EINVAL);
	CHECK_ERR(bigwin_map_pages(pa + 4, PAGE_SIZE, &va), EINVAL);
	CHECK_ERR(bigwin_map_pages(pa, PAGE_SIZE + 4, &va), EINVAL);
	CHECK_ERR(bigwin_map_pages(pa, 0, &va), EINVAL);
	CHECK_ERR(bigwin_map_pages(pa, SZ_4M, &va), EINVAL);
	CHECK_ERR(bigwin_map_pages(memblock_end(), PAGE_SIZE, &va), EINVAL);
	CHECK_ERR(bigwin_map(PHYS_END - SZ_2M, &va), EINVAL);
	CHECK_ERR(bigwin_map_pages(boot_info.image_pa, PAGE_SIZE, &va), EINVAL);
	block[77].flags |= (u32)MT_UNCACHED << PAGE_TYPE_SHIFT;
	CHECK_ERR(bigwin_map(pa, &va), EINVAL);
	block[77].flags &= ~PAGE_TYPE_MASK;
	CHECK_EQ(bigwin_map(pa, &va), 0);
	CHECK_ERR(bigwin_map(pa, &second), EBUSY);
	CHECK_ERR(bigwin_map_pages(pa, PAGE_SIZE, &second), EBUSY);
	bigwin_unmap(va);
	free_pages(block, BLOCK_ORDER);
}

FATAL_TEST(bigwin.closed, "bigwin.not_mapped")
{
	bigwin_unmap((void *)BIGWIN_START);
}
