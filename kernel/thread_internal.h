/* SPDX-License-Identifier: BSD-2-Clause */
/* Between kernel/thread.c (what a thread is) and kernel/sched.c (where it runs). */
#pragma once

#include <kernel/thread.h>

/* A thread with a stack, in the list of all, not yet runnable. NULL: no memory. */
struct thread *__must_check thread_alloc(const char *name, void (*run)(void *arg), void *arg,
					 s32 bound);

/* Makes a new thread runnable. */
void sched_start(struct thread *thread);
/* The calling thread leaves its stack for good. */
void sched_end(void) __noreturn;
/* True once it has. */
bool sched_has_left(struct thread *thread);
bool sched_cpu_runs(u32 cpu);

void sleepers_init(void);
/*
 * Wakes those who went to sleep on this CPU and whose time has come; returns when the next one
 * wants to be woken, UINT64_MAX: none. Interrupts masked.
 */
u64 sleepers_wake(u64 now_us);
/* When the next sleeper of this CPU wants to be woken. Interrupts masked. */
void sched_set_wake(u64 at_us);
