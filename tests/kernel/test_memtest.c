/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The memory tester finds what is wrong: between writing and verifying we change memory
 * behind its back, through another kind of window, as a broken chip would.
 */
#include <kernel/memtest.h>
#include <kernel/test.h>
#include <mm/highmem.h>

static struct {
	const char *during; /* pattern */
	void (*damage)(struct page *page);

	phys_addr_t page_pa; /* what was damaged */
	u32 words;	     /* reported */
	u32 misplaced;	     /* not of that page */
	phys_addr_t pa;
	u64 expected, got; /* the last one */
} fault;

static void on_bad(phys_addr_t pa, u64 expected, u64 got)
{
	fault.words++;
	fault.misplaced += pa_align_down(pa, PAGE_SIZE) != fault.page_pa;
	fault.pa = pa;
	fault.expected = expected;
	fault.got = got;
}

/* The largest block's fourth page, say. */
static void between(const char *pattern, pfn_t block)
{
	if (strcmp(pattern, fault.during) == 0) {
		struct page *page = pfn_to_page(block) + 3;

		fault.page_pa = page_to_pa(page);
		fault.damage(page);
	}
}

static void test_with(const char *during, void (*damage)(struct page *page),
		      struct memtest_result *result)
{
	const struct memtest_options options = {
		.max_pages = 1234,
		.between = between,
		.bad = on_bad,
	};

	fault = (__typeof__(fault)){ .during = during, .damage = damage };
	memtest_run(&options, result);
}

static void no_damage(struct page *page)
{
	(void)page;
}

static void flip_low_bit(struct page *page)
{
	u32 *words = kmap_local_page(page);

	words[256] ^= 1u << 4;
	kunmap_local(words);
}

static void flip_high_bit_of_last_word(struct page *page)
{
	u32 *words = kmap_local_page(page);

	words[PAGE_SIZE / 4 - 1] ^= 1u << 31;
	kunmap_local(words);
}

/* As if an address line were stuck: a page shows its neighbour's contents. */
static void alias_neighbour(struct page *page)
{
	copy_highpage(page, page + 1);
}

/* Good memory: all of it tested, nothing found, every order of blocks among it. */
TEST(memtest, sound_memory_passes)
{
	struct memtest_result result;

	test_with("address", no_damage, &result);
	CHECK_EQ(result.errors, 0);
	CHECK_EQ(result.tested, 1234ull * PAGE_SIZE);
	CHECK_EQ(result.refused, 0);
	CHECK(fault.page_pa != 0);
}

TEST(memtest, finds_a_flipped_bit)
{
	struct memtest_result result;

	test_with("address", flip_low_bit, &result);
	CHECK_EQ(result.errors, 1);
	CHECK_EQ(fault.words, 1);
	CHECK_EQ(fault.pa, fault.page_pa + 1024);
	CHECK_EQ(fault.expected, fault.pa);
	CHECK_EQ(fault.got, fault.pa ^ 0x10);
}

TEST(memtest, finds_a_flipped_bit_in_the_inverse)
{
	struct memtest_result result;

	test_with("inverse", flip_high_bit_of_last_word, &result);
	CHECK_EQ(result.errors, 1);
	CHECK_EQ(fault.words, 1);
	CHECK_EQ(fault.pa, fault.page_pa + PAGE_SIZE - 8);
	CHECK_EQ(fault.expected, ~fault.pa);	     /* pa-ok: the pattern, not an address */
	CHECK_EQ(fault.got, ~fault.pa ^ 1ull << 63); /* pa-ok: the pattern, not an address */
}

/* Every word tells which other place it was found to be. */
TEST(memtest, names_the_alias)
{
	struct memtest_result result;

	test_with("address", alias_neighbour, &result);
	CHECK_EQ(result.errors, PAGE_SIZE / 8);
	CHECK_EQ(fault.misplaced, 0);
	CHECK_EQ(fault.got, fault.pa + PAGE_SIZE);
}
