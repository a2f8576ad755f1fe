/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inside the pkmap: the windows, for pkmap.c (mapping and giving back), pkmap_wait.c (when all
 * are in use) and pkmap_query.c (who has which). What the counts mean is in pkmap.c.
 *
 * Lock: pkmap.lock, not taken by interrupt code; inside it only a CPU's run queue lock, by a
 * wake-up, and what a broadcast takes.
 */
#pragma once

#include <arch/atomic.h>
#include <arch/spinlock.h>
#include <arch/stamp.h>
#include <interleave.h>
#include <lib/list.h>
#include <mm/highmem.h>

/*
 * Count and page change together, so that nobody is counted as a user of another page's window:
 * both are 0 while the window is free. The rest says who opened it, and when.
 */
struct pkmap_slot {
	union {
		struct {
			u32 count;
			struct page *page;
		};
		u64 both; /* for atomic_pair_*() */
	};
	const struct thread_core *opener; /* never followed: it may have ended */
	u32 opened_at;			  /* a stamp */
};

struct pkmap {
	/* From 1 to 512, as pages know them; behind them one that is never free. */
	struct pkmap_slot *slots;
	pte_t *table; /* of number 0, which is not ours */
	spinlock_t lock;
	/* the lock guards: */
	u32 last;	     /* where the search goes on */
	u32 flushes;	     /* wraps so far */
	struct list waiters; /* in the order of coming */
	u32 waiting; /* is above 0 if a count that comes down to 1 is wanted; kunmap reads it */
	const struct pkmap_threads *threads; /* NULL: there is nobody who could wait; set at boot */
};
extern struct pkmap pkmap;

static __always_inline void *pkmap_va(u32 number)
{
	return (void *)(PKMAP_START - PAGE_SIZE + number * PAGE_SIZE);
}

/*
 * Takes a window without users away from its page; false: somebody was faster and uses it. It
 * is not free before it is flushed. Caller holds the lock.
 */
static __always_inline bool pkmap_take_back(struct pkmap_slot *slot, pte_t *pte, u32 number)
{
	struct page *page;
	u32 taken;

	if (unlikely(!atomic_pair_take(&slot->both, 1, &taken))) {
		return false;
	}
	page = (struct page *)taken;
	interleave_point(POINT_PKMAP_TAKEN);
	if (page->kmap == number) {
		page->kmap = 0;
	}
	pte_write(pte, pte_none());
	return true;
}

/* Opens a free window, for so many users. Caller holds the lock. */
static __always_inline void pkmap_open(u32 number, struct page *page, u32 users)
{
	struct pkmap_slot *slot = &pkmap.slots[number];

	slot->opened_at = stamp_now();
	slot->opener = current_core();
	pte_write(&pkmap.table[number], pfn_pte(page_to_pfn(page), PAGE_KERNEL));
	dsb_walk(); /* the entry, before the count lets anybody look */
	isb();	    /* and before the caller's access */
	atomic_pair_set(&slot->both, 1 + users, (u32)page);
	page->kmap = (u16)number;
}

/* The first free window from number on, once around. 0: all are in use. Caller holds the lock. */
u32 pkmap_search(u32 number);

/* ---- pkmap_wait.c ---- */

/* What kmap does when none is free: sleeps, if it may. Lock held, dropped on return. */
void *pkmap_full(struct page *page, bool wait);
/* kunmap brought the window's count down to 1, perhaps, while somebody waited, perhaps. */
void pkmap_offer(struct pkmap_slot *slot);

/* ---- pkmap_query.c ---- */

/* BUG "kunmap.not_mapped". Not marked as one that never returns: kunmap jumps to it, and needs no
 * frame for that. */
__cold void pkmap_not_mapped(const struct page *page);
