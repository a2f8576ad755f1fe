/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Copies and clears whole pages, by LDM and STM (the kernel does not touch the NEON
 * registers). Both use the low bits of a page-aligned pointer as their loop counter,
 * which leaves twelve registers for data: 48 + 48 + 32 bytes are two cache lines, and
 * every block stays 16-byte aligned.
 */
	.syntax unified
	.arm
	.text

/* The end of a page is seen in steps of this many bytes. */
#define STEP	    512
#define PAGE_BITS   0xfff
#define STEP_BITS   (PAGE_BITS & ~(STEP - 1))
#define PLD_AHEAD   256

	.macro copy_128
	pld	[r1, #PLD_AHEAD]
	ldmia	r1!, {r2-r12, lr}
	stmia	r0!, {r2-r12, lr}
	pld	[r1, #PLD_AHEAD + 16]
	ldmia	r1!, {r2-r12, lr}
	stmia	r0!, {r2-r12, lr}
	ldmia	r1!, {r2-r9}
	stmia	r0!, {r2-r9}
	.endm

/*
 * copy_page: In: r0 to, r1 from, both page-aligned. Clobbers r0-r3, r12, flags.
 * Any mode, MMU on. 276 instructions. A preload past the page's end cannot fault.
 */
	.global	copy_page
	.type	copy_page, %function
	.balign	64
copy_page:
	.fnstart
	push	{r4-r11, lr}
	.save	{r4-r11, lr}
	pld	[r1]
	pld	[r1, #64]
1:
	.rept	STEP / 128
	copy_128
	.endr
	tst	r1, #STEP_BITS
	bne	1b
	pop	{r4-r11, pc}
	.fnend
	.size	copy_page, . - copy_page

/*
 * clear_page: In: r0 to, page-aligned. Clobbers r0-r3, r12, flags. Any mode, MMU on.
 * 126 instructions.
 */
	.global	clear_page
	.type	clear_page, %function
	.balign	64
clear_page:
	.fnstart
	push	{r4-r11, lr}
	.save	{r4-r11, lr}
	mov	r1, #0
	mov	r2, #0
	mov	r3, #0
	mov	r4, #0
	mov	r5, #0
	mov	r6, #0
	mov	r7, #0
	mov	r8, #0
	mov	r9, #0
	mov	r10, #0
	mov	r11, #0
	mov	r12, #0
1:
	.rept	STEP / 128
	stmia	r0!, {r1-r12}
	stmia	r0!, {r1-r12}
	stmia	r0!, {r1-r8}
	.endr
	tst	r0, #STEP_BITS
	bne	1b
	pop	{r4-r11, pc}
	.fnend
	.size	clear_page, . - clear_page

	.section .note.GNU-stack, "", %progbits
