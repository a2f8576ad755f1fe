/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the judgement: what must come of an access, by the manual (ARM DDI 0406C, sections beside
 * each rule). Must never read a table, a register or anything of the kernel's.
 */
#include "model.h"

/* Status, table B3-23; the level is added. */
#define S_TRANSLATION 0x04u
#define S_ACCESS_FLAG 0x08u
#define S_PERMISSION  0x0cu
#define S_ALIGNMENT   0x21u

/* Of each kind: what it does, and the alignment it needs (A3.2.1). */
static const struct {
	u8 is;
	u8 bytes;  /* what is read */
	u8 strict; /* needs this alignment in any case */
	u8 asked;  /* and this one with SCTLR.A = 1 */
} kinds[] = {
	[OP_READ] = { 0, 4, 1, 4 },
	[OP_WRITE] = { OP_WRITES, 4, 1, 4 },
	[OP_EXEC] = { OP_FETCHES, 4, 1, 1 },
	[OP_LDRT] = { OP_AS_USER, 4, 1, 4 },
	[OP_STRT] = { OP_AS_USER | OP_WRITES, 4, 1, 4 },
	[OP_ATS_PR] = { OP_ASKS, 0, 1, 1 },
	[OP_ATS_PW] = { OP_ASKS | OP_WRITES, 0, 1, 1 },
	[OP_ATS_UR] = { OP_ASKS | OP_AS_USER, 0, 1, 1 },
	[OP_ATS_UW] = { OP_ASKS | OP_AS_USER | OP_WRITES, 0, 1, 1 },
	[OP_LDRB] = { 0, 1, 1, 1 },
	[OP_LDRH] = { 0, 2, 1, 2 },
	[OP_LDR2] = { 0, 4, 4, 4 },
	[OP_LDM] = { 0, 4, 4, 4 },
	[OP_STM] = { OP_WRITES, 4, 4, 4 },
	[OP_LDREX] = { 0, 4, 4, 4 },
	[OP_USER_READ] = { OP_AS_USER, 4, 1, 4 },
	[OP_USER_WRITE] = { OP_AS_USER | OP_WRITES, 4, 1, 4 },
	[OP_USER_EXEC] = { OP_AS_USER | OP_FETCHES, 4, 1, 1 },
};

u32 op_flags(u32 kind)
{
	return kinds[kind].strict ? kinds[kind].is | OP_KNOWN : 0;
}

/* B3.6.4, "Determining the translation table base address": TTBR0 is asked first. */
u32 model_half(const struct mmu_regs *regs, u32 va)
{
	u64 all = 1ull << 32, low_end, high_start;

	if (regs->size[0] == 0 && regs->size[1] == 0) {
		return 0;
	}
	high_start = regs->size[1] ? all - (all >> regs->size[1]) : all >> regs->size[0];
	low_end = regs->size[0] ? all >> regs->size[0] : high_start;
	return va < low_end ? 0 : va >= high_start ? 1 : 2;
}

/* What one descriptor, and all tables above it, leave: rights of both modes (B3.7.1, B3.7.2). */
struct rights {
	bool write[2], read[2], fetch[2]; /* [1]: user mode */
};

static void rights_of(struct rights *r, const struct mmu_regs *regs, const struct chain *chain)
{
	u64 leaf = chain->desc[chain->leaf];
	bool read_only = leaf & D_AP(2), user = leaf & D_AP(1);
	bool xn = leaf & D_XN, pxn = leaf & D_PXN;

	for (u32 level = chain->start; level < chain->leaf; level++) {
		u64 table = chain->desc[level];

		read_only |= (table & D_AP_TABLE(2)) != 0;
		user &= !(table & D_AP_TABLE(1));
		xn |= (table & D_XN_TABLE) != 0;
		pxn |= (table & D_PXN_TABLE) != 0;
	}
	r->read[0] = true;
	r->read[1] = user;
	r->write[0] = !read_only;
	r->write[1] = user && !read_only;
	xn |= regs->wxn && !read_only;
	pxn |= regs->uwxn && r->write[1];
	r->fetch[0] = !xn && !pxn;
	r->fetch[1] = !xn && user; /* what cannot be read is not executed either */
}

/* B3.12: translation, access flag, permission, in this order. 0: no fault. */
static u32 fault_of(const struct mmu_regs *regs, const struct chain *chain, u32 is)
{
	struct rights r;
	u32 user = (is & OP_AS_USER) != 0;
	u64 leaf = chain->desc[chain->leaf];
	u32 want = chain->leaf == 3 ? D_PAGE : D_BLOCK;

	if ((leaf & 3) != want) {
		return S_TRANSLATION + chain->leaf;
	}
	if (!(leaf & D_AF)) {
		return S_ACCESS_FLAG + chain->leaf;
	}
	rights_of(&r, regs, chain);
	if (is & OP_FETCHES ? !r.fetch[user] : is & OP_WRITES ? !r.write[user] : !r.read[user]) {
		return S_PERMISSION + chain->leaf;
	}
	return 0;
}

static u32 rotated(u32 word, u32 va, u32 bytes)
{
	u32 by = 8 * (va & 3);
	u32 value = by ? word >> by | word << (32 - by) : word;

	return bytes < 4 ? value & ((1u << (8 * bytes)) - 1) : value;
}

void model_answer(struct answer *answer, const struct mmu_regs *regs, const struct chain *chain,
		  u32 va, enum op_kind kind)
{
	static const u8 span_bits[] = { 0, 30, 21, 12 };
	u32 half = model_half(regs, va), is = kinds[kind].is;
	u32 align = regs->align ? kinds[kind].asked : kinds[kind].strict;

	*answer = (struct answer){ 0 };
	if (!(op_flags(kind) & OP_KNOWN)) {
		return;
	}
	if (va & (align - 1)) {
		answer->status = S_ALIGNMENT; /* before any translation */
	} else if (half == 2 || regs->epd[half]) {
		answer->status = S_TRANSLATION + 1; /* B3.13.3, whatever the first level would be */
	} else {
		answer->status = fault_of(regs, chain, is);
	}
	if (answer->status) {
		return;
	}
	u64 span = 1ull << span_bits[chain->leaf];
	u64 leaf = chain->desc[chain->leaf];
	u64 output = leaf & ((1ull << 40) - span);

	answer->pa = (output | (va & (span - 1))) >> 12 << 12;
	answer->attr = (u8)(regs->mair >> (8 * ((leaf >> 2) & 7)));
	answer->value = rotated(chain->word, va, kinds[kind].bytes);
}
