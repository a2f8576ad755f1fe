/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The memory tester's inner loops: a line of 32 bytes by one LDM or STM, and each location read
 * once. What a check read stays in r4-r11 until it has been compared, so that a wrong line is
 * handed over as it was read. Compares are chained (CMP, CMPEQ): no data is lost by them.
 *
 * All: any mode, MMU on. Clobbers r0-r3, r12, flags. In: r0 memory, r1 bytes (a positive multiple
 * of 32), r2 struct sweep. The checks: out r0 the first line that is wrong, or 0; in the struct
 * then its words as read, and the pattern as it was at that line.
 *
 *	r0, r1	next line, end		r2, r3	the pattern's next word, low and high
 *	r4-r11	four words		r12, lr	see each
 */
#include <asm-offsets.h>

	.syntax unified
	.arm
	.text

	.macro routine name
	.global	\name
	.type	\name, %function
	.balign	16
\name:
	.fnstart
	push	{r2, r4-r11, lr}
	.save	{r2, r4-r11, lr}
	add	r1, r0, r1
	.endm

	.macro routine_end name
	.fnend
	.size	\name, . - \name
	.endm

	.macro loop_end
	cmp	r0, r1
	bne	1b
	.endm

/* Four words in r4-r11 against \low and \high: Z if equal. */
	.macro compare low, high
	cmp	r4, \low
	cmpeq	r5, \high
	cmpeq	r6, \low
	cmpeq	r7, \high
	cmpeq	r8, \low
	cmpeq	r9, \high
	cmpeq	r10, \low
	cmpeq	r11, \high
	.endm

/* xorshift32 (G. Marsaglia, 2003): every state but 0 follows from every other. Keeps the flags. */
	.macro next_random
	eor	r2, r2, r2, lsl #13
	eor	r2, r2, r2, lsr #17
	eor	r2, r2, r2, lsl #5
	.endm

/* sweep_fill: writes the pattern; r12 = 4 * step. 7 instructions for 32 bytes. */
routine sweep_fill
	ldm	r2, {r2, r3, r12}
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
	loop_end
	pop	{r2, r4-r11, pc}
routine_end sweep_fill

/*
 * sweep_fill_random: writes the random sequence; r12 what each low half is exclusive-ored with. 23
 * instructions for 32 bytes.
 */
	.macro	random_word low, high
	eor	\low, r2, r12
	eor	\high, r3, r2, ror #11
	next_random
	.endm

routine sweep_fill_random
	ldm	r2, {r2, r3, r12}
1:
	random_word r4, r5
	random_word r6, r7
	random_word r8, r9
	random_word r10, r11
	stmia	r0!, {r4-r11}
	loop_end
	pop	{r2, r4-r11, pc}
routine_end sweep_fill_random

/* sweep_check; r12 step, lr the first word of the line. 18 instructions for 32 bytes. */
routine sweep_check
	ldm	r2, {r2, r3, r12}
1:
	ldmia	r0!, {r4-r11}
	pld	[r0, #256]
	mov	lr, r2
	cmp	r4, r2
	add	r2, r2, r12
	cmpeq	r6, r2
	add	r2, r2, r12
	cmpeq	r8, r2
	add	r2, r2, r12
	cmpeq	r10, r2
	add	r2, r2, r12
	cmpeq	r5, r3
	cmpeq	r7, r3
	cmpeq	r9, r3
	cmpeq	r11, r3
	bne	2f
	loop_end
	mov	r0, #0
	pop	{r2, r4-r11, pc}
2:
	sub	r0, r0, #32
	mov	r2, lr
wrong_line:
	ldr	r1, [sp]
	str	r2, [r1], #SWEEP_GOT
	stmia	r1, {r4-r11}
	pop	{r2, r4-r11, pc}
routine_end sweep_check

/*
 * sweep_check_random; r12 as above, lr the state at the line, r1 a half word: the end is on the
 * stack. 36 instructions for 32 bytes.
 */
	.macro	compare_random low, high, first=0
	eor	r1, r2, r12
	.if	\first
	cmp	\low, r1
	.else
	cmpeq	\low, r1
	.endif
	eor	r1, r3, r2, ror #11
	cmpeq	\high, r1
	next_random
	.endm

routine sweep_check_random
	ldm	r2, {r2, r3, r12}
	push	{r1}
	.pad	#4
1:
	ldmia	r0!, {r4-r11}
	pld	[r0, #256]
	mov	lr, r2
	compare_random r4, r5, 1
	compare_random r6, r7
	compare_random r8, r9
	compare_random r10, r11
	ldr	r1, [sp]
	bne	3f
	loop_end
	add	sp, sp, #4
	mov	r0, #0
	pop	{r2, r4-r11, pc}
3:
	add	sp, sp, #4
	b	2b
routine_end sweep_check_random

/*
 * sweep_turn_up, sweep_turn_down: each line is read, checked and written anew before the next is
 * touched, from the first to the last or from the last to the first; r12, lr what is written. A
 * wrong line is left as it is. 22 instructions for 32 bytes.
 */
	.macro	turn_line
	mov	r4, r12
	mov	r5, lr
	mov	r6, r12
	mov	r7, lr
	mov	r8, r12
	mov	r9, lr
	mov	r10, r12
	mov	r11, lr
	.endm

routine sweep_turn_up
	ldm	r2, {r2, r3, r12, lr}
1:
	ldm	r0, {r4-r11}
	pld	[r0, #256]
	compare r2, r3
	bne	wrong_line
	turn_line
	stmia	r0!, {r4-r11}
	loop_end
	mov	r0, #0
	pop	{r2, r4-r11, pc}
routine_end sweep_turn_up

routine sweep_turn_down
	mov	r4, r0
	mov	r0, r1
	mov	r1, r4
	ldm	r2, {r2, r3, r12, lr}
1:
	sub	r0, r0, #32
	ldm	r0, {r4-r11}
	compare r2, r3
	bne	wrong_line
	turn_line
	stm	r0, {r4-r11}
	loop_end
	mov	r0, #0
	pop	{r2, r4-r11, pc}
routine_end sweep_turn_down

/*
 * sweep_clean: cleans and invalidates [r0, r0 + r1) to the point of coherency, by address
 * (DCCIMVAC, ARM DDI 0406C, B4.2.1): what was written is in memory, and what is read next comes
 * from there. r2: bytes of the smallest cache line. The DSB orders our writes before it, the next
 * one completes it before anything that follows (B2.2.7); SY: memory is beyond the CPUs that share
 * our tables.
 */
	.global	sweep_clean
	.type	sweep_clean, %function
	.balign	16
sweep_clean:
	.fnstart
	.cantunwind
	add	r1, r0, r1
1:
	mcr	p15, 0, r0, c7, c14, 1
	add	r0, r0, r2
	cmp	r0, r1
	blo	1b
	dsb	sy
	bx	lr
routine_end sweep_clean

	.section .note.GNU-stack, "", %progbits
