/* SPDX-License-Identifier: BSD-2-Clause */
/* Hangs: the watchdog must see them and say where each CPU is. */
#include <arch/spinlock.h>
#include <kernel/sched.h>
#include <kernel/smp.h>
#include <kernel/test.h>
#include <kernel/watchdog.h>

#define PERIOD_US 50000
#define PERIODS	  6

static void spin_for_ever(__unused void *arg)
{
	for (;;) {
		__asm__ volatile("yield" : : : "memory");
	}
}

/* On the last CPU, while the test waits for it: on the only one, if there is one. */
static void run_last(const char *name, void (*run)(void *arg))
{
	struct thread *thread =
		thread_create_on(31 - (u32)__builtin_clz(cpus_online()), name, run, NULL);

	if (thread) {
		thread_join(thread);
	}
}

FATAL_TEST(watchdog.busy_loop, "watchdog.hang")
{
	watchdog_start(PERIOD_US, PERIODS);
	run_last("spinner", spin_for_ever);
}

/* Everybody sleeps, for nobody will signal. */
FATAL_TEST(watchdog.nobody_wakes_it, "watchdog.hang")
{
	static struct completion never;

	completion_init(&never);
	watchdog_start(PERIOD_US, PERIODS);
	completion_wait(&never);
}

static spinlock_t kept;

static void wait_for_lock(__unused void *arg)
{
	spin_lock(&kept);
	spin_unlock(&kept);
}

/* Preemption is off while it waits, interrupts are on. */
FATAL_TEST(watchdog.lock_never_released, "watchdog.hang")
{
	spin_raw_lock(&kept); /* preemption was not turned off, so nobody complains that we sleep */
	watchdog_start(PERIOD_US, PERIODS);
	run_last("waiter", wait_for_lock);
}

static void spin_masked(__unused void *arg)
{
	(void)irq_save();
	spin_for_ever(NULL);
}

/* It can't be asked where it is, but another CPU sees that it hangs: with one CPU nobody could. */
FATAL_TEST(watchdog.interrupts_masked, "watchdog.hang")
{
	if (cpu_count() > 1) {
		watchdog_start(PERIOD_US, PERIODS);
		run_last("spinner", spin_masked);
	}
}
