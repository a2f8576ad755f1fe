/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mm/memblock.c against an oracle: a byte per unit of a small window of physical memory, which says
 * what that unit is. The window lies across the 4 GiB line, so cut addresses show.
 */
#include "check.h"
#include <errno.h>
#include <mm/memblock.h>

#define UNITS  512
#define ORIGIN 0xffffff00ull
#define RAM    1
#define TAKEN  2
#define NOMAP  4

static unsigned char unit[UNITS];

static void setup(void)
{
	memset(&memblock, 0, sizeof(memblock));
	memset(unit, 0, sizeof(unit));
}

static void check_list(const struct memblock_list *list, int bit)
{
	unsigned covered = 0, expected = 0;

	CHECK(list->count <= MEMBLOCK_MAX_RANGES);
	for (unsigned i = 0; i < list->count; i++) {
		const struct memblock_range *r = &list->range[i];

		CHECK(r->size > 0);
		CHECK(i == 0 || r[-1].start + r[-1].size < r->start ||
		      (r[-1].start + r[-1].size == r->start && r[-1].flags != r->flags));
		for (phys_addr_t pa = r->start; pa < r->start + r->size; pa++) {
			CHECK(pa >= ORIGIN && pa < ORIGIN + UNITS);
			CHECK(unit[pa - ORIGIN] & bit);
			CHECK_EQ((unit[pa - ORIGIN] & NOMAP) != 0 && bit == TAKEN,
				 (r->flags & MEMBLOCK_NOMAP) != 0);
		}
		covered += (unsigned)r->size;
	}
	for (unsigned i = 0; i < UNITS; i++) {
		expected += (unit[i] & bit) != 0;
	}
	CHECK_EQ(covered, expected);
}

static unsigned count_units(unsigned start, unsigned size, int mask, int value)
{
	unsigned n = 0;

	for (unsigned i = start; i < start + size; i++) {
		n += (unit[i] & mask) == value;
	}
	return n;
}

static void check_queries(void)
{
	unsigned start = (unsigned)check_below(UNITS),
		 size = 1 + (unsigned)check_below(UNITS - start);
	phys_addr_t pa = ORIGIN + start, end = pa + size, from = pa, at, bytes;
	unsigned next = start;

	CHECK_EQ(memblock_is_ram(pa, size), count_units(start, size, RAM, RAM) == size);
	CHECK_EQ(memblock_has_ram(pa, size), count_units(start, size, RAM, RAM) != 0);
	CHECK_EQ(memblock_is_reserved(pa, size), count_units(start, size, TAKEN, TAKEN) != 0);
	CHECK_EQ(memblock_is_nomap(pa, size), count_units(start, size, NOMAP, NOMAP) != 0);
	CHECK_EQ(memblock_total(), count_units(0, UNITS, RAM, RAM));
	CHECK_EQ(memblock_reserved_total(), count_units(0, UNITS, RAM | TAKEN, RAM | TAKEN));

	/* Each free unit exactly once, in order, and the pieces as long as they can be. */
	while (memblock_next_free(&from, end, &at, &bytes)) {
		unsigned first = (unsigned)(at - ORIGIN);

		CHECK(bytes > 0 && at + bytes <= end && first >= next);
		CHECK_EQ(from, at + bytes);
		CHECK_EQ(count_units(next, first - next, RAM | TAKEN, RAM), 0);
		CHECK_EQ(count_units(first, (unsigned)bytes, RAM | TAKEN, RAM), bytes);
		next = first + (unsigned)bytes;
		CHECK(at + bytes == end || (unit[next] & (RAM | TAKEN)) != RAM);
	}
	CHECK_EQ(from, end);
	CHECK_EQ(count_units(next, start + size - next, RAM | TAKEN, RAM), 0);
}

/* The highest place that fits, or UNITS. */
static unsigned oracle_place(unsigned size, unsigned align, unsigned low, unsigned high)
{
	for (unsigned at = UNITS - size + 1; at-- > 0;) {
		if (at >= low && at + size <= high && (ORIGIN + at) % align == 0 &&
		    count_units(at, size, RAM | TAKEN, RAM) == size) {
			return at;
		}
	}
	return UNITS;
}

static void random_alloc(void)
{
	unsigned size = 1 + (unsigned)check_below(40), align = 1u << check_below(6);
	unsigned low = (unsigned)check_below(UNITS), high = (unsigned)check_below(UNITS + 1);
	unsigned want = oracle_place(size, align, low, high);
	bool room = memblock.reserved.count + 3 <= MEMBLOCK_MAX_RANGES;
	phys_addr_t pa = memblock_alloc_range(size, align, ORIGIN + low, ORIGIN + high);

	if (want == UNITS) {
		CHECK_EQ(pa, 0);
	} else if (room || pa != 0) {
		CHECK_EQ(pa, ORIGIN + want);
		memset(unit + want, RAM | TAKEN, size);
	}
}

static void random_operation(void)
{
	unsigned start = (unsigned)check_below(UNITS);
	unsigned size = 1 + (unsigned)check_below(check_below(8) ? 20 : UNITS);
	unsigned i, flags = (unsigned)check_below(2) * MEMBLOCK_NOMAP;
	int error;

	size = size > UNITS - start ? UNITS - start : size;
	switch (check_below(5)) {
	case 0:
		error = memblock_add(ORIGIN + start, size);
		if (count_units(start, size, RAM, RAM) != 0) {
			CHECK_EQ(error, -EEXIST);
		} else if (error == 0) {
			for (i = start; i < start + size; i++) {
				unit[i] |= RAM;
			}
		} else {
			CHECK_EQ(error, -ENOSPC);
			CHECK_EQ(memblock.memory.count, MEMBLOCK_MAX_RANGES);
		}
		break;
	case 1:
		error = memblock_reserve(ORIGIN + start, size, flags);
		if (error == 0) {
			for (i = start; i < start + size; i++) {
				unit[i] |= flags ? TAKEN | NOMAP : TAKEN;
			}
		} else {
			CHECK_EQ(error, -ENOSPC);
			CHECK(memblock.reserved.count > MEMBLOCK_MAX_RANGES / 2 - 2);
		}
		break;
	case 2:
	case 3:
		error = memblock_free(ORIGIN + start, size);
		if (count_units(start, size, TAKEN, TAKEN) != size) {
			CHECK_EQ(error, -EINVAL);
		} else if (error == 0) {
			for (i = start; i < start + size; i++) {
				unit[i] &= RAM;
			}
		} else {
			CHECK_EQ(error, -ENOSPC);
			CHECK(memblock.reserved.count + 2 > MEMBLOCK_MAX_RANGES);
		}
		break;
	default:
		random_alloc();
	}
}

TEST(random_against_map)
{
	for (unsigned round = 0; round < 20; round++) {
		setup();
		for (unsigned step = 0; step < 1500; step++) {
			random_operation();
			check_list(&memblock.memory, RAM);
			check_list(&memblock.reserved, TAKEN);
			check_queries();
		}
	}
}

TEST(limit_counts_ram_from_the_lowest_bank)
{
	for (unsigned limit = 0; limit < 40; limit++) {
		unsigned left = limit;

		setup();
		CHECK_EQ(memblock_add(ORIGIN + 50, 10), 0);
		CHECK_EQ(memblock_add(ORIGIN, 12), 0);
		CHECK_EQ(memblock_add(ORIGIN + 100, 5), 0);
		memblock_limit(limit);
		for (unsigned i = 0; i < UNITS; i++) {
			bool bank = i < 12 || (i >= 50 && i < 60) || (i >= 100 && i < 105);

			unit[i] = bank && left > 0 ? (left--, RAM) : 0;
		}
		check_list(&memblock.memory, RAM);
		CHECK_EQ(memblock_total(), limit < 27 ? limit : 27);
	}
}

TEST(edges_of_forty_bits)
{
	setup();
	CHECK_EQ(memblock_add(PHYS_END - 8, 9), -ERANGE);
	CHECK_EQ(memblock_add(~0ull, 2), -ERANGE);
	CHECK_EQ(memblock_add(8, ~0ull), -ERANGE);
	CHECK_EQ(memblock_reserve(PHYS_END + 1, 0, 0), -ERANGE);
	CHECK_EQ(memblock_reserve(~0ull - 5, 100, 0), -ERANGE);
	CHECK_EQ(memblock_free(4, ~0ull - 2), -ERANGE);
	CHECK_EQ(memblock.memory.count + memblock.reserved.count, 0);
	CHECK_EQ(memblock_add(PHYS_END - 8, 8), 0);
	CHECK_EQ(memblock_end(), PHYS_END);
	CHECK_EQ(memblock_start(), PHYS_END - 8);
	CHECK_EQ(memblock_alloc_range(4, 4, 0, ~0ull), PHYS_END - 4);
	CHECK_EQ(memblock_alloc_range(8, 4, 0, ~0ull), 0);
	CHECK(!memblock_is_ram(PHYS_END - 8, ~0ull));
	CHECK(memblock_is_reserved(PHYS_END - 5, ~0ull));
}

/* The page at 0 is RAM on some boards, and 0 is "no memory". */
TEST(zero_is_never_given)
{
	setup();
	CHECK_EQ(memblock_add(0, 2), 0);
	CHECK_EQ(memblock_alloc_range(2, 1, 0, 16), 0);
	CHECK_EQ(memblock_alloc_range(1, 1, 0, 16), 1);
	CHECK_EQ(memblock_alloc_range(1, 1, 0, 16), 0);
	CHECK_EQ(memblock_alloc_range(0, 1, 0, 16), 0);
	CHECK_EQ(memblock_reserved_total(), 1);
}

TEST(empty_ranges_change_nothing)
{
	setup();
	CHECK_EQ(memblock_add(100, 0), 0);
	CHECK_EQ(memblock_reserve(100, 0, MEMBLOCK_NOMAP), 0);
	CHECK_EQ(memblock_free(100, 0), 0);
	CHECK_EQ(memblock.memory.count + memblock.reserved.count, 0);
	CHECK_EQ(memblock_start() + memblock_end() + memblock_total(), 0);
	CHECK(!memblock_is_nomap(100, 0) && !memblock_has_ram(0, ~0ull));
}

TEST(full_lists_refuse_and_keep)
{
	struct memblock before;

	setup();
	for (unsigned i = 0; i < MEMBLOCK_MAX_RANGES; i++) {
		CHECK_EQ(memblock_add(ORIGIN + i * 4, 2), 0);
	}
	before = memblock;
	CHECK_EQ(memblock_add(ORIGIN + UNITS, 1), -ENOSPC);
	CHECK_EQ(memcmp(&before, &memblock, sizeof(before)), 0);
	for (unsigned i = 0; i < MEMBLOCK_MAX_RANGES - 2; i++) {
		CHECK_EQ(memblock_reserve(ORIGIN + i * 4, 2, 0), 0);
	}
	before = memblock;
	CHECK_EQ(memblock_reserve(ORIGIN + UNITS, 1, 0), -ENOSPC);
	CHECK_EQ(memblock_reserve(ORIGIN, UNITS, 0), -ENOSPC);
	CHECK_EQ(memcmp(&before, &memblock, sizeof(before)), 0);
	memblock_clear_memory();
	CHECK_EQ(memblock_total(), 0);
}
