/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A visit to a world of other page tables: from the kernel's address to a copy of this code below,
 * where the kernel's half is given up too; to a copy above, if the half below is to be closed;
 * there the accesses, each caught by vectors of its own; and the same way back. The code runs at
 * any address. While the kernel's half is away it uses no stack, and no memory but its data.
 *
 * Each half changes only while its walks are off and nothing runs there (ARM DDI 0406C, B3.10.2):
 * TTBR0 and T0SZ from the kernel's address, with EPD0 = 1; TTBR1 and T1SZ from below, with EPD1 =
 * 1. T0SZ = 0 is entered as 1, the same table, for with T1SZ = 0 it would hide the kernel; that one
 * step between 1 and 0 is made below, walks on, and translates nothing in another way. An ISB
 * makes each step take effect before the next (B3.15.5).
 *
 * Interrupts are masked, and abort mode has no stack here: its vectors only change the mode.
 */
#include "ops.h"

	.syntax	unified
	.arch_extension	sec
	.arm

#define OP_NUMBER(name, label) .equ OP_##name, number; .set number, number + 1;
	.set	number, 0
	MMU_OPS(OP_NUMBER)

#define MODE_USR	0x10
#define MODE_SVC	0x13
#define EPD0		0x00000080
#define EPD1		0x00800000

	/* After a change of TTBR, TTBCR or tables: old translations, and branches predicted by
	 * them (B3.10.1, B2.2), before the next fetch. Clobbers r7. */
	.macro	forget
	mov	r7, #0
	dsb	nsh				@ what was written to tables, before
	mcr	p15, 0, r7, c8, c7, 0		@ TLBIALL
	mcr	p15, 0, r7, c7, c5, 6		@ BPIALL
	dsb	nsh				@ complete, before the next access
	isb
	.endm

	.macro	set_ttbcr reg
	mcr	p15, 0, \reg, c2, c0, 2
	isb
	.endm

	/* Goes on at label, in the copy at \to; \from: this copy. Clobbers r7. */
	.macro	go_on label, to, from
	adr	r7, \label
	sub	r7, r7, \from
	add	pc, r7, \to
	.endm

	.text
	.balign	32
	.globl	visit_start, visit_end
visit_start:
	b	trap_other			@ reset: never
	b	trap_other			@ undefined
	b	op_done				@ SVC: user mode got through
	b	trap_prefetch
	b	trap_data
	b	trap_other
	b	trap_other			@ IRQ: masked
	b	trap_other			@ FIQ: masked

/* visit: In: r0 = the data by the kernel's address. Mode: SVC. All else is in the data. */
	.globl	visit
	.type	visit, %function
visit:
	.fnstart
	.cantunwind
	push	{r4-r11, lr}
	mrs	r4, cpsr
	push	{r4}
	cpsid	ai
	adr	r5, visit_back
	str	r5, [r0, #VISIT_BACK]
	ldr	r1, [r0, #VISIT_LOW]
	ldrd	r2, r3, [r0, #VISIT_TTBR0]
	mcrr	p15, 0, r2, r3, c2
	isb					@ before it is walked
	ldr	r2, [r0, #VISIT_ENTER]
	orr	r3, r2, #EPD0
	set_ttbcr r3				@ the size first,
	forget					@ and what the kernel has there, with 1g
	set_ttbcr r2				@ then the walks
	adr	r6, visit_start
	go_on	visit_low, r1, r6

/* Below: r1 = visit_start's address here. */
visit_low:
	add	r10, r1, #VISIT_DATA
	ldr	r2, [r10, #VISIT_ENTER]
	orr	r2, r2, #EPD1
	set_ttbcr r2
	ldrd	r2, r3, [r10, #VISIT_TTBR1]
	mcrr	p15, 1, r2, r3, c2
	ldr	r11, [r10, #VISIT_HOME]
	mcr	p15, 0, r11, c12, c0, 0		@ VBAR
	ldr	r2, [r10, #VISIT_SCTLR]
	mcr	p15, 0, r2, c1, c0, 0
	ldr	r2, [r10, #VISIT_BOTH]
	orr	r3, r2, #EPD1
	set_ttbcr r3				@ sizes, while nothing walks by TTBR1
	forget					@ the kernel's entries
	set_ttbcr r2
	go_on	visit_home, r11, r1

/* Where the accesses are made from: r11 = visit_start's address here. */
visit_home:
	add	r10, r11, #VISIT_DATA
	ldr	r3, [r10, #VISIT_FINAL]
	set_ttbcr r3
	forget					@ entries of a half that is closed now
	ldr	r9, [r10, #VISIT_COUNT]
	add	r8, r10, #VISIT_OPS

/* One access: r0 va, r2:r3 value; r4 = how it ended. r8-r11 are kept. */
next_op:
	ldr	r5, =FAR_POISON
	mov	r4, #TRAP_NONE
	mcr	p15, 0, r5, c6, c0, 0		@ DFAR
	mcr	p15, 0, r5, c6, c0, 2		@ IFAR
	mcr	p15, 0, r4, c5, c0, 0		@ DFSR
	mcr	p15, 0, r4, c5, c0, 1		@ IFSR
	isb					@ before an abort writes them
	ldmia	r8, {r0-r3}
	adr	r12, op_table
	add	r12, r12, r1, lsl #1
	ldrh	r12, [r12]
	add	r12, r12, r11
	cmp	r1, #OP_USER_READ
	bxlo	r12
	mrs	r5, cpsr
	bic	r5, r5, #0x1f
	orr	r5, r5, #MODE_USR		@ interrupts stay masked there
	msr	spsr_cxsf, r5
	movs	pc, r12

trap_other:
	mov	r4, #TRAP_OTHER
	cps	#MODE_SVC
	b	op_done
trap_prefetch:
	mov	r4, #TRAP_PREFETCH_ABORT
	cps	#MODE_SVC
	b	op_done
trap_data:
	mov	r4, #TRAP_DATA_ABORT
	cps	#MODE_SVC
op_done:
	mrc	p15, 0, r5, c5, c0, 0		@ DFSR
	mrc	p15, 0, r6, c6, c0, 0		@ DFAR
	mrc	p15, 0, r7, c5, c0, 1		@ IFSR
	mrc	p15, 0, r12, c6, c0, 2		@ IFAR
	add	r1, r8, #OP_RESULTS
	stmia	r1, {r2-r7, r12}
	add	r8, r8, #OP_SIZE
	subs	r9, r9, #1
	bne	next_op

	ldr	r2, [r10, #VISIT_BOTH]
	set_ttbcr r2
	ldr	r1, [r10, #VISIT_LOW]
	go_on	visit_leave, r1, r11

visit_leave:
	add	r10, r1, #VISIT_DATA
	ldr	r2, [r10, #VISIT_BOTH]
	orr	r2, r2, #EPD1
	set_ttbcr r2
	ldrd	r2, r3, [r10, #VISIT_KERNEL_TTBR1]
	mcrr	p15, 1, r2, r3, c2
	ldr	r2, [r10, #VISIT_KERNEL_SCTLR]
	mcr	p15, 0, r2, c1, c0, 0
	ldr	r3, [r10, #VISIT_ENTER]
	orr	r2, r3, #EPD1
	set_ttbcr r2
	forget					@ this upper half, before the kernel's
	set_ttbcr r3
	ldr	r5, [r10, #VISIT_BACK]
	bx	r5

/* At the kernel's address again; r10 = the data, below, for a last time. */
visit_back:
	ldr	r3, [r10, #VISIT_KERNEL_VBAR]
	ldrd	r4, r5, [r10, #VISIT_KERNEL_TTBR0]
	ldr	r2, [r10, #VISIT_KERNEL_TTBCR]
	ldr	r6, [r10, #VISIT_ENTER]
	orr	r6, r6, #EPD0
	set_ttbcr r6				@ the walks first: the data are gone,
	set_ttbcr r2				@ then the size; EPD0 = 1 as well
	mcrr	p15, 0, r4, r5, c2
	mcr	p15, 0, r3, c12, c0, 0
	isb					@ vectors, before an interrupt
	forget
	pop	{r4}
	msr	cpsr_cx, r4			@ A is in the second byte
	pop	{r4-r11, pc}
	.fnend
	.size	visit, . - visit
	.ltorg

#define OP_ENTRY(name, label) .hword op_##label - visit_start;
op_table:
	MMU_OPS(OP_ENTRY)
	.align	2

	.macro	op label, insn:vararg
op_\label:
	\insn
	b	op_done
	.endm
	op	read, ldr r2, [r0]
	op	write, str r2, [r0]
	op	ldrt, ldrt r2, [r0], #0
	op	strt, strt r2, [r0], #0
	op	ldrb, ldrb r2, [r0]
	op	ldrh, ldrh r2, [r0]
	op	ldr2, ldrd r2, r3, [r0]
	op	ldm, ldm r0, {r2, r3}
	op	stm, stm r0, {r2, r3}
	op	ldrex, ldrex r2, [r0]
	op	pld, pld [r0]

	/* Calls what is there; page n of the land comes back n instructions late: r2 = 3 - n. */
	.macro	call_land
	mov	r2, #0
	blx	r0
	add	r2, r2, #1
	add	r2, r2, #1
	add	r2, r2, #1
	.endm
op_exec:
	call_land
	b	op_done

	.macro	op_ats label, op2
op_\label:
	mcr	p15, 0, r0, c7, c8, \op2
	isb					@ the translation, before PAR
	mrrc	p15, 0, r2, r3, c7
	b	op_done
	.endm
	op_ats	ats_pr, 0
	op_ats	ats_pw, 1
	op_ats	ats_ur, 2
	op_ats	ats_uw, 3

	/* A live entry, in one store (A3.5.3); cleaned, where walks do not look into the cache. */
op_poke:
	strd	r2, r3, [r0]
	mcr	p15, 0, r0, c7, c10, 1		@ DCCMVAC
	dsb	nsh				@ before the walker looks
	isb
	b	op_done
op_tlbiall:
	forget
	b	op_done
op_tlbimva:
	dsb	nsh				@ as in forget
	mcr	p15, 0, r0, c8, c7, 1		@ TLBIMVA: address and ASID
	dsb	nsh
	isb
	b	op_done
op_ttbr0:
	mcrr	p15, 0, r2, r3, c2
	isb
	b	op_done
op_clean:
	mcr	p15, 0, r0, c7, c10, 1		@ DCCMVAC
	dsb	nsh
	b	op_done

	/* What a store has left, and back to what was there: instructions, before the next fetch of
	 * them (A3.5.4, B2.2.9). */
op_peek:
	mov	r6, r2
	mov	r7, r3
	ldrd	r2, r3, [r0]
	strd	r6, r7, [r0]
	mcr	p15, 0, r0, c7, c11, 1		@ DCCMVAU: eight bytes of one line
	dsb	nsh				@ cleaned, before
	mcr	p15, 0, r4, c7, c5, 0		@ ICIALLU: by any address
	mcr	p15, 0, r4, c7, c5, 6		@ BPIALL
	dsb	nsh				@ complete, before
	isb					@ the next fetch
	b	op_done

op_u_read:
	ldr	r2, [r0]
	svc	#0
op_u_write:
	str	r2, [r0]
	svc	#0
op_u_exec:
	call_land
	svc	#0
visit_end:

	.section .note.GNU-stack, "", %progbits
