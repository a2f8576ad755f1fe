/* SPDX-License-Identifier: BSD-2-Clause */
/* Answers who has which pkmap window, without a lock, and says that a page has none. */
#include "pkmap.h"

__cold void pkmap_query(struct pkmap_info *info)
{
	u32 next = pkmap.last + 1;

	*info = (struct pkmap_info){ .flushes = pkmap.flushes,
				     .waiting = READ_ONCE(pkmap.waiting) };
	if (next <= PKMAP_SLOTS && pkmap.slots[next].count == 0) {
		info->next = next;
	}
	for (u32 i = 1; i <= PKMAP_SLOTS; i++) {
		switch (READ_ONCE(pkmap.slots[i].count)) {
		case 0:
			info->free++;
			break;
		case 1:
			info->stale++;
			break;
		default:
			info->used++;
		}
	}
}

void pkmap_window_query(u32 number, struct pkmap_window *window)
{
	const struct pkmap_slot *slot = &pkmap.slots[number];

	*window = (struct pkmap_window){
		.va = pkmap_va(number),
		.count = READ_ONCE(slot->count),
		.page = slot->page,
		.opener = slot->opener,
		.open_ms = stamp_age_ms(slot->opened_at),
	};
}

void pkmap_not_mapped(const struct page *page)
{
	bug("kunmap.not_mapped", "page %08x has no mapping to give back", page_to_pfn(page));
}
