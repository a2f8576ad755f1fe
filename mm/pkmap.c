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
 * for a free one wraps. A page knows its window's number: a halfword of its
 * own, so that storing it under our lock disturbs nobody's flags. A page that
 * is freed forgets it, and may get another as somebody else's; its old entry stays live, as
 * count 1, until the wrap: who changes a page's type must wait for that.
 *
 * When all are in use, a thread queues itself and sleeps. From then on a count that comes down
 * to 1 is not left there: whoever brought it down takes that window back, flushes it, and opens
 * it for the page of the thread that waits longest, and for all that wait for the same page. So
 * as long as somebody waits no window is free, whoever needs a new one queues behind, and nobody
 * is passed over.
 *
 * Counts go up from 1 and down to 1 without the lock; from and to 0 only under it.
 * Lock: pkmap.lock, not taken by interrupt code; inside it only a CPU's run queue lock, by a
 * wake-up, and what a broadcast takes.
 */
#include <mm/highmem.h>

#include <arch/atomic.h>
#include <arch/spinlock.h>
#include <interleave.h>
#include <lib/list.h>
#include <mm/page_alloc.h>
#include <mm/pgtable.h>

struct pkmap_slot {
	u32 count;
	struct page *page; /* whose window this is, while count is above 0 */
};
STATIC_ASSERT(PKMAP_SLOTS * sizeof(struct pkmap_slot) == PAGE_SIZE);

/* Windows are numbered from 1 to 512, as pages know them: the pointers are biased by one. */
static struct {
	struct pkmap_slot *slots; /* one lowmem page */
	pte_t *table;
	spinlock_t lock;
	/* the lock guards: */
	u32 last;	     /* where the search goes on */
	u32 flushes;	     /* wraps so far */
	struct list waiters; /* in the order of coming */
	u32 waiting; /* is above 0 if a count that comes down to 1 is wanted; kunmap reads it */
	const struct pkmap_threads *threads; /* NULL: there is nobody who could wait; set at boot */
} pkmap;

/* On the stack of a thread that sleeps, until it is served. */
struct pkmap_waiter {
	struct list link;
	struct page *page;
	struct thread_core *thread;
	bool served;
};

static __always_inline void *slot_va(u32 number)
{
	return (void *)(PKMAP_START - PAGE_SIZE + number * PAGE_SIZE);
}

/*
 * Takes a window without users away from its page; false: somebody was faster and uses it. It
 * is not free before it is flushed. Caller holds the lock.
 */
static __always_inline bool take_back(struct pkmap_slot *slot, pte_t *pte, u32 number)
{
	if (unlikely(!atomic_replace(&slot->count, 1, 0))) {
		return false;
	}
	interleave_point(POINT_PKMAP_TAKEN);
	if (slot->page->kmap == number) {
		slot->page->kmap = 0;
	}
	pte_write(pte, pte_none());
	return true;
}

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

	for (u32 number = PKMAP_SLOTS; number > 0; number--, slot--, pte--) {
		if (unlikely(!take_back(slot, pte, number))) {
			kept++;
		}
	}
	if (kept < PKMAP_SLOTS) {
		tlb_flush_range(PKMAP_START, REGION_END(pkmap));
		pkmap.flushes++;
	}
	return PKMAP_SLOTS - kept;
}

/* Searches from number on, around once. 0: all are in use. Caller holds the lock. */
static __noinline u32 search_free(u32 number)
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

/* Opens a free window, for so many users. Caller holds the lock. */
static __always_inline void open_window(u32 number, struct page *page, u32 users)
{
	struct pkmap_slot *slot = &pkmap.slots[number];

	slot->page = page;
	pte_write(&pkmap.table[number], pfn_pte(page_to_pfn(page), PAGE_KERNEL));
	dsb_ishst(); /* whose it is and the entry, before the count lets anybody look */
	isb();	     /* and before the caller's access */
	WRITE_ONCE(slot->count, 1 + users);
	page->kmap = (u16)number;
}

/* ---- when all are in use ---- */

/* For all who wait for the same page as the first. Caller holds the lock; the window is free. */
static void serve_first(u32 number)
{
	struct page *page = list_first(&pkmap.waiters, struct pkmap_waiter, link)->page;
	struct pkmap_waiter *waiter, *next;
	u32 users = 0;

	list_for_each_entry(waiter, &pkmap.waiters, link) {
		users += waiter->page == page;
	}
	open_window(number, page, users);
	WRITE_ONCE(pkmap.waiting, pkmap.waiting - users);
	list_for_each_entry_safe(waiter, next, &pkmap.waiters, link) {
		if (waiter->page == page) {
			list_del(&waiter->link);
			WRITE_ONCE(waiter->served, true);
			pkmap.threads->wake(waiter->thread); /* it stays until we drop the lock */
		}
	}
}

/* kunmap brought the window's count down to 1, perhaps, while somebody waited, perhaps. */
static __noinline void offer_window(struct pkmap_slot *slot)
{
	u32 number = (u32)(slot - pkmap.slots);

	interleave_point(POINT_PKMAP_OFFER);
	spin_lock(&pkmap.lock);
	if (!list_is_empty(&pkmap.waiters) && take_back(slot, &pkmap.table[number], number)) {
		tlb_flush_page((vaddr_t)slot_va(number));
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
		number = search_free(PKMAP_SLOTS + 1); /* begins with taking back */
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
	return slot_va(page->kmap);
}

/* Caller holds the lock, and found none free; dropped on return. */
static __noinline void *kmap_full(struct page *page, bool wait)
{
	u32 number = 0;

	interleave_point(POINT_PKMAP_FULL);
	if (wait && pkmap.threads) {
		number = search_last();
		if (number == 0) {
			return sleep_until_served(page);
		}
		pkmap.last = number;
		open_window(number, page, 1);
	}
	spin_unlock(&pkmap.lock);
	return number ? slot_va(number) : NULL;
}

/* ---- kmap, kunmap ---- */

/* False: the window has no user. */
static __always_inline bool drop_user(struct pkmap_slot *slot)
{
	if (unlikely(!atomic_dec_above_one(&slot->count))) {
		return false;
	}
	interleave_point(POINT_KUNMAP_COUNTED);
	dmb_ish(); /* the count, before whether one is wanted: search_last() */
	if (unlikely(READ_ONCE(pkmap.waiting))) {
		offer_window(slot);
	}
	return true;
}

static __noinline __cold void __noreturn not_mapped(const struct page *page)
{
	bug("kunmap.not_mapped", "page %08x has no mapping to give back", page_to_pfn(page));
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
	if (unlikely(number > PKMAP_SLOTS || pkmap.slots[number].count != 0)) {
		number = pkmap.waiting ? 0 : search_free(number);
		if (number == 0) {
			return kmap_full(page, wait);
		}
	}
	pkmap.last = number;
	open_window(number, page, 1);
out:
	spin_unlock(&pkmap.lock);
	return slot_va(number);
}

static __noinline void *kmap_new(struct page *page)
{
	return new_window(page, true);
}

static __noinline __cold void *kmap_try_new(struct page *page)
{
	return new_window(page, false);
}

/* The window became another page's before we were counted as its user. */
static __noinline void *kmap_again(struct page *page, struct pkmap_slot *slot,
				   void *(*new)(struct page *page))
{
	(void)drop_user(slot);
	return new (page);
}

static __always_inline void *map_page(struct page *page, void *(*new)(struct page *page))
{
	struct pkmap_slot *slot;
	u32 number;

	if (!page_is_high(page)) {
		return lowmem_page_address(page);
	}
	number = page->kmap;
	if (unlikely(number == 0)) {
		return new (page);
	}
	slot = &pkmap.slots[number];
	if (unlikely(!atomic_inc_unless_zero(&slot->count))) {
		return new (page);
	}
	interleave_point(POINT_KMAP_COUNTED);
	/* At 2 or more the window cannot be taken back: what is seen now stays. */
	if (unlikely(READ_ONCE(slot->page) != page)) {
		return kmap_again(page, slot, new);
	}
	return slot_va(number);
}

void *kmap(struct page *page)
{
	if (CONFIG_DEBUG && pkmap.threads && page_is_high(page)) {
		pkmap.threads->may_sleep();
	}
	return map_page(page, kmap_new);
}

void *kmap_try(struct page *page)
{
	return map_page(page, kmap_try_new);
}

void kunmap(struct page *page)
{
	u32 number;

	if (!page_is_high(page)) {
		return;
	}
	number = page->kmap;
	if (unlikely(number == 0 || !drop_user(&pkmap.slots[number]))) {
		not_mapped(page);
	}
}

void *page_address(const struct page *page)
{
	u32 number = page->kmap;

	if (!page_is_high(page)) {
		return lowmem_page_address(page);
	}
	if (number == 0 || READ_ONCE(pkmap.slots[number].count) < 2) {
		return NULL;
	}
	return slot_va(number);
}

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

	*window = (struct pkmap_window){ slot_va(number), READ_ONCE(slot->count), slot->page };
}

const struct pkmap_threads *pkmap_set_threads(const struct pkmap_threads *threads)
{
	const struct pkmap_threads *before = pkmap.threads;

	pkmap.threads = threads;
	return before;
}

__cold void pkmap_init(void)
{
	struct page *page = alloc_page(GFP_KERNEL | GFP_ZERO);

	pkmap.table = kernel_pte_alloc(PKMAP_START);
	if (!page || !pkmap.table) {
		panic("no memory for the pkmap");
	}
	pkmap.lock = (spinlock_t)SPINLOCK_RANKED(LOCK_RANK_OUTER);
	list_init(&pkmap.waiters);
	pkmap.slots = (struct pkmap_slot *)lowmem_page_address(page) - 1;
	pkmap.table--;
}
