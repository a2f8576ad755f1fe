/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The way out of this kernel, the reverse of the way in: caches cleaned, MMU off, and on at a
 * physical address, as a loader would; and the pen where other CPUs wait for the next kernel.
 * Must not touch memory once the data cache is off, but for what the pen says.
 *
 * The first part is in the image's first page, the identity page, as head.S is.
 */
#include <asm-offsets.h>

	.arch_extension	virt
	.syntax	unified
	.arm

	.section .head.text.smp, "ax", %progbits

/*
 * cpu_leave: never returns.
 * In:	r0 physical address to go on at, ARM state
 *	r1, r2 what it finds in r1 and r2 (and 0 in r0)
 *	r3 ASM_LEAVE_…: how
 * Mode: SVC, MMU on, at the link address; the boot table stands (boot_mmu).
 */
	.globl	cpu_leave
	.type	cpu_leave, %function
cpu_leave:
	cpsid	aif
	mov	r9, r0
	mov	r10, r1
	mov	r11, r2
	mov	sp, r3				@ there is no stack any more
	ldr	r4, =boot_mmu
	ldrd	r6, r7, [r4]			@ boot TTBR0
	ldr	r5, =boot_info
	ldr	r5, [r5, #BOOT_INFO_IMAGE_LOW]
	ldr	r3, =_start
	sub	r5, r5, r3			@ physical minus link address
	adr	r4, 1f
	add	r4, r4, r5
	ldr	r0, =ASM_TTBCR_BOOT
	ldr	r12, =ASM_SCTLR_OFF
	mcrr	p15, 0, r6, r7, c2		@ TTBR0: its walks are still off (EPD0)
	isb					@ the table, before walks through it
	mcr	p15, 0, r0, c2, c0, 2		@ TTBCR: everything through TTBR0 (B3.6.4)
	isb					@ from here it translates us: the same entries
	mov	r0, #0
	mcr	p15, 0, r0, c8, c7, 0		@ TLBIALL: nothing of TTBR1's is left
	dsb	sy				@ that, and all that we stored, complete
	isb					@ before the next fetch
	bx	r4
	/* The identity page: the next fetch is the same with and without the MMU (B3.2.1). */
1:	mcr	p15, 0, r12, c1, c0, 0		@ SCTLR: MMU, caches, prediction off
	isb					@ no access allocates from here on
	mcr	p15, 0, r0, c2, c0, 2		@ TTBCR: as after reset, short descriptors
	bl	tlb_and_icache_forget		@ what follows was fetched, or cleaned, to memory
	/* With the cache off nothing new gets dirty; lines that are go to memory (B2.2.6). */
	mrc	p15, 1, r0, c0, c0, 1		@ CLIDR
	mov	r1, #1				@ one level
	tst	sp, #ASM_LEAVE_OWN_LEVEL
	ubfxeq	r1, r0, #24, #3			@ level of coherency
	mov	r8, #0				@ clean and invalidate
	bl	dcache_by_set_way		@ ends in DSB and ISB
	mov	r0, #0
	mov	r1, r10
	mov	r2, r11
	tst	sp, #ASM_LEAVE_TO_HYP
	bxeq	r9
	mov	r12, r9				@ hyp_call goes there
	hvc	#0
	.ltorg
	.size	cpu_leave, . - cpu_leave

	/* HYP mode's vectors (B1.8.1), set by head.S: nothing leads there but hvc. */
	.align	5
	.globl	hyp_vectors
hyp_vectors:
	.rept	5
	b	.
	.endr
	b	hyp_call
	b	.
	b	.

/*
 * hvc: goes on at r9, in HYP, if r12 says the same: that is from here. Else it was meant for
 * firmware, which is not there: PSCI's "not supported".
 */
hyp_call:
	teq	r12, r9
	bxeq	r9
	mvn	r0, #0
	eret

	.section .rodata

/*
 * The pen, as it is copied to a page of its own: a CPU says that it is here, and waits until an
 * interrupt wakes it and the register holds an entry. MMU and caches off; the interrupt
 * stays masked, for wfi ends all the same (B1.8.13).
 * In: r1 = the register. Clobbers r0, r2, r3.
 */
	.align	6
	.globl	leave_pen, leave_pen_here, leave_pen_end
leave_pen:
	mrc	p15, 0, r0, c0, c0, 5		@ MPIDR: as PEN_INDEX() has it
	ubfx	r2, r0, #8, #2
	and	r0, r0, #3
	orr	r0, r0, r2, lsl #2
	adr	r3, leave_pen_here
	mov	r2, #1
	strb	r2, [r3, r0]			@ to memory; a line of its own
1:	dsb	sy				@ it has got there, before sleep
	wfi
	ldr	r2, [r1]
	cmp	r2, #0
	beq	1b
	bx	r2
	.align	6
leave_pen_here:
	.space	64
leave_pen_end:

	.section .note.GNU-stack, "", %progbits
