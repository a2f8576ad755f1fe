/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The first instructions: from any loader, at any address, in HYP, secure or non-secure
 * SVC, to C at the kernel's own address with the MMU on. All of this file is in the
 * image's first page, the identity page; so is the way in of the other CPUs (secondary.S).
 *
 * Must never write outside the image, nor write at all before the caches are clean.
 *
 * Registers kept from entry to the kernel:
 *	r8	physical address of the image	r10	r2 at entry: the device tree
 *	r9	physical minus link address	r11	CPSR at entry
 */
#include <asm-offsets.h>

	.arch_extension	virt
	.arch_extension	sec
	.syntax	unified
	.arm

#define MODE_MASK	0x1f
#define MODE_SVC	0x13
#define MODE_HYP	0x1a
#define PSR_AIF		0x1c0

	.section .head.text, "ax", %progbits
	.globl	_start
	.type	_start, %function
_start:
	.rept	8
	mov	r0, r0
	.endr
	b	entry
	.word	0x016f2818		@ 0x24: zImage magic
	.word	0			@ 0x28: start, 0: runs anywhere
	.word	__image_size		@ 0x2c: end: BSS, stacks, tables and padding included
	.word	0x04030201		@ 0x30: little-endian
	.word	0, 0, 0
	.globl	early_error_word
early_error_word:
	.word	0			@ 0x40: why we stopped, if we cannot speak

/*
 * Entry. In: r2 = device tree, MMU and data cache off. Mode: HYP or any PL1 mode. A loader may
 * start all CPUs here at once: the first of the cluster boots, the others wait. (Of two clusters it
 * must start one: a boot CPU may be any cluster's first.)
 */
entry:
	mrc	p15, 0, r3, c0, c0, 5		@ MPIDR
	tst	r3, #0xff
	beq	boot
	tst	r3, #0x40000000			@ U: the only one, whatever its number
	beq	pen
boot:
	mrs	r11, cpsr
	mov	r10, r2
	adr	r4, 1f
	b	take_state
	/* What the loader wrote may still be in a cache: to memory, before our first write. */
1:	mrc	p15, 1, r0, c0, c0, 1		@ CLIDR
	ubfx	r1, r0, #24, #3			@ level of coherency
	mov	r8, #0				@ clean and invalidate
	bl	dcache_by_set_way
	bl	tlb_and_icache_forget
	adr	r8, _start
	ldr	r3, =0xfff
	tst	r8, r3
	bne	move_image
aligned:
	ldr	r9, =ASM_IMAGE_START
	sub	r9, r8, r9
	ldr	sp, =boot_stack_top
	add	sp, sp, r9
	mov	r0, r10
	mov	r1, r11
	mov	r2, r8
	adr	r3, early_vectors
	mcr	p15, 0, r3, c12, c0, 0		@ VBAR
	isb					@ before an exception is taken there
	mov	r3, #0
	tst	r10, #0x80000000		@ below, nobody asks early
	ldrbne	r3, [r10]			@ what is there; where nothing is, r3 stays 0
	ldr	r12, =early_boot
	add	r12, r12, r9
	blx	r12				@ returns where mmu_on may run
	mov	r4, r0
	bl	smp_bit_on
	ldr	r3, =boot_info
	add	r3, r3, r9
	str	r0, [r3, #BOOT_INFO_ACTLR]
	/*
	 * The image was written with the data cache off. Nothing of it should be in a cache;
	 * a line that a speculative access brought in before would hide what we wrote.
	 */
	ldr	r3, =__content_size		@ not the padding: after a move it is not ours
	add	r1, r8, r3
	mov	r0, r8
1:	mcr	p15, 0, r0, c7, c6, 1		@ DCIMVAC
	add	r0, r0, #32			@ no line is shorter
	cmp	r0, r1
	blo	1b
	dsb	sy				@ that and table writes, before the walker looks
	ldr	r0, =boot_mmu
	add	r0, r0, r9
	ldrd	r2, r3, [r0]			@ boot TTBR0
	ldrd	r6, r7, [r0, #8]		@ TTBR1
	ldr	lr, =kernel_entry
	bx	r4
	.ltorg

	/* Until the kernel has its own. A data abort goes on behind its load (B1.8.1, B1.9.8). */
	.align	5
early_vectors:
	.space	16
	subs	pc, lr, #4

/*
 * From any mode to SVC, interrupts masked, MMU and caches off as far as this CPU's own controls
 * go; the same for all CPUs. Counts from here: cycle counter on, zeroed (C12.8). HYP keeps
 * nothing for itself: no traps, the timers open, the CPU's own identity (B1.8.5, B4.2: HCR …
 * VMPIDR); only the way back, for the next kernel (leave.S). In: r4 where to go on, r11 = CPSR.
 * Clobbers r3, r12. Writes no memory.
 */
	.globl	take_state
take_state:
	cpsid	aif
	setend	le
	mov	r3, #0x80000000
	mcr	p15, 0, r3, c9, c12, 1		@ PMCNTENSET
	mov	r3, #5
	mcr	p15, 0, r3, c9, c12, 0		@ PMCR: E, C
	and	r3, r11, #MODE_MASK
	cmp	r3, #MODE_HYP
	beq	leave_hyp
	cps	#MODE_SVC
in_svc:
	/* A loader may leave the instruction cache and prediction on; start from known state. */
	mrc	p15, 0, r3, c1, c0, 0		@ SCTLR
	bic	r3, r3, #0x3800			@ V, I, Z
	bic	r3, r3, #0x40000000		@ TE: exceptions are taken in ARM state, at VBAR
	bic	r3, r3, #0x0005			@ C, M
	mcr	p15, 0, r3, c1, c0, 0
	isb
	bl	smp_bit_on			@ before any maintenance too (A15 TRM 4.3.28)
	bx	r4
leave_hyp:
	mov	r3, #0
	mcr	p15, 4, r3, c1, c1, 0		@ HCR: no stage 2, no routing
	mcr	p15, 4, r3, c1, c1, 3		@ HSTR: no coprocessor traps
	mrc	p15, 0, r3, c9, c12, 0		@ PMCR.N counters, all for PL1
	ubfx	r3, r3, #11, #5
	mcr	p15, 4, r3, c1, c1, 1		@ HDCR
	ldr	r3, =0x000033ff			@ HCPTR: the bits that are always one
	mcr	p15, 4, r3, c1, c1, 2
	ldr	r3, =0x30c50878			@ HSCTLR: ones where they must be; MMU, caches off
	mcr	p15, 4, r3, c1, c0, 0
	mov	r3, #3
	mcr	p15, 4, r3, c14, c1, 0		@ CNTHCTL: physical timer and counter for PL1
	mov	r3, #0
	mcrr	p15, 4, r3, r3, c14		@ CNTVOFF: virtual time is physical time
	mcrr	p15, 6, r3, r3, c2		@ VTTBR: one VMID, for all CPUs' TLBs
	mrc	p15, 0, r3, c0, c0, 0
	mcr	p15, 4, r3, c0, c0, 0		@ VPIDR
	mrc	p15, 0, r3, c0, c0, 5
	mcr	p15, 4, r3, c0, c0, 5		@ VMPIDR
	adr	r3, _start
	sub	r3, r3, #1
	ldr	r12, =(hyp_vectors - ASM_IMAGE_START + 0x1000)
	bfc	r3, #0, #12			@ a page before where the image will be
	add	r3, r3, r12
	mcr	p15, 4, r3, c12, c0, 0		@ HVBAR: physical, for HYP's MMU stays off
	ldr	r3, =(PSR_AIF | MODE_SVC)
	msr	spsr_cxsf, r3			@ HYP mode's own
	adr	r3, in_svc
	msr	elr_hyp, r3
	eret					@ synchronizes all of the above
	.ltorg

/*
 * An image that does not start on a page moves itself up to the next one. The loop must run
 * where it overwrites nothing: in place if it lies below the new start, which is then more than its
 * offset away; else from a copy behind the new end, where the padding has all but that offset left.
 * r8 = where we are. Clobbers r0-r7. Goes on at aligned, with r8 the new start.
 */
move_image:
	ldr	r0, =__content_size
	add	r2, r8, r0			@ end of what is moved
	bic	r3, r8, #0xff0
	bic	r3, r3, #0x00f
	add	r3, r3, #0x1000			@ the new start
	add	r4, r3, r0			@ and its end
	adr	r5, move_loop
	mov	r1, r5				@ where the loop runs
	adr	r7, move_end
	cmp	r7, r3
	bls	2f
	mov	r1, r4
	mov	r6, r1
1:	ldr	r0, [r5], #4
	str	r0, [r6], #4
	cmp	r5, r7
	blo	1b
2:	mov	r5, r8				@ stop here
	mov	r8, r3
	mov	r3, #0
	dsb	sy				@ the copied loop is in memory
	mcr	p15, 0, r3, c7, c5, 0		@ ICIALLU: forget what was there
	dsb	sy
	isb					@ before it is fetched
	adr	r6, aligned
	sub	r6, r6, r5
	add	r6, r6, r8			@ aligned, in the moved image
	bx	r1
move_loop:
	ldr	r0, [r2, #-4]!
	str	r0, [r4, #-4]!
	cmp	r2, r5
	bhi	move_loop
	dsb	sy				@ the moved image is in memory
	mcr	p15, 0, r3, c7, c5, 0		@ ICIALLU
	dsb	sy
	isb					@ before it is fetched
	bx	r6
move_end:
	.ltorg

/*
 * The MMU on: runs in the identity page, wherever that is. Touches no memory until it
 * runs at the kernel's address. (B3.6.4 TTBCR; B3.10.2 changing translation)
 * In:	r2:r3 boot table, r6:r7 kernel table, lr where to go at the kernel's address.
 * Clobbers r0, r1, r12. Caches off, interrupts masked.
 */
	.globl	mmu_on, mmu_on_end
	.type	mmu_on, %function
mmu_on:
	ldr	r0, mmu_mair0
	mcr	p15, 0, r0, c10, c2, 0		@ MAIR0
	ldr	r0, mmu_mair1
	mcr	p15, 0, r0, c10, c2, 1		@ MAIR1
	mov	r0, #0
	mcr	p15, 0, r0, c13, c0, 1		@ CONTEXTIDR
	ldr	r0, mmu_ttbcr_boot
	mcr	p15, 0, r0, c2, c0, 2		@ TTBCR: EAE, T0SZ = T1SZ = 0
	mcrr	p15, 0, r2, r3, c2		@ TTBR0: image and identity page
	mcrr	p15, 1, r6, r7, c2		@ TTBR1: not used yet
	isb					@ the format and tables, before
	mov	r0, #0
	mcr	p15, 0, r0, c8, c7, 0		@ TLBIALL: entries of another life
	dsb	sy
	isb
	ldr	r12, mmu_ttbcr_kernel
	ldr	r1, mmu_high
	ldr	r0, mmu_sctlr
	mcr	p15, 0, r0, c1, c0, 0		@ SCTLR: MMU, caches, prediction
	isb					@ the next fetch is translated
	bx	r1
	.align	2
mmu_mair0:	.word	ASM_MAIR0
mmu_mair1:	.word	ASM_MAIR1
mmu_ttbcr_boot:	.word	ASM_TTBCR_BOOT
mmu_ttbcr_kernel: .word	ASM_TTBCR_KERNEL
mmu_sctlr:	.word	ASM_SCTLR
mmu_high:	.word	mmu_high_address
mmu_on_end:

/* At the kernel's address, through TTBR0 for the last time. In the image's first page: all that
 * another CPU's boot table has. */
mmu_high_address:
	mcr	p15, 0, r12, c2, c0, 2		@ TTBCR: final split, TTBR1 on, EPD0 = 1
	isb					@ from here TTBR1 translates us: the same entries
	mov	r0, #0
	mcr	p15, 0, r0, c8, c7, 0		@ TLBIALL: the identity page is gone
	dsb	nsh				@ before any data access
	isb
	bx	lr

/* The boot CPU at its own address. r8-r11 as in the head of this file. */
kernel_entry:
	ldr	sp, =boot_stack_top
	mov	fp, #0
	mov	lr, #0
	ldr	r0, =kernel_main
	bx	r0
	.ltorg

	/* First of all data: what overflows hits read-only pages below, and is reported. */
	.section .boot_stack, "aw", %progbits
	.align	12				@ its lower page is a table before: early_tables.c
	.globl	boot_stack, boot_stack_top
boot_stack:
	.space	ASM_BOOT_STACK_SIZE
boot_stack_top:
