/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What visit.S and C agree on: the kinds of access, in order, and where things are in the page
 * of data that both see. For the preprocessor of either.
 */
#pragma once

/* X(constant, label in visit.S); those from USER_READ on run in user mode */
#define MMU_OPS(X)             \
	X(READ, read)          \
	X(WRITE, write)        \
	X(EXEC, exec)          \
	X(LDRT, ldrt)          \
	X(STRT, strt)          \
	X(ATS_PR, ats_pr)      \
	X(ATS_PW, ats_pw)      \
	X(ATS_UR, ats_ur)      \
	X(ATS_UW, ats_uw)      \
	X(LDRB, ldrb)          \
	X(LDRH, ldrh)          \
	X(LDR2, ldr2)          \
	X(LDM, ldm)            \
	X(STM, stm)            \
	X(LDREX, ldrex)        \
	X(PLD, pld)            \
	X(POKE, poke)          \
	X(TLBIALL, tlbiall)    \
	X(TLBIMVA, tlbimva)    \
	X(TTBR0, ttbr0)        \
	X(CLEAN, clean)        \
	X(PEEK, peek)          \
	X(USER_READ, u_read)   \
	X(USER_WRITE, u_write) \
	X(USER_EXEC, u_exec)

/* Where code and data lie in either half; C's are the same bytes. */
#define VISIT_DATA 0x1000 /* data behind code */

/* struct visit */
#define VISIT_TTBR0	   0
#define VISIT_TTBR1	   8
#define VISIT_KERNEL_TTBR0 16
#define VISIT_KERNEL_TTBR1 24
#define VISIT_ENTER	   32
#define VISIT_BOTH	   36
#define VISIT_FINAL	   40
#define VISIT_KERNEL_TTBCR 44
#define VISIT_SCTLR	   48
#define VISIT_KERNEL_SCTLR 52
#define VISIT_KERNEL_VBAR  56
#define VISIT_LOW	   60
#define VISIT_HOME	   64
#define VISIT_BACK	   68
#define VISIT_COUNT	   72
#define VISIT_OPS	   80

/* struct op: va, kind, lo, hi; from lo on it holds what came of it */
#define OP_RESULTS 8
#define OP_SIZE	   40

/* What an access ended with; the vectors' numbers. */
#define TRAP_NONE	    0
#define TRAP_OTHER	    1
#define TRAP_PREFETCH_ABORT 3
#define TRAP_DATA_ABORT	    4

#define FAR_POISON 0x5eed0bad /* in DFAR and IFAR before each access */
