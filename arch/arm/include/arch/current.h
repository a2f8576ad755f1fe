/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The part of a thread that floors below kernel/ need, and per-CPU variables.
 * TPIDRPRW holds the running thread's address; struct thread begins with this struct.
 *
 * Everything here is written only by the thread itself, or by the switch to it.
 */
#pragma once

#include <arch/pgtable.h>
#include <types.h>

/* Windows one thread can hold open at once, interrupts that land inside included. */
#define KMAP_LOCAL_DEPTH 15

struct thread_core {
	/* Where this CPU's copies of per-CPU variables are, relative to CPU 0's. Set on switch-in. */
	u32 percpu_offset;
	u32 cpu;

	/* bits 0-6: preemption off; 7-13: page faults off; 31: no reschedule is wanted */
	u32 atomic;

	/*
	 * kmap_local: how many windows are open. Above 0 the thread is pinned to its CPU,
	 * so the two bases stay right; at 0 the switch-in sets them. The windows' ptes live
	 * only in the slots; the switch-out takes them from there into kmap_saved.
	 */
	u32 kmap_depth;
	pte_t *kmap_ptes;		    /* this CPU's first slot */
	vaddr_t kmap_va;		    /* and its address */
	pte_t kmap_saved[KMAP_LOCAL_DEPTH]; /* of a thread that is switched out */
};

#define ATOMIC_PREEMPT	  (1u << 0)
#define ATOMIC_PAGEFAULT  (1u << 7)
#define ATOMIC_NO_RESCHED (1u << 31)

/* Constant for a thread, so the compiler may keep it in a register. */
static __always_inline struct thread_core *current_core(void)
{
	struct thread_core *core;

	__asm__("mrc p15, 0, %0, c13, c0, 4" : "=r"(core));
	return core;
}

/*
 * A per-CPU variable: CPU 0 uses the one in the image, the others a copy of the section.
 * Use with preemption or interrupts off, or with an open window, so that the CPU stays.
 */
#define DEFINE_PER_CPU(type, name)  __section(".percpu") type name
#define DECLARE_PER_CPU(type, name) extern type name

#define this_cpu_ptr(var) ((__typeof__(&(var)))((char *)&(var) + current_core()->percpu_offset))

/* Preemption off: nestable, a compiler barrier. Any context. */
static __always_inline void preempt_disable(void)
{
	current_core()->atomic += ATOMIC_PREEMPT;
	compiler_barrier();
}

/* Called when the count drops to 0 and a reschedule is wanted. */
void preempt_resched(void);

static __always_inline void preempt_enable(void)
{
	struct thread_core *core = current_core();

	compiler_barrier();
	core->atomic -= ATOMIC_PREEMPT;
	if (unlikely(core->atomic == 0)) {
		preempt_resched();
	}
}
