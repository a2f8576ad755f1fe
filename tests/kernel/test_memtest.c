/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The memory tester on memory that is broken on purpose: behind each write we do to it what a
 * broken chip would have done by the time it is read. Each fault must be found, where it is, and
 * nothing else.
 */
#include <arch/spinlock.h>
#include <arch/walk.h>
#include <kernel/memtest.h>
#include <kernel/test.h>
#include <mm/bigwin.h>
#include <mm/highmem.h>
#include <mm/page_alloc.h>
#include <mm/page_type.h>

enum { LINES = 1, OWN = 2, MOVING = 4, FADE = 8, RANDOM = 16, CHECKER = 32, COPY = 64, ALL = 127 };

#define BIT (1ull << 37)

static struct {
	void (*happens)(u64 *word); /* to the word at pa, whenever it may have been written */
	u32 offset;		    /* of that word in the first piece that is tested */
	u32 from;		    /* coupled: of the word that does it, else 0 */
	u64 was;		    /* what that one held before */
	u32 times;		    /* still to come */

	phys_addr_t pa; /* 0: no piece came yet */
	u32 exact;	/* reported: that word, that bit */
	u32 other;	/* anything else */
	u32 healed;	/* of the exact ones, right when read again */
	u32 attributes; /* a bit for each: as the MMU has them (PAR), 0xff 1, 0x44 2, others 4 */
	spinlock_t lock;
} fault;

static void written(void *va, phys_addr_t pa, u32 bytes)
{
	u32 attributes = (u32)(walk_ask_mmu((vaddr_t)va, true) >> 56);
	bool high = pa_to_pfn(pa) >= mm.low_end_pfn;

	spin_lock(&fault.lock);
	if (high) {
		fault.attributes |= attributes == 0xff ? 1 : attributes == 0x44 ? 2 : 4;
	}
	if (fault.pa == 0) {
		fault.pa = pa + fault.offset;
	}
	if (fault.happens && fault.pa - pa < bytes) {
		u64 *word = va + pa_offset(fault.pa - pa, SZ_4M);
		u64 now = word[(s32)(fault.from - fault.offset) / 8];

		if (!fault.from || (now & ~fault.was & BIT)) {
			fault.happens(word);
		}
		fault.was = now;
	}
	spin_unlock(&fault.lock);
}

static void found(const struct memtest_bad *bad)
{
	bool exact = bad->pa == fault.pa && (bad->expected ^ bad->got) == BIT;

	fault.exact += exact;
	fault.other += !exact;
	fault.healed += exact && bad->again == bad->expected;
}

static void stuck_at_0(u64 *word)
{
	*word &= ~BIT;
}

static void stuck_at_1(u64 *word)
{
	*word |= BIT;
}

static void inverted(u64 *word)
{
	*word ^= BIT;
}

static void inverted_at_times(u64 *word)
{
	if (fault.times > 0) {
		fault.times--;
		*word ^= BIT;
	}
}

static void recovers(void *va, phys_addr_t pa)
{
	if (fault.pa - pa < 32) {
		*(u64 *)((char *)va + pa_offset(fault.pa - pa, 32)) ^= BIT;
	}
}

static u64 covered;

static void tested(pfn_t first, u32 pages)
{
	(void)first;
	covered += pfn_to_pa(pages);
}

static phys_addr_t bad_start, bad_end;

static void bad_range(phys_addr_t start, phys_addr_t end)
{
	bad_start = bad_start ? bad_start : start;
	bad_end = end;
}

static void run_with(const struct memtest_fault *kind, u32 passes, struct memtest_result *result)
{
	const struct memtest_options options = {
		.sweeps = 1,
		.seed = 7,
		.passes = passes,
		.limit = 600 * PAGE_SIZE,
		.silent = true,
		.tested = tested,
		.bad = bad_range,
		.fault = kind,
	};

	covered = bad_start = bad_end = 0;
	fault.pa = fault.was = 0;
	fault.exact = fault.other = fault.healed = fault.attributes = 0;
	memtest_run(&options, result);
}

static void run(u32 passes, struct memtest_result *result)
{
	static const struct memtest_fault kind = { .written = written,
						   .bad = found,
						   .was_read = NULL };

	run_with(&kind, passes, result);
}

TEST(memtest, sound_memory_passes)
{
	struct memtest_result result;

	fault.happens = NULL;
	run(0, &result);
	CHECK_EQ(result.errors, 0);
	CHECK_EQ(result.complete, ALL);
	CHECK_EQ(result.tested, 600ull * PAGE_SIZE);
	CHECK_EQ(covered, result.tested);
	CHECK_EQ(bad_end, 0);
}

/* Both kinds in each pass: nowhere else, no other bit, and in the range to be reserved. */
TEST(memtest, finds_a_stuck_bit_in_each_pass)
{
	for (u32 i = 0; i < 14; i++) {
		u32 pass = 1u << i / 2;
		struct memtest_result result;

		fault.happens = i % 2 ? stuck_at_1 : stuck_at_0;
		fault.offset = pass == LINES ? 0 : 0x1238;
		run(pass, &result);
		if (!CHECK(fault.exact > 0) || !CHECK_EQ(fault.other, 0)) {
			test_note("pass %u, stuck at %u", i / 2, i % 2);
		}
		CHECK_EQ(result.errors, fault.exact);
		CHECK_EQ(result.errors_in_pass[i / 2], fault.exact);
		CHECK_EQ(bad_start, fault.pa);
		CHECK_EQ(bad_end, fault.pa + 8);
	}
}

/* A bit that is wrong only once: what the check read is reported, not what came later. */
TEST(memtest, finds_a_bit_that_flips_at_times)
{
	static const struct memtest_fault kind = { .written = written,
						   .bad = found,
						   .was_read = recovers };
	struct memtest_result result;

	fault.happens = inverted_at_times;
	fault.offset = 0x1238;
	fault.times = 1;
	run_with(&kind, OWN | RANDOM, &result);
	CHECK_EQ(fault.times, 0);
	CHECK_EQ(fault.exact, 1);
	CHECK_EQ(fault.healed, 1);
	CHECK_EQ(fault.other, 0);
}

/* A bit that turns over when another one, below or above it, goes from 0 to 1. */
TEST(memtest, finds_coupled_bits)
{
	for (u32 i = 0; i < 2; i++) {
		struct memtest_result result;

		fault.happens = inverted;
		fault.offset = i ? 0x1238 : 0x3010;
		fault.from = i ? 0x3010 : 0x1238;
		run(MOVING, &result);
		CHECK(fault.exact > 0);
		CHECK_EQ(fault.other, 0);
	}
	fault.from = 0;
}

/* ---- address lines ---- */

static u64 line; /* that is broken */
static u32 wrong_line;

static phys_addr_t without_line(phys_addr_t pa)
{
	return pa - (pa_section(pa, 21) & 1) * SZ_2M;
}

static void found_alias(const struct memtest_bad *bad)
{
	wrong_line += (bad->expected ^ bad->got) != line;
}

/* Two pieces are one: each word that was written last shows in the other's place. */
TEST(memtest, finds_a_short_address_line)
{
	static const struct memtest_fault kind = { .place = without_line, .bad = found_alias };
	struct page *block = alloc_pages(GFP_HIGHONLY, MAX_ORDER);
	const struct memtest_options options = {
		.sweeps = 1, .passes = LINES, .limit = SZ_4M, .silent = true, .fault = &kind
	};
	struct memtest_result result;

	REQUIRE(block); /* there is one of two pieces */
	free_pages(block, MAX_ORDER);
	line = SZ_2M;
	wrong_line = 0;
	memtest_run(&options, &result);
	/* The first word and one for each line from 3 to 20, of one of the two, twice. */
	CHECK_EQ(result.errors, 2 * 19);
	CHECK_EQ(wrong_line, 0);
}

/* Address line 12 inside a piece: what was written to one page shows in both. */
static void written_twice(void *va, phys_addr_t pa, u32 bytes)
{
	spin_lock(&fault.lock);
	if (fault.pa == 0 && bytes >= 4 * PAGE_SIZE) {
		fault.pa = pa;
	}
	if (pa == fault.pa) {
		memcpy(va, (char *)va + PAGE_SIZE, PAGE_SIZE);
	}
	spin_unlock(&fault.lock);
}

/* Two pages answer for each other, after they were written. */
static void swapped(void *va, phys_addr_t pa, u32 bytes)
{
	spin_lock(&fault.lock);
	if (fault.pa == 0 && bytes >= 4 * PAGE_SIZE) {
		fault.pa = pa;
	}
	for (u32 i = 0; pa == fault.pa && i < PAGE_SIZE / 8; i++) {
		u64 *word = (u64 *)va + i, low = word[0];

		word[0] = word[PAGE_SIZE / 8];
		word[PAGE_SIZE / 8] = low;
	}
	spin_unlock(&fault.lock);
}

TEST(memtest, names_the_place_whose_word_is_shown)
{
	static const struct memtest_fault kinds[] = {
		{ .written = written_twice, .bad = found_alias },
		{ .written = swapped, .bad = found_alias },
	};

	for (u32 i = 0; i < 2; i++) {
		struct memtest_result result;

		line = PAGE_SIZE;
		wrong_line = 0;
		run_with(&kinds[i], OWN, &result);
		/* One page or two, and inverted once more. */
		CHECK_EQ(result.errors, (i + 1) * 2 * (PAGE_SIZE / 8));
		CHECK_EQ(wrong_line, 0);
		CHECK_EQ(bad_start, fault.pa);
		CHECK_EQ(bad_end, fault.pa + (i + 1) * PAGE_SIZE);
	}
}

/* ---- where the data come from ---- */

/* The MMU itself says with which memory type HighMem is reached; afterwards all is as before. */
TEST(memtest, highmem_is_uncached_where_it_says_so)
{
	struct memtest_result result;
	struct page *page;

	fault.happens = NULL;
	run(OWN | MOVING | FADE | LINES, &result);
	CHECK_EQ(fault.attributes, 2);
	run(RANDOM | CHECKER | COPY, &result);
	CHECK_EQ(fault.attributes, 1);
	run(0, &result);
	CHECK_EQ(fault.attributes, 3);
	page = pfn_to_page(pa_to_pfn(fault.pa));
	CHECK_EQ(page->flags & (PAGE_TYPE_MASK | PAGE_ALIKE), 0);
}

/*
 * A page is mapped with its own type alone, whether or not its neighbours are known to be like it.
 */
TEST(memtest, windows_have_the_pages_type)
{
	struct page *block = alloc_pages(GFP_HIGHONLY, 9);
	phys_addr_t pa;
	void *va;

	REQUIRE(block);
	pa = page_to_pa(block);
	page_types_unmapped();
	page_types_set(page_to_pfn(block), 512, MT_UNCACHED);
	CHECK_ERR(bigwin_map(pa, &va), EINVAL);
	CHECK_ERR(bigwin_map_pages(pa + PAGE_SIZE, PAGE_SIZE, &va), EINVAL);
	if (CHECK_EQ(bigwin_map_prot(pa, SZ_2M, PAGE_UNCACHED, &va), 0)) {
		CHECK_EQ(walk_ask_mmu((vaddr_t)va, true) >> 56, 0x44);
		bigwin_unmap(va);
	}
	page_types_unmapped();
	page_types_reset(page_to_pfn(block), 512);
	CHECK_ERR(bigwin_map_prot(pa, SZ_2M, PAGE_UNCACHED, &va), EINVAL);
	free_pages(block, 9);
}

FATAL_TEST(page_type.lowmem, "page.type_of_lowmem")
{
	struct page *page = alloc_page(GFP_KERNEL);

	page_types_set(page_to_pfn(page), 1, MT_UNCACHED);
}
