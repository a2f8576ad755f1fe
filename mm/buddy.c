/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the lists of free blocks. Must never look at a struct page outside the zone, nor
 * touch the pages themselves. Written once per block, however large: the pages inside it
 * stay as they are.
 */
#include <mm/buddy.h>

#include <bug.h>

#define STRUCT_PAGE_SHIFT 4
STATIC_ASSERT(sizeof(struct page) == 1u << STRUCT_PAGE_SHIFT);

/* The other half of the block of order + 1 that a block of this order lies in. */
static inline struct page *buddy_of(const struct page *page, u32 order)
{
	return (struct page *)((vaddr_t)page ^ (1u << STRUCT_PAGE_SHIFT << order));
}

static inline u32 free_flags(u32 order)
{
	return PAGE_BUDDY | order << PAGE_ORDER_SHIFT;
}

static inline void list_push(struct buddy *buddy, struct page *page, u32 order)
{
	struct page *head = buddy->free[order];

	page->flags = free_flags(order);
	page->prev = 0;
	page->next = 0;
	if (head) {
		page->next = page_to_pfn(head);
		head->prev = page_to_pfn(page);
	}
	buddy->free[order] = page;
	buddy->nonempty |= 1u << order;
}

static inline void list_remove(struct buddy *buddy, struct page *page, u32 order)
{
	struct page *next = page->next ? pfn_to_page(page->next) : NULL;

	BUG_ON(page->flags != free_flags(order), "buddy.corrupt",
	       "page %p on the list of order %u has flags 0x%x", (void *)page, order, page->flags);
	page->flags = PAGE_INSIDE;
	if (next) {
		next->prev = page->prev;
	}
	if (page->prev) {
		pfn_to_page(page->prev)->next = page->next;
		return;
	}
	buddy->free[order] = next;
	if (!next) {
		buddy->nonempty &= ~(1u << order);
	}
}

void buddy_init(struct buddy *buddy, const struct page *start, const struct page *end)
{
	*buddy = (struct buddy){ .start = start, .end = end };
}

struct page *buddy_alloc(struct buddy *buddy, u32 order)
{
	u32 usable = buddy->nonempty >> order << order;
	struct page *page;
	u32 k;

	if (usable == 0) {
		return NULL;
	}
	k = (u32)__builtin_ctz(usable);
	page = buddy->free[k];
	list_remove(buddy, page, k);
	buddy->free_pages -= 1u << order;
	while (k > order) {
		k--;
		list_push(buddy, page, k);
		page += 1u << k;
	}
	return page;
}

struct page *buddy_alloc_small(struct buddy *buddy, u32 *order)
{
	if (buddy->nonempty == 0) {
		return NULL;
	}
	*order = min(*order, (u32)__builtin_ctz(buddy->nonempty));
	return buddy_alloc(buddy, *order);
}

void buddy_free(struct buddy *buddy, struct page *page, u32 order)
{
	buddy->free_pages += 1u << order;
	while (order < MAX_ORDER) {
		struct page *other = buddy_of(page, order);

		if (other->flags != free_flags(order) || other < buddy->start ||
		    other >= buddy->end) {
			break;
		}
		list_remove(buddy, other, order);
		page = min(page, other);
		order++;
	}
	list_push(buddy, page, order);
}

void buddy_free_run(struct buddy *buddy, struct page *page, u32 pages)
{
	while (pages > 0) {
		u32 aligned = (u32)__builtin_ctz((u32)((vaddr_t)page >> STRUCT_PAGE_SHIFT) |
						 1u << MAX_ORDER);
		u32 order = min(aligned, 31 - (u32)__builtin_clz(pages));

		buddy_free(buddy, page, order);
		page += 1u << order;
		pages -= 1u << order;
	}
}
