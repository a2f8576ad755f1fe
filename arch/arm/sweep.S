/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The memory tester's inner loops: 32 bytes by one LDM or STM. Half a cache line, so that
 * an error is found close to where it is; the caller looks at the words.
 */
	.syntax unified
	.arm
	.text

/*
 * sweep_fill
 * In: r0 to, r1 bytes (a positive multiple of 32), r2 low, r3 high, [sp] step.
 * Clobbers r0-r3, r12, flags. Any mode, MMU on. 7 instructions per 32 bytes.
 *	r2/r3 r4/r5 r6/r7 r8/r9	four words of the pattern
 *	r0, r1	next line, end		r12	4 * step
 */
	.global	sweep_fill
	.type	sweep_fill, %function
	.balign	64
sweep_fill:
	.fnstart
	push	{r4-r9, lr}
	.save	{r4-r9, lr}
	ldr	r12, [sp, #28]
	add	r1, r0, r1
	add	r4, r2, r12
	add	r6, r2, r12, lsl #1
	add	r8, r4, r12, lsl #1
	mov	r5, r3
	mov	r7, r3
	mov	r9, r3
	lsl	r12, r12, #2
1:
	stmia	r0!, {r2-r9}
	add	r2, r2, r12
	add	r4, r4, r12
	add	r6, r6, r12
	add	r8, r8, r12
	cmp	r0, r1
	bne	1b
	pop	{r4-r9, pc}
	.fnend
	.size	sweep_fill, . - sweep_fill

/*
 * sweep_check
 * In: r0 from, r1 bytes (a positive multiple of 32), r2 low, r3 high, [sp] step.
 * Out: r0 the first line that differs, or 0. Clobbers r1-r3, r12, flags. Any mode, MMU on.
 *	r4-r11	the line		r2, r3	the next word expected
 *	r0, r1	next line, end		r12	step
 */
	.global	sweep_check
	.type	sweep_check, %function
	.balign	64
sweep_check:
	.fnstart
	push	{r4-r11, lr}
	.save	{r4-r11, lr}
	ldr	r12, [sp, #36]
	add	r1, r0, r1
1:
	ldmia	r0!, {r4-r11}
	pld	[r0, #256]
	eor	r4, r4, r2
	add	r2, r2, r12
	eor	r6, r6, r2
	add	r2, r2, r12
	eor	r8, r8, r2
	add	r2, r2, r12
	eor	r10, r10, r2
	add	r2, r2, r12
	eor	r5, r5, r3
	eor	r7, r7, r3
	eor	r9, r9, r3
	eor	r11, r11, r3
	orr	r4, r4, r5
	orr	r6, r6, r7
	orr	r8, r8, r9
	orr	r10, r10, r11
	orr	r4, r4, r6
	orr	r8, r8, r10
	orrs	r4, r4, r8
	bne	2f
	cmp	r0, r1
	bne	1b
	mov	r0, #0
	pop	{r4-r11, pc}
2:
	sub	r0, r0, #32
	pop	{r4-r11, pc}
	.fnend
	.size	sweep_check, . - sweep_check
