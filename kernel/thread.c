/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns what a thread is made of: struct and stack, from creation to join, and the list of
 * all. The boot thread is static, for it runs before there is memory.
 *
 * Stacks are vmalloc areas: below each lies a page that is never mapped, the guard of the area
 * before it or of the whole region.
 *
 * Lock: all_lock, not taken by interrupt code; nothing is taken inside.
 */
#include <kernel/thread.h>

#include <arch/irqflags.h>
#include <arch/setup.h>
#include <arch/spinlock.h>
#include <arch/stamp.h>
#include <arch/trap.h>
#include <bug.h>
#include <interleave.h>
#include <kernel/sched.h>
#include <mm/highmem.h>
#include <mm/slab.h>
#include <mm/vmalloc.h>

#include "thread_internal.h"

static struct thread boot_thread = {
	.core = { .atomic = ATOMIC_NO_RESCHED },
	.state = THREAD_RUNNING,
	.name = "boot",
	.id = 1,
	.bound =
		/* what it starts is to be found where it was put; tests look at one CPU's lists */
	0,
};

static spinlock_t all_lock = SPINLOCK_RANKED(LOCK_RANK_MEMORY);
static struct list all_threads = LIST_INIT(all_threads); /* by rising id */
static u32 last_id = 1;

void thread_init_boot(void)
{
	boot_thread.core.stack_start = (vaddr_t)boot_stack;
	boot_thread.core.stack_end = (vaddr_t)boot_stack_top;
	current_set(&boot_thread.core);
	kmap_local_set_cpu(&boot_thread.core, 0);
	list_add_tail(&boot_thread.all_link, &all_threads);
}

struct thread *thread_alloc(const char *name, void (*run)(void *arg), void *arg, s32 bound)
{
	struct thread *thread = kzalloc(sizeof(*thread));
	void *stack = vmalloc(THREAD_STACK_BYTES);

	if (!thread || !stack) {
		vfree(stack);
		kfree(thread);
		return NULL;
	}
	thread->core.stack_start = (vaddr_t)stack;
	thread->core.stack_end = (vaddr_t)stack + THREAD_STACK_BYTES;
	thread->name = name;
	thread->bound = bound;
	thread->run = run;
	thread->arg = arg;
	completion_init(&thread->ended);
	spin_lock(&all_lock);
	thread->id = ++last_id;
	list_add_tail(&thread->all_link, &all_threads);
	spin_unlock(&all_lock);
	return thread;
}

static struct thread *create(const char *name, void (*run)(void *arg), void *arg, s32 bound)
{
	struct thread *thread = thread_alloc(name, run, arg, bound);

	if (thread) {
		sched_start(thread);
	}
	return thread;
}

struct thread *thread_create(const char *name, void (*run)(void *arg), void *arg)
{
	return alloc_fails() ? NULL : create(name, run, arg, THREAD_ANY_CPU);
}

struct thread *thread_create_on(u32 cpu, const char *name, void (*run)(void *arg), void *arg)
{
	return sched_cpu_runs(cpu) && !alloc_fails() ? create(name, run, arg, (s32)cpu) : NULL;
}

/*
 * Who looks for threads to move finds this one in a queue, so after it gave up its CPU, by a lock.
 */
void thread_bind(void)
{
	struct thread *self = thread_current();
	u32 flags = irq_save();

	self->bound = (s32)self->core.cpu;
	irq_restore(flags);
}

void thread_unbind(void)
{
	thread_current()->bound = THREAD_ANY_CPU;
}

void thread_exit(void)
{
	struct thread *self = thread_current();

	BUG_ON(self->core.atomic_count || irqs_masked() || self->mutexes || self->core.kmap_depth,
	       "lock.held_at_exit",
	       "thread %s ends with atomic 0x%x, interrupts %s, %u mutexes, %u windows", self->name,
	       self->core.atomic_count, irqs_masked() ? "masked" : "on", self->mutexes,
	       self->core.kmap_depth);
	/* From here on the joiner may wait for us, so we must not be kept waiting. */
	preempt_disable();
	completion_signal(&self->ended);
	sched_end();
}

void thread_join(struct thread *thread)
{
	completion_wait(&thread->ended);
	while (!sched_has_left(thread)) {
		/* a few instructions more, on another CPU */
	}
	interleave_point(POINT_THREAD_JOINED);
	spin_lock(&all_lock);
	list_del(&thread->all_link);
	spin_unlock(&all_lock);
	vfree((void *)thread->core.stack_start);
	kfree(thread);
}

bool thread_query(u32 after, struct thread_info *info)
{
	struct thread *thread;
	bool found = false;

	spin_lock(&all_lock);
	list_for_each_entry(thread, &all_threads, all_link) {
		if (thread->id > after) {
			*info = (struct thread_info){
				.core = &thread->core,
				.name = thread->name,
				.id = thread->id,
				.cpu = READ_ONCE(thread->core.cpu),
				.turns = READ_ONCE(thread->turns),
				.windows = READ_ONCE(thread->core.kmap_depth),
				.since_ms = stamp_age_ms(READ_ONCE(thread->since)),
				.bound = thread->bound,
				.state = READ_ONCE(thread->state),
				.stack_start = thread->core.stack_start,
				.stack_end = thread->core.stack_end,
			};
			found = true;
			break;
		}
	}
	spin_unlock(&all_lock);
	return found;
}

const struct thread *thread_of_stack(vaddr_t va)
{
	const struct thread *thread;

	list_for_each_entry(thread, &all_threads, all_link) {
		if (va >= thread->core.stack_start - PAGE_SIZE && va < thread->core.stack_end) {
			return thread;
		}
	}
	return NULL;
}
