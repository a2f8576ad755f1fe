/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From the reset vector: every CPU comes here at once, in secure SVC on silicon, and has what only
 * firmware can give it done to it; then CPU 0 goes on to C, and the others wait in the pen.
 * All of it is executed in flash. (An emulated machine without the Security Extensions starts in
 * HYP, or in the only SVC there is: then there is less to do.)
 *
 * Must never clean a cache: after a power-on its lines are noise. Nor write to RAM.
 */
#include "place.h"
#include "start.h"

	.arch_extension	virt
	.arch_extension	sec
	.syntax	unified
	.arm

#define MODE_MASK	0x1f
#define MODE_SVC	0x13
#define MODE_MON	0x16
#define MODE_HYP	0x1a
#define SCTLR_I_Z	0x1800
/* TE, EE, VE, V, I, Z, C, A, M: exceptions in ARM state, little-endian, at VBAR; all else off. */
#define SCTLR_CLEAR	0x43003807
/* Who is not secure may use cp10 and cp11, and write ACTLR.SMP (Cortex-A15 TRM, NSACR). */
#define NSACR_OPEN	0x00040c00

	.section .vectors, "ax", %progbits
	.align	5
	.globl	flash_vectors
flash_vectors:
	b	reset
	b	trap_1
	b	trap_2
	b	trap_3
	b	trap_4
	b	trap_5
	b	trap_6
	b	trap_7

	.macro	trap number
trap_\number:
	mov	r0, #\number
	b	trapped
	.endm
	trap	1
	trap	2
	trap	3
	trap	4
	trap	5
	trap	6
	trap	7

/* In: r0 = which. lr is close to where it happened (B1.8.3); in HYP it says nothing. */
trapped:
	mov	r1, lr
	ldr	r2, =STOP_TRAP			@ it may be the port that cannot be reached
	ldr	r3, =SRAM_STOP_CODE
	str	r2, [r3]
	bl	stack_set
	bl	flash_trap

/* Each CPU has one, for what it may have to say. Clobbers r2, r3. */
stack_set:
	mrc	p15, 0, r2, c0, c0, 5		@ MPIDR
	and	r2, r2, #3
	ldr	r3, =SRAM_STACK_TOP
	sub	sp, r3, r2, lsl #STACK_SHIFT
	bx	lr

/*
 * In: nothing; it runs where the flash is seen after reset, at 0. Kept from here on:
 *	r9	1: CPU 0, which boots
 *	r10	ID_PFR1: Security in bits 7:4, Virtualization in 15:12
 */
reset:
	cpsid	aif
	setend	le
	ldr	pc, =1f				@ where the flash always is
1:	mrc	p15, 0, r10, c0, c1, 1
	mrc	p15, 0, r3, c0, c0, 5		@ MPIDR
	mov	r9, #0
	tst	r3, #0xff			@ one cluster: the tile's
	moveq	r9, #1
	tst	r3, #0x40000000			@ U: the only one, whatever its number
	movne	r9, #1
	ldr	r0, =SCTLR_CLEAR
	mov	r1, #0
	bl	control_change
	bl	vectors_set
	@ before any cache maintenance (Cortex-A15 TRM 4.3.28)
	bl	smp_bit_on
	mrc	p15, 1, r0, c0, c0, 1		@ CLIDR
	mov	r1, #1				@ the others: their own level
	cmp	r9, #1
	ubfxeq	r1, r0, #24, #3			@ CPU 0: to the level of coherency
	mov	r8, #1				@ only invalidate (B2.2.4: contents are unknown)
	bl	dcache_by_set_way
	bl	tlb_and_icache_forget
	bl	secure_set
	cmp	r9, #1
	bne	pen
	ldr	r0, =FLAGSCLR
	mvn	r1, #0
	str	r1, [r0]			@ a warm reset may leave what the last kernel wrote
	bl	stack_set
	mov	r0, #0
	mov	r1, #SCTLR_I_Z			@ fetches from flash are slow
	bl	control_change
	bl	flash_main

/* Bits of SCTLR, of HYP's if we are there. In: r0 to clear, r1 to set. Clobbers r3. */
control_change:
	mrs	r3, cpsr
	and	r3, r3, #MODE_MASK
	cmp	r3, #MODE_HYP
	mrcne	p15, 0, r3, c1, c0, 0		@ SCTLR
	mrceq	p15, 4, r3, c1, c0, 0		@ HSCTLR
	bic	r3, r3, r0
	orr	r3, r3, r1
	orreq	r3, r3, #0x800			@ no Z there: always one
	mcrne	p15, 0, r3, c1, c0, 0
	mcreq	p15, 4, r3, c1, c0, 0
	isb					@ before the next fetch
	bx	lr

/* Every exception is reported. In: r10. Clobbers r2, r3. */
vectors_set:
	ldr	r3, =flash_vectors
	mrs	r2, cpsr
	and	r2, r2, #MODE_MASK
	cmp	r2, #MODE_HYP
	mcreq	p15, 4, r3, c12, c0, 0		@ HVBAR
	bxeq	lr
	mcr	p15, 0, r3, c12, c0, 0		@ VBAR
	tst	r10, #0xf0
	mcrne	p15, 0, r3, c12, c0, 1		@ MVBAR
	bx	lr

/*
 * What only the secure world can do, each CPU for itself; all of it is unknown after reset
 * (B4.1.111 NSACR, B4.1.40 CPACR, B4.1.21 CNTFRQ, B4.1.35 CNTVOFF). In: r10. Clobbers r0-r3.
 */
secure_set:
	mov	r3, #0
	mcr	p15, 0, r3, c1, c0, 2		@ CPACR: no coprocessor is open
	tst	r10, #0xf0
	bxeq	lr				@ HYP, or SVC, of a machine that has no secure world
	ldr	r3, =NSACR_OPEN
	mcr	p15, 0, r3, c1, c1, 2
	ldr	r0, =COUNTER
	ldr	r3, [r0, #COUNTER_CNTCR]
	orr	r3, r3, #1			@ EN; of all CPUs it is the same
	str	r3, [r0, #COUNTER_CNTCR]
	ldr	r3, [r0, #COUNTER_CNTFID0]
	cmp	r3, #0
	mrceq	p15, 0, r3, c14, c0, 0		@ CNTFRQ: an emulator's, preset
	cmp	r3, #0
	ldreq	r3, =COUNTER_HZ
	mcr	p15, 0, r3, c14, c0, 0
	tst	r10, #0xf000
	bxeq	lr				@ no Virtualization Extensions, so no offset
	mov	r3, #0
	cps	#MODE_MON
	mrc	p15, 0, r1, c1, c1, 0		@ SCR
	orr	r2, r1, #1			@ NS: else the register is not there (B4.1.35)
	mcr	p15, 0, r2, c1, c1, 0
	isb					@ that, before
	mcrr	p15, 4, r3, r3, c14		@ CNTVOFF: virtual time is physical time
	isb					@ which is complete, before
	mcr	p15, 0, r1, c1, c1, 0		@ we are secure again
	isb
	cps	#MODE_SVC
	bx	lr

/*
 * The other CPUs, until the kernel calls them: the boot protocol of this board. An interrupt ends
 * wfi although it is masked (B1.8.13), if this CPU's interface forwards it. It is taken here: while
 * it is pending no wfi would sleep, here or where the kernel parks a CPU that it does not want. In
 * flash, so no RAM has to be kept for it.
 */
pen:
	ldr	r0, =GICD
	mvn	r1, #0
	lsr	r1, r1, #16
	str	r1, [r0, #0x100]		@ GICD_ISENABLER0, this CPU's: software interrupts
	ldr	r0, =GICC
	mov	r1, #0xff
	str	r1, [r0, #4]			@ GICC_PMR: any priority
	mov	r1, #1
	str	r1, [r0]			@ GICC_CTLR: on
	ldr	r1, =FLAGS
1:	dsb	sy				@ the interface is on, before sleep
	wfi
	ldr	r2, [r0, #0xc]			@ GICC_IAR
	ubfx	r3, r2, #0, #10
	cmp	r3, #16
	bhs	1b				@ wfi ended for a reason of its own (B1.8.13)
	str	r2, [r0, #0x10]			@ GICC_EOIR
	dsb	sy				@ taken, before the look: a later one wakes us again
	ldr	r2, [r1]
	cmp	r2, #0
	beq	1b
	bx	r2

/* In: r0 = image, r1 = device tree. The last DSB is also that of the copies. */
	.globl	flash_enter
	.type	flash_enter, %function
flash_enter:
	mov	r4, r0
	mov	r5, r1
	mov	r0, #SCTLR_I_Z
	mov	r1, #0
	bl	control_change
	bl	tlb_and_icache_forget		@ nothing that was fetched from RAM before
	mov	r0, #0
	mvn	r1, #0				@ no number of a machine: the tree says it
	mov	r2, r5
	bx	r4

/* In: r0 = code. */
	.globl	flash_stop
	.type	flash_stop, %function
flash_stop:
	cpsid	aif
	ldr	r1, =SRAM_STOP_CODE
	str	r0, [r1]
	dsb	sy				@ it is there, before sleep
1:	wfi
	b	1b
	.ltorg

	.section .note.GNU-stack, "", %progbits
