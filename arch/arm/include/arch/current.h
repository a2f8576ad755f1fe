/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The part of a thread that floors below kernel/ need, and per-CPU variables.
 * TPIDRPRW holds the running thread's address; struct thread begins with this struct.
 *
 * Everything here is written only by the thread itself, or by the switch to it.
 */
#pragma once

#include <arch/pgtable.h>
#include <arch/record.h>
#include <config.h>
#include <types.h>

/* Windows one thread can hold open at once, interrupts that land inside included. */
#define KMAP_LOCAL_DEPTH 15

struct thread_core {
	/*
	 * Where this CPU's copies of per-CPU variables are, relative to their places in the
	 * section. Set on switch-in.
	 */
	u32 percpu_offset;
	u32 cpu;

	/*
	 * Whether the thread may be preempted now: `atomic` is 0. Bits 0-6: preemption off, 7-13:
	 * page faults off, 14: in an interrupt's handler, 31: no reschedule is wanted. The thread
	 * changes the lower half; only its own CPU, with interrupts masked, writes the upper one,
	 * most often in an interrupt. Each half is stored as a halfword, so neither store takes
	 * back the other's.
	 */
	union {
		u32 atomic;
		struct {
			u16 atomic_count;
			u16 atomic_calm; /* ATOMIC_CALM, or 0: a reschedule is wanted */
		};
	};

	/* The stack it runs on, [start, end); constant. */
	vaddr_t stack_start, stack_end;
#if CONFIG_DEBUG
	u32 locks_held;			    /* a bit for each lock rank, by the thread itself */
	struct record_sequence sequence[2]; /* its own, and of handlers that interrupt it */
#endif

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
#define ATOMIC_IRQ	  (1u << 14)
#define ATOMIC_NO_RESCHED (1u << 31)
#define ATOMIC_CALM	  (ATOMIC_NO_RESCHED >> 16)

/* Constant for a thread, so the compiler may keep it in a register. */
static __always_inline struct thread_core *current_core(void)
{
	struct thread_core *core;

	__asm__("mrc p15, 0, %0, c13, c0, 4" : "=r"(core));
	return core;
}

extern char __percpu_start[], __percpu_end[];

/*
 * A per-CPU variable: each CPU has one of its own, in memory that is allocated for it, zero at
 * first. Use with preemption or interrupts off, or with an open window, so that the CPU stays.
 */
#define DEFINE_PER_CPU(type, name)  __section(".percpu") type name
#define DECLARE_PER_CPU(type, name) extern type name

#define this_cpu_ptr(var) ((__typeof__(&(var)))((vaddr_t) & (var) + current_core()->percpu_offset))

/* Preemption off: nestable, a compiler barrier. Any context. */
static __always_inline void preempt_disable(void)
{
	struct thread_core *core = current_core();

	core->atomic_count += ATOMIC_PREEMPT;
	compiler_barrier();
}

/* Called when the count drops to 0 and a reschedule is wanted. */
void preempt_resched(void);

/*
 * Takes off what was counted. A request that arrives between the load and the store is not seen
 * here, nor lost: the next interrupt's exit, or the next call, finds it. In assembly, for the
 * compiler would cut the halfword by one instruction, and compare it by another.
 */
static __always_inline void atomic_count_sub(struct thread_core *core, const u32 n)
{
	u32 left;

	__asm__ goto volatile("ldr	%0, [%1, %3]\n"
			      "subs	%0, %0, %2\n"
			      "strh	%0, [%1, %3]\n"
			      "beq	%l[preemptible]"
			      : "=&r"(left)
			      : "r"(core), "I"(n), "i"(offsetof(struct thread_core, atomic))
			      : "cc", "memory"
			      : preemptible);
	return;
preemptible:
	preempt_resched();
}

static __always_inline void preempt_enable(void)
{
	compiler_barrier();
	atomic_count_sub(current_core(), ATOMIC_PREEMPT);
}
