/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stale TLB entries: a window that was closed must not show its old page when its address is
 * used again. Each test first puts an entry into the TLB, and shows that it is still there
 * when the table says otherwise; only then what it calls has something to invalidate.
 *
 * A test means something only where an entry survives the invalidation of another address.
 * Where it does not (QEMU flushes all once a 2 MiB block was used on both sides of an address,
 * for it remembers just one region of large pages), it is skipped, and says so.
 */
#define KMAP_DEBUG_BYPASS /* the real windows */
#include <arch/probe.h>
#include <arch/pte_write.h>
#include <arch/tlb.h>
#include <kernel/test.h>
#include <mm/discipline.h>
#include <mm/highmem.h>
#include <mm/pgtable.h>
#include <mm/vmalloc.h>

#define MARK_A 0x0000a0a0u
#define MARK_B 0x0000b0b0u

/* Two HighMem pages that are told apart by their first word. */
struct pair {
	struct page *a, *b;
};

static void mark(struct page *page, u32 word)
{
	u32 *va = kmap_local_page(page);

	*va = word;
	kunmap_local(va);
}

static void pair_put(struct pair *pair)
{
	discipline_allow(false);
	if (pair->a) {
		free_page(pair->a);
	}
	if (pair->b) {
		free_page(pair->b);
	}
}

static bool pair_get(struct pair *pair)
{
	pair->a = alloc_page(GFP_HIGHONLY);
	pair->b = alloc_page(GFP_HIGHONLY);
	if (!pair->a || !pair->b) {
		pair_put(pair);
		return false;
	}
	mark(pair->a, MARK_A);
	mark(pair->b, MARK_B);
	discipline_allow(true);
	return true;
}

static u32 look(const void *va)
{
	return *(const volatile u32 *)va;
}

/* Points va at another page behind the TLB's back: the very mistake that break-before-make avoids,
 * here on purpose. */
static void repoint(const void *va, struct page *page)
{
	pte_write(kernel_pte((vaddr_t)va), pfn_pte(page_to_pfn(page), PAGE_KERNEL));
	dsb_walk(); /* the entry is visible to walkers: from here on only the TLB is wrong */
	isb();
}

/* What a changed entry does on this machine: NULL if it survives an unrelated invalidation. */
static const char *try_stale(struct pair *pair)
{
	const char *reason = NULL;
	void *va = vmap(&pair->a, 1, PAGE_KERNEL), *other = vmap(&pair->b, 1, PAGE_KERNEL);

	if (va && other) {
		tlb_flush_all();
		(void)look(other);
		if (look(va) != MARK_A) {
			return NULL; /* something else is wrong: the tests will tell */
		}
		repoint(va, pair->b);
		if (look(va) != MARK_A) {
			reason = "a changed entry is seen at once on this machine";
		} else {
			tlb_flush_page((vaddr_t)other);
			if (look(va) != MARK_A) {
				reason = "any TLB invalidation flushes everything on this machine";
			}
		}
		repoint(va, pair->a); /* vunmap finds the page that it holds */
		tlb_flush_page((vaddr_t)va);
	}
	vunmap(va);
	vunmap(other);
	return va && other ? reason : "no memory";
}

static const char *stale_reason(struct pair *pair)
{
	const char *reason = "no memory";

	if (!pair_get(pair)) {
		return reason;
	}
	/* An entry may fall victim to another by chance: three chances, at different addresses. */
	for (u32 i = 0; i < 3 && reason; i++) {
		reason = try_stale(pair);
	}
	if (reason) {
		pair_put(pair);
	}
	return reason;
}

#define NEED_STALE(pair)                                  \
	do {                                              \
		const char *reason_ = stale_reason(pair); \
		if (reason_) {                            \
			SKIP(reason_);                    \
		}                                         \
	} while (0)

/* The verbs themselves: the address they are told, and no less. */
TEST(tlb, stale_until_flush_page)
{
	struct pair pair;
	void *va;

	NEED_STALE(&pair);
	va = vmap(&pair.a, 1, PAGE_KERNEL);
	REQUIRE(va);
	CHECK_EQ(look(va), MARK_A);
	repoint(va, pair.b);
	CHECK_EQ(look(va), MARK_A);
	tlb_flush_page((vaddr_t)va);
	CHECK_EQ(look(va), MARK_B);
	repoint(va, pair.a);
	CHECK_EQ(look(va), MARK_B);
	tlb_flush_local((vaddr_t)va);
	CHECK_EQ(look(va), MARK_A);
	vunmap(va);
	pair_put(&pair);
}

TEST(tlb, stale_until_flush_range)
{
	struct page *pages[4];
	struct pair pair;
	char *va;

	NEED_STALE(&pair);
	for (u32 i = 0; i < 4; i++) {
		pages[i] = pair.a;
	}
	va = vmap(pages, 4, PAGE_KERNEL);
	REQUIRE(va);
	for (u32 i = 0; i < 4; i++) {
		CHECK_EQ(look(va + i * PAGE_SIZE), MARK_A);
		repoint(va + i * PAGE_SIZE, pair.b);
	}
	tlb_flush_range((vaddr_t)va + PAGE_SIZE, (vaddr_t)va + 3 * PAGE_SIZE);
	CHECK_EQ(look(va), MARK_A);
	CHECK_EQ(look(va + PAGE_SIZE), MARK_B);
	CHECK_EQ(look(va + 2 * PAGE_SIZE), MARK_B);
	CHECK_EQ(look(va + 3 * PAGE_SIZE), MARK_A);
	for (u32 i = 0; i < 4; i++) {
		repoint(va + i * PAGE_SIZE, pair.a);
	}
	tlb_flush_all();
	CHECK_EQ(look(va + PAGE_SIZE), MARK_A);
	vunmap(va);
	pair_put(&pair);
}

TEST(tlb, stale_kmap_local)
{
	struct pair pair;
	void *va, *again;

	NEED_STALE(&pair);
	va = kmap_local_page(pair.a);
	CHECK_EQ(look(va), MARK_A);
	repoint(va, pair.b);
	CHECK_EQ(look(va), MARK_A); /* so there is something to invalidate */
	kunmap_local(va);
	again = kmap_local_page(pair.b);
	CHECK_EQ(again, va);
	CHECK_EQ(look(again), MARK_B);
	kunmap_local(again);
	pair_put(&pair);
}

TEST(tlb, stale_fixmap)
{
	struct pair pair;
	void *va;

	NEED_STALE(&pair);
	va = fixmap_set(FIX_STORY, page_to_pa(pair.a), PAGE_KERNEL);
	CHECK_EQ(look(va), MARK_A);
	repoint(va, pair.b);
	CHECK_EQ(look(va), MARK_A);
	fixmap_clear(FIX_STORY);
	va = fixmap_set(FIX_STORY, page_to_pa(pair.b), PAGE_KERNEL);
	CHECK_EQ(look(va), MARK_B);
	fixmap_clear(FIX_STORY);
	pair_put(&pair);
}

/* After the purge the address is nobody's: whatever is mapped there next is what is seen. */
TEST(tlb, stale_vunmap)
{
	struct pair pair;
	void *va;

	NEED_STALE(&pair);
	vmalloc_purge(); /* so that the next one has this area alone to flush, page by page */
	va = vmap(&pair.a, 1, PAGE_KERNEL);
	REQUIRE(va);
	CHECK_EQ(look(va), MARK_A);
	repoint(va, pair.b);
	CHECK_EQ(look(va), MARK_A);
	repoint(va, pair.a);
	vunmap(va);
	vmalloc_purge();
	repoint(va, pair.b);
	CHECK_EQ(look(va), MARK_B);
	pte_write(kernel_pte((vaddr_t)va), pte_none());
	tlb_flush_page((vaddr_t)va);
	pair_put(&pair);
}

/* Until the index wraps, a closed kmap window keeps its entry: it is looked at all the time, so
 * that the TLB keeps it too. When the window is given to another page, that page is seen. */
TEST(tlb, stale_pkmap_wrap)
{
	struct page **crowd;
	struct pair pair;
	void *va, *found = NULL;
	u32 word, got, reads = 0;

	NEED_STALE(&pair);
	crowd = vmalloc(PKMAP_SLOTS * sizeof(*crowd));
	REQUIRE(crowd);
	got = alloc_pages_bulk(GFP_HIGHONLY, PKMAP_SLOTS, crowd);
	for (u32 i = 0; i < got; i++) {
		mark(crowd[i], i);
	}
	va = kmap(pair.a);
	REQUIRE(va);
	CHECK_EQ(look(va), MARK_A);
	kunmap(pair.a);
	for (u32 i = 0; i < got && !found; i++) {
		void *window;

		reads += probe_read(va, &word) == 0;
		window = kmap(crowd[i]);
		if (CHECK(window) && window == va) {
			found = window;
			CHECK_EQ(look(window), i);
		}
		kunmap(crowd[i]);
	}
	CHECK(found);
	CHECK(reads > 0);
	free_pages_bulk(crowd, got);
	vfree(crowd);
	pair_put(&pair);
}
