/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Exceptions, the part in C: where the vectors and the boot CPU's abort stack are, what
 * an abort was about, and whether the instruction was allowed to fault.
 *
 * Runs with interrupts masked on an abort stack. Must not take locks or touch per-CPU
 * data: what is broken is not known yet.
 */
#include <arch/trap.h>

#include <arch/barrier.h>
#include <arch/cpreg.h>
#include <arch/current.h>
#include <arch/early_boot.h>
#include <arch/fault.h>
#include <arch/irqflags.h>
#include <arch/probe.h>
#include <arch/walk.h>
#include <interleave.h>
#include <layout.h>

#define RETRY_CPUS   8
#define RETRY_CYCLES 100000

extern char vectors[]; /* vectors.S */

/* vectors.S: ABT mode's stack pointer, which lies at the landing. */
void trap_set_landing(void *landing);
vaddr_t trap_get_landing(void);
vaddr_t trap_get_irq_stack(void);
void trap_handle(struct trap_regs *regs);

char trap_boot_stack[ABORT_STACK_SIZE] __aligned(ABORT_STACK_SIZE);

void trap_init_cpu(void *stack_top)
{
	trap_set_landing((char *)stack_top - ABORT_STACK_LANDING);
	trap_set_irq_stack(NULL); /* none yet */
	write_vbar((vaddr_t)vectors);
	isb(); /* VBAR, before the first exception that uses it */
}

void trap_init(void)
{
	trap_init_cpu(trap_boot_stack + ABORT_STACK_SIZE);
}

bool trap_in_irq_guard(vaddr_t va)
{
	vaddr_t top = trap_get_irq_stack();

	return top && top - IRQ_STACK_SIZE - 1 - va < PAGE_SIZE;
}

static bool lies_in(vaddr_t va, u32 bytes, vaddr_t start, vaddr_t end)
{
	return va >= start && va < end && bytes <= end - va;
}

bool trap_on_stack(vaddr_t va, u32 bytes)
{
	const struct thread_core *core = current_core();
	vaddr_t abort_base = ALIGN_DOWN(trap_get_landing(), ABORT_STACK_SIZE);
	vaddr_t irq_end = trap_get_irq_stack();

	return lies_in(va, bytes, core->stack_start, core->stack_end) ||
	       (irq_end && lies_in(va, bytes, irq_end - IRQ_STACK_SIZE, irq_end)) ||
	       lies_in(va, bytes, abort_base, abort_base + ABORT_STACK_SIZE);
}

/* CPUs, by the lowest part of their numbers, to which firmware's abort may come in; atomic. */
static u32 swallow_async;

static u32 swallow_bit(void)
{
	return 1u << (read_mpidr() & 31);
}

bool trap_unmask_async(void)
{
	u32 self = swallow_bit();

	__atomic_fetch_or(&swallow_async, self, __ATOMIC_RELAXED);
	dsb_sy(); /* our own accesses have ended: what comes now was pending before us */
	__asm__ volatile("cpsie a" : : : "memory");
	isb(); /* taken here, if at all */
	return !(__atomic_fetch_and(&swallow_async, ~self, __ATOMIC_RELAXED) & self);
}

/*
 * A walk may run ahead of the program: it may find an entry still empty although what the program
 * read before says that it is there, as only a DSB orders walks after reads (A3.8.3). Then the
 * MMU finds it now, and the access is done again. A second time so soon, the two do not agree: a
 * report.
 */
static bool walk_ran_ahead(const struct trap_regs *regs)
{
	static u32 last[RETRY_CPUS]; /* by the lowest bits of the CPU's number */
	u32 *mine = &last[read_mpidr() % RETRY_CPUS], before = *mine;

	if ((regs->status & 0x3c) != FAULT_TRANSLATION || regs->address < PAGE_OFFSET) {
		return false;
	}
	interleave_point(POINT_TRAP_TRANSLATION);
	if (walk_ask_mmu(regs->address, regs->status & FSR_WRITE) & PAR_FAULT) {
		return false;
	}
	*mine = read_pmccntr();
	return *mine - before > RETRY_CYCLES;
}

static bool fixup_at(struct trap_regs *regs, u32 insn)
{
	for (const struct ex_entry *entry = __ex_table_start; entry < __ex_table_end; entry++) {
		if (entry->insn == insn) {
			regs->r[12] = regs->status;
			regs->r[15] = entry->fixup;
			return true;
		}
	}
	return false;
}

/*
 * Called by vectors.S for every exception but interrupts; returning goes on at regs->r[15].
 * Faults on user addresses will be told apart here.
 */
void trap_handle(struct trap_regs *regs)
{
	if ((regs->cpsr & CPSR_T) && (regs->kind == TRAP_UNDEFINED || regs->kind == TRAP_SVC)) {
		regs->r[15] += 2; /* table B1-7: the vector took off what is right for ARM state */
	}
	regs->status = 0;
	regs->address = regs->r[15];
	if (regs->kind == TRAP_DATA) {
		regs->status = read_dfsr();
		regs->address = read_dfar();
		if (fault_is_async(regs->status) && (swallow_async & swallow_bit())) {
			__atomic_fetch_and(&swallow_async, ~swallow_bit(), __ATOMIC_RELAXED);
			return;
		}
		if (fixup_at(regs, regs->r[15]) || walk_ran_ahead(regs)) {
			return;
		}
	} else if (regs->kind == TRAP_PREFETCH) {
		regs->status = read_ifsr();
		regs->address = read_ifar();
		if (fixup_at(regs, regs->r[14] - 4)) {
			regs->cpsr &= ~CPSR_T; /* lr was even: the BLX was in ARM state */
			return;
		}
	} else if (regs->kind == TRAP_UNDEFINED) {
		regs->status = 1; /* of no meaning; not 0 */
		if (fixup_at(regs, regs->r[15])) {
			return;
		}
	}
	trap_fatal(regs);
}

int probe_read(const void *addr, u32 *value)
{
	return probe_read_status(addr, value) ? -EFAULT : 0;
}

int probe_read8(const void *addr, u8 *value)
{
	return probe_read8_status(addr, value) ? -EFAULT : 0;
}

int probe_read64(const void *addr, u64 *value)
{
	return probe_read64_status(addr, value) ? -EFAULT : 0;
}

int probe_write(void *addr, u32 value)
{
	return probe_write_status(addr, value) ? -EFAULT : 0;
}

int probe_write8(void *addr, u8 value)
{
	return probe_write8_status(addr, value) ? -EFAULT : 0;
}
