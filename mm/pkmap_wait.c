/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns who waits for a pkmap window when all are in use.
 *
 * A thread queues itself and sleeps. From then on a count that comes down
 * to 1 is not left there: whoever brought it down takes that window back, flushes it, and opens
 * it for the page of the thread that waits longest, and for all that wait for the same page. So
 * as long as somebody waits no window is free, whoever needs a new one queues behind, and nobody
 * is passed over. Must never sleep with the lock held.
 */
#include "pkmap.h"

#include <arch/tlb.h>

/* On the stack of a thread that sleeps, until it is served. */
struct pkmap_waiter {
	struct list link;
	struct page *page;
	struct thread_core *thread;
	bool served;
};

/* For all who wait for the same page as the first. Caller holds the lock; the window is free. */
static void serve_first(u32 number)
{
	struct page *page = list_first(&pkmap.waiters, struct pkmap_waiter, link)->page;
	struct pkmap_waiter *waiter, *next;
	u32 users = 0;

	list_for_each_entry(waiter, &pkmap.waiters, link) {
		users += waiter->page == page;
	}
	pkmap_open(number, page, users);
	WRITE_ONCE(pkmap.waiting, pkmap.waiting - users);
	list_for_each_entry_safe(waiter, next, &pkmap.waiters, link) {
		if (waiter->page == page) {
			list_del(&waiter->link);
			WRITE_ONCE(waiter->served, true);
			pkmap.threads->wake(waiter->thread); /* it stays until we drop the lock */
		}
	}
}

void pkmap_offer(struct pkmap_slot *slot)
{
	u32 number = (u32)(slot - pkmap.slots);

	interleave_point(POINT_PKMAP_OFFER);
	spin_lock(&pkmap.lock);
	if (!list_is_empty(&pkmap.waiters) && pkmap_take_back(slot, &pkmap.table[number], number)) {
		tlb_flush_page((vaddr_t)pkmap_va(number));
		serve_first(number);
	}
	spin_unlock(&pkmap.lock);
}

/*
 * The last look before sleeping: a kunmap either finds that it is wanted, or its count is found
 * here. 0: all are in use, and it is on record that we wait. Caller holds the lock.
 */
static u32 search_last(void)
{
	u32 number = 0;

	WRITE_ONCE(pkmap.waiting, pkmap.waiting + 1);
	if (pkmap.waiting == 1) {
		interleave_point(POINT_PKMAP_WANTED);
		dmb_ish(); /* that one is wanted, before the counts are read: kunmap */
		number = pkmap_search(PKMAP_SLOTS + 1); /* begins with taking back */
	}
	if (number != 0) {
		WRITE_ONCE(pkmap.waiting, 0);
	}
	return number;
}

/* Caller holds the lock; dropped on return. */
static void *sleep_until_served(struct page *page)
{
	struct pkmap_waiter self = { .page = page, .thread = current_core() };

	list_add_tail(&self.link, &pkmap.waiters);
	spin_unlock(&pkmap.lock);
	interleave_point(POINT_PKMAP_SLEEP);
	while (!READ_ONCE(self.served)) {
		pkmap.threads->park();
	}
	spin_lock(&pkmap.lock); /* who served us has dropped it */
	spin_unlock(&pkmap.lock);
	isb(); /* the new entry, before our access */
	return pkmap_va(page->kmap);
}

void *pkmap_full(struct page *page, bool wait)
{
	u32 number = 0;

	interleave_point(POINT_PKMAP_FULL);
	if (wait && pkmap.threads) {
		number = search_last();
		if (number == 0) {
			return sleep_until_served(page);
		}
		pkmap.last = number;
		pkmap_open(number, page, 1);
	}
	spin_unlock(&pkmap.lock);
	return number ? pkmap_va(number) : NULL;
}

const struct pkmap_threads *pkmap_set_threads(const struct pkmap_threads *threads)
{
	const struct pkmap_threads *before = pkmap.threads;

	pkmap.threads = threads;
	return before;
}
