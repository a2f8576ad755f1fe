/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Barriers (ARM DDI 0406C, A3.8.3), one function per instruction and domain. This file and tlb.h
 * are the only C that executes DSB, ISB and TLBI, so COUNT=1 counts them here, and DEBUG=1 records
 * them; but for dmb_release(), which is a DSB where table walks are not coherent: it is recorded,
 * and not counted. A caller's comment names the earlier and the later access it orders.
 *
 * Domains: nsh = this CPU only; ish = all CPUs that share our tables; sy = devices too.
 */
#pragma once

#include <arch/alternative.h>
#include <arch/record.h>
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

#define BARRIER(name, counter, kind, insn)             \
	static __always_inline void name(void)         \
	{                                              \
		MAINT_COUNT(counter);                  \
		__asm__ volatile(insn : : : "memory"); \
		record_barrier(kind);                  \
	}
BARRIER(dsb_sy, dsb, RECORD_DSB_SY, "dsb sy")
BARRIER(dsb_ish, dsb, RECORD_DSB_ISH, "dsb ish")
BARRIER(dsb_ishst, dsb, RECORD_DSB_ISHST, "dsb ishst")
BARRIER(dsb_nsh, dsb, RECORD_DSB_NSH, "dsb nsh")
/*
 * Between a descriptor's write and whoever walks the tables, or a TLBI. Where walks do not look
 * into the data cache the write is followed by a cache clean, which a DSB for stores alone does not
 * wait for: it is patched then.
 */
BARRIER(dsb_walk, dsb, RECORD_DSB_WALK, ALTERNATIVE("dsb ishst", "dsb ish"))
BARRIER(dsb_walk_local, dsb, RECORD_DSB_WALK_LOCAL, ALTERNATIVE("dsb nshst", "dsb nsh"))
BARRIER(isb, isb, RECORD_ISB, "isb")
#undef BARRIER

/* DMBs order memory accesses among each other only; walkers and TLBs need a DSB. Not counted. */
static __always_inline void dmb_ish(void)
{
	__asm__ volatile("dmb ish" : : : "memory");
}

/*
 * Before a lock is released. Where walks do not look into the data cache, who takes the lock next
 * may flush what was cleared under it, and a walker must not find it any more: the cleans are
 * complete then, which a DMB does not wait for (B2.2). Not counted: with coherent walks, as
 * where counts are taken, it is a DMB. Recorded as a kind of its own, which no rule relies on.
 */
static __always_inline void dmb_release(void)
{
	__asm__ volatile(ALTERNATIVE("dmb ish", "dsb ish") : : : "memory");
	record_barrier(RECORD_RELEASE);
}

static __always_inline void dmb_ishst(void)
{
	__asm__ volatile("dmb ishst" : : : "memory");
}
