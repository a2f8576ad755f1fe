/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A translation table walk by hand, its descriptors in words, and the MMU's answer to
 * compare. Owns nothing and writes nothing but its results.
 */
#include <arch/walk.h>

#include <arch/barrier.h>
#include <arch/cpreg.h>
#include <arch/early_boot.h>
#include <arch/fault.h>
#include <arch/irqflags.h>
#include <arch/trap.h>
#include <lib/printf.h>

#define TTBCR_SZ(ttbcr, n)  (((ttbcr) >> ((n)*16)) & 7)
#define TTBCR_EPD(ttbcr, n) (((ttbcr) >> ((n)*16 + 7)) & 1)

#define LEVEL_SHIFT(level) (PAGE_SHIFT + 9 * (3 - (level)))

/* B3.6.4: T0SZ = T1SZ = 0 gives TTBR0 everything; else each covers its end of the 4 GiB. */
static u32 ttbr_for(u32 ttbcr, u32 va)
{
	u32 t0sz = TTBCR_SZ(ttbcr, 0), t1sz = TTBCR_SZ(ttbcr, 1);

	if (t0sz == 0 ? t1sz == 0 || va < -(1u << (32 - t1sz)) : va >> (32 - t0sz) == 0) {
		return 0;
	}
	return t1sz == 0 || va >= -(1u << (32 - t1sz)) ? 1 : 2;
}

static bool is_leaf(u32 level, u64 desc)
{
	return (desc & DESC_TYPE_MASK) == (level == 3 ? DESC_PAGE : DESC_BLOCK);
}

static phys_addr_t leaf_pa(u32 level, u64 desc, u32 va)
{
	phys_addr_t pa = desc & DESC_ADDR_MASK;
	u32 bytes = 1u << LEVEL_SHIFT(level);

	return pa_align_down(pa, bytes) + (va & (bytes - 1));
}

static void take_leaf(struct walk *walk, const struct walk_step *step, u64 limits, bool wxn, u32 va)
{
	u64 desc = step->desc;

	walk->mapped = desc & LEAF_AF;
	walk->pa = leaf_pa(step->level, desc, va);
	walk->type = pgprot_type((pgprot_t){ desc });
	walk->writable = !(desc & LEAF_RO) && !(limits & TABLE_RO);
	walk->user = (desc & LEAF_USER) && !(limits & TABLE_NO_USER);
	walk->executable = !(desc & (LEAF_XN | LEAF_PXN)) && !(limits & (TABLE_XN | TABLE_PXN)) &&
			   !(wxn && walk->writable);
}

void walk_tables(struct walk *walk, const struct walk_regs *regs, vaddr_t va, walk_read_fn *read)
{
	u32 n = ttbr_for(regs->ttbcr, va);
	u64 limits = 0;

	*walk = (struct walk){ .ttbr = n };
	if (n == 2 || TTBCR_EPD(regs->ttbcr, n)) {
		return;
	}
	u32 sz = TTBCR_SZ(regs->ttbcr, n);
	u32 bits = 32 - sz; /* of the address that are left to translate */
	phys_addr_t table = pa_align_down(regs->ttbr[n] & (PHYS_END - 1), 32);

	for (u32 level = sz < 2 ? 1 : 2; level <= 3; level++) {
		struct walk_step *step = &walk->step[walk->steps++];
		u32 shift = LEVEL_SHIFT(level);
		u32 span = bits == 32 ? (u32)va : (u32)va & ((1u << bits) - 1);

		step->level = level;
		step->entry = table + (span >> shift) * 8;
		step->read = read(step->entry, &step->desc);
		if (!step->read) {
			return;
		}
		if (is_leaf(level, step->desc)) {
			take_leaf(walk, step, limits, regs->sctlr & SCTLR_WXN, va);
			return;
		}
		if (level == 3 || (step->desc & DESC_TYPE_MASK) != DESC_TABLE) {
			return;
		}
		limits |= step->desc;
		table = step->desc & DESC_ADDR_MASK;
		bits = shift;
	}
}

void walk_regs_get(struct walk_regs *regs)
{
	regs->ttbcr = read_ttbcr();
	regs->sctlr = read_sctlr();
	regs->ttbr[0] = read_ttbr0();
	regs->ttbr[1] = read_ttbr1();
}

static const char mem_type_words[][12] = { "normal", "device", "uncached", "ordered" };

static int describe_table(char *buf, size_t size, u64 desc)
{
	return snprintf(buf, size, "table 0x%010llx%s%s%s%s",
			(unsigned long long)(desc & DESC_ADDR_MASK), desc & TABLE_RO ? " ro" : "",
			desc & TABLE_NO_USER ? " no-user" : "", desc & TABLE_XN ? " xn" : "",
			desc & TABLE_PXN ? " pxn" : "");
}

int walk_describe(char *buf, size_t size, u32 level, u64 desc)
{
	u32 type = (desc >> 2) & 7;
	bool user = desc & LEAF_USER, write = !(desc & LEAF_RO), exec = !(desc & LEAF_XN);

	if (!(desc & DESC_VALID)) {
		return snprintf(buf, size, desc ? "invalid, not zero" : "empty");
	}
	if (!is_leaf(level, desc)) {
		return level == 3 ? snprintf(buf, size, "reserved type") :
				    describe_table(buf, size, desc);
	}
	return snprintf(buf, size, "%s 0x%010llx r%c%c user %c%c%c %s%s%s%s%s",
			level == 3 ? "page" : "block", (unsigned long long)leaf_pa(level, desc, 0),
			write ? 'w' : '-', exec && !(desc & LEAF_PXN) ? 'x' : '-', user ? 'r' : '-',
			user && write ? 'w' : '-', user && exec ? 'x' : '-',
			type < ARRAY_SIZE(mem_type_words) ? mem_type_words[type] : "unused type",
			(desc & LEAF_SH_INNER) == LEAF_SH_INNER ? " shared" : "",
			desc & LEAF_NG ? " asid" : "", desc & LEAF_CONTIG ? " contiguous" : "",
			desc & LEAF_AF ? "" : " no-access-flag");
}

u64 walk_ask_mmu(vaddr_t va, bool write)
{
	register u32 status __asm__("r12") = 0; /* of an external abort, by the fixup */
	u32 flags = irq_save(), failed;
	u64 par;

	if (write) {
		__asm__ volatile("1:	mcr	p15, 0, %1, c7, c8, 1\n2:\n" EX_TABLE_1_TO_2
				 : "+r"(status)
				 : "r"(va));
	} else {
		__asm__ volatile("1:	mcr	p15, 0, %1, c7, c8, 0\n2:\n" EX_TABLE_1_TO_2
				 : "+r"(status)
				 : "r"(va));
	}
	failed = status; /* r12 does not outlive a call, and with DEBUG=1 isb() is one */
	isb();		 /* the translation, before PAR is read */
	par = read_par();
	irq_restore(flags);
	return failed ? (failed & FSR_STATUS_MASK) << 1 | PAR_FAULT : par;
}

int walk_describe_par(char *buf, size_t size, u64 par)
{
	u32 level;

	if (par & PAR_FAULT) {
		const char *word = fault_word(PAR_STATUS(par), &level);

		return snprintf(buf, size, "%s fault, level %u", word, level);
	}
	return snprintf(buf, size, "0x%010llx attributes 0x%02x",
			(unsigned long long)(par & DESC_ADDR_MASK), (u32)(par >> PAR_TYPE_SHIFT));
}
