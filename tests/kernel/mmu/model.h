/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A model of the architecture's translation and protection in the long-descriptor format, by the
 * manual alone: it shares no code, header of encodings or constant with the kernel's tables
 * (arch/pgtable.h), nor with the kernel's own walk. Pure: what the tables say is its argument.
 * (ARM DDI 0406C, B3.6, B3.7, B3.13)
 */
#pragma once

#include <types.h>

#include "ops.h"

enum op_kind {
#define MMU_OP_KIND(name, label) OP_##name,
	MMU_OPS(MMU_OP_KIND)
#undef MMU_OP_KIND
};

/* Descriptors, B3.6.1 and B3.6.2. The type is bits 1 and 0. */
#define D_INVALID	0ull
#define D_INVALID_TOO	2ull /* bit 0 alone decides */
#define D_BLOCK		1ull /* levels 1 and 2; reserved at level 3 */
#define D_TABLE		3ull /* levels 1 and 2 */
#define D_PAGE		3ull /* level 3 */
#define D_ATTR(n)	((u64)(n) << 2)
#define D_AP(n)		((u64)(n) << 6) /* AP[2:1]: bit 1 read-only, bit 0 for user mode too */
#define D_SH_INNER	(3ull << 8)
#define D_AF		(1ull << 10)
#define D_NG		(1ull << 11)
#define D_CONTIG	(1ull << 52)
#define D_PXN		(1ull << 53)
#define D_XN		(1ull << 54)
#define D_PXN_TABLE	(1ull << 59)
#define D_SOFTWARE(n)	((u64)((n)&15) << 55) /* a leaf's bits that hardware ignores */
#define D_TABLE_IGNORED 0x07f0000000000ffcull /* hex-ok: and a table's */
#define D_XN_TABLE	(1ull << 60)
#define D_AP_TABLE(n)	((u64)(n) << 61)

/* What of the registers decides. */
struct mmu_regs {
	u8 size[2]; /* T0SZ, T1SZ */
	bool epd[2];
	bool wxn, uwxn;
	bool align; /* SCTLR.A */
	u64 mair;
};

/* The descriptors that a walk for one address meets in one half. */
struct chain {
	u8 start, leaf; /* levels; the chain ends at leaf, whatever is there */
	u64 desc[4];	/* by level */
	u32 word;	/* what each word of the memory behind it is */
	u64 behind;	/* that memory's page: where what is written is found */
};

struct answer {
	u32 status; /* 0, or DFSR, IFSR or PAR's status without other bits */
	u32 value;  /* of what is read */
	u64 pa;	    /* what ATS1C.. says: bits 39 to 12 */
	u8 attr;    /* and the MAIR field */
};

/* Which of TTBR0 and TTBR1 translates va; 2: neither (B3.6.4). */
u32 model_half(const struct mmu_regs *regs, u32 va);

/* What must come of an access; chain: of the half that model_half() says. */
void model_answer(struct answer *answer, const struct mmu_regs *regs, const struct chain *chain,
		  u32 va, enum op_kind kind);

/* Kinds of access. What the model does not know never faults: hints, and tools of the tests. */
enum { OP_WRITES = 1, OP_AS_USER = 2, OP_FETCHES = 4, OP_ASKS = 8, OP_KNOWN = 16 };
u32 op_flags(u32 kind);

static inline bool op_is_fetch(u32 kind)
{
	return op_flags(kind) & OP_FETCHES;
}

static inline bool op_is_write(u32 kind)
{
	return op_flags(kind) & OP_WRITES;
}

static inline bool op_is_ats(u32 kind)
{
	return op_flags(kind) & OP_ASKS;
}
