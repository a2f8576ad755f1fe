/* SPDX-License-Identifier: BSD-2-Clause */
/* Between kernel/sched.c (who runs) and kernel/balance.c (who else could): the run queues. */
#pragma once

#include <arch/spinlock.h>
#include <kernel/sched.h>

#define SLICE_TICKS 4

struct run_queue {
	spinlock_t lock;
	u32 waiting;	     /* threads in the list */
	struct list threads; /* runnable ones that do not run; the first is next */
	struct thread *running;
	/*
	 * what the alarm is for, UINT64_MAX: nothing; written by its CPU alone, interrupts masked
	 */
	u64 tick_at_us, wake_at_us;
	u32 asked; /* the CPU that was offered a thread last; as above */
	/* constant from sched_init() or sched_init_cpu() on */
	struct thread *idle; /* NULL: this CPU runs no threads */
	u32 percpu_offset;
} __aligned(64);

extern struct run_queue run_queues[NR_CPUS];

/* Interrupts masked, so that the CPU stays. */
static inline struct run_queue *this_queue(void)
{
	return &run_queues[current_core()->cpu];
}

/* Lock held, also for queue_del(). */
static inline void queue_add(struct run_queue *queue, struct thread *thread)
{
	thread->state = THREAD_RUNNABLE;
	thread->moved = false;
	list_add_tail(&thread->run_link, &queue->threads);
	queue->waiting++;
}

static inline void queue_del(struct run_queue *queue, struct thread *thread)
{
	struct list *link = &thread->run_link;

	link->prev->next = link->next;
	link->next->prev = link->prev;
	queue->waiting--;
}

/* A thread's first step. */
void first_entry(void) __noreturn;

/*
 * Leaves prev, which is in a queue, waits or has ended, for the next in the queue or idle.
 * Interrupts masked, lock held; it is dropped when this returns, in prev, whenever that is.
 */
void switch_away(struct run_queue *queue, struct thread *prev);

/*
 * The queue got a thread: its CPU runs it at once if it was idle; if not, it needs ticks, and a
 * CPU that is idle may take it. Interrupts masked, lock held.
 */
void announce(struct run_queue *queue, const struct thread *thread);

/* Where a thread is going to run. It must not be in a queue, nor running. */
void set_cpu(struct thread *thread, u32 cpu);
