/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns who is online, calls from one CPU to others, and how a panic stops them. One call is
 * under way at a time: a caller waits for its turn, and then for the others, with interrupts
 * enabled, so it serves calls meanwhile and nobody waits in a circle.
 *
 * Locks: calls.lock, not for interrupt code; a broadcast of TLB maintenance may take it
 * (kernel/errata.c), so nothing that interrupt code takes may be held outside it.
 */
#include <kernel/smp.h>

#include <arch/cpreg.h>
#include <arch/early_tables.h>
#include <arch/secondary.h>
#include <arch/spinlock.h>
#include <arch/unwind.h>
#include <bug.h>
#include <errno.h>
#include <kernel/irq.h>
#include <kernel/panic.h>
#include <kernel/sched.h>
#include <mm/slab.h>
#include <printk.h>

#define STOPPED_DEPTH 12 /* callers kept of a stopped CPU */

static u32 online = 1; /* atomic; bits are only ever set */

static struct {
	u32 pending; /* CPUs that have not run it yet; each clears its own bit, atomic */
	void (*call)(void *arg);
	void *arg;
	spinlock_t lock;
} calls __aligned(64) = { .lock = SPINLOCK_RANKED(LOCK_RANK_CALL) };

/* What a stopped CPU leaves; written by it alone. */
static struct stopped {
	struct unwind at; /* where it was interrupted */
	u32 depth;
	u32 callers[STOPPED_DEPTH];
} * stopped;		 /* one for each CPU */
static u32 stopped_cpus; /* atomic */
void (*smp_stopped)(void);

u32 cpus_online(void)
{
	return READ_ONCE(online);
}

u32 cpu_count(void)
{
	u32 count = 0;

	for (u32 mask = cpus_online(); mask; mask &= mask - 1) {
		count++;
	}
	return count;
}

void smp_set_online(void)
{
	__atomic_fetch_or(&online, 1u << current_core()->cpu, __ATOMIC_RELEASE);
}

/* ---- calls ---- */

static void call_handler(__unused u32 irq, __unused void *arg)
{
	u32 self = 1u << current_core()->cpu;

	if (!(READ_ONCE(calls.pending) & self)) {
		return;
	}
	dmb_ish(); /* that we are meant, before what is to be done */
	calls.call(calls.arg);
	__atomic_fetch_and(&calls.pending, ~self, __ATOMIC_RELEASE);
	dsb_ishst(); /* our bit, before the event: a caller that wakes must see it */
	__asm__ volatile("sev" : : : "memory");
}

static void call_others(u32 mask, void (*call)(void *arg), void *arg)
{
	calls.call = call;
	calls.arg = arg;
	dmb_ishst(); /* what is to be done, before a CPU sees that it is meant */
	WRITE_ONCE(calls.pending, mask);
	irq_controller()->send(mask, SGI_CALL);
}

void smp_call(u32 mask, void (*call)(void *arg), void *arg)
{
	u32 self, others;

	BUG_ON(irqs_masked(), "smp.call_masked", "a call to CPUs 0x%x with interrupts masked",
	       mask);
	spin_lock(&calls.lock); /* and we stay on this CPU */
	self = 1u << current_core()->cpu;
	others = mask & cpus_online() & ~self;
	if (others) {
		call_others(others, call, arg);
	}
	if (mask & self) {
		u32 flags = irq_save();

		call(arg);
		irq_restore(flags);
	}
	while (others && READ_ONCE(calls.pending)) {
		__asm__ volatile("wfe" : : : "memory");
	}
	dmb_ish(); /* that all have run, before what they stored is read */
	spin_unlock(&calls.lock);
}

static void resched_handler(__unused u32 irq, __unused void *arg)
{
	sched_poke();
}

void smp_resched(u32 cpu)
{
	irq_controller()->send(1u << cpu, SGI_RESCHED);
}

/* ---- a panic's ---- */

/* By who we are, not by what the current thread says: that may be what is broken. */
static u32 own_number(void)
{
	u32 mpidr = read_mpidr() & MPIDR_AFFINITY, cpu = 0;

	while (cpu < NR_CPUS - 1 && secondaries[cpu].mpidr != mpidr) {
		cpu++;
	}
	return cpu;
}

static void __noreturn stop_at(const struct unwind *at)
{
	u32 cpu = own_number();
	struct stopped *s = &stopped[cpu];
	struct unwind u = *at;

	s->at = u;
	s->depth = 0;
	do {
		s->callers[s->depth++] = unwind_pc(&u);
	} while (s->depth < STOPPED_DEPTH && unwind_step(&u));
	__atomic_fetch_or(&stopped_cpus, 1u << cpu, __ATOMIC_RELEASE);
	if (smp_stopped) {
		smp_stopped();
	}
	cpu_park(boot_info.entry_cpsr); /* as this CPU's: else it would not be online */
}

/* From the handler's own frame to the interrupted code. */
static void stop_handler(__unused u32 irq, __unused void *arg)
{
	struct unwind u;

	unwind_here(&u);
	while (!u.exact && unwind_step(&u)) {
	}
	stop_at(&u);
}

void smp_stop_here(void)
{
	struct unwind u;

	unwind_here(&u);
	stop_at(&u);
}

static u32 others_online(void)
{
	return cpu_count() > 1 ? cpus_online() & ~(1u << own_number()) : 0;
}

void smp_stop_others(void)
{
	u32 others = others_online();
	struct patience patience = { 0 };

	if (!others) {
		return;
	}
	irq_controller()->send(others, SGI_STOP);
	while ((READ_ONCE(stopped_cpus) & others) != others && patience_lasts(&patience)) {
		__asm__ volatile("yield" : : : "memory");
	}
	dmb_ish(); /* that they stopped, before what they left is read */
}

void smp_report_others(void)
{
	u32 others = others_online();

	for (u32 cpu = 0; others >> cpu; cpu++) {
		const struct stopped *s = &stopped[cpu];

		if (!(others & (1u << cpu))) {
			continue;
		}
		if (!(READ_ONCE(stopped_cpus) & (1u << cpu))) {
			printk("CPU %u does not listen", cpu);
			continue;
		}
		printk("CPU %u:", cpu);
		panic_registers(s->at.r, 4);
		panic_callers(s->callers, s->depth);
	}
}

int smp_calls_init(void)
{
	int error;

	stopped = kzalloc(NR_CPUS * sizeof(*stopped));
	if (!stopped) {
		return -ENOMEM;
	}
	error = irq_request(SGI_CALL, call_handler, NULL, true, "call");

	if (error == 0) {
		error = irq_request(SGI_RESCHED, resched_handler, NULL, true, "reschedule");
	}
	if (error == 0) {
		error = irq_request(SGI_STOP, stop_handler, NULL, true, "stop");
	}
	return error;
}
