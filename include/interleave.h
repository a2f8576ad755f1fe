/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Named points between two steps of a protocol, where a test forces what else only chance brings:
 * an interrupt, a switch, another CPU's step. DEBUG only: elsewhere a point is nothing at all.
 */
#pragma once

#include <types.h>

enum interleave_point {
	POINT_LOCAL_COUNTED,	/* kmap_local: the depth is up, the slot is empty */
	POINT_LOCAL_WRITTEN,	/* the entry is written, its barriers are to come */
	POINT_LOCAL_CLEARED,	/* kunmap_local: the entry is gone, the TLB may have it */
	POINT_LOCAL_FLUSHED,	/* the depth is still up */
	POINT_KMAP_COUNTED,	/* kmap: a user more */
	POINT_KUNMAP_COUNTED,	/* kunmap: a user less; who waits is not looked at yet */
	POINT_PKMAP_FULL,	/* pkmap.lock held from here: no window was found */
	POINT_PKMAP_WANTED,	/* that one is wanted can be seen; the last look is to come */
	POINT_PKMAP_TAKEN,	/* a count went from 1 to 0, the entry is still there */
	POINT_PKMAP_SLEEP,	/* not held: queued, about to sleep */
	POINT_PKMAP_OFFER,	/* kunmap found that one is wanted; the lock is to come */
	POINT_BROADCAST,	/* entries are cleared, the broadcast invalidation is to come */
	POINT_AREA_DROPPED,	/* vfree, vunmap: cleared and lazy */
	POINT_PURGE_TAKEN,	/* vm.purge_lock held from here: the purge has its list */
	POINT_PURGE_FLUSHED,	/* no TLB has it; pages and addresses are not free */
	POINT_PURGE_RELEASED,	/* the pages are free, the addresses are not */
	POINT_TRAP_TRANSLATION, /* a kernel address was not mapped; the MMU is not asked yet */
	POINT_KMAP_LOOKED,	/* kmap: it has the window's number, and no user more yet */
	POINT_TABLE_MISSING,	/* no level-3 table was there; one may be by now */
	POINT_SLAB_LOOKED,	/* kmalloc: whether there are slabs to take from; no lock is held */
	POINT_WOKEN,		/* a waiter was woken; who woke it is inside the queue's lock */
	POINT_THREAD_ENDED,	/* it counts as ended, run queue locked, and is on its stack */
	POINT_THREAD_JOINED,	/* join: its stack is freed next */
	POINT_IDLE_LOOKED,	/* masked: an idle CPU has looked for work elsewhere */
	POINT_SPIN,		/* a spinlock is another's: once each round of waiting for it */
	INTERLEAVE_POINTS
};

/* NULL: nobody forces anything. */
extern void (*interleave_hook)(enum interleave_point point);

static __always_inline void interleave_point(enum interleave_point point)
{
	if (CONFIG_DEBUG) {
		/* Once: it may be taken away between two reads. */
		void (*hook)(enum interleave_point point) = READ_ONCE(interleave_hook);

		if (unlikely(hook)) {
			hook(point);
		}
	}
}
