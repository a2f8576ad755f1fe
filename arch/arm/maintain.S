/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a CPU does to its own caches, TLB and ACTLR before its MMU is on: the same for the boot CPU,
 * the others, the way out, and a loader that starts from reset. Position-independent.
 *
 * Must never touch memory, nor need a stack.
 */
	.syntax	unified
	.arm

	.section .head.text.smp, "ax", %progbits

/* ICIALLU, BPIALL, TLBIALL: what this CPU fetched or translated before. Clobbers r3. */
	.globl	tlb_and_icache_forget
tlb_and_icache_forget:
	mov	r3, #0
	mcr	p15, 0, r3, c7, c5, 0		@ ICIALLU
	mcr	p15, 0, r3, c7, c5, 6		@ BPIALL
	mcr	p15, 0, r3, c8, c7, 0		@ TLBIALL
	dsb	sy				@ all three complete
	isb					@ before the next fetch
	bx	lr

/*
 * The data cache levels below r1, by set and way (B2.2.4, B4.2.1): cleaned and invalidated, or
 * with r8 = 1 only invalidated. No other CPU may use those levels. No memory access.
 * In: r0 = CLIDR. Clobbers r0-r7, r12.
 */
	.globl	dcache_by_set_way
	.type	dcache_by_set_way, %function
dcache_by_set_way:
	dmb	sy				@ earlier accesses, before the maintenance
	mov	r2, #0				@ level, 0-based
1:	cmp	r2, r1
	bhs	5f
	add	r3, r2, r2, lsl #1
	lsr	r3, r0, r3
	and	r3, r3, #7
	cmp	r3, #2				@ no data cache here
	blo	4f
	lsl	r3, r2, #1
	mcr	p15, 2, r3, c0, c0, 0		@ CSSELR
	isb					@ the selection, before the read
	mrc	p15, 1, r3, c0, c0, 0		@ CCSIDR
	and	r4, r3, #7
	add	r4, r4, #4			@ log2 of the line's bytes
	ubfx	r5, r3, #3, #10			@ ways - 1
	ubfx	r6, r3, #13, #15		@ sets - 1
	clz	r7, r5				@ where the way goes; 32 for a single way
2:	mov	r12, r6				@ set
3:	lsl	r3, r12, r4
	orr	r3, r3, r2, lsl #1
	cmp	r5, #0
	orrne	r3, r3, r5, lsl r7
	cmp	r8, #0
	mcreq	p15, 0, r3, c7, c14, 2		@ DCCISW
	mcrne	p15, 0, r3, c7, c6, 2		@ DCISW
	subs	r12, r12, #1
	bpl	3b
	subs	r5, r5, #1
	bpl	2b
	dsb	sy				@ before the next level: Cortex-A7 814220
4:	add	r2, r2, #1
	b	1b
5:	mov	r3, #0
	mcr	p15, 2, r3, c0, c0, 0		@ CSSELR back to level 1
	dsb	sy
	isb
	bx	lr

/*
 * ACTLR.SMP, before caches or MMU: without it a Cortex-A7/A15/A17 takes no part in
 * coherency, and its own caches misbehave (Cortex-A15 TRM 4.3.28). Other CPUs' ACTLR
 * is not ours to know. QEMU has no ACTLR; nor has it a REVIDR, which these CPUs have: it reads as
 * MIDR then, and a clear bit is forgiven. Out: r0 = ACTLR read back, or with bit 6 set where it
 * does not apply.
 * Clobbers r1, r2.
 */
	.globl	smp_bit_on
	.type	smp_bit_on, %function
smp_bit_on:
	mrc	p15, 0, r0, c0, c0, 0		@ MIDR
	lsr	r1, r0, #24
	cmp	r1, #0x41			@ ARM Ltd.
	bne	1f
	ubfx	r1, r0, #4, #12
	movw	r2, #0xc07
	cmp	r1, r2
	movwne	r2, #0xc0f
	cmpne	r1, r2
	movwne	r2, #0xc0e
	cmpne	r1, r2
	movwne	r2, #0xc0d
	cmpne	r1, r2
	bne	1f
	mov	r2, r0
	mrc	p15, 0, r0, c1, c0, 1		@ ACTLR
	tst	r0, #0x40
	bxne	lr
	orr	r0, r0, #0x40
	mcr	p15, 0, r0, c1, c0, 1		@ NSACR may forbid it: hence the read-back
	isb
	mrc	p15, 0, r0, c1, c0, 1
	mrc	p15, 0, r1, c0, c0, 6		@ REVIDR
	cmp	r1, r2
	bxne	lr
1:	mov	r0, #0x40
	bx	lr

	.section .note.GNU-stack, "", %progbits
