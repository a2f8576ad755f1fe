/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Physical ranges, half-open, ascending; those that touch are one. No locks: the owner's business.
 */
#pragma once

#include <phys.h>

struct range {
	phys_addr_t start, end;
};

struct ranges {
	u32 count, room;
	struct range *range;
};

/* Adds what is not in it yet. False: it is full, nothing changed. */
bool __must_check ranges_add(struct ranges *list, phys_addr_t start, phys_addr_t end);

/*
 * The same in a full list: makes the nearest range reach there, so that it covers more than was
 * added.
 */
void ranges_cover(struct ranges *list, phys_addr_t start, phys_addr_t end);

bool ranges_have(const struct ranges *list, phys_addr_t pa);
