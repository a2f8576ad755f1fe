/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest for the harness's own tests, on vexpress-a15: says a recorded stream on the first UART,
 * then ends as it is told. Never touches memory other than its own bytes.
 *
 * test_harness.py appends to it: a word that says how to end, the stream's length, the stream.
 *
 * r0 UART, r1 next byte, r2 end of the stream, r3 scratch, r4 how to end
 */

	.equ	UART0, 0x1c090000
	.equ	SYS_CFGCTRL, 0x1c0100a4
	.equ	CFG_POWER_OFF, 0xc0800000
	.equ	CFG_REBOOT, 0xc0900000
	.equ	END_POWER_OFF, 0
	.equ	END_RESET, 1		/* anything else: stay, silently */

	.arch	armv7-a
	.arm
	.globl	_start
_start:
	adr	r1, tail
	ldr	r4, [r1], #4
	ldr	r2, [r1], #4
	add	r2, r1, r2
	ldr	r0, =UART0
send:
	cmp	r1, r2
	bhs	sent
	ldrb	r3, [r1], #1
	str	r3, [r0]
	b	send
sent:
	ldr	r0, =SYS_CFGCTRL
	cmp	r4, #END_POWER_OFF
	ldreq	r3, =CFG_POWER_OFF
	streq	r3, [r0]
	cmp	r4, #END_RESET
	ldreq	r3, =CFG_REBOOT
	streq	r3, [r0]
stay:
	wfi
	b	stay

	.ltorg
	.balign	4
tail:
