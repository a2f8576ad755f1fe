/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ticket spinlocks: fair, real from the first CPU on. spin_lock() also turns preemption
 * off; a lock that interrupt code takes is taken with spin_lock_irqsave() everywhere.
 * The global lock order is in docs/architecture.md.
 *
 * DEBUG=1 remembers the holder: taking a lock twice or dropping one not held is a BUG. A lock
 * may have a rank; then one that is taken while a lock of the same or a higher rank is held is a
 * BUG too. So is one that interrupt code takes, and that anybody takes with interrupts on: the
 * handler that comes then waits for what its own CPU holds.
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
	struct thread_core *holder;
	u32 rank;
	bool in_interrupt, interruptible; /* how it was taken so far */
#endif
} spinlock_t;

/* The lock order in docs/architecture.md, from the outermost; 0 is not checked. */
enum lock_rank {
	LOCK_RANK_NONE,
	LOCK_RANK_MUTEX,    /* mutexes: a thread holds one at a time */
	LOCK_RANK_OUTER,    /* pkmap.lock, vm.purge_lock, shared_lock */
	LOCK_RANK_CALL,	    /* smp_call()'s: a broadcast may need it */
	LOCK_RANK_MEMORY,   /* the allocators' */
	LOCK_RANK_WAIT,	    /* wait queues, sleepers */
	LOCK_RANK_RUNQUEUE, /* one CPU's at a time */
	LOCK_RANK_DEVICE, /* nothing is taken inside: irq.lock, input.lock, run.lock, polled.lock */
	LOCK_RANK_CONSOLE,
};

#define SPINLOCK_INIT     \
	{                 \
		.word = 0 \
	}

#if CONFIG_DEBUG
#define SPINLOCK_RANKED(lock_rank)                  \
	{                                           \
		.word = 0, .rank = (u32)(lock_rank) \
	}
#define SPIN_HOLDER(lock)	   ((lock)->holder)
#define SPIN_SET_HOLDER(lock, who) ((lock)->holder = (who))

/* For any kind of lock. Rank 0 leaves no trace. */
static inline void lock_rank_take(u32 rank)
{
	struct thread_core *core = current_core();

	BUG_ON(rank && core->locks_held >> rank, "lock.order",
	       "a lock of rank %u taken while those of ranks 0x%x are held", rank,
	       core->locks_held);
	core->locks_held |= (1u << rank) & ~1u;
}

static inline void lock_rank_drop(u32 rank)
{
	current_core()->locks_held &= ~(1u << rank);
}
#define SPIN_RANK(lock) ((lock)->rank)

/* Before it is waited for: what it tells of comes once in many boots. */
static inline void spin_check_interrupts(spinlock_t *lock)
{
	if (current_core()->atomic_count >= ATOMIC_IRQ) {
		lock->in_interrupt = true;
	} else if (!irqs_masked()) {
		lock->interruptible = true;
	}
	BUG_ON(lock->in_interrupt && lock->interruptible, "lock.irq_unsafe",
	       "lock %p is taken by interrupt code, and with interrupts on", (void *)lock);
}

/* A run queue's lock is taken by one thread and dropped by the next. */
static inline void spin_hand_over(spinlock_t *lock, struct thread_core *next)
{
	lock_rank_drop(lock->rank);
	next->locks_held |= 1u << lock->rank;
	lock->holder = next;
}
#else
#define SPINLOCK_RANKED(lock_rank)  SPINLOCK_INIT
#define SPIN_HOLDER(lock)	    ((struct thread_core *)NULL)
#define SPIN_SET_HOLDER(lock, who)  ((void)0)
#define SPIN_RANK(lock)		    0
#define spin_check_interrupts(lock) ((void)0)
#define lock_rank_take(rank)	    ((void)0)
#define lock_rank_drop(rank)	    ((void)0)
#define spin_hand_over(lock, next)  ((void)0)
#endif

/* Waits for the turn of the ticket in the upper half, asleep between events. */
void spin_wait(spinlock_t *lock, u32 ticket) __cold;

/* Inline where instructions are counted. Files that only have to be small (-Os) call one copy. */
__hot_inline_or_call void spin_raw_lock(spinlock_t *lock);
__hot_inline_or_call void spin_raw_unlock(spinlock_t *lock);
__hot_inline_or_call void spin_lock(spinlock_t *lock);
__hot_inline_or_call void spin_unlock(spinlock_t *lock);
__hot_inline_or_call u32 __must_check spin_lock_irqsave(spinlock_t *lock);
__hot_inline_or_call void spin_unlock_irqrestore(spinlock_t *lock, u32 flags);

#if HOT_INLINE

static __always_inline void spin_raw_lock(spinlock_t *lock)
{
	u32 ticket, drawn, failed, owner;

	if (CONFIG_DEBUG) {
		BUG_ON(SPIN_HOLDER(lock) == current_core(), "spinlock.recursive",
		       "lock %p taken twice", (void *)lock);
		lock_rank_take(SPIN_RANK(lock));
		spin_check_interrupts(lock);
	}
	__asm__ volatile("1:	ldrex	%0, [%3]\n"
			 "	add	%1, %0, #0x10000\n"
			 "	strex	%2, %1, [%3]\n"
			 "	teq	%2, #0\n"
			 "	bne	1b"
			 : "=&r"(ticket), "=&r"(drawn), "=&r"(failed)
			 : "r"(&lock->word)
			 : "cc", "memory");
	__asm__ volatile("ldrh	%0, %1" : "=r"(owner) : "m"(lock->owner)); /* else: uxth too */
	if (unlikely(owner != ticket >> 16)) {
		spin_wait(lock, ticket);
	}
	dmb_ish(); /* the ticket read, before the section's accesses */
	SPIN_SET_HOLDER(lock, current_core());
}

static __always_inline void spin_raw_unlock(spinlock_t *lock)
{
	if (CONFIG_DEBUG) {
		BUG_ON(SPIN_HOLDER(lock) != current_core(), "spinlock.not_held",
		       "lock %p dropped but not held", (void *)lock);
		lock_rank_drop(SPIN_RANK(lock));
	}
	SPIN_SET_HOLDER(lock, NULL);
	dmb_release(); /* the section's accesses, before the release */
	__asm__ volatile("strh %1, %0" : "=m"(lock->owner) : "r"(lock->owner + 1) : "memory");
	dsb_ishst(); /* the release, before the event: a waiter that wakes must see it */
	__asm__ volatile("sev" : : : "memory");
}

static __always_inline void spin_lock(spinlock_t *lock)
{
	preempt_disable();
	spin_raw_lock(lock);
}

static __always_inline void spin_unlock(spinlock_t *lock)
{
	spin_raw_unlock(lock);
	preempt_enable();
}

static __always_inline u32 spin_lock_irqsave(spinlock_t *lock)
{
	u32 flags = irq_save();

	spin_raw_lock(lock);
	return flags;
}

static __always_inline void spin_unlock_irqrestore(spinlock_t *lock, u32 flags)
{
	spin_raw_unlock(lock);
	irq_restore(flags);
}

#endif
