/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The other CPUs' first instructions: where they wait, where they enter, and, at the kernel's
 * address, who they are and their stack. Must not touch memory before the CPU knows that it is
 * expected, nor do any maintenance that reaches beyond its own first-level caches.
 *
 * The first part is in the image's first page, the identity page, as head.S is.
 */
#include <asm-offsets.h>

	.arch_extension	virt
	.syntax	unified
	.arm

#define MODE_MASK	0x1f
#define MODE_HYP	0x1a

	.section .head.text.smp, "ax", %progbits

/*
 * A CPU that the loader started too soon waits here, MMU and caches off, until its number appears
 * in the image; then it is as any other that was started late. (Needs an image that lies on a
 * page: from another place the image moves away.) In: r3 = MPIDR.
 */
	.globl	pen
	.type	pen, %function
pen:
	setend	le
	ubfx	r3, r3, #0, #24
	adr	r0, pen
	ldr	r1, =pen
	sub	r0, r0, r1			@ physical minus link address
	ldr	r1, =pen_release
	add	r1, r1, r0
	ldr	r4, =boot_mmu
	add	r4, r4, r0
1:	ldr	r2, [r1]			@ from memory: the writer cleans it
	cmp	r2, r3
	beq	secondary_entry
	ldr	r0, [r4, #BOOT_MMU_PEN]
	cmp	r0, #0
	bne	to_pen
	wfe
	b	1b

/*
 * Another kernel is entered: its CPUs wait where it finds them. In: r0 = BOOT_MMU_PEN, r4 =
 * boot_mmu; and at leave_to_pen r11 = CPSR at entry, for the pen is entered in that mode.
 */
leave_to_pen:
	mov	r9, r0
	mov	r12, r0				@ hyp_call goes there
	ldr	r1, [r4, #BOOT_MMU_PEN_REGISTER]
	and	r3, r11, #MODE_MASK
	cmp	r3, #MODE_HYP
	bxne	r9
	hvc	#0
to_pen:
	ldr	r1, [r4, #BOOT_MMU_PEN_REGISTER]
	bx	r0

/*
 * Another CPU, started by firmware, by a board's pen, or from ours: MMU and data cache off, in
 * HYP or any PL1 mode. Its own first-level data cache is invalidated, for after a reset it may
 * hold anything; never the second level, which others use. Ends in secondary_high with r11 = CPSR
 * at entry, or parked.
 */
	.globl	secondary_entry
	.type	secondary_entry, %function
secondary_entry:
	mrs	r11, cpsr
	adr	r4, 1f
	b	take_state
1:	mrc	p15, 1, r0, c0, c0, 1		@ CLIDR
	mov	r1, #1				@ one level
	mov	r8, #1				@ invalidate
	bl	dcache_by_set_way
	bl	tlb_and_icache_forget
	adr	r9, secondary_entry
	ldr	r0, =secondary_entry
	sub	r9, r9, r0			@ physical minus link address
	bl	smp_bit_on
	tst	r0, #0x40
	beq	no_coherency
	ldr	r0, =boot_mmu
	add	r0, r0, r9
	ldr	r1, [r0, #BOOT_MMU_OPEN]
	cmp	r1, #0
	beq	park				@ too late: nobody waits for it any more
	ldrd	r2, r3, [r0]			@ boot TTBR0
	ldrd	r6, r7, [r0, #8]		@ TTBR1
	ldr	lr, =secondary_high
	b	mmu_on				@ we are in the identity page
no_coherency:
	ldr	r0, =secondary_incoherent
	add	r0, r0, r9
	mrc	p15, 0, r1, c0, c0, 5		@ MPIDR
	ubfx	r1, r1, #0, #24
	str	r1, [r0]			@ to memory; a line of its own
	dsb	sy				@ before sleep
park:
	ldr	r4, =boot_mmu
	add	r4, r4, r9
1:	wfi
	@ the call may stay pending: an emulator has others to run
	yield
	ldr	r0, [r4, #BOOT_MMU_PEN]
	cmp	r0, #0
	beq	1b
	b	leave_to_pen
	.ltorg

	.text

/*
 * In: r11 = CPSR at entry. Mode: SVC, interrupts masked, MMU on, no stack. Calls secondary_main;
 * a CPU that has no struct secondary is parked.
 */
	.globl	secondary_high
	.type	secondary_high, %function
secondary_high:
	.fnstart
	.cantunwind
	mrc	p15, 0, r2, c0, c0, 5		@ MPIDR
	ubfx	r2, r2, #0, #24
	ldr	r0, =secondaries
	mov	r3, #ASM_NR_CPUS
1:	ldr	r1, [r0, #SECONDARY_MPIDR]
	cmp	r1, r2
	beq	2f
	add	r0, r0, #SECONDARY_SIZE
	subs	r3, r3, #1
	bne	1b
	mov	r0, r11
	b	cpu_park
2:	ldr	sp, [r0, #SECONDARY_STACK_TOP]
	mov	r1, r11
	mov	fp, #0
	mov	lr, #0
	ldr	r3, =secondary_main
	bx	r3
	.fnend
	.size	secondary_high, . - secondary_high

/* In: r0 = CPSR at entry. */
	.globl	cpu_park
	.type	cpu_park, %function
cpu_park:
	.fnstart
	.cantunwind
	cpsid	aif
	and	r0, r0, #MODE_MASK
	cmp	r0, #MODE_HYP
	mov	r5, #ASM_LEAVE_OWN_LEVEL
	orreq	r5, r5, #ASM_LEAVE_TO_HYP
	ldr	r4, =boot_mmu
1:	wfi
	yield
	ldr	r0, [r4, #BOOT_MMU_PEN]
	cmp	r0, #0
	beq	1b
	dmb	ish				@ that there is one, before where it looks
	ldr	r1, [r4, #BOOT_MMU_PEN_REGISTER]
	mov	r3, r5
	b	cpu_leave
	.fnend
	.size	cpu_park, . - cpu_park
	.ltorg

	.section .note.GNU-stack, "", %progbits
