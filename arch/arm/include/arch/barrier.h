/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Barriers (ARM DDI 0406C, A3.8.3), one function per instruction and domain. This
 * file and tlb.h are the only C that executes DSB, ISB and TLBI, so COUNT=1 counts
 * them here. A caller's comment names the earlier and the later access it orders.
 *
 * Domains: nsh = this CPU only; ish = all CPUs that share our tables; sy = devices too.
 */
#pragma once

#include <arch/alternative.h>
#include <config.h>
#include <types.h>

/* COUNT=1 only; plain increments, read on one CPU with the others in wfi. */
struct maint_counts {
	u32 tlbi;
	u32 dsb;
	u32 isb;
};
extern struct maint_counts maint_counts;

#define MAINT_COUNT(what)                    \
	do {                                 \
		if (CONFIG_COUNT) {          \
			maint_counts.what++; \
		}                            \
	} while (0)

#define BARRIER(name, counter, insn)                   \
	static __always_inline void name(void)         \
	{                                              \
		MAINT_COUNT(counter);                  \
		__asm__ volatile(insn : : : "memory"); \
	}
BARRIER(dsb_sy, dsb, "dsb sy")
BARRIER(dsb_ish, dsb, "dsb ish")
BARRIER(dsb_ishst, dsb, "dsb ishst")
BARRIER(dsb_nsh, dsb, "dsb nsh")
/*
 * Between a descriptor's write and whoever walks the tables, or a TLBI. Where walks do not look
 * into the data cache the write is followed by a cache clean, which a DSB for stores alone does not
 * wait for: it is patched then.
 */
BARRIER(dsb_walk, dsb, ALTERNATIVE("dsb ishst", "dsb ish"))
BARRIER(dsb_walk_local, dsb, ALTERNATIVE("dsb nshst", "dsb nsh"))
BARRIER(isb, isb, "isb")
#undef BARRIER

/* DMBs order memory accesses among each other only; walkers and TLBs need a DSB. Not counted. */
static __always_inline void dmb_ish(void)
{
	__asm__ volatile("dmb ish" : : : "memory");
}

static __always_inline void dmb_ishst(void)
{
	__asm__ volatile("dmb ishst" : : : "memory");
}
