/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mm/buddy.c on a page array of its own, against an oracle that knows of each page whether it is
 * free. From that follows exactly which blocks must exist: the largest aligned ones. The parts of
 * the array that page_array_init() would give back are poisoned for ASan.
 */
#include "check.h"
#include <mm/buddy.h>
#include <sanitizer/asan_interface.h>

#define SLOT_PAGES (1u << SECTION_PFN_SHIFT)
#define SLOT_BYTES (1u << SECTION_MEMMAP_SHIFT)
#define SLOTS	   3
#define TOP_ORDER  (1u << MAX_ORDER)

/*
 * Three sections; the second and third are not neighbours. Lowmem ends in the middle of a
 * 4 MiB block, so two halves of one must not find each other.
 */
#define FIRST_PFN 0x80000u
#define LOW_END	  (FIRST_PFN + SLOT_PAGES + 5 * TOP_ORDER + TOP_ORDER / 2)
#define FAR_PFN	  (FIRST_PFN + 0x100000u)

struct mm_state mm;

static struct zone_under_test {
	struct buddy buddy;
	pfn_t start, end; /* of the pfns that the test gives it */
} normal = { .start = FIRST_PFN + SLOT_PAGES - 2048 - 37, .end = LOW_END },
  high = { .start = LOW_END, .end = LOW_END + 1500 },
  far = { .start = FAR_PFN + 777, .end = FAR_PFN + 6000 };

static char *array;
static const pfn_t slot_pfn[SLOTS] = { FIRST_PFN, FIRST_PFN + SLOT_PAGES, FAR_PFN };
static struct page *sections[(FAR_PFN - FIRST_PFN) / SLOT_PAGES + 1];
static u32 deltas[SLOTS];
static unsigned char is_free[SLOTS * SLOT_PAGES];

static unsigned index_of(const struct page *page)
{
	return (unsigned)(page - (const struct page *)array);
}

static void expose(const struct zone_under_test *z)
{
	struct page *start = pfn_to_page(ALIGN_DOWN(z->start, TOP_ORDER));

	ASAN_UNPOISON_MEMORY_REGION(
		start,
		(ALIGN_UP(z->end, TOP_ORDER) - ALIGN_DOWN(z->start, TOP_ORDER)) * sizeof(*start));
}

static void setup(void)
{
	array = aligned_alloc(SLOT_BYTES, SLOTS * SLOT_BYTES);
	memset(array, 0, SLOTS * SLOT_BYTES);
	memset(is_free, 0, sizeof(is_free));
	for (unsigned i = 0; i < SLOTS; i++) {
		vaddr_t slot = (vaddr_t)array + i * SLOT_BYTES;

		sections[(slot_pfn[i] - FIRST_PFN) / SLOT_PAGES] =
			(struct page *)(slot - ((vaddr_t)slot_pfn[i] << 4));
		deltas[i] = slot_pfn[i] - (u32)(slot >> 4);
	}
	mm.section = sections - FIRST_PFN / SLOT_PAGES;
	mm.pfn_delta = deltas - ((vaddr_t)array >> SECTION_MEMMAP_SHIFT);
	ASAN_POISON_MEMORY_REGION(array, SLOTS * SLOT_BYTES);
	expose(&normal);
	expose(&high);
	expose(&far);
	buddy_init(&normal.buddy, NULL, pfn_to_page(LOW_END));
	buddy_init(&high.buddy, pfn_to_page(LOW_END), (struct page *)UINTPTR_MAX);
	far.buddy = high.buddy;
}

static void teardown(void)
{
	ASAN_UNPOISON_MEMORY_REGION(array, SLOTS * SLOT_BYTES);
	free(array);
}

static void mark(const struct page *page, unsigned pages, bool free_now)
{
	for (unsigned i = index_of(page); i < index_of(page) + pages; i++) {
		CHECK_EQ(is_free[i], !free_now);
		is_free[i] = free_now;
	}
}

static bool all_free(pfn_t start, pfn_t pages)
{
	for (unsigned i = index_of(pfn_to_page(start)); pages > 0; pages--, i++) {
		if (!is_free[i]) {
			return false;
		}
	}
	return true;
}

/* Counts the largest aligned blocks that the zone's free pages form. */
static void oracle_blocks(const struct zone_under_test *z, unsigned *blocks)
{
	memset(blocks, 0, (MAX_ORDER + 1) * sizeof(*blocks));
	for (pfn_t pfn = z->start; pfn < z->end;) {
		unsigned order = MAX_ORDER + 1;

		while (order-- > 0) {
			pfn_t pages = 1u << order;

			if (pfn % pages == 0 && pages <= z->end - pfn && all_free(pfn, pages)) {
				break;
			}
		}
		if (order <= MAX_ORDER) {
			blocks[order]++;
			pfn += 1u << order;
		} else {
			pfn++;
		}
	}
}

static void check_zone(const struct zone_under_test *z)
{
	unsigned blocks[MAX_ORDER + 1], free_pages = 0;

	oracle_blocks(z, blocks);
	for (unsigned order = 0; order <= MAX_ORDER; order++) {
		const struct page *page = z->buddy.free[order];
		unsigned listed = 0;
		pfn_t prev = 0;

		CHECK_EQ((z->buddy.nonempty >> order) & 1, page != NULL);
		while (page) {
			CHECK(page_to_pfn(page) >= z->start && page_to_pfn(page) < z->end);
			CHECK(all_free(page_to_pfn(page), 1u << order));
			CHECK_EQ(page->prev, prev);
			CHECK_EQ(page_state(page), PAGE_BUDDY);
			CHECK_EQ(page_order(page), order);
			prev = page_to_pfn(page);
			page = page->next ? pfn_to_page(page->next) : NULL;
			listed++;
		}
		CHECK_EQ(listed, blocks[order]);
		free_pages += listed << order;
	}
	CHECK_EQ(z->buddy.free_pages, free_pages);
}

static void give_all(struct zone_under_test *z)
{
	mark(pfn_to_page(z->start), z->end - z->start, true);
	buddy_free_run(&z->buddy, pfn_to_page(z->start), z->end - z->start);
	check_zone(z);
}

/* What comes out must have been free, whole and aligned; the caller marks it. */
static void take(const struct zone_under_test *z, const struct page *page, unsigned order)
{
	CHECK_EQ(page_to_pfn(page) % (1u << order), 0);
	CHECK(page_to_pfn(page) >= z->start && page_to_pfn(page) + (1u << order) <= z->end);
	for (unsigned i = 0; i < 1u << order; i++) {
		CHECK_EQ(page[i].flags, PAGE_INSIDE);
	}
	mark(page, 1u << order, false);
}

struct held {
	struct page *page;
	unsigned pages;
};

static void random_take(struct zone_under_test *z, struct held *held, unsigned *count)
{
	u32 order = (u32)check_below(check_below(4) ? 4 : MAX_ORDER + 1);
	unsigned blocks[MAX_ORDER + 1], least = 0, usable = 0;
	bool any = z->buddy.nonempty;
	struct page *page;

	oracle_blocks(z, blocks);
	while (least < MAX_ORDER && blocks[least] == 0) {
		least++;
	}
	for (unsigned k = order; k <= MAX_ORDER; k++) {
		usable += blocks[k];
	}
	if (check_below(3) == 0) {
		u32 want = order;

		page = buddy_alloc_small(&z->buddy, &order);
		CHECK_EQ(page != NULL, any);
		CHECK(!page || order == (least < want ? least : want));
	} else {
		page = buddy_alloc(&z->buddy, order);
		CHECK_EQ(page != NULL, usable != 0);
	}
	if (page) {
		take(z, page, order);
		held[(*count)++] = (struct held){ page, 1u << order };
	}
}

/* Whole, or as two runs at any place. */
static void random_give(struct zone_under_test *z, struct held *held, unsigned *count)
{
	unsigned i = (unsigned)check_below(*count);
	struct held h = held[i];
	unsigned part = (unsigned)check_below(h.pages);

	held[i] = held[--*count];
	mark(h.page, h.pages, true);
	if (check_below(2)) {
		buddy_free(&z->buddy, h.page, 31 - (u32)__builtin_clz(h.pages));
	} else {
		buddy_free_run(&z->buddy, h.page + part, h.pages - part);
		buddy_free_run(&z->buddy, h.page, part);
	}
}

static void random_zone(struct zone_under_test *z)
{
	static struct held held[SLOTS * SLOT_PAGES];
	unsigned before[MAX_ORDER + 1], after[MAX_ORDER + 1], count = 0;

	give_all(z);
	oracle_blocks(z, before);
	for (unsigned step = 0; step < 1500; step++) {
		bool filling = (step / 250) % 2 == 0;

		if (count == 0 || check_below(10) < (filling ? 7u : 3u)) {
			random_take(z, held, &count);
		} else {
			random_give(z, held, &count);
		}
		check_zone(z);
	}
	while (count > 0) {
		random_give(z, held, &count);
	}
	check_zone(z);
	oracle_blocks(z, after);
	CHECK_EQ(memcmp(before, after, sizeof(before)), 0);
	CHECK_EQ(z->buddy.free_pages, z->end - z->start);
}

TEST(random_normal)
{
	setup();
	random_zone(&normal);
	teardown();
}

TEST(random_high)
{
	setup();
	random_zone(&high);
	teardown();
}

TEST(random_far)
{
	setup();
	random_zone(&far);
	teardown();
}

/* Both halves of one 4 MiB block are free, in two zones: they stay two blocks. */
TEST(zones_never_merge)
{
	setup();
	give_all(&normal);
	give_all(&high);
	check_zone(&normal);
	CHECK(normal.buddy.free[MAX_ORDER - 1] == pfn_to_page(LOW_END - TOP_ORDER / 2));
	CHECK_EQ(high.buddy.free_pages, high.end - high.start);
	teardown();
}

/* Single pages come back in every order, and in the end there are whole blocks again. */
TEST(all_singles_and_back)
{
	struct page *pages[2 * TOP_ORDER];
	unsigned n = 0;

	setup();
	mark(pfn_to_page(FIRST_PFN + SLOT_PAGES), 2 * TOP_ORDER, true);
	buddy_free_run(&normal.buddy, pfn_to_page(FIRST_PFN + SLOT_PAGES), 2 * TOP_ORDER);
	while ((pages[n] = buddy_alloc(&normal.buddy, 0))) {
		take(&normal, pages[n++], 0);
		CHECK(n <= 2 * TOP_ORDER);
		if (n == 2 * TOP_ORDER) {
			break;
		}
	}
	CHECK_EQ(n, 2 * TOP_ORDER);
	CHECK_EQ(buddy_alloc(&normal.buddy, 0) != NULL, false);
	while (n > 0) {
		unsigned i = (unsigned)check_below(n);

		mark(pages[i], 1, true);
		buddy_free(&normal.buddy, pages[i], 0);
		pages[i] = pages[--n];
	}
	check_zone(&normal);
	CHECK_EQ(normal.buddy.nonempty, 1u << MAX_ORDER);
	teardown();
}

/* Highest first: of a block that is split, the upper part goes out. */
TEST(from_the_top_down)
{
	setup();
	mark(pfn_to_page(FAR_PFN), 2 * TOP_ORDER, true);
	expose(&(struct zone_under_test){ .start = FAR_PFN, .end = FAR_PFN + 2 * TOP_ORDER });
	buddy_free_run(&far.buddy, pfn_to_page(FAR_PFN), 2 * TOP_ORDER);
	for (pfn_t pfn = FAR_PFN + 2 * TOP_ORDER; pfn-- > FAR_PFN;) {
		CHECK_EQ(page_to_pfn(buddy_alloc(&far.buddy, 0)), pfn);
	}
	teardown();
}

TEST(corrupt_list_is_found)
{
	setup();
	give_all(&high);
	high.buddy.free[MAX_ORDER - 1]->flags = PAGE_ALLOCATED;
	CHECK_BUG("buddy.corrupt", (void)!buddy_alloc(&high.buddy, MAX_ORDER - 1));
	teardown();
}
