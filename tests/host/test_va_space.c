/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mm/va_space.c against an oracle: a byte per unit that says which allocation owns it. After
 * every operation of the random tests the whole structure is checked, not only its answers.
 */
#include "check.h"
#include <mm/va_space.h>

#define UNITS 4096
#define BASE  1000

static struct va_space space;
static unsigned descriptors; /* made by us, alive */
static struct va_seg *owner[UNITS];

static void donate(void)
{
	va_donate(&space, calloc(1, sizeof(struct va_seg)));
	descriptors++;
}

static void setup(uint32_t start, uint32_t size)
{
	memset(owner, 0, sizeof(owner));
	va_init(&space, calloc(1, sizeof(struct va_seg)), start, size);
	descriptors = 1;
}

static void teardown(void)
{
	struct va_seg *seg;

	while ((seg = va_reclaim(&space))) {
		free(seg);
		descriptors--;
	}
	while ((seg = space.edge.next) != &space.edge) {
		space.edge.next = seg->next;
		free(seg);
		descriptors--;
	}
	CHECK_EQ(descriptors, 0);
}

static struct va_seg *get(uint32_t size)
{
	if (!space.spare) {
		donate();
	}
	return va_alloc(&space, size);
}

static void put(uint32_t start)
{
	struct va_seg *seg = va_take(&space, start);

	CHECK(seg);
	CHECK_EQ(seg->state, VA_TAKEN);
	va_free(&space, seg);
}

/* Segments tile the space; free ones never touch, and hang where their size says; none is lost. */
static void check_structure(uint32_t start, uint32_t size)
{
	const struct va_seg *seg;
	uint32_t at = start;
	unsigned total = 0, listed = 0, hashed = 0, in_use = 0, free_segs = 0, spares = 0;
	unsigned cached = 0, cached_listed = 0;

	for (seg = space.edge.next; seg != &space.edge; seg = seg->next) {
		CHECK_EQ(seg->start, at);
		CHECK(seg->size > 0);
		CHECK(seg->next->prev == seg);
		CHECK(seg->state == VA_FREE || seg->state == VA_ALLOCATED ||
		      seg->state == VA_TAKEN || seg->state == VA_CACHED);
		CHECK(seg->state != VA_FREE || seg->next->state != VA_FREE);
		at += seg->size;
		total++;
		free_segs += seg->state == VA_FREE;
		in_use += seg->state != VA_FREE;
		cached += seg->state == VA_CACHED;
	}
	CHECK_EQ(at, start + size);
	for (unsigned k = 0; k < VA_CLASSES; k++) {
		CHECK_EQ((space.nonempty >> k) & 1, space.free[k] != NULL);
		for (seg = space.free[k]; seg; seg = seg->peer) {
			CHECK_EQ(seg->state, VA_FREE);
			CHECK(*seg->link == seg);
			CHECK_EQ(seg->size >> k, 1);
			listed++;
		}
	}
	for (unsigned h = 0; h < VA_HASH_BUCKETS; h++) {
		for (seg = space.hash[h]; seg; seg = seg->hash_next) {
			CHECK(seg->state != VA_FREE && seg->state != VA_SPARE);
			hashed++;
		}
	}
	for (unsigned size = 0; size <= VA_CACHED_SIZE; size++) {
		for (seg = space.cache[size]; seg; seg = seg->peer) {
			CHECK_EQ(seg->state, VA_CACHED);
			CHECK_EQ(seg->size, size);
			cached_listed++;
		}
	}
	CHECK_EQ(cached_listed, cached);
	CHECK_EQ(space.cached, cached);
	CHECK(cached <= VA_CACHED_MAX);
	for (seg = space.spare; seg; seg = seg->peer) {
		CHECK_EQ(seg->state, VA_SPARE);
		spares++;
	}
	CHECK_EQ(listed, free_segs);
	CHECK_EQ(hashed, in_use);
	CHECK_EQ(spares, space.spares);
	CHECK_EQ(total + spares, descriptors);
}

/* The longest run of units without an owner. */
static uint32_t oracle_largest(uint32_t *free_units)
{
	uint32_t run = 0, best = 0;

	*free_units = 0;
	for (unsigned i = 0; i < UNITS; i++) {
		run = owner[i] ? 0 : run + 1;
		*free_units += !owner[i];
		best = run > best ? run : best;
	}
	return best;
}

static void oracle_claim(struct va_seg *seg)
{
	for (uint32_t i = seg->start - BASE; i < seg->start - BASE + seg->size; i++) {
		CHECK(i < UNITS);
		CHECK(!owner[i]);
		owner[i] = seg;
	}
}

static void oracle_release(const struct va_seg *seg)
{
	for (uint32_t i = seg->start - BASE; i < seg->start - BASE + seg->size; i++) {
		CHECK(owner[i] == seg);
		owner[i] = NULL;
	}
}

static void check_answers(void)
{
	struct va_stats stats;
	uint32_t free_units;
	uint32_t largest = oracle_largest(&free_units);
	uint32_t i = (uint32_t)check_below(UNITS);
	const struct va_seg *at = va_find(&space, BASE + i, false);
	const struct va_seg *above = va_find(&space, BASE + i, true);

	va_query(&space, &stats);
	CHECK_EQ(stats.free_units, free_units);
	CHECK_EQ(stats.largest, largest);
	CHECK(at == owner[i]);
	while (i < UNITS && !owner[i]) {
		i++;
	}
	CHECK(above == (i < UNITS ? owner[i] : NULL));
}

/*
 * Random sizes and order, segments resting in "taken" for a while as lazy areas do. A request is
 * refused exactly when the oracle has no run that long: nothing is lost to the size classes.
 */
TEST(random_against_bitmap)
{
	static struct va_seg *live[UNITS], *taken[UNITS];
	unsigned nlive = 0, ntaken = 0, refused = 0;

	setup(BASE, UNITS);
	for (unsigned step = 0; step < 20000; step++) {
		unsigned phase = (step / 2000) & 1; /* fill, then drain */
		unsigned what = (unsigned)check_below(10);

		if (what < (phase ? 3 : 6)) {
			uint32_t free_units, size = 1 + (uint32_t)check_below(1u << check_below(9));
			uint32_t largest = oracle_largest(&free_units);
			struct va_seg *seg = get(size);

			CHECK_EQ(seg != NULL, size <= largest);
			if (seg) {
				CHECK_EQ(seg->size, size);
				oracle_claim(seg);
				live[nlive++] = seg;
			} else {
				refused++;
			}
		} else if (what < 8 && nlive > 0) {
			unsigned i = (unsigned)check_below(nlive);
			struct va_seg *seg = live[i];

			live[i] = live[--nlive];
			CHECK(va_take(&space, seg->start) == seg);
			CHECK(va_take(&space, seg->start) == NULL);
			taken[ntaken++] = seg;
		} else if (ntaken > 0) {
			unsigned i = (unsigned)check_below(ntaken);
			struct va_seg *seg = taken[i];

			taken[i] = taken[--ntaken];
			oracle_release(seg);
			va_free(&space, seg);
		}
		check_structure(BASE, UNITS);
		check_answers();
	}
	CHECK(refused > 100);
	teardown();
}

/* Whatever the order of freeing, one segment is left in the end. */
TEST(everything_merges)
{
	setup(BASE, UNITS);
	for (unsigned round = 0; round < 50; round++) {
		uint32_t starts[64];
		unsigned n = 0;
		struct va_stats stats;

		while (n < 64) {
			struct va_seg *seg =
				get(1 + (uint32_t)check_below(60)); /* cached ones too */

			CHECK(seg);
			starts[n++] = seg->start;
		}
		while (n > 0) {
			unsigned i = (unsigned)check_below(n);

			put(starts[i]);
			starts[i] = starts[--n];
			check_structure(BASE, UNITS);
		}
		va_query(&space, &stats);
		CHECK_EQ(stats.free_pieces, 1);
		CHECK_EQ(stats.largest, UNITS);
		if (round % 2) {
			va_trim(&space);
			CHECK_EQ(space.cached, 0);
			check_structure(BASE, UNITS);
			CHECK(space.edge.next == space.edge.prev);
		}
	}
	teardown();
}

TEST(exhaustion_and_exact_fit)
{
	struct va_stats stats;

	setup(0, 96);
	for (unsigned i = 0; i < 32; i++) {
		CHECK_EQ(get(3)->start, 3 * i);
	}
	CHECK(!get(1));
	va_query(&space, &stats);
	CHECK_EQ(stats.free_pieces, 0);
	put(9); /* a hole of 3 in the middle: exact fit, then too large, then split */
	CHECK(!get(4));
	CHECK_EQ(get(3)->start, 9);
	put(9);
	CHECK_EQ(get(2)->start, 9);
	CHECK_EQ(get(1)->start, 11);
	CHECK(!get(1));
	check_structure(0, 96);
	teardown();
}

/* 5 units free are in the same class as a request for 6 or 7: looked at, not trusted. */
TEST(fit_within_the_same_class)
{
	setup(0, 40);
	CHECK_EQ(get(5)->start, 0);
	CHECK_EQ(get(1)->start, 5);
	CHECK_EQ(get(7)->start, 6);
	CHECK_EQ(get(1)->start, 13);
	CHECK_EQ(get(26)->start, 14);
	put(6);
	put(0); /* head of the list of class 4-7 is the 5 now */
	CHECK_EQ(get(6)->start, 6);
	CHECK_EQ(get(5)->start, 0);
	CHECK_EQ(get(1)->start, 12);
	CHECK(!get(1));
	check_structure(0, 40);
	teardown();
}

/* A small segment comes back whole, with its owner's note; a new range has none. */
TEST(cached_segments)
{
	struct va_seg *seg;
	int note;

	setup(0, 1000);
	seg = get(5);
	CHECK(!seg->owner);
	seg->owner = &note;
	put(seg->start);
	CHECK_EQ(space.cached, 1);
	CHECK(!va_take(&space, 0)); /* freed twice */
	CHECK(!va_find(&space, 2, false));
	CHECK(get(4) != seg);
	CHECK(get(5) == seg);
	CHECK(seg->owner == &note);
	put(0);
	CHECK(va_trim(&space));
	CHECK(!va_trim(&space));
	seg = get(5);
	CHECK_EQ(seg->start, 0);
	CHECK(!seg->owner);
	CHECK_EQ(get(VA_CACHED_SIZE + 1)->start, 9);
	put(9);
	CHECK_EQ(space.cached, 0);
	check_structure(0, 1000);
	teardown();
}

/* The cache is bounded, and what it keeps is given up before a request fails. */
TEST(cache_yields)
{
	setup(0, 4 * VA_CACHED_MAX);
	for (unsigned i = 0; i < 2 * VA_CACHED_MAX; i++) {
		CHECK(get(2));
	}
	CHECK(!get(1));
	for (unsigned i = 0; i < 2 * VA_CACHED_MAX; i++) {
		put(2 * i);
		check_structure(0, 4 * VA_CACHED_MAX);
	}
	CHECK_EQ(space.cached, VA_CACHED_MAX);
	CHECK_EQ(get(4 * VA_CACHED_MAX)->start, 0);
	CHECK_EQ(space.cached, 0);
	teardown();
}

/* Without a descriptor a split is refused and nothing changes; an exact fit needs none. */
TEST(no_descriptor)
{
	setup(0, 8);
	CHECK(!va_alloc(&space, 3));
	check_structure(0, 8);
	CHECK_EQ(va_alloc(&space, 8)->start, 0);
	put(0);
	check_structure(0, 8);
	teardown();
}

TEST(senseless_requests)
{
	setup(BASE, UNITS);
	donate();
	CHECK(!va_alloc(&space, 0));
	CHECK(!va_alloc(&space, UNITS + 1));
	CHECK(!va_alloc(&space, 0x80000000u));
	CHECK(!va_alloc(&space, 0xffffffffu));
	CHECK(!va_take(&space, BASE));
	CHECK_EQ(get(4)->start, BASE);
	CHECK(!va_take(&space, BASE + 1));
	CHECK(!va_take(&space, BASE + 4));
	CHECK(!va_find(&space, BASE - 1, false));
	CHECK(va_find(&space, BASE + 3, false));
	CHECK(!va_find(&space, BASE + 4, true));
	check_structure(BASE, UNITS);
	teardown();
}

/* The top of a 32-bit space, counted in pages: ends do not wrap. */
TEST(top_of_the_address_space)
{
	setup(0xfffffff0u, 15);
	CHECK_EQ(get(8)->start, 0xfffffff0u);
	CHECK_EQ(get(7)->start, 0xfffffff8u);
	CHECK(va_find(&space, 0xfffffffeu, false));
	CHECK(!va_find(&space, 0xffffffffu, true));
	put(0xfffffff8u);
	put(0xfffffff0u);
	check_structure(0xfffffff0u, 15);
	teardown();
}
