/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The oops: all we know about a fault that nothing expected. Fault, registers, callers, the
 * address's owner, every level of the walk, and the MMU's own answer beside it. Owns nothing;
 * must not trust anything either: what it reads may be what is broken, so it says the
 * important first, and a fault in here ends in one more line (panic.h).
 */
#include <kernel/oops.h>

#include <arch/cpreg.h>
#include <arch/current.h>
#include <arch/fault.h>
#include <arch/probe.h>
#include <arch/record.h>
#include <arch/trap.h>
#include <arch/unwind.h>
#include <arch/walk.h>
#include <kernel/panic.h>
#include <kernel/thread.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <printk.h>

typedef unsigned long long ull;

void walk_report(vaddr_t va)
{
	struct walk_regs regs;
	struct walk walk;
	char text[80];

	walk_regs_get(&regs);
	printk("TTBCR %08x TTBR0 %010llx TTBR1 %010llx SCTLR %08x", regs.ttbcr, (ull)regs.ttbr[0],
	       (ull)regs.ttbr[1], regs.sctlr);
	walk_tables(&walk, &regs, va, phys_peek);
	if (walk.steps == 0) {
		printk("walk: no table covers this address");
	}
	for (u32 i = 0; i < walk.steps; i++) {
		const struct walk_step *step = &walk.step[i];

		if (step->read) {
			walk_describe(text, sizeof(text), step->level, step->desc);
		} else {
			snprintf(text, sizeof(text), "cannot be read");
		}
		printk("walk: TTBR%u level %u at 0x%010llx: %016llx %s", walk.ttbr, step->level,
		       (ull)step->entry, (ull)step->desc, text);
	}
	for (u32 write = 0; write < 2; write++) {
		u64 par = walk_ask_mmu(va, write);

		walk_describe_par(text, sizeof(text), par);
		printk("MMU on %s: PAR %016llx %s", write ? "write" : "read", (ull)par, text);
	}
}

/* The page below a stack is a guard. The registers were saved on the abort stack: we can speak. */
static bool stack_overflows(const struct trap_regs *regs)
{
	const struct thread_core *core = current_core();

	if (trap_in_irq_guard(regs->address)) {
		panic_begin("stack.overflow",
			    "overflow of the IRQ stack of CPU %u: 0x%08x, pc 0x%08x", core->cpu,
			    regs->address, regs->r[15]);
		return true;
	}
	if (core->stack_start - 1 - regs->address >= PAGE_SIZE) {
		return false;
	}
	panic_begin("stack.overflow", "stack overflow of thread %s: 0x%08x, sp 0x%08x, pc 0x%08x",
		    thread_current()->name, regs->address, regs->r[13], regs->r[15]);
	return true;
}

static void begin_abort(const struct trap_regs *regs)
{
	const char *access = "execute";
	char rule[24], level_text[12] = "";
	u32 level;
	const char *word = fault_word(regs->status, &level);

	if (CONFIG_DEBUG) {
		record_suspect = regs->address;
	}
	if (regs->kind == TRAP_DATA) {
		access = regs->status & FSR_CM	  ? "maintain" :
			 regs->status & FSR_WRITE ? "write" :
						    "read";
	}
	if (regs->kind == TRAP_DATA && stack_overflows(regs)) {
		return;
	}
	if (level) {
		snprintf(level_text, sizeof(level_text), ", level %u", level);
	}
	snprintf(rule, sizeof(rule), "fault.%s", word);
	panic_begin(rule, "%s 0x%08x: %s fault%s, pc 0x%08x, status 0x%03x", access, regs->address,
		    word, level_text, regs->r[15], regs->status);
}

static void begin_other(const struct trap_regs *regs)
{
	static const char rules[][16] = {
		[TRAP_UNDEFINED] = "fault.undefined",
		[TRAP_SVC] = "fault.svc",
		[TRAP_FIQ] = "fiq.unexpected",
	};
	u32 insn = 0;

	if (probe_read((const void *)regs->r[15], &insn)) {
		insn = 0;
	}
	panic_begin(rules[regs->kind], "exception at pc 0x%08x, instruction %08x", regs->r[15],
		    insn);
}

void trap_fatal(const struct trap_regs *regs)
{
	bool is_abort = regs->kind == TRAP_DATA || regs->kind == TRAP_PREFETCH;
	struct unwind u = { .exact = true };
	char text[160];

	if (is_abort) {
		begin_abort(regs);
	} else {
		begin_other(regs);
	}
	panic_registers(regs->r, 0);
	printk("cpsr %08x mpidr %08x thread %08x %s", regs->cpsr, read_mpidr(), (u32)current_core(),
	       thread_current()->name);
	memcpy(u.r, regs->r, sizeof(u.r));
	panic_backtrace(&u);
	if (is_abort) {
		address_describe(text, sizeof(text), regs->address);
		printk("address 0x%08x: %s", regs->address, text);
		walk_report(regs->address);
	}
	panic_end();
}
