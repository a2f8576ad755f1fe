/* SPDX-License-Identifier: BSD-2-Clause */
/* kernel/memtest/ranges.c against a map of bytes. */
#include "check.h"
#include "../../kernel/memtest/ranges.h"
#include <string.h>

#define BYTES 400
#define BASE  0xfffffff00ull /* the map lies across a 4 GiB boundary of a kind */
#define ROOM  12

static unsigned char map[BYTES];
static struct range places[ROOM];
static struct ranges list;

static void setup(void)
{
	memset(map, 0, sizeof(map));
	list = (struct ranges){ .room = ROOM, .range = places };
}

static void mark(u32 from, u32 to)
{
	memset(map + from, 1, to - from);
}

static u32 runs_in_map(void)
{
	u32 runs = 0;

	for (u32 i = 0; i < BYTES; i++) {
		runs += map[i] && (i == 0 || !map[i - 1]);
	}
	return runs;
}

/* Ascending, apart from each other, and exactly the map. */
static void compare(void)
{
	CHECK_EQ(list.count, runs_in_map());
	for (u32 i = 0; i < list.count; i++) {
		CHECK(list.range[i].start < list.range[i].end);
		CHECK(i == 0 || list.range[i - 1].end < list.range[i].start);
	}
	for (u32 i = 0; i < BYTES; i++) {
		CHECK_EQ(ranges_have(&list, BASE + i), map[i]);
	}
}

static u32 next(u32 *seed, u32 below)
{
	*seed = *seed * 1664525 + 1013904223;
	return (*seed >> 8) % below;
}

TEST(any_order_any_overlap)
{
	for (u32 round = 0; round < 300; round++) {
		u32 seed = round;

		setup();
		for (u32 i = 0; i < 40; i++) {
			u32 from = next(&seed, BYTES - 1),
			    to = from + 1 + next(&seed, 1 + round % 60);

			to = to > BYTES ? BYTES : to;
			if (ranges_add(&list, BASE + from, BASE + to)) {
				mark(from, to);
			} else {
				CHECK_EQ(list.count, ROOM);
			}
			compare();
		}
	}
}

/* A full list covers what it was given, and grows to the nearer neighbour. */
TEST(full_list_covers)
{
	setup();
	for (u32 i = 0; i < ROOM; i++) {
		CHECK(ranges_add(&list, BASE + 20 * i + 10, BASE + 20 * i + 12));
		mark(20 * i + 10, 20 * i + 12);
	}
	CHECK(!ranges_add(&list, BASE + 18, BASE + 19));
	compare();
	ranges_cover(&list, BASE + 16, BASE + 17); /* 4 above the first, 13 below the second */
	mark(12, 17);
	compare();
	ranges_cover(&list, BASE + 46, BASE + 47); /* nearer to the one above */
	mark(46, 50);
	compare();
	ranges_cover(&list, BASE + 2, BASE + 4); /* below all */
	mark(2, 10);
	compare();
	ranges_cover(&list, BASE + 300, BASE + 308); /* above all */
	mark(232, 308);
	compare();
}

/* What fills a gap makes one of two, in a full list too. */
TEST(gap_closes)
{
	setup();
	for (u32 i = 0; i < ROOM; i++) {
		CHECK(ranges_add(&list, BASE + 20 * i, BASE + 20 * i + 12));
		mark(20 * i, 20 * i + 12);
	}
	CHECK(ranges_add(&list, BASE + 12, BASE + 20));
	mark(12, 20);
	compare();
	CHECK_EQ(list.count, ROOM - 1);
}
