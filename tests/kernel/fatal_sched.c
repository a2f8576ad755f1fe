/* SPDX-License-Identifier: BSD-2-Clause */
/* What a thread must not do: each stops where it is done, by its rule. */
#include <arch/irqflags.h>
#include <arch/spinlock.h>
#include <kernel/sched.h>
#include <kernel/test.h>

static spinlock_t lock = SPINLOCK_RANKED(LOCK_RANK_MEMORY);

/* Runs it in a thread of its own, which does not come back. */
static void in_a_thread(const char *name, void (*run)(void *arg))
{
	struct thread *thread = thread_create(name, run, NULL);

	if (thread) {
		thread_join(thread);
	}
}

static __noinline u32 fall(u32 depth)
{
	volatile u32 room[64];

	room[depth % 64] = depth;
	return depth == UINT32_MAX ? 0 : fall(depth + 1) + room[depth % 64];
}

static void overflow(__unused void *arg)
{
	(void)fall(0);
}

FATAL_TEST(stack.overflow, "stack.overflow")
{
	in_a_thread("deep", overflow);
}

FATAL_TEST(sched.sleep_with_spinlock, "sched.atomic_sleep")
{
	spin_lock(&lock);
	thread_sleep_us(1);
}

FATAL_TEST(sched.sleep_masked, "sched.atomic_sleep")
{
	(void)irq_save();
	thread_yield();
}

FATAL_TEST(sched.mutex_with_preemption_off, "sched.atomic_sleep")
{
	static struct mutex mutex = MUTEX_INIT(mutex);

	preempt_disable();
	mutex_lock(&mutex); /* it is free: it must not depend on that */
}

static void end_with_spinlock(__unused void *arg)
{
	spin_lock(&lock);
}

FATAL_TEST(lock.spinlock_held_at_exit, "lock.held_at_exit")
{
	in_a_thread("holder", end_with_spinlock);
}

#if CONFIG_DEBUG
static struct mutex mutex = MUTEX_INIT(mutex);

static void end_with_mutex(__unused void *arg)
{
	mutex_lock(&mutex);
}

FATAL_TEST(lock.mutex_held_at_exit, "lock.held_at_exit")
{
	in_a_thread("holder", end_with_mutex);
}

FATAL_TEST(lock.order_of_spinlocks, "lock.order")
{
	static spinlock_t outer = SPINLOCK_RANKED(LOCK_RANK_OUTER);

	spin_lock(&lock);
	spin_lock(&outer);
}

FATAL_TEST(lock.order_of_one_rank, "lock.order")
{
	static spinlock_t twin = SPINLOCK_RANKED(LOCK_RANK_MEMORY);

	spin_lock(&lock);
	spin_lock(&twin);
}

FATAL_TEST(mutex.recursive, "mutex.recursive")
{
	mutex_lock(&mutex);
	mutex_lock(&mutex);
}

FATAL_TEST(lock.second_mutex, "lock.order")
{
	static struct mutex second = MUTEX_INIT(second);

	mutex_lock(&mutex);
	mutex_lock(&second);
}

FATAL_TEST(mutex.not_owner, "mutex.not_owner")
{
	mutex_unlock(&mutex);
}
#endif
