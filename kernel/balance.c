/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns how the work is shared: among the threads of a CPU by time, among CPUs by moving threads.
 *
 * There is no periodic tick. A CPU's alarm rings for sleepers and, as long as threads wait for the
 * CPU, each TICK_US; after SLICE_TICKS of them the running thread gives way. A thread that is
 * alone is not disturbed.
 *
 * Threads are pulled: an idle CPU takes whatever waits elsewhere. A busy one, asked by a CPU
 * whose queue is longer when a slice ends there, takes one thread that ran since it was last moved;
 * so threads wander, and all get the same, also where they are no multiple of the CPUs. Those that
 * are bound, or pinned by open windows, stay.
 *
 * Locks: one run_queue.lock at a time; interrupt code takes it.
 */
#include "run_queue.h"

#include <arch/switch.h>
#include <bug.h>
#include <interleave.h>
#include <kernel/smp.h>
#include <kernel/time.h>
#include <mm/highmem.h>

#include "thread_internal.h"

#define TICK_US 2000

/* CPUs that found nothing to do, not even elsewhere: who makes work sends them an interrupt. */
static u32 idle_cpus __aligned(64);

bool sched_cpu_runs(u32 cpu)
{
	return cpu < NR_CPUS && run_queues[cpu].idle;
}

void set_cpu(struct thread *thread, u32 cpu)
{
	thread->core.percpu_offset = run_queues[cpu].percpu_offset;
	kmap_local_set_cpu(&thread->core, cpu);
	WRITE_ONCE(thread->core.cpu, cpu);
}

static void set_alarm(const struct run_queue *queue)
{
	time_alarm_us(min(queue->tick_at_us, queue->wake_at_us));
}

void sched_set_wake(u64 at_us)
{
	struct run_queue *queue = this_queue();

	queue->wake_at_us = at_us;
	set_alarm(queue);
}

/* This CPU's threads take turns from now on. Interrupts masked, the queue's lock held. */
static void start_ticks(struct run_queue *queue)
{
	if (queue->tick_at_us == UINT64_MAX && time_has_alarm()) {
		queue->tick_at_us = time_now_us() + TICK_US;
		set_alarm(queue);
	}
}

static void call_cpu(u32 cpu)
{
	if (cpu != current_core()->cpu) {
		smp_resched(cpu);
	}
}

/*
 * An idle CPU gets something to do, so it is not to be asked again before it says that it is idle.
 */
static void call_idle(u32 cpu)
{
	__atomic_fetch_and(&idle_cpus, ~(1u << cpu), __ATOMIC_RELAXED);
	call_cpu(cpu);
}

void announce(struct run_queue *queue, const struct thread *thread)
{
	u32 cpu = (u32)(queue - run_queues), idle;

	if (queue->running == queue->idle) {
		call_idle(cpu);
		if (queue->waiting == 1) {
			return;
		}
	} else if (cpu == current_core()->cpu) {
		start_ticks(queue);
	} else if (queue->tick_at_us == UINT64_MAX) {
		call_cpu(cpu);
	}
	dmb_ish(); /* the thread in the queue, before we ask who is idle: idle_loop() */
	idle = READ_ONCE(idle_cpus);
	if (idle && thread->bound == THREAD_ANY_CPU && thread->core.kmap_depth == 0) {
		call_idle((u32)__builtin_ctz(idle));
	}
}

/* ---- pulling ---- */

static bool may_move(const struct thread *thread, bool idle)
{
	return thread->bound == THREAD_ANY_CPU && thread->core.kmap_depth == 0 &&
	       (idle || !thread->moved);
}

/* Takes a thread out of other's queue, to run on cpu; NULL: none may move. */
static struct thread *take_thread(struct run_queue *other, u32 cpu, bool idle)
{
	struct thread *thread, *found = NULL;

	spin_raw_lock(&other->lock);
	list_for_each_entry(thread, &other->threads, run_link) {
		if (may_move(thread, idle)) {
			queue_del(other, thread);
			set_cpu(thread, cpu); /* lock_queue_of() waits at our lock from now on */
			found = thread;
			break;
		}
	}
	spin_raw_unlock(&other->lock);
	return found;
}

/* Takes one thread from a queue that is longer than ours. Interrupts masked, no lock held. */
static void pull_thread(struct run_queue *queue, bool idle)
{
	u32 cpu = (u32)(queue - run_queues);

	for (u32 i = 1; i < NR_CPUS; i++) {
		struct run_queue *other = &run_queues[(cpu + i) % NR_CPUS];
		struct thread *thread = NULL;

		if (READ_ONCE(other->waiting) > READ_ONCE(queue->waiting)) {
			thread = take_thread(other, cpu, idle);
		}
		if (thread) {
			spin_raw_lock(&queue->lock);
			queue_add(queue, thread);
			thread->moved = true;
			spin_raw_unlock(&queue->lock);
			return;
		}
	}
}

void sched_poke(void)
{
	struct run_queue *queue = this_queue();

	if (queue->idle && thread_current() != queue->idle) { /* idle_loop() looks by itself */
		pull_thread(queue, false);
		spin_raw_lock(&queue->lock);
		if (queue->waiting) {
			start_ticks(queue);
		}
		spin_raw_unlock(&queue->lock);
	}
}

/*
 * Asks the CPU with the shortest queue to take one of ours, if that is fair: of several the one
 * after whom we asked last, so that no CPU is left out.
 */
static void offer_thread(struct run_queue *queue)
{
	u32 idle = READ_ONCE(idle_cpus), least = queue->waiting, from = queue->asked;

	if (idle) {
		call_idle((u32)__builtin_ctz(idle)); /* what waits was pinned when it looked */
		return;
	}
	for (u32 i = 1; i <= NR_CPUS; i++) {
		u32 cpu = (from + i) % NR_CPUS;

		if (run_queues[cpu].idle && READ_ONCE(run_queues[cpu].waiting) < least) {
			least = run_queues[cpu].waiting;
			queue->asked = cpu;
		}
	}
	if (least < queue->waiting) {
		call_cpu(queue->asked);
	}
}

static void slice_tick(struct run_queue *queue, struct thread *thread)
{
	if (--thread->slice == 0) {
		thread->slice = SLICE_TICKS;
		thread->core.atomic_calm = 0;
		offer_thread(queue);
	}
}

void sched_tick(void)
{
	struct run_queue *queue = this_queue();
	struct thread *thread = thread_current();
	u64 now = time_now_us();

	if (!queue->idle) {
		return; /* before sched_init() */
	}
	if (now >= queue->tick_at_us) {
		spin_raw_lock(&queue->lock);
		queue->tick_at_us = queue->waiting && thread != queue->idle ? now + TICK_US :
									      UINT64_MAX;
		spin_raw_unlock(&queue->lock);
		if (queue->tick_at_us != UINT64_MAX) {
			slice_tick(queue, thread);
		}
	}
	sched_set_wake(sleepers_wake(now));
}

/* ---- CPUs ---- */

/*
 * Runs when nothing else does. Not preempted: what interrupts bring is looked at when they are
 * over, here.
 */
static void __noreturn idle_loop(void)
{
	struct run_queue *queue = this_queue();
	struct thread *self = thread_current();
	u32 bit = 1u << self->core.cpu;

	self->core.atomic_count = ATOMIC_PREEMPT;
	for (;;) {
		(void)irq_save();
		__atomic_fetch_or(&idle_cpus, bit, __ATOMIC_RELAXED);
		/* we are known to be idle, before we look for the last time: announce() */
		dmb_ish();
		if (READ_ONCE(queue->waiting) == 0) {
			pull_thread(queue, true);
		}
		interleave_point(POINT_IDLE_LOOKED);
		if (READ_ONCE(queue->waiting) == 0) {
			dsb_sy(); /* nothing of ours is left under way while the CPU sleeps */
			/* Ends for a masked interrupt too. */
			__asm__ volatile("wfi" : : : "memory");
		}
		__atomic_fetch_and(&idle_cpus, ~bit, __ATOMIC_RELAXED);
		spin_raw_lock(&queue->lock);
		if (queue->waiting > 1) {
			start_ticks(queue);
		}
		if (queue->waiting) {
			switch_away(queue, self);
		} else {
			spin_raw_unlock(&queue->lock);
		}
		irq_enable();
		isb(); /* what is pending is taken here */
	}
}

static void queue_init(u32 cpu, struct thread *running, struct thread *idle)
{
	struct run_queue *queue = &run_queues[cpu];

	queue->running = running;
	queue->percpu_offset = running->core.percpu_offset;
	dmb_ishst(); /* the rest, before anybody finds that it takes threads */
	WRITE_ONCE(queue->idle, idle);
}

static void idle_run(__unused void *arg)
{
	idle_loop();
}

struct thread *sched_prepare_cpu(u32 cpu, u32 percpu_offset)
{
	struct thread *idle = thread_alloc("idle", idle_run, NULL, (s32)cpu);

	if (!idle) {
		return NULL;
	}
	idle->sp = switch_prepare(idle->core.stack_end, first_entry);
	idle->core.atomic = ATOMIC_NO_RESCHED;
	idle->core.percpu_offset = percpu_offset;
	idle->core.cpu = cpu;
	kmap_local_set_cpu(&idle->core, cpu);
	return idle;
}

void sched_init_cpu(void)
{
	struct thread *self = thread_current();

	self->state = THREAD_RUNNING;
	queue_init(self->core.cpu, self, self);
}

void sched_idle(void)
{
	idle_loop();
}

/* mm/ knows threads by their first part. */
static void wake_core(struct thread_core *core)
{
	thread_wake((struct thread *)core);
}

static const struct pkmap_threads pkmap_threads = { thread_park, wake_core, might_sleep };

void sched_init(void)
{
	struct thread *boot = thread_current(), *idle;

	for (u32 cpu = 0; cpu < NR_CPUS; cpu++) {
		run_queues[cpu].lock = (spinlock_t)SPINLOCK_RANKED(LOCK_RANK_RUNQUEUE);
		list_init(&run_queues[cpu].threads);
		run_queues[cpu].tick_at_us = run_queues[cpu].wake_at_us = UINT64_MAX;
	}
	sleepers_init();
	boot->slice = SLICE_TICKS;
	idle = sched_prepare_cpu(0, boot->core.percpu_offset);
	if (!idle) {
		panic("no memory for the idle thread");
	}
	queue_init(0, boot, idle);
	pkmap_set_threads(&pkmap_threads);
}
