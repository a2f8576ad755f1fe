/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ticket spinlocks: fair, real from the first CPU on. spin_lock() also turns preemption
 * off; a lock that interrupt code takes is taken with spin_lock_irqsave() everywhere.
 * The global lock order is in docs/architecture.md.
 *
 * DEBUG=1 remembers the holder: taking a lock twice or dropping one not held is a BUG.
 */
#pragma once

#include <arch/barrier.h>
#include <arch/current.h>
#include <arch/irqflags.h>
#include <bug.h>

typedef struct {
	union {
		u32 word;
		struct {
			u16 owner; /* the ticket that may enter */
			u16 next;  /* the ticket the next comer draws */
		};
	};
#if CONFIG_DEBUG
	const struct thread_core *holder;
#endif
} spinlock_t;

#define SPINLOCK_INIT     \
	{                 \
		.word = 0 \
	}

#if CONFIG_DEBUG
#define SPIN_HOLDER(lock)	   ((lock)->holder)
#define SPIN_SET_HOLDER(lock, who) ((lock)->holder = (who))
#else
#define SPIN_HOLDER(lock)	   ((const struct thread_core *)NULL)
#define SPIN_SET_HOLDER(lock, who) ((void)0)
#endif

/* Waits for the turn of the ticket in the upper half, asleep between events. */
void spin_wait(spinlock_t *lock, u32 ticket) __cold;

static __hot_inline void spin_raw_lock(spinlock_t *lock)
{
	u32 ticket, drawn, failed;

	if (CONFIG_DEBUG) {
		BUG_ON(SPIN_HOLDER(lock) == current_core(), "spinlock.recursive",
		       "lock %p taken twice", (void *)lock);
	}
	__asm__ volatile("1:	ldrex	%0, [%3]\n"
			 "	add	%1, %0, #0x10000\n"
			 "	strex	%2, %1, [%3]\n"
			 "	teq	%2, #0\n"
			 "	bne	1b"
			 : "=&r"(ticket), "=&r"(drawn), "=&r"(failed)
			 : "r"(&lock->word)
			 : "cc", "memory");
	if (unlikely(READ_ONCE(lock->owner) != ticket >> 16)) {
		spin_wait(lock, ticket);
	}
	dmb_ish(); /* the ticket read, before the section's accesses */
	SPIN_SET_HOLDER(lock, current_core());
}

static __hot_inline void spin_raw_unlock(spinlock_t *lock)
{
	if (CONFIG_DEBUG) {
		BUG_ON(SPIN_HOLDER(lock) != current_core(), "spinlock.not_held",
		       "lock %p dropped but not held", (void *)lock);
	}
	SPIN_SET_HOLDER(lock, NULL);
	dmb_ish(); /* the section's accesses, before the release */
	__asm__ volatile("strh %1, %0" : "=m"(lock->owner) : "r"(lock->owner + 1) : "memory");
	dsb_ishst(); /* the release, before the event: a waiter that wakes must see it */
	__asm__ volatile("sev" : : : "memory");
}

static __hot_inline void spin_lock(spinlock_t *lock)
{
	preempt_disable();
	spin_raw_lock(lock);
}

static __hot_inline void spin_unlock(spinlock_t *lock)
{
	spin_raw_unlock(lock);
	preempt_enable();
}

static __hot_inline __must_check u32 spin_lock_irqsave(spinlock_t *lock)
{
	u32 flags = irq_save();

	spin_raw_lock(lock);
	return flags;
}

static __hot_inline void spin_unlock_irqrestore(spinlock_t *lock, u32 flags)
{
	spin_raw_unlock(lock);
	irq_restore(flags);
}
