/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The memory tester's list of ranges, which is filled from what is found bad: beside a map of 64
 * places, one bit each, after every step. A full list refuses, and loses nothing.
 */
#include "fuzz.h"

#include "../host/include/rename.h"

#include "../../kernel/memtest/ranges.h"

#include <lib/string.h>

#define PLACES 64
#define ROOM   6

/* In order, apart from each other, none empty: and exactly the places of the map. */
static void judge(const struct ranges *list, const bool map[PLACES])
{
	FUZZ_CHECK(list->count <= list->room);
	for (u32 i = 0; i < list->count; i++) {
		FUZZ_CHECK(list->range[i].start < list->range[i].end);
		FUZZ_CHECK(i == 0 || list->range[i - 1].end < list->range[i].start);
	}
	for (u32 place = 0; place < PLACES; place++) {
		FUZZ_CHECK(ranges_have(list, place) == map[place]);
	}
}

static void set(bool map[PLACES], u32 start, u32 end)
{
	for (u32 place = start; place < end; place++) {
		map[place] = true;
	}
}

/* ranges_cover() widens the nearest range to hold the new one. */
static void cover(struct ranges *list, bool map[PLACES], u32 start, u32 end)
{
	ranges_cover(list, start, end);
	for (u32 place = 0; place < PLACES; place++) {
		FUZZ_CHECK(!map[place] || ranges_have(list, place));
		map[place] = ranges_have(list, place);
	}
	for (u32 place = start; place < end; place++) {
		FUZZ_CHECK(map[place]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, data + size };
	struct range *room = malloc(ROOM * sizeof(*room));
	struct ranges list = { .range = room, .room = ROOM };
	bool map[PLACES] = { false };

	while (in.at < in.end) {
		u32 start = fuzz_byte(&in) % PLACES, end = start + 1 + fuzz_byte(&in) % 8;

		end = min(end, (u32)PLACES);
		if (end == start) {
			continue;
		}
		if (ranges_add(&list, start, end)) {
			set(map, start, end);
		} else {
			FUZZ_CHECK(list.count == ROOM);
			judge(&list, map);
			cover(&list, map, start, end);
		}
		judge(&list, map);
	}
	free(room);
	return 0;
}
