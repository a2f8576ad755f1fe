/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Exceptions taken in the kernel (ARM DDI 0406C, B1.8 and B1.9): the saved registers, the
 * stacks they are saved on, and the handlers that a higher floor provides.
 *
 * A fault saves its registers on this CPU's abort stack, never on the interrupted one, which may
 * be the very thing that is broken. The handler then runs in SVC mode on the abort stack, below
 * them; an exception inside it nests there. An interrupt saves a few registers on the interrupted
 * thread's stack, from where it may be preempted; its handler runs on the CPU's IRQ stack.
 */
#pragma once

#include <types.h>

enum trap_kind { TRAP_UNDEFINED, TRAP_SVC, TRAP_PREFETCH, TRAP_DATA, TRAP_FIQ };

/* vectors.S knows this layout through asm-offsets; pc and cpsr are adjacent for RFE. */
struct trap_regs {
	u32 r[16]; /* 13: sp and 14: lr are SVC mode's; 15: the instruction, or where to go on */
	u32 cpsr;
	u32 kind;    /* enum trap_kind */
	u32 status;  /* DFSR or IFSR in the long-descriptor format; 0 unless an abort */
	u32 address; /* DFAR or IFAR; the pc unless an abort */
};
STATIC_ASSERT(sizeof(struct trap_regs) % 8 == 0);

#define ABORT_STACK_SIZE    PAGE_SIZE /* also its alignment: vectors.S tells by it who nests */
#define ABORT_STACK_LANDING 24	      /* its top: pc, cpsr, r0-r3 on the way into SVC mode */

/* The boot CPU's, in the image; before trap_init() its page is lent to early_tables.c. */
extern char trap_boot_stack[ABORT_STACK_SIZE];

/*
 * The boot CPU's vectors and abort stack: called as soon as the MMU is on, before
 * anything that may fault or print. Interrupts masked.
 */
void trap_init(void);

/* Any CPU's own: stack_top is the end of ABORT_STACK_SIZE bytes, so aligned. Interrupts masked. */
void trap_init_cpu(void *stack_top);

/*
 * Interrupts run on a stack of their own: sets this CPU's, before it unmasks them. 8-byte-aligned;
 * below its IRQ_STACK_SIZE bytes there is a guard. Interrupts masked.
 */
#define IRQ_STACK_SIZE (2 * PAGE_SIZE)
void trap_set_irq_stack(void *top);

/*
 * From here on asynchronous external aborts are taken. One that was pending is not ours: it is
 * swallowed, and the result is true. Each CPU, once.
 */
bool __must_check trap_unmask_async(void);

/* True if va is right below this CPU's IRQ stack: in its guard. Any context. */
bool trap_in_irq_guard(vaddr_t va);

/*
 * True if [va, va + bytes) lies in one of the stacks this CPU's kernel code may run on. Any
 * context.
 */
bool trap_on_stack(vaddr_t va, u32 bytes);

/*
 * The end of the road: a fault that nothing expected. Provided by kernel/oops.c, called
 * with interrupts masked, on the abort stack.
 */
void trap_fatal(const struct trap_regs *regs) __noreturn;

/*
 * One instruction that may fault and where to go on then: table __ex_table, link addresses.
 * At the fixup r12 holds the fault status (never 0), all other registers are as they were.
 * The fixup runs in the instruction's own state, ARM or Thumb. A prefetch abort at the target of
 * a BLX in ARM state is the BLX's.
 */
struct ex_entry {
	u32 insn;
	u32 fixup;
};
extern const struct ex_entry __ex_table_start[], __ex_table_end[];

/* An interrupt: provided by kernel/irq.c, called with interrupts masked, on the IRQ stack. */
void irq_dispatch(void);

/* For an inline asm with a "r12" operand: label 1 may fault, and goes on at label 2. */
#define EX_TABLE_1_TO_2                              \
	".pushsection __ex_table,\"a\",%%progbits\n" \
	"	.word	1b, 2b\n"                            \
	".popsection\n"
