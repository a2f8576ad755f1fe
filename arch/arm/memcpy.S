/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memcpy and memset, instead of lib/mem.c's. Position independent, and every access is
 * aligned to its size, so they also serve early boot, when all memory is strongly-ordered
 * and an unaligned access faults. memcpy reads whole words that hold a wanted byte,
 * so up to three bytes on either side of the source, never in another page.
 */
	.syntax unified
	.arm
	.text

/*
 * memcpy: In: r0 to, r1 from, r2 bytes. Out: r0 unchanged. Clobbers r1-r3, r12, flags.
 * Any mode, MMU on or off.
 *	r12 to	r2 bytes left, sometimes less one round's, so that a borrow ends the loop
 */
	.global	memcpy
	.type	memcpy, %function
	.balign	32
memcpy:
	.fnstart
	mov	r12, r0
	cmp	r2, #16
	blo	.Lcopy_bytes
.Lcopy_align:
	tst	r12, #3
	ldrbne	r3, [r1], #1
	strbne	r3, [r12], #1
	subne	r2, r2, #1
	bne	.Lcopy_align
	tst	r1, #3
	bne	copy_shifted
	cmp	r2, #32
	bhs	copy_blocks
.Lcopy_words:
	subs	r2, r2, #4
	ldrhs	r3, [r1], #4
	strhs	r3, [r12], #4
	bhs	.Lcopy_words
	add	r2, r2, #4
.Lcopy_bytes:
	subs	r2, r2, #1
	ldrbhs	r3, [r1], #1
	strbhs	r3, [r12], #1
	bhs	.Lcopy_bytes
	bx	lr
	.fnend

/* memcpy's main loop: both word-aligned, r2 at least 32. */
	.type	copy_blocks, %function
copy_blocks:
	.fnstart
	push	{r4-r10}
	.save	{r4-r10}
	sub	r2, r2, #32
1:	pld	[r1, #128]
	ldmia	r1!, {r3-r10}
	subs	r2, r2, #32
	stmia	r12!, {r3-r10}
	bhs	1b
	add	r2, r2, #32
	pop	{r4-r10}
	b	.Lcopy_words
	.fnend
	.size	copy_blocks, . - copy_blocks

/* r12 word-aligned, r1 not, r2 at least 4: each word is made of parts of two. */
	.type	copy_shifted, %function
copy_shifted:
	.fnstart
	push	{r4-r6}
	.save	{r4-r6}
	and	r3, r1, #3
	bic	r1, r1, #3
	lsl	r3, r3, #3		@ bits of the older word already used
	rsb	r4, r3, #32
	ldr	r5, [r1], #4
	sub	r2, r2, #4
1:	lsr	r6, r5, r3
	ldr	r5, [r1], #4
	subs	r2, r2, #4
	orr	r6, r6, r5, lsl r4
	str	r6, [r12], #4
	bhs	1b
	add	r2, r2, #4
	sub	r1, r1, #4		@ back to the first byte not copied
	add	r1, r1, r3, lsr #3
	pop	{r4-r6}
	b	.Lcopy_bytes
	.fnend
	.size	copy_shifted, . - copy_shifted
	.size	memcpy, . - memcpy

/*
 * memset: In: r0 to, r1 byte, r2 bytes. Out: r0 unchanged. Clobbers r1-r3, r12, flags.
 * Any mode, MMU on or off.
 */
	.global	memset
	.type	memset, %function
	.balign	32
memset:
	.fnstart
	mov	r12, r0
	cmp	r2, #8
	blo	.Lset_bytes
.Lset_align:
	tst	r12, #3
	strbne	r1, [r12], #1
	subne	r2, r2, #1
	bne	.Lset_align
	and	r1, r1, #0xff
	orr	r1, r1, r1, lsl #8
	orr	r1, r1, r1, lsl #16
	cmp	r2, #128
	bhs	set_blocks
.Lset_words:
	subs	r2, r2, #4
	strhs	r1, [r12], #4
	bhs	.Lset_words
	add	r2, r2, #4
.Lset_bytes:
	subs	r2, r2, #1
	strbhs	r1, [r12], #1
	bhs	.Lset_bytes
	bx	lr
	.fnend

/* memset's main loop: r12 word-aligned, r1 the byte four times, r2 at least 128. */
	.type	set_blocks, %function
set_blocks:
	.fnstart
	push	{r4-r9}
	.save	{r4-r9}
	mov	r3, r1
	mov	r4, r1
	mov	r5, r1
	mov	r6, r1
	mov	r7, r1
	mov	r8, r1
	mov	r9, r1
	sub	r2, r2, #128
1:	stmia	r12!, {r1, r3-r9}
	stmia	r12!, {r1, r3-r9}
	subs	r2, r2, #128
	stmia	r12!, {r1, r3-r9}
	stmia	r12!, {r1, r3-r9}
	bhs	1b
	add	r2, r2, #128
	pop	{r4-r9}
	b	.Lset_words
	.fnend
	.size	set_blocks, . - set_blocks
	.size	memset, . - memset

	.section .note.GNU-stack, "", %progbits
