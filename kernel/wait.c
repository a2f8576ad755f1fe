/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns how threads wait: for a condition, for a thing that happens, for a time to come.
 *
 * A waker does all it does to a waiter under the queue's lock, thread_wake() included, and a
 * waiter takes that lock before it goes: so its stack, where it queued, and its struct thread
 * stay until the waker is done.
 *
 * Locks: wait_queue.lock or one CPU's sleepers.lock; inside them a run queue's. Interrupt code
 * takes all of them.
 */
#include <kernel/wait.h>

#include <config.h>
#include <interleave.h>
#include <kernel/sched.h>
#include <kernel/time.h>

#include "thread_internal.h"

void wait_queue_init(struct wait_queue *queue)
{
	queue->lock = (spinlock_t)SPINLOCK_RANKED(LOCK_RANK_WAIT);
	list_init(&queue->waiters);
}

void wait_begin(struct wait_queue *queue, struct waiter *self)
{
	u32 flags;

	might_sleep();
	self->thread = thread_current();
	self->woken = false;
	flags = spin_lock_irqsave(&queue->lock);
	list_add_tail(&self->link, &queue->waiters);
	spin_unlock_irqrestore(&queue->lock, flags);
}

void wait_sleep(struct wait_queue *queue, struct waiter *self)
{
	u32 flags;

	while (!READ_ONCE(self->woken)) {
		thread_park();
	}
	flags = spin_lock_irqsave(&queue->lock);
	self->woken = false;
	list_add(&self->link, &queue->waiters);
	spin_unlock_irqrestore(&queue->lock, flags);
}

/* Takes the first waiter off; false: there is none. Caller holds the lock. */
static bool wake_first(struct wait_queue *queue)
{
	struct waiter *first = list_first(&queue->waiters, struct waiter, link);

	if (!first) {
		return false;
	}
	list_del(&first->link);
	WRITE_ONCE(first->woken, true);
	thread_wake(first->thread);
	interleave_point(POINT_WOKEN);
	return true;
}

/*
 * Who leaves needs no wake-up any more. One that came since it queued itself last was for a second
 * thing that happened: it goes to the next.
 */
void wait_end(struct wait_queue *queue, struct waiter *self)
{
	u32 flags = spin_lock_irqsave(&queue->lock);

	list_del(&self->link);
	if (self->woken) {
		(void)wake_first(queue);
	}
	spin_unlock_irqrestore(&queue->lock, flags);
}

void wake_one(struct wait_queue *queue)
{
	u32 flags = spin_lock_irqsave(&queue->lock);

	(void)wake_first(queue);
	spin_unlock_irqrestore(&queue->lock, flags);
}

void wake_all(struct wait_queue *queue)
{
	u32 flags = spin_lock_irqsave(&queue->lock);

	while (wake_first(queue)) {
	}
	spin_unlock_irqrestore(&queue->lock, flags);
}

/* ---- completions ---- */

void completion_init(struct completion *c)
{
	wait_queue_init(&c->queue);
	c->done = 0;
}

/* A signal is either handed to a waiter, by waking it, or counted. */
void completion_wait(struct completion *c)
{
	struct waiter self = { .thread = thread_current() };
	u32 flags;

	might_sleep();
	flags = spin_lock_irqsave(&c->queue.lock);
	if (c->done) {
		c->done--;
		spin_unlock_irqrestore(&c->queue.lock, flags);
		return;
	}
	list_add_tail(&self.link, &c->queue.waiters);
	spin_unlock_irqrestore(&c->queue.lock, flags);
	while (!READ_ONCE(self.woken)) {
		thread_park();
	}
	flags = spin_lock_irqsave(&c->queue.lock); /* the signaller has dropped it */
	spin_unlock_irqrestore(&c->queue.lock, flags);
}

void completion_signal(struct completion *c)
{
	u32 flags = spin_lock_irqsave(&c->queue.lock);

	if (!wake_first(&c->queue)) {
		c->done++;
	}
	spin_unlock_irqrestore(&c->queue.lock, flags);
}

/* ---- sleeping ---- */

struct sleeper {
	struct list link;
	u64 until_us;
	struct thread *thread;
	bool woken;
};

/* A CPU's alarm wakes those that went to sleep on it. */
static struct sleepers {
	spinlock_t lock;
	struct list list; /* by rising time */
} __aligned(64) sleepers[NR_CPUS];

u64 sleepers_wake(u64 now_us)
{
	struct sleepers *here = &sleepers[current_core()->cpu];
	u64 next_us = UINT64_MAX;
	struct sleeper *first;

	spin_raw_lock(&here->lock);
	while ((first = list_first(&here->list, struct sleeper, link)) &&
	       first->until_us <= now_us) {
		list_del(&first->link);
		WRITE_ONCE(first->woken, true);
		thread_wake(first->thread);
		interleave_point(POINT_WOKEN);
	}
	if (first) {
		next_us = first->until_us;
	}
	spin_raw_unlock(&here->lock);
	return next_us;
}

/* Puts self where it belongs by its time, and sets the alarm. */
static struct sleepers *sleeper_queue(struct sleeper *self)
{
	u32 flags = irq_save();
	struct sleepers *here = &sleepers[current_core()->cpu];
	struct sleeper *later;

	spin_raw_lock(&here->lock);
	list_for_each_entry(later, &here->list, link) {
		if (later->until_us > self->until_us) {
			break;
		}
	}
	list_add_tail(&self->link, &later->link);
	sched_set_wake(list_first(&here->list, struct sleeper, link)->until_us);
	spin_raw_unlock(&here->lock);
	irq_restore(flags);
	return here;
}

void thread_sleep_until_us(u64 until_us)
{
	struct sleeper self = { .until_us = until_us, .thread = thread_current() };
	struct sleepers *where;

	might_sleep();
	if (!time_has_alarm()) {
		while (time_now_us() < until_us) {
			thread_yield();
		}
		return;
	}
	where = sleeper_queue(&self);
	while (!READ_ONCE(self.woken)) {
		thread_park();
	}
	u32 flags = spin_lock_irqsave(&where->lock); /* who woke us has dropped it */

	spin_unlock_irqrestore(&where->lock, flags);
}

void thread_sleep_us(u32 us)
{
	thread_sleep_until_us(time_now_us() + us);
}

void sleepers_init(void)
{
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++) {
		sleepers[cpu].lock = (spinlock_t)SPINLOCK_RANKED(LOCK_RANK_WAIT);
		list_init(&sleepers[cpu].list);
	}
}
