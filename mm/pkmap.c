/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the pkmap: 512 shared windows, each counted:
 *
 *	0	free, and in no TLB
 *	1	no user, but its entry is live and may be in any TLB
 *	n	n - 1 users
 *
 * A page keeps its window at count 1, so that mapping it again costs no table write and
 * no flush; all such windows are taken back together, with one flush, when the search
 * for a free one wraps. A page knows its window's number: a halfword of its own, so that storing
 * it under our lock disturbs nobody's flags. A page that is freed forgets it, and may get another
 * as somebody else's; its old entry stays live, as count 1, until the wrap or pkmap_purge().
 *
 * When all are in use kmap sleeps: pkmap_wait.c.
 *
 * Counts go up from 1 and down to 1 without the lock; from and to 0 only under it.
 * Lock: pkmap.lock, not taken by interrupt code; inside it only a CPU's run queue lock, by a
 * wake-up, and what a broadcast takes.
 */
#include "pkmap.h"

#include <lib/string.h>
#include <mm/page_alloc.h>
#include <mm/pgtable.h>

#define PKMAP_BYTES ((PKMAP_SLOTS + 2) * sizeof(struct pkmap_slot))
#define PKMAP_ORDER 2
STATIC_ASSERT(PKMAP_BYTES <= PAGE_SIZE << PKMAP_ORDER);

struct pkmap pkmap;

/*
 * Takes back every window without users: each count goes from 1 to 0 unless a kmap is
 * faster, then one flush for all, and only then may they be found free.
 * Returns how many it took. Caller holds the lock, interrupts enabled.
 */
static __noinline u32 flush_unused(void)
{
	struct pkmap_slot *slot = &pkmap.slots[PKMAP_SLOTS];
	pte_t *pte = &pkmap.table[PKMAP_SLOTS];
	u32 kept = 0;

#pragma GCC unroll 2
	for (u32 number = PKMAP_SLOTS; number > 0; number--, slot--, pte--) {
		if (unlikely(!pkmap_take_back(slot, pte, number))) {
			kept++;
		}
	}
	if (kept < PKMAP_SLOTS) {
		tlb_flush_range(PKMAP_START, REGION_END(pkmap));
		pkmap.flushes++;
	}
	return PKMAP_SLOTS - kept;
}

u32 pkmap_search(u32 number)
{
	for (u32 tries = PKMAP_SLOTS; tries > 0; tries--, number++) {
		if (number > PKMAP_SLOTS) {
			number = 1;
			if (flush_unused() > 0) {
				tries = PKMAP_SLOTS; /* what was passed by may be free now */
			}
		}
		if (pkmap.slots[number].count == 0) {
			return number;
		}
	}
	return 0;
}

__cold void pkmap_purge(void)
{
	spin_lock(&pkmap.lock);
	(void)flush_unused();
	spin_unlock(&pkmap.lock);
}

/* ---- kmap, kunmap ---- */

/* False: the window has no user. */
static __always_inline bool drop_user(struct pkmap_slot *slot)
{
	if (unlikely(!atomic_dec_above_one(&slot->count))) {
		return false;
	}
	interleave_point(POINT_KUNMAP_COUNTED);
	dmb_ish(); /* the count, before whether one is wanted: pkmap_full() */
	if (unlikely(READ_ONCE(pkmap.waiting))) {
		pkmap_offer(slot);
	}
	return true;
}

/* The page has no window, or lost it this moment: finds one under the lock. */
static __always_inline void *new_window(struct page *page, const bool wait)
{
	u32 number;

	page_check_mappable(page);
	spin_lock(&pkmap.lock);
	number = page->kmap;
	if (unlikely(number != 0)) { /* somebody was faster; only we could take it back */
		atomic_add(&pkmap.slots[number].count, 1);
		goto out;
	}
	number = pkmap.last + 1;
	if (unlikely(pkmap.slots[number].count != 0)) { /* or it is the end */
		number = pkmap.waiting ? 0 : pkmap_search(number);
		if (number == 0) {
			return pkmap_full(page, wait);
		}
	}
	pkmap.last = number;
	pkmap_open(number, page, 1);
out:
	spin_unlock(&pkmap.lock);
	return pkmap_va(number);
}

static __noinline void *kmap_new(struct page *page)
{
	return new_window(page, true);
}

static __noinline __cold void *kmap_try_new(struct page *page)
{
	return new_window(page, false);
}

static __always_inline void *map_page(struct page *page, void *(*new)(struct page *page))
{
	u32 number;

	if (!page_is_high(page)) {
		return lowmem_page_address(page);
	}
	number = page->kmap;
	if (unlikely(number == 0)) {
		return new (page);
	}
	interleave_point(POINT_KMAP_LOOKED);
	/* False: it was taken back, perhaps for another page. With a user more it cannot be. */
	if (unlikely(!atomic_pair_join(&pkmap.slots[number].both, (u32)page))) {
		return new (page);
	}
	interleave_point(POINT_KMAP_COUNTED);
	return pkmap_va(number);
}

void *(kmap)(struct page *page)
{
	if (CONFIG_DEBUG && pkmap.threads && page_is_high(page)) {
		pkmap.threads->may_sleep();
	}
	return map_page(page, kmap_new);
}

__cold void *(kmap_try)(struct page *page)
{
	return map_page(page, kmap_try_new);
}

void(kunmap)(struct page *page)
{
	u32 number;

	if (!page_is_high(page)) {
		return;
	}
	number = page->kmap;
	if (unlikely(number == 0 || !drop_user(&pkmap.slots[number]))) {
		return pkmap_not_mapped(page);
	}
}

void *(page_address)(const struct page *page)
{
	u32 number = page->kmap;

	if (!page_is_high(page)) {
		return lowmem_page_address(page);
	}
	if (number == 0 || READ_ONCE(pkmap.slots[number].count) < 2) {
		return NULL;
	}
	return pkmap_va(number);
}

__cold void pkmap_init(void)
{
	struct page *pages = alloc_pages(GFP_KERNEL, PKMAP_ORDER);

	pkmap.table = kernel_pte_alloc(PKMAP_START);
	if (!pages || !pkmap.table) {
		panic("no memory for the pkmap");
	}
	pkmap.lock = (spinlock_t)SPINLOCK_RANKED(LOCK_RANK_OUTER);
	list_init(&pkmap.waiters);
	pkmap.slots = lowmem_page_address(pages);
	memset(pkmap.slots, 0, PKMAP_BYTES);
	pkmap.slots[PKMAP_SLOTS + 1].count = 1;
	pkmap.table--;
}
