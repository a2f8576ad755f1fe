/* SPDX-License-Identifier: BSD-2-Clause */
/* Owns the order in a list of physical ranges. Must never lose one that was added. */
#include "ranges.h"

/* Index of the first range that ends at or above pa; count if none does. */
static u32 range_find(const struct ranges *list, phys_addr_t pa)
{
	u32 i = 0;

	while (i < list->count && list->range[i].end < pa) {
		i++;
	}
	return i;
}

bool ranges_add(struct ranges *list, phys_addr_t start, phys_addr_t end)
{
	u32 at = range_find(list, start), next = at;
	struct range *range = list->range;

	for (; next < list->count && range[next].start <= end; next++) {
		start = min(start, range[next].start);
		end = max(end, range[next].end);
	}
	if (next == at) { /* touches none */
		if (list->count == list->room) {
			return false;
		}
		for (u32 i = list->count++; i > at; i--) {
			range[i] = range[i - 1];
		}
	} else { /* one in place of all that it touches */
		u32 gone = next - at - 1;

		list->count -= gone;
		for (u32 i = at + 1; gone && i < list->count; i++) {
			range[i] = range[i + gone];
		}
	}
	range[at] = (struct range){ start, end };
	return true;
}

void ranges_cover(struct ranges *list, phys_addr_t start, phys_addr_t end)
{
	u32 at = range_find(list, start);
	bool below = at == list->count ||
		     (at > 0 && start - list->range[at - 1].end < list->range[at].start - end);

	if (below) {
		start = list->range[at - 1].end;
	} else {
		end = list->range[at].start;
	}
	if (!ranges_add(list, start, end)) {
		return; /* cannot be: it touches one */
	}
}

bool ranges_have(const struct ranges *list, phys_addr_t pa)
{
	u32 i = range_find(list, pa + 1);

	return i < list->count && list->range[i].start <= pa;
}
