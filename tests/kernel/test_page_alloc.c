/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The page allocator in the running kernel: zones, states, references, bulk, exhaustion. That
 * blocks split and merge as they must is proven on the host (tests/host/test_buddy.c).
 */
#include "pages.h"
#include <arch/irqflags.h>
#include <kernel/test.h>
#include <mm/highmem.h>

#define CROWD 1024

/* Blocks of any order, linked by their first pages' `next`, which are their owner's. */
struct pile {
	pfn_t first;
	u32 pages;
};

static bool pile_add(struct pile *pile, struct page *page)
{
	if (page) {
		page->next = pile->first;
		pile->first = page_to_pfn(page);
		pile->pages += 1u << page_order(page);
	}
	return page;
}

static void pile_free(struct pile *pile)
{
	while (pile->first) {
		struct page *page = pfn_to_page(pile->first);

		pile->first = page->next;
		free_pages(page, page_order(page));
	}
}

/* Everything that gfp may have. */
static void pile_take_all(struct pile *pile, gfp_t gfp)
{
	for (u32 order = MAX_ORDER + 1; order-- > 0;) {
		while (pile_add(pile, alloc_pages(gfp, order))) {
		}
	}
}

static u32 zone_free_pages(enum zone_id id)
{
	struct zone_info info;

	zone_query(id, &info);
	return info.free_pages;
}

TEST(page_alloc, blocks_are_as_asked)
{
	static const gfp_t kinds[] = { GFP_KERNEL, GFP_HIGHONLY };

	for (u32 i = 0; i < 2 * (MAX_ORDER + 1); i++) {
		u32 order = i / 2, before = free_page_count();
		struct page *page = alloc_pages(kinds[i % 2], order);

		REQUIRE(page);
		CHECK(IS_ALIGNED(page_to_pfn(page), 1u << order));
		CHECK_EQ(page_is_high(page), i % 2);
		CHECK_EQ(page_is_high(page + (1u << order) - 1), i % 2);
		CHECK_EQ(page->flags, PAGE_ALLOCATED | order << PAGE_ORDER_SHIFT);
		CHECK_EQ(page->refcount, 1);
		CHECK_EQ(before - free_page_count(), 1u << order);
		free_pages(page, order);
		CHECK_EQ(free_page_count(), before);
	}
	CHECK_EQ(alloc_pages(GFP_KERNEL, MAX_ORDER + 1), NULL);
}

TEST(page_alloc, zeroed_when_asked)
{
	for (u32 order = 0; order <= 2; order++) {
		struct page *page = alloc_pages(GFP_HIGH, order);
		u32 words = 0, sum = 0;

		REQUIRE(page);
		for (u32 i = 0; i < 1u << order; i++) {
			page_fill(&page[i], i);
		}
		free_pages(page, order);
		page = alloc_pages(GFP_HIGH | GFP_ZERO, order); /* most likely the same */
		REQUIRE(page);
		for (u32 i = 0; i < 1u << order; i++) {
			const u32 *va = kmap_local_page(&page[i]);

			for (u32 k = 0; k < PAGE_SIZE / 4; k++, words++) {
				sum |= va[k];
			}
			kunmap_local(va);
		}
		CHECK_EQ(words, PAGE_SIZE / 4 << order);
		CHECK_EQ(sum, 0);
		free_pages(page, order);
	}
}

/* However many: no page twice, and each is free again whichever way it goes back. */
TEST(page_alloc, bulk_of_every_size)
{
	static const u16 sizes[] = { 1, 5, 31, 32, 33, 63, 200, CROWD };
	struct page *table = alloc_page(GFP_KERNEL);
	struct page **pages;

	REQUIRE(table);
	pages = lowmem_page_address(table);
	for (u32 i = 0; i < ARRAY_SIZE(sizes); i++) {
		u32 n = sizes[i], before = free_page_count(), wrong = 0;

		REQUIRE(alloc_pages_bulk(GFP_HIGH, n, pages) == n);
		CHECK_EQ(before - free_page_count(), n);
		for (u32 k = 0; k < n; k++) {
			wrong += pages[k]->flags != PAGE_ALLOCATED || pages[k]->refcount != 1;
			page_fill(pages[k], k);
		}
		for (u32 k = 0; k < n; k++) {
			wrong += page_wrong(pages[k], k) != 0;
		}
		CHECK_EQ(wrong, 0);
		if (i % 2) {
			free_pages_bulk(pages, n);
		} else {
			for (u32 k = n; k-- > 0;) {
				free_page(pages[k]);
			}
		}
		CHECK_EQ(free_page_count(), before);
	}
	free_page(table);
}

/* free_page() by each holder; the page is gone with the last. */
TEST(page_alloc, last_reference_frees)
{
	u32 before = free_page_count();
	struct page *page = alloc_page(GFP_HIGH), *block = alloc_pages(GFP_KERNEL, 3);

	REQUIRE(page && block);
	page_get(page);
	page_get(page);
	page_get(block);
	free_page(page);
	free_pages_bulk(&page, 1);
	free_pages(block, 3);
	CHECK_EQ(page->refcount, 1);
	CHECK_EQ(page->flags, PAGE_ALLOCATED);
	CHECK_EQ(before - free_page_count(), 9);
	free_page(page);
	free_pages(block, 3);
	CHECK_EQ(free_page_count(), before);
}

/* A page that was mapped by kmap may be freed while its unused window is still there. */
TEST(page_alloc, freed_page_forgets_its_window)
{
	struct page *page = alloc_page(GFP_HIGHONLY);
	void *va;

	REQUIRE(page);
	va = kmap(page);
	if (CHECK(va)) {
		CHECK(page->kmap);
		kunmap(page);
	}
	free_page(page);
	CHECK_EQ(page->kmap, 0);
}

/* HighMem first, then lowmem down to the reserve, which is for those who need lowmem. */
TEST(page_alloc, exhaustion_and_reserve)
{
	u32 before = free_page_count(), low = zone_free_pages(ZONE_NORMAL);
	struct pile pile = { 0 };
	struct page *page;
	u32 high;

	pile_take_all(&pile, GFP_HIGHONLY);
	high = pile.pages;
	CHECK_EQ(zone_free_pages(ZONE_HIGH), 0);
	CHECK_EQ(zone_free_pages(ZONE_NORMAL), low);
	CHECK_EQ(alloc_page(GFP_HIGHONLY), NULL);
	CHECK_EQ(alloc_pages_bulk(GFP_HIGHONLY, 1, &page), 0);
	pile_take_all(&pile, GFP_HIGH);
	CHECK(pile.pages > high + low / 2);
	CHECK(zone_free_pages(ZONE_NORMAL) >= low / 128); /* more than half of the reserve */
	CHECK_EQ(alloc_pages_bulk(GFP_HIGH, 1, &page), 0);
	CHECK(pile_add(&pile, alloc_page(GFP_KERNEL)));
	pile_take_all(&pile, GFP_KERNEL);
	CHECK_EQ(zone_free_pages(ZONE_NORMAL), 0);
	CHECK_EQ(alloc_page(GFP_KERNEL), NULL);
	CHECK_EQ(pile.pages, before);
	pile_free(&pile);
	CHECK_EQ(free_page_count(), before);
}

/* All of memory again, to see that it came back in blocks that are as large as before. */
TEST(page_alloc, everything_merges_again)
{
	u32 blocks[2] = { 0 };

	for (u32 round = 0; round < 2; round++) {
		struct pile pile = { 0 };

		while (pile_add(&pile, alloc_pages(GFP_HIGHONLY, MAX_ORDER))) {
			blocks[round]++;
		}
		pile_free(&pile);
		pile_take_all(&pile, GFP_HIGHONLY);
		pile_free(&pile);
	}
	CHECK(blocks[0] > 0);
	CHECK_EQ(blocks[1], blocks[0]);
}

/* Of the only free block a page went through the CPU's list, which still has its neighbours. */
TEST(page_alloc, own_list_completes_a_block)
{
	struct page *last = alloc_pages(GFP_HIGHONLY, MAX_ORDER), *page;
	struct pile pile = { 0 };

	REQUIRE(last);
	pile_take_all(&pile, GFP_HIGHONLY);
	free_pages(last, MAX_ORDER);
	page = alloc_page(GFP_HIGHONLY);
	CHECK(page >= last && page < last + (1u << MAX_ORDER));
	if (page) {
		free_page(page);
	}
	page = alloc_pages(GFP_HIGHONLY, MAX_ORDER);
	CHECK_EQ(page, last);
	if (page) {
		free_pages(page, MAX_ORDER);
	}
	pile_free(&pile);
}

/* The lists in front are the CPU's own: interrupts are off only inside. */
TEST(page_alloc, keeps_interrupts_as_they_are)
{
	struct page *page;
	u32 flags = irq_save();

	page = alloc_page(GFP_HIGH);
	CHECK(irqs_masked());
	if (page) {
		free_page(page);
	}
	CHECK(irqs_masked());
	irq_restore(flags);
	page = alloc_pages(GFP_HIGH, 4);
	CHECK(page && !irqs_masked());
	if (page) {
		free_pages(page, 4);
	}
	CHECK(!irqs_masked());
}
