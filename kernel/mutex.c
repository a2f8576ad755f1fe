/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the mutex: a word for who comes when it is free, a wait queue for the others. It is
 * handed over, never free while somebody waits, so the longest waiter is next and nobody starves.
 *
 * Locks: the mutex's own wait_queue.lock, not taken by interrupt code.
 */
#include <kernel/wait.h>

#include <arch/atomic.h>
#include <bug.h>
#include <interleave.h>
#include <kernel/sched.h>

enum { MUTEX_FREE, MUTEX_HELD, MUTEX_WAITED };

void mutex_init(struct mutex *mutex)
{
	*mutex = (struct mutex){ .state = MUTEX_FREE };
	wait_queue_init(&mutex->queue);
}

static inline void take(struct mutex *mutex, struct thread *self)
{
	mutex->owner = self;
	if (CONFIG_DEBUG) {
		self->mutexes++;
	}
}

static __noinline void wait_for(struct mutex *mutex, struct thread *self)
{
	struct waiter waiter = { .thread = self };
	u32 flags = spin_lock_irqsave(&mutex->queue.lock);

	/* Under the lock it goes between free and held at will, but no more from 2. */
	for (;;) {
		if (atomic_replace(&mutex->state, MUTEX_FREE, MUTEX_HELD)) {
			spin_unlock_irqrestore(&mutex->queue.lock, flags);
			return;
		}
		if (mutex->state == MUTEX_WAITED ||
		    atomic_replace(&mutex->state, MUTEX_HELD, MUTEX_WAITED)) {
			break;
		}
	}
	list_add_tail(&waiter.link, &mutex->queue.waiters);
	spin_unlock_irqrestore(&mutex->queue.lock, flags);
	while (!READ_ONCE(waiter.woken)) {
		thread_park();
	}
	flags = spin_lock_irqsave(&mutex->queue.lock); /* who handed it over has dropped it */
	spin_unlock_irqrestore(&mutex->queue.lock, flags);
}

void mutex_lock(struct mutex *mutex)
{
	struct thread *self = thread_current();

	might_sleep();
	if (CONFIG_DEBUG) {
		BUG_ON(mutex->owner == self, "mutex.recursive", "mutex %p taken twice",
		       (void *)mutex);
		lock_rank_take(LOCK_RANK_MUTEX);
	}
	if (unlikely(!atomic_replace(&mutex->state, MUTEX_FREE, MUTEX_HELD))) {
		wait_for(mutex, self);
	}
	dmb_ish(); /* the mutex, before what it guards */
	take(mutex, self);
}

bool mutex_try_lock(struct mutex *mutex)
{
	if (!atomic_replace(&mutex->state, MUTEX_FREE, MUTEX_HELD)) {
		return false;
	}
	dmb_ish(); /* as above */
	if (CONFIG_DEBUG) {
		lock_rank_take(LOCK_RANK_MUTEX);
	}
	take(mutex, thread_current());
	return true;
}

static __noinline void hand_over(struct mutex *mutex)
{
	u32 flags = spin_lock_irqsave(&mutex->queue.lock);
	struct waiter *first = list_first(&mutex->queue.waiters, struct waiter, link);

	list_del(&first->link);
	if (list_is_empty(&mutex->queue.waiters)) {
		WRITE_ONCE(mutex->state, MUTEX_HELD);
	}
	WRITE_ONCE(first->woken, true);
	thread_wake(first->thread);
	interleave_point(POINT_WOKEN);
	spin_unlock_irqrestore(&mutex->queue.lock, flags);
}

void mutex_unlock(struct mutex *mutex)
{
	struct thread *self = thread_current();

	if (CONFIG_DEBUG) {
		BUG_ON(mutex->owner != self, "mutex.not_owner", "mutex %p dropped by thread %s",
		       (void *)mutex, self->name);
		lock_rank_drop(LOCK_RANK_MUTEX);
		self->mutexes--;
	}
	mutex->owner = NULL;
	dmb_ish(); /* what it guards, before the mutex */
	if (unlikely(!atomic_replace(&mutex->state, MUTEX_HELD, MUTEX_FREE))) {
		hand_over(mutex);
	}
}
