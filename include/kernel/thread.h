/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * struct thread: what a thread is. The fields are grouped by who may touch them.
 */
#pragma once

#include <arch/current.h>
#include <kernel/wait.h>
#include <lib/list.h>

#define THREAD_STACK_BYTES (2 * PAGE_SIZE)
#define THREAD_ANY_CPU	   (-1)

/* WAITING: for thread_wake(); ENDED: its registers are not needed any more. */
enum thread_state { THREAD_RUNNABLE, THREAD_RUNNING, THREAD_WAITING, THREAD_ENDED };

struct thread {
	struct thread_core core; /* first: TPIDRPRW points here */
	u32 sp; /* of a thread that is switched out: its saved registers lie there */

	/* guarded by the run queue's lock of its CPU, core.cpu */
	enum thread_state state;
	struct list run_link; /* while runnable */
	bool woken;	      /* somebody called thread_wake() before it came to wait */
	bool moved;	      /* to another CPU's queue, and it has not run since */
	u32 turns;	      /* how often it was given a CPU */
	u32 since;	      /* the stamp of when it was given the CPU, or lost it */

	s32 bound; /* the CPU it must stay on, or THREAD_ANY_CPU: written by itself alone */
	u32 slice; /* ticks until it is another's turn: its CPU's, in the timer's interrupt */

	/* constant after creation */
	const char *name;
	u32 id;
	void (*run)(void *arg);
	void *arg;

	struct completion ended;
	u32 mutexes;	      /* DEBUG: how many it holds; its own */
	struct list all_link; /* guarded by the lock of the list of all threads */
};

static __always_inline struct thread *thread_current(void)
{
	return (struct thread *)current_core();
}

/* Makes the boot thread the running one. Before anything takes a lock or a window. */
void thread_init_boot(void);

/* What people want to know about a thread; a moment's view. */
struct thread_info {
	const struct thread_core *core; /* to compare; it may be gone */
	const char *name;
	u32 id, cpu, turns, windows;
	u32 since_ms; /* it has been given the CPU, or lost it */
	s32 bound;
	enum thread_state state;
	vaddr_t stack_start, stack_end;
};
/* The first thread whose id is above `after` (ids begin at 1). False: none. Process context. */
bool thread_query(u32 after, struct thread_info *info);

/*
 * The thread whose stack, or the guard page below it, va lies in; NULL: none. Takes no lock: oops.
 */
const struct thread *thread_of_stack(vaddr_t va);
