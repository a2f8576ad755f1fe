/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns which thread runs: the switch from one to the next, waiting and waking.
 *
 * The hand-over. A queue's lock is held from the moment a thread is chosen until the thread
 * before it has left its stack: the one that leaves takes the lock, the one that comes drops it. So
 * whoever finds a thread in a queue, or finds it waiting or ended, under that lock, finds
 * its registers saved; the lock's barriers carry them to other CPUs. A DSB before each switch
 * completes what the thread began on this CPU (TLB and cache maintenance), for its own DSB may
 * come on another.
 *
 * Whether to switch is asked for by atomic_calm = 0 in the running thread (arch/current.h), which
 * only its own CPU writes, with interrupts masked: who wants something of another CPU sends it an
 * interrupt.
 *
 * Locks: one run_queue.lock at a time, inside a wait queue's; interrupt code takes it.
 */
#include <kernel/sched.h>

#include <arch/stamp.h>
#include <arch/switch.h>
#include <bug.h>
#include <interleave.h>
#include <mm/highmem.h>

#include "run_queue.h"
#include "thread_internal.h"

struct run_queue run_queues[NR_CPUS];

/* Locks the queue of the thread's CPU, which may change until then. Interrupts masked. */
static struct run_queue *lock_queue_of(struct thread *thread)
{
	for (;;) {
		struct run_queue *queue = &run_queues[READ_ONCE(thread->core.cpu)];

		spin_raw_lock(&queue->lock);
		if (likely(queue == &run_queues[thread->core.cpu])) {
			return queue;
		}
		spin_raw_unlock(&queue->lock);
	}
}

/* ---- the switch ---- */

static inline void switch_arrive(void)
{
	struct thread_core *core = current_core();

	if (unlikely(core->kmap_depth)) {
		kmap_local_switch_in(core, core->cpu);
	}
	spin_raw_unlock(&run_queues[core->cpu].lock);
}

__noinline void switch_away(struct run_queue *queue, struct thread *prev)
{
	struct thread *next = queue->idle;

	if (likely(queue->waiting)) {
		next = list_entry(queue->threads.next, struct thread, run_link);
		queue_del(queue, next);
	}
	next->state = THREAD_RUNNING;
	next->turns++;
	next->since = prev->since = stamp_now();
	next->core.atomic_calm = ATOMIC_CALM;
	queue->running = next;
	if (unlikely(prev->core.kmap_depth)) {
		kmap_local_switch_out(&prev->core);
	}
	dsb_ish(); /* this thread's maintenance on this CPU, before it may go on elsewhere */
	spin_hand_over(&queue->lock, &next->core);
	context_switch(&prev->sp, next->sp, &next->core);
	switch_arrive();
}

/* A thread's first step. */
void first_entry(void)
{
	struct thread *thread = thread_current();

	switch_arrive();
	irq_enable();
	thread->run(thread->arg);
	thread_exit();
}

/* To the next of the queue, if there is one. Interrupts masked. */
static void give_way(void)
{
	struct run_queue *queue = this_queue();
	struct thread *prev = thread_current();

	spin_raw_lock(&queue->lock);
	if (queue->waiting == 0) {
		prev->core.atomic_calm = ATOMIC_CALM;
		spin_raw_unlock(&queue->lock);
		__asm__ volatile("yield"); /* an emulator may have another CPU to run */
		return;
	}
	queue_add(queue, prev);
	switch_away(queue, prev);
}

void thread_yield(void)
{
	might_sleep();
	u32 flags = irq_save();

	give_way();
	irq_restore(flags);
}

void preempt_irq(void)
{
	give_way();
}

void preempt_resched(void)
{
	/* With interrupts masked the thread may be anywhere: a later call or interrupt sees it. */
	if (!irqs_masked()) {
		u32 flags = irq_save();

		give_way();
		irq_restore(flags);
	}
}

/* ---- waiting and waking ---- */

void might_sleep(void)
{
	u32 atomic = current_core()->atomic_count;

	BUG_ON(atomic || irqs_masked(), "sched.atomic_sleep",
	       "thread %s may not sleep: atomic 0x%x, interrupts %s", thread_current()->name,
	       atomic, irqs_masked() ? "masked" : "on");
}

void thread_park(void)
{
	struct thread *self = thread_current();

	might_sleep();
	u32 flags = irq_save();
	struct run_queue *queue = this_queue();

	spin_raw_lock(&queue->lock);
	if (self->woken) {
		self->woken = false;
		spin_raw_unlock(&queue->lock);
	} else {
		self->state = THREAD_WAITING;
		switch_away(queue, self);
	}
	irq_restore(flags);
}

void thread_wake(struct thread *thread)
{
	u32 flags = irq_save();
	struct run_queue *queue = lock_queue_of(thread);

	if (thread->state == THREAD_WAITING) {
		queue_add(queue, thread);
		announce(queue, thread);
	} else {
		thread->woken = true;
	}
	spin_raw_unlock(&queue->lock);
	irq_restore(flags);
}

/* ---- the first and the last of a thread ---- */

void sched_start(struct thread *thread)
{
	u32 flags = irq_save();
	u32 cpu = thread->bound == THREAD_ANY_CPU ? current_core()->cpu : (u32)thread->bound;
	struct run_queue *queue = &run_queues[cpu];

	thread->sp = switch_prepare(thread->core.stack_end, first_entry);
	thread->core.atomic = ATOMIC_NO_RESCHED;
	thread->slice = SLICE_TICKS;
	set_cpu(thread, cpu);
	spin_raw_lock(&queue->lock);
	queue_add(queue, thread);
	announce(queue, thread);
	spin_raw_unlock(&queue->lock);
	irq_restore(flags);
}

void sched_end(void)
{
	(void)irq_save();
	struct run_queue *queue = this_queue();
	struct thread *self = thread_current();

	spin_raw_lock(&queue->lock);
	self->state = THREAD_ENDED;
	interleave_point(POINT_THREAD_ENDED);
	switch_away(queue, self);
	__builtin_unreachable();
}

bool sched_has_left(struct thread *thread)
{
	u32 flags = irq_save();
	struct run_queue *queue = lock_queue_of(thread);
	bool left = thread->state == THREAD_ENDED;

	spin_raw_unlock(&queue->lock);
	irq_restore(flags);
	return left;
}
