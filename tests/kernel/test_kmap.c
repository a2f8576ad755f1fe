/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kmap, the permanent mapping: one counted window per page, shared, reused only behind a
 * flush. The tests that need all windows run with none in use.
 */
#include <arch/probe.h>
#include <kernel/test.h>
#include <mm/highmem.h>

#include "pages.h"

static bool in_pkmap(const void *va)
{
	return (vaddr_t)va - PKMAP_START < REGION_SIZE(pkmap) && IS_ALIGNED((vaddr_t)va, PAGE_SIZE);
}

TEST(kmap, same_page_same_window)
{
	struct page *page = alloc_page(GFP_HIGHONLY);
	struct pkmap_info before, now;
	void *va;

	REQUIRE(page);
	pkmap_query(&before);
	va = kmap(page);
	CHECK(in_pkmap(va));
	CHECK_EQ(kmap(page), va);
	CHECK_EQ(page_address(page), va);
	pkmap_query(&now);
	CHECK_EQ(now.used, before.used + 1);
	kunmap(page);
	pkmap_query(&now);
	CHECK_EQ(now.used, before.used + 1); /* one user is left */
	kunmap(page);
	pkmap_query(&now);
	CHECK_EQ(now.used, before.used);
	CHECK_EQ(now.used + now.stale + now.free, PKMAP_SLOTS);
	CHECK_EQ(kmap(page), va); /* unused, but not yet flushed: the same window again */
	kunmap(page);
	free_page(page);
}

TEST(kmap, lowmem_is_direct)
{
	struct page *page = alloc_page(GFP_KERNEL);
	struct pkmap_info before, now;

	REQUIRE(page);
	pkmap_query(&before);
	CHECK_EQ(kmap(page), phys_to_virt(page_to_pa(page)));
	pkmap_query(&now);
	CHECK_EQ(now.used, before.used);
	kunmap(page);
	free_page(page);
}

/* Pages mapped at once by several tests below, filled with their index. */
struct crowd {
	u32 count;
	struct page **pages;
	void **va;
};

static bool crowd_get(struct crowd *crowd, u32 count)
{
	struct page *tables = alloc_pages(GFP_KERNEL, 1);

	crowd->count = 0;
	crowd->pages = NULL;
	if (!tables) {
		return false;
	}
	crowd->pages = lowmem_page_address(tables);
	crowd->va = (void **)(crowd->pages + PAGE_SIZE / sizeof(void *));
	crowd->count = alloc_pages_bulk(GFP_HIGHONLY, count, crowd->pages);
	for (u32 i = 0; i < crowd->count; i++) {
		page_fill(crowd->pages[i], i);
	}
	return crowd->count == count;
}

static void crowd_put(struct crowd *crowd)
{
	free_pages_bulk(crowd->pages, crowd->count);
	if (crowd->pages) {
		free_pages(virt_to_page(crowd->pages), 1);
	}
}

/* A first and a last word are enough to know a page by; whole pages are compared elsewhere. */
static bool shows(const u32 *va, const u32 *same)
{
	const u32 last = PAGE_SIZE / sizeof(u32) - 1;

	return READ_ONCE(va[0]) == same[0] && READ_ONCE(va[last]) == same[last];
}

static bool shows_page(const void *va, struct page *page)
{
	void *local = kmap_local_page(page);
	bool same = shows(va, local);

	kunmap_local(local);
	return same;
}

static void fill_all_windows(struct crowd *crowd)
{
	u32 wrong = 0;

	for (u32 i = 0; i < PKMAP_SLOTS; i++) {
		crowd->va[i] = kmap(crowd->pages[i]);
		if (!CHECK(in_pkmap(crowd->va[i]))) {
			return;
		}
	}
	for (u32 i = 0; i < PKMAP_SLOTS; i++) {
		wrong += pattern_wrong(crowd->va[i], i) != 0; /* also if two share a window */
	}
	CHECK_EQ(wrong, 0);
}

TEST(kmap, full_then_works_again)
{
	struct crowd crowd;
	struct page *extra;
	struct pkmap_info info;

	if (CHECK(crowd_get(&crowd, PKMAP_SLOTS + 1))) {
		extra = crowd.pages[PKMAP_SLOTS];
		fill_all_windows(&crowd);
		pkmap_query(&info);
		CHECK_EQ(info.used, PKMAP_SLOTS);
		CHECK_EQ(kmap(extra), NULL);
		CHECK_EQ(kmap(crowd.pages[7]), crowd.va[7]); /* one that has a window needs none */
		kunmap(crowd.pages[7]);
		CHECK_EQ(kmap(extra), NULL); /* it is still in use */
		kunmap(crowd.pages[7]);
		if (CHECK_EQ(kmap(extra), crowd.va[7])) { /* the only one there is */
			CHECK_EQ(pattern_wrong(crowd.va[7], PKMAP_SLOTS), 0);
			kunmap(extra);
		}
		CHECK_EQ(page_address(crowd.pages[7]), NULL);
		for (u32 i = 0; i < PKMAP_SLOTS; i++) {
			if (i != 7) {
				kunmap(crowd.pages[i]);
			}
		}
		pkmap_query(&info);
		CHECK_EQ(info.used, 0);
	}
	crowd_put(&crowd);
}

/*
 * Cycles over more pages than windows until the index has wrapped three times. Right behind
 * a wrap every window but the newest is empty, and must fault although the TLB has seen it.
 */
TEST(kmap, wrap_three_times)
{
	struct crowd crowd;
	struct pkmap_info start, info;
	u32 wrong = 0, stale = 0, seen, word;

	pkmap_query(&start);
	seen = start.flushes;
	if (CHECK(crowd_get(&crowd, PKMAP_SLOTS + 88))) {
		for (u32 n = 0; seen < start.flushes + 3 && n < 5 * PKMAP_SLOTS; n++) {
			u32 i = n % crowd.count;
			void *va = kmap(crowd.pages[i]);

			REQUIRE(va);
			wrong += !shows_page(va, crowd.pages[i]);
			pkmap_query(&info);
			for (u32 slot = 0; info.flushes != seen && slot < PKMAP_SLOTS; slot++) {
				const char *window = (char *)PKMAP_START + slot * PAGE_SIZE;

				stale += window != va && probe_read(window, &word) == 0;
			}
			seen = info.flushes;
			kunmap(crowd.pages[i]);
		}
		CHECK_EQ(seen, start.flushes + 3);
		CHECK_EQ(wrong, 0);
		CHECK_EQ(stale, 0);
	}
	crowd_put(&crowd);
}

/* A window in use survives the wrap, at its address and with its page. */
TEST(kmap, pinned_across_wrap)
{
	struct page *pinned = alloc_page(GFP_HIGHONLY);
	struct crowd crowd;
	u32 moved = 0;
	void *va;

	REQUIRE(pinned);
	if (CHECK(crowd_get(&crowd, PKMAP_SLOTS))) {
		va = kmap(pinned);
		pattern_fill(va, 4711);
		for (u32 n = 0; n < 2 * PKMAP_SLOTS; n++) {
			struct page *page = crowd.pages[n % PKMAP_SLOTS];

			moved += kmap(page) == va;
			kunmap(page);
		}
		CHECK_EQ(moved, 0);
		CHECK_EQ(page_address(pinned), va);
		CHECK_EQ(pattern_wrong(va, 4711), 0);
		kunmap(pinned);
	}
	crowd_put(&crowd);
	free_page(pinned);
}
