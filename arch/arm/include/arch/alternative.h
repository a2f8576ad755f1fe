/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One instruction that differs between CPUs: the common one stands in the text, the
 * other in a table that early boot applies, before the MMU is on, to CPUs whose page
 * table walks do not look into the data cache. Costs the common CPU nothing but the NOP. What is
 * replaced goes to the table.
 */
#pragma once

/* Both exactly one instruction of 32 bits, ARM or Thumb. */
#ifdef __thumb__
#define NOP_32BIT "nop.w"
#else
#define NOP_32BIT "nop"
#endif

#define ALTERNATIVE(common, other)                      \
	"2:	" common "\n"                           \
	".pushsection .alternatives,\"a\",%%progbits\n" \
	"	.word	2b\n"                                   \
	"	" other "\n"                            \
	".popsection\n"

#ifndef __ASSEMBLER__
#include <types.h>

/*
 * site is a link address: early boot adds the load offset. Halfwords: Thumb needs no more
 * alignment.
 */
struct alternative {
	u32 site;
	u16 insn[2];
};
extern struct alternative __alternatives_start[], __alternatives_end[];

/*
 * Swaps each site of the image at that place, where it need not run, with its entry in the table
 * there.
 */
void alternatives_swap(char *image);
#endif
