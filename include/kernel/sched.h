/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Preemptible kernel threads on up to NR_CPUS CPUs: each CPU has a queue of runnable
 * threads and takes them in turn, a slice each; an idle CPU takes from the others'.
 *
 * A thread may sleep with preemption on and interrupts enabled; anything else is a BUG,
 * "sched.atomic_sleep". It may hold kmap_local windows meanwhile: they pin it to its CPU.
 */
#pragma once

#include <kernel/thread.h>

/*
 * A thread on its own guarded stack, runnable when this returns. It ends when run returns. name is
 * not copied. NULL: no memory. Process context.
 */
struct thread *__must_check thread_create(const char *name, void (*run)(void *arg), void *arg);
/* The same, bound to a CPU. NULL also if that CPU does not run threads. */
struct thread *__must_check thread_create_on(u32 cpu, const char *name, void (*run)(void *arg),
					     void *arg);
/* Waits for its end and frees it; each thread is joined once. May sleep. */
void thread_join(struct thread *thread);
/* BUG "lock.held_at_exit": with preemption off, interrupts masked or (DEBUG) a mutex held. */
void thread_exit(void) __noreturn;
/* Gives way to others that are runnable. May sleep. */
void thread_yield(void);
/* At least that long. Without a timer's interrupt it yields until then. May sleep. */
void thread_sleep_us(u32 us);
void thread_sleep_until_us(u64 until_us); /* as time_now_us() counts */

/*
 * The caller stays on the CPU that it is on, until thread_unbind(). Not for threads made on a CPU.
 */
void thread_bind(void);
void thread_unbind(void);

/* BUG "sched.atomic_sleep" where no thread may sleep: what sleeps calls it even if it need not. */
void might_sleep(void);

/* ---- for wait queues ---- */

/*
 * Waits until thread_wake() was called for this thread, once since it last returned from here:
 * calls that come before count. It may return without a reason, so the caller looks for its own,
 * in a loop. May sleep.
 */
void thread_park(void);
/* irq-safe, any CPU. The thread must not end meanwhile. */
void thread_wake(struct thread *thread);

/* ---- for interrupts ---- */

/* This CPU's alarm rang (time_alarm_us(), which is the scheduler's alone). */
void sched_tick(void);

/* The handler of smp_resched()'s interrupt: this CPU looks whether there is work for it. */
void sched_poke(void);

/*
 * The end of an interrupt's way out: on the interrupted thread's stack, interrupts masked, nothing
 * left on this CPU's IRQ stack, and current_core()->atomic is 0. Returns when it is the thread's
 * turn again, perhaps on another CPU, with interrupts masked.
 */
void preempt_irq(void);

/* ---- CPUs ---- */

/*
 * Boot CPU, when memory works: from here on there can be other threads. The caller's is one of
 * many.
 */
void sched_init(void);

/*
 * A thread for another CPU to start in, its idle thread: TPIDRPRW is to hold its address, sp its
 * core.stack_end. percpu_offset: of that CPU's variables. NULL: no memory. Process context.
 */
struct thread *__must_check sched_prepare_cpu(u32 cpu, u32 percpu_offset);
/* That CPU, in that thread, interrupts masked: threads may be given to it from now on. */
void sched_init_cpu(void);
/* And runs them. */
void sched_idle(void) __noreturn;
