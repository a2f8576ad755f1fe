/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Waiting for a condition: a queue of sleeping threads.
 *
 *	wait_event(queue, condition);	in the thread that waits; may sleep
 *	wake_one(queue), wake_all(queue);	after making the condition true; irq-safe
 *
 * The condition is looked at after the thread has queued itself, so no wake-up is lost. wake_one
 * serves in the order of coming; who finds its condition false again keeps its place.
 */
#pragma once

#include <arch/spinlock.h>
#include <lib/list.h>
#include <types.h>

struct thread;

struct wait_queue {
	spinlock_t lock; /* irq-safe; inside it only a CPU's run queue lock is taken */
	struct list waiters;
};

struct waiter {
	struct list link; /* in its own list once woken */
	struct thread *thread;
	bool woken; /* guarded by the queue's lock */
};

void wait_queue_init(struct wait_queue *queue);
#define WAIT_QUEUE_INIT(queue)                                                                 \
	{                                                                                      \
		.lock = SPINLOCK_RANKED(LOCK_RANK_WAIT), .waiters = LIST_INIT((queue).waiters) \
	}

/* The three steps of wait_event; BUG "sched.atomic_sleep" in atomic context. */
void wait_begin(struct wait_queue *queue,
		struct waiter *self); /* queued: from now on wake-ups count */
void wait_sleep(struct wait_queue *queue, struct waiter *self); /* until woken; then queued again */
void wait_end(struct wait_queue *queue, struct waiter *self);

#define wait_event(queue, condition)                 \
	do {                                         \
		struct waiter waiter_;               \
		wait_begin(queue, &waiter_);         \
		while (!(condition)) {               \
			wait_sleep(queue, &waiter_); \
		}                                    \
		wait_end(queue, &waiter_);           \
	} while (0)

void wake_one(struct wait_queue *queue);
void wake_all(struct wait_queue *queue);

/* A thing that happens: each signal lets one waiter go on, one that comes later too. */
struct completion {
	struct wait_queue queue;
	u32 done; /* signals that nobody has waited for; guarded by queue.lock */
};
void completion_init(struct completion *c);
/*
 * When it returns nobody touches c any more for the signal that it took: it may be freed. May
 * sleep.
 */
void completion_wait(struct completion *c);
void completion_signal(struct completion *c); /* irq-safe */

/*
 * A lock to sleep with, not for interrupt handlers. Handed to the one that waits longest. DEBUG:
 * who holds it, "mutex.recursive", "mutex.not_owner", "lock.order", "lock.held_at_exit".
 */
struct mutex {
	u32 state; /* 0 free, 1 held, 2 held and waited for: from and to 2 under queue.lock */
	struct thread *owner;
	struct wait_queue queue;
};
#define MUTEX_INIT(mutex)                               \
	{                                               \
		.queue = WAIT_QUEUE_INIT((mutex).queue) \
	}
void mutex_init(struct mutex *mutex);
void mutex_lock(struct mutex *mutex); /* may sleep */
bool __must_check mutex_try_lock(struct mutex *mutex);
void mutex_unlock(struct mutex *mutex);
