/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The switch between threads: the registers that a call preserves, on the thread's own
 * stack. Must not touch anything else: what a thread has besides is kernel/sched.c's.
 */
	.syntax	unified
	.arm
	.text

/*
 * context_switch
 * In: r0 where to save sp, r1 the next thread's sp, r2 its struct thread_core.
 * Clobbers r0-r3, r12, flags. Mode: SVC, MMU on, interrupts masked.
 * A read of TPIDRPRW sees the write before it without an ISB (B3.15.5).
 */
	.globl	context_switch
	.type	context_switch, %function
	.balign	32
context_switch:
	.fnstart
	push	{r4-r11, lr}
	.save	{r4-r11, lr}
	str	sp, [r0]
	mcr	p15, 0, r2, c13, c0, 4		@ TPIDRPRW
	clrex					@ a reservation is not the next thread's
	mov	sp, r1
	pop	{r4-r11, pc}
	.fnend
	.size	context_switch, . - context_switch

/* switch_entry: In: r4 = where the thread begins. lr = 0: callers end here. */
	.globl	switch_entry
	.type	switch_entry, %function
switch_entry:
	.fnstart
	.cantunwind
	mov	lr, #0
	bx	r4
	.fnend
	.size	switch_entry, . - switch_entry

	.section .note.GNU-stack, "", %progbits
