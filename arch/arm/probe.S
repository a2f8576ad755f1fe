/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Accesses that may fault (arch/probe.h). Each faulting instruction has an entry in
 * __ex_table; the trap handler goes on at the fixup with the fault status in r12.
 *
 * All: Mode: SVC, MMU on. Out: r0 = 0 or the status. Clobbers r1-r3, r12.
 */
	.syntax	unified
	.arm
	.text

	.macro	ex insn, fixup
	.pushsection __ex_table, "a", %progbits
	.word	\insn, \fixup
	.popsection
	.endm

	.macro	function name
	.globl	\name
	.type	\name, %function
\name:
	.fnstart
	.endm

	.macro	end name
	.fnend
	.size	\name, . - \name
	.endm

	.macro	probe_load name, suffix, registers:vararg
	function \name
1:	ldr\suffix \registers, [r0]
	str\suffix \registers, [r1]
	mov	r0, #0
	bx	lr
	ex	1b, probe_failed
	end	\name
	.endm

/* The DSB and the instruction behind it are where an asynchronous abort of the write arrives. */
	.macro	probe_store name, suffix
	function \name
1:	str\suffix r1, [r0]
2:	dsb	sy			@ the write is complete, before we say so
3:	mov	r0, #0
	bx	lr
	ex	1b, probe_failed
	ex	2b, probe_failed
	ex	3b, probe_failed
	end	\name
	.endm

	probe_load probe_read_status, , r2
	probe_load probe_read8_status, b, r2
	probe_load probe_read64_status, d, r2, r3
	probe_store probe_write_status
	probe_store probe_write8_status, b

	function probe_failed
	mov	r0, r12
	bx	lr
	end	probe_failed

	function probe_exec_status
	push	{r4, lr}
	.save	{r4, lr}
1:	blx	r0
	mov	r0, #0
	pop	{r4, pc}
2:	mov	r0, r12
	pop	{r4, pc}
	ex	1b, 2b
	end	probe_exec_status

	.section .note.GNU-stack, "", %progbits
