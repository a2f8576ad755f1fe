/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The exception vectors and the way into C and back (ARM DDI 0406C, B1.8).
 *
 * One stack serves all faults of a CPU. Each vector stores return address and SPSR
 * by SRS at ABT mode's sp, the landing at the stack's top, and passes through ABT mode into SVC
 * mode; there it moves everything into a struct trap_regs and the landing is free again.
 * Nothing between can fault or be interrupted, so no other mode needs a stack. The frame
 * lies below the landing; if SVC mode's sp was on the abort stack already (an exception in
 * the handler), below that sp. The interrupted stack is never touched.
 *
 * Interrupts are another matter: what they interrupt runs with a good stack, or the store
 * there is a fault of its own. They save on it what C may change, so that the thread can be
 * switched out from there, and run on the CPU's IRQ stack, whose top is IRQ mode's sp.
 *
 * Faults must not write memory outside the abort stack.
 */
#include <asm-offsets.h>

	.syntax	unified
	.arch_extension sec
	.arm

#define MODE_IRQ	0x12
#define MODE_SVC	0x13
#define MODE_ABT	0x17
#define IRQ_FRAME_SP	24
#define IRQ_FRAME_LR	28
#define IRQ_FRAME_SIZE	40
#define NESTED_ROOM	0xc00		/* a nested frame lies 1 KiB or more above the bottom */

	.text
	.balign	32
	.globl	vectors
	.type	vectors, %function
vectors:
	.fnstart
	.cantunwind
	udf	#0				@ 0x00 never taken: reset has its own address
	b	vector_undefined		@ 0x04
	b	vector_svc			@ 0x08
	b	vector_prefetch			@ 0x0c
	b	vector_data			@ 0x10
	udf	#0				@ 0x14 only HYP's own table has one here
	b	vector_irq			@ 0x18
	b	vector_fiq			@ 0x1c

/*
 * Mode: the exception's; interrupts masked by hardware. back: what to take from lr so that it is
 * the instruction itself (undefined and svc in ARM state, aborts) or the next one (interrupts).
 */
	.macro	vector name, kind, back
vector_\name:
	sub	lr, lr, #\back
	srsia	sp, #MODE_ABT			@ landing: pc, cpsr
	cpsid	ai, #MODE_ABT
	str	r0, [sp, #8]
	mov	r0, #\kind
	b	save_and_handle
	.endm

	vector	undefined, TRAP_UNDEFINED, 4
	vector	svc, TRAP_SVC, 4
	vector	prefetch, TRAP_PREFETCH, 4
	vector	data, TRAP_DATA, 8
	vector	fiq, TRAP_FIQ, 4

/*
 * Mode: IRQ, then SVC; interrupts masked. In: all as interrupted. The frame, from sp up: r0-r4,
 * r12, sp, lr, pc, cpsr: what C may change, r4 for us, and what the unwinder needs.
 */
vector_irq:
	sub	lr, lr, #4
	srsdb	sp!, #MODE_SVC			@ pc, cpsr
	cpsie	a, #MODE_SVC			@ handlers hear of asynchronous aborts too
	sub	sp, sp, #8
	push	{r0-r4, r12}
	add	r0, sp, #IRQ_FRAME_SIZE
	str	r0, [sp, #IRQ_FRAME_SP]
	str	lr, [sp, #IRQ_FRAME_LR]
	cps	#MODE_IRQ
	mov	r0, sp
	cps	#MODE_SVC
	mov	r4, sp
	mov	sp, r0
	b	irq_handle_and_return
	.fnend
	.size	vectors, . - vectors

/*
 * Mode: SVC, interrupts masked. In: r4 = the frame on the interrupted stack, which may be
 * aligned to 4 bytes only; sp = the IRQ stack's top.
 */
	.type	irq_handle_and_return, %function
irq_handle_and_return:
	.fnstart
	.unwind_raw 0, 0x94, 0xb1, 0x0f, 0x8f, 0x01	@ sp = r4, pop r0-r3, then r4, r12, sp-pc
	bl	irq_dispatch
	mrc	p15, 0, r0, c13, c0, 4		@ TPIDRPRW: struct thread_core
	ldr	r0, [r0, #CORE_ATOMIC]
	cmp	r0, #0				@ preemptible, and somebody else shall run?
	beq	2f
1:	clrex					@ no reservation outlives an exception
	mov	sp, r4
	ldr	lr, [sp, #IRQ_FRAME_LR]
	pop	{r0-r4, r12}
	add	sp, sp, #8
	rfeia	sp!
2:	bic	sp, r4, #7			@ on the thread's own stack, which goes with it
	bl	preempt_irq			@ returns when it is this thread's turn again
	b	1b
	.fnend
	.size	irq_handle_and_return, . - irq_handle_and_return

/*
 * In: ABT mode, sp = landing (pc, cpsr, r0 stored), r0 = kind, all else as interrupted.
 * Mode: SVC from the cps on, sp and lr still the interrupted code's until stored.
 * Roles: r1 landing, r2 frame, r3 scratch.
 */
	.type	save_and_handle, %function
save_and_handle:
	.fnstart
	.unwind_raw 0, 0xb1, 0x0f, 0x8f, 0xff	@ pop r0-r3, then r4-pc: the frame itself
	str	r1, [sp, #12]
	str	r2, [sp, #16]
	str	r3, [sp, #20]
	mov	r1, sp
	cps	#MODE_SVC
	sub	r2, sp, #TRAP_REGS_SIZE
	bic	r2, r2, #7
	eor	r3, r2, r1
	lsrs	r3, r3, #ABORT_STACK_SHIFT
	tsteq	r2, #NESTED_ROOM
	subeq	r2, r1, #TRAP_REGS_SIZE		@ nested too deep: start over, the report says so
	cmp	r3, #0
	subne	r2, r1, #TRAP_REGS_SIZE		@ from another stack
	str	sp, [r2, #TRAP_SP]
	str	lr, [r2, #TRAP_LR]
	mov	sp, r2
	add	lr, sp, #16
	stmia	lr, {r4-r12}
	ldmia	r1, {r3-r8}			@ pc, cpsr, r0-r3
	stmia	sp, {r5-r8}
	add	lr, sp, #TRAP_PC
	stmia	lr, {r3, r4}
	str	r0, [sp, #TRAP_KIND]
	mov	r0, sp
	bl	trap_handle
	/* Back to where the frame says, which lies in SVC mode. */
	clrex					@ no reservation outlives an exception
	mov	r0, sp
	ldr	lr, [r0, #TRAP_LR]
	ldr	sp, [r0, #TRAP_SP]
	cps	#MODE_ABT			@ its lr is free to hold the frame
	mov	lr, r0
	ldmia	lr, {r0-r12}
	add	lr, lr, #TRAP_PC
	rfeia	lr
	.fnend
	.size	save_and_handle, . - save_and_handle

/* trap_set_landing: In: r0 = ABT mode's sp. Mode: SVC, interrupts masked. Clobbers r1. */
	.globl	trap_set_landing
	.type	trap_set_landing, %function
trap_set_landing:
	.fnstart
	cps	#MODE_ABT
	mov	sp, r0
	cps	#MODE_SVC
	bx	lr
	.fnend
	.size	trap_set_landing, . - trap_set_landing

/* trap_set_irq_stack: In: r0 = top. Mode: SVC, interrupts masked. */
	.globl	trap_set_irq_stack
	.type	trap_set_irq_stack, %function
trap_set_irq_stack:
	.fnstart
	cps	#MODE_IRQ
	mov	sp, r0
	cps	#MODE_SVC
	bx	lr
	.fnend
	.size	trap_set_irq_stack, . - trap_set_irq_stack

/* trap_get_irq_stack: Out: r0 = top. Mode: SVC. Clobbers r1. */
	.globl	trap_get_irq_stack
	.type	trap_get_irq_stack, %function
trap_get_irq_stack:
	.fnstart
	mrs	r1, cpsr
	cpsid	i, #MODE_IRQ
	mov	r0, sp
	msr	cpsr_c, r1
	bx	lr
	.fnend
	.size	trap_get_irq_stack, . - trap_get_irq_stack

/* trap_get_landing: Out: r0 = ABT mode's sp. Mode: SVC. Clobbers r1. */
	.globl	trap_get_landing
	.type	trap_get_landing, %function
trap_get_landing:
	.fnstart
	mrs	r1, cpsr
	cpsid	i, #MODE_ABT
	mov	r0, sp
	msr	cpsr_c, r1
	bx	lr
	.fnend
	.size	trap_get_landing, . - trap_get_landing

/* unwind_here: In: r0 = struct unwind. Stores the caller's registers. Clobbers r1. */
	.globl	unwind_here
	.type	unwind_here, %function
unwind_here:
	.fnstart
	stmia	r0, {r0-r14}
	str	lr, [r0, #UNWIND_PC]
	mov	r1, #0
	strb	r1, [r0, #UNWIND_EXACT]
	bx	lr
	.fnend
	.size	unwind_here, . - unwind_here

/*
 * The compiler's unwind tables name these personality routines; arch/arm/unwind.c knows
 * their formats itself and never calls them.
 */
	.globl	__aeabi_unwind_cpp_pr0, __aeabi_unwind_cpp_pr1, __aeabi_unwind_cpp_pr2
	.set	__aeabi_unwind_cpp_pr0, 0
	.set	__aeabi_unwind_cpp_pr1, 0
	.set	__aeabi_unwind_cpp_pr2, 0

	.section .note.GNU-stack, "", %progbits
