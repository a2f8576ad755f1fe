/* SPDX-License-Identifier: BSD-2-Clause */
/* DEBUG=1: debug windows stand apart, are not used again soon, and remember who had them. */
#include <kernel/sched.h>
#include <kernel/test.h>
#include <mm/highmem.h>
#include <mm/page_alloc.h>

#include "pages.h"

#if CONFIG_DEBUG

static bool in_region(const void *va)
{
	return (vaddr_t)va - REGION_START(kmapdebug) < REGION_SIZE(kmapdebug);
}

/* Opened here, by this line; closed by that one, or open. */
static void remembers(const void *va, const struct page *page, const char *opened,
		      const char *closed)
{
	struct kmap_debug_info info;

	REQUIRE(kmap_debug_query((vaddr_t)va, &info));
	CHECK_EQ(info.pfn, page_to_pfn(page));
	CHECK(!info.guard);
	CHECK_EQ(strcmp(info.opened, opened), 0);
	CHECK_EQ(!info.closed, !closed);
	if (closed && info.closed) {
		CHECK_EQ(strcmp(info.closed, closed), 0);
	}
	REQUIRE(kmap_debug_query((vaddr_t)va + PAGE_SIZE, &info));
	CHECK(info.guard);
	CHECK_EQ(info.pfn, page_to_pfn(page));
}

/* A HighMem page and a lowmem one, each open in two windows at once. */
TEST(kmap_debug, local_windows_stand_apart)
{
	struct page *pages[2] = { alloc_page(GFP_HIGHONLY), alloc_page(GFP_KERNEL) };

	REQUIRE(pages[0] && pages[1]);
	for (u32 i = 0; i < ARRAY_SIZE(pages); i++) {
		u32 *one = kmap_local_page(pages[i]), *two = kmap_atomic(pages[i]);

		CHECK(in_region(one) && in_region(two) && one != two);
		*one = 17 + i;
		CHECK_EQ(READ_ONCE(*two), 17 + i);
		CHECK_NO_READ((vaddr_t)one - PAGE_SIZE);
		CHECK_NO_READ((vaddr_t)one + PAGE_SIZE);
		CHECK_NO_READ((vaddr_t)two + PAGE_SIZE);
		kunmap_atomic(two);
		CHECK_NO_READ(two);
		CHECK_EQ(READ_ONCE(*one), 17 + i);
		kunmap_local((char *)one + PAGE_SIZE - 1);
		CHECK_NO_READ(one);
		free_page(pages[i]);
	}
}

TEST(kmap_debug, local_is_not_used_again_soon)
{
	struct page *page = alloc_page(GFP_HIGHONLY);
	void *first;

	REQUIRE(page);
	first = kmap_local_page(page);
	kunmap_local(first);
	for (u32 i = 0; i < 100; i++) {
		void *va = kmap_local_page(page);

		CHECK(va != first);
		kunmap_local(va);
	}
	CHECK_NO_READ(first);
	free_page(page);
}

TEST(kmap_debug, local_remembers)
{
	struct page *page = alloc_page(GFP_HIGHONLY);
	const char *opened, *closed;
	void *va;

	REQUIRE(page);
	va = (opened = KMAP_SITE, kmap_local_page(page));
	remembers(va, page, opened, NULL);
	closed = KMAP_SITE, kunmap_local(va);
	remembers(va, page, opened, closed);
	free_page(page);
}

/* While another thread opens and closes windows on the same CPU, an open one stays what it is. */
static void busy(void *arg)
{
	struct page *page = arg;

	for (u32 i = 0; i < 300; i++) {
		u32 *va = kmap_local_page(page);

		*va = i;
		thread_yield();
		CHECK_EQ(READ_ONCE(*va), i);
		kunmap_local(va);
	}
}

TEST(kmap_debug, local_stays_across_a_switch)
{
	struct page *pages[2] = { alloc_page(GFP_HIGHONLY), alloc_page(GFP_HIGHONLY) };
	struct thread *other;
	u32 *va;

	REQUIRE(pages[0] && pages[1]);
	va = kmap_local_page(pages[0]);
	*va = 0x5eed;
	other = thread_create("busy", busy, pages[1]);
	REQUIRE(other);
	for (u32 i = 0; i < 300; i++) {
		thread_yield();
		CHECK_EQ(READ_ONCE(*va), 0x5eed);
	}
	kunmap_local(va);
	thread_join(other);
	free_page(pages[0]);
	free_page(pages[1]);
}

/* One address for all users of a page, for lowmem too; gone with the last. */
TEST(kmap_debug, shared_goes_with_the_last_user)
{
	struct page *pages[2] = { alloc_page(GFP_HIGHONLY), alloc_page(GFP_KERNEL) };

	REQUIRE(pages[0] && pages[1]);
	for (u32 i = 0; i < ARRAY_SIZE(pages); i++) {
		const char *opened, *closed;
		void *va = (opened = KMAP_SITE, kmap(pages[i]));

		CHECK(in_region(va));
		CHECK_EQ(kmap(pages[i]), va);
		CHECK_EQ(page_address(pages[i]), va);
		kunmap(pages[i]);
		remembers(va, pages[i], opened, NULL);
		CHECK_NO_READ((vaddr_t)va + PAGE_SIZE);
		closed = KMAP_SITE, kunmap(pages[i]);
		CHECK_NO_READ(va);
		remembers(va, pages[i], opened, closed);
		free_page(pages[i]);
	}
}

/* More than there are, one after the other: the first comes again, and shows the right page. */
TEST(kmap_debug, all_in_turn)
{
	struct page *page = alloc_page(GFP_HIGHONLY);
	void *first = NULL, *va = NULL;
	u32 turn = 0;

	REQUIRE(page);
	for (u32 i = 0; i < 2000; i++) {
		va = kmap(page);
		first = first ? first : va;
		WRITE_ONCE(*(u32 *)va, i);
		CHECK_EQ(READ_ONCE(*(u32 *)va), i);
		kunmap(page);
		if (va == first && i > 0) {
			turn = i;
			break;
		}
	}
	CHECK(turn >= 500);
	free_page(page);
}

#endif
