/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TLB invalidation (ARM DDI 0406C, B3.10 and B4.2.2), each a whole verb: the caller has
 * written the new descriptors; these order that write before the invalidation and
 * return when the old entry can no longer be used. Kernel entries are global, so
 * "all ASIDs" forms are used throughout.
 *
 * Local forms are for windows that only this CPU uses; everything shared is
 * broadcast to the inner-shareable domain. Broadcasts: interrupts enabled, no lock
 * held that interrupt code takes (erratum 798181's work-around sends interrupts).
 */
#pragma once

#include <arch/barrier.h>
#include <arch/irqflags.h>
#include <bug.h>
#include <interleave.h>

#define TLBI(name, kind, crm, op2)                                                              \
	static __always_inline void name(vaddr_t va)                                            \
	{                                                                                       \
		MAINT_COUNT(tlbi);                                                              \
		__asm__ volatile("mcr p15, 0, %0, c8, " #crm ", " #op2 : : "r"(va) : "memory"); \
		record_tlbi(kind, va);                                                          \
	}
TLBI(tlbi_all_local, RECORD_TLBI_ALL_LOCAL, c7,
     0) /* TLBIALL: this CPU, everything; operand ignored */
TLBI(tlbi_page_local, RECORD_TLBI_PAGE_LOCAL, c7,
     3)					 /* TLBIMVAA: this CPU, one address, all ASIDs */
TLBI(tlbi_all, RECORD_TLBI_ALL, c3, 0)	 /* TLBIALLIS */
TLBI(tlbi_page, RECORD_TLBI_PAGE, c3, 3) /* TLBIMVAAIS */
TLBI(tlbi_nothing, RECORD_TLBI_NOTHING, c3,
     1) /* TLBIMVAIS, of an address in an ASID that nobody has: for errata */
#undef TLBI

/* After clearing a per-CPU slot. Any context. va: page-aligned. */
static __hot_inline void tlb_flush_local(vaddr_t va)
{
	dsb_walk_local(); /* the cleared entry, before this CPU's walker can read it again */
	tlbi_page_local(va);
	dsb_nsh(); /* the invalidation is complete before any later access */
	isb();	   /* and no later instruction was translated before it */
	record_barrier(RECORD_FLUSHED);
}

/* After clearing several per-CPU entries, or a block or table that many translations came from. */
static inline void tlb_flush_local_all(void)
{
	dsb_walk_local(); /* the cleared entries, before this CPU's walker can read them again */
	tlbi_all_local(0);
	dsb_nsh(); /* the invalidation is complete before any later access */
	isb();	   /* and no later instruction was translated before it */
	record_barrier(RECORD_FLUSHED);
}

/*
 * The rule for broadcasts as far as it can be checked: a work-around that waits for other
 * CPUs' answers must not find them waiting for us with interrupts masked.
 */
extern bool tlb_others; /* there may be other CPUs: set before the first is started */
static __hot_inline void tlb_check_broadcast(void)
{
	if (CONFIG_DEBUG) {
		BUG_ON(tlb_others && irqs_masked(), "tlb.broadcast_irqs_masked",
		       "broadcast with interrupts masked");
	}
	interleave_point(POINT_BROADCAST);
}

/* What an erratum wants after each broadcast (kernel/errata.c); NULL on most CPUs. */
extern void (*tlb_after_broadcast)(void);

static __hot_inline void tlb_broadcast_done(void)
{
	isb(); /* no later instruction was translated before */
	record_barrier(RECORD_FLUSHED);
	if (unlikely(tlb_after_broadcast)) {
		tlb_after_broadcast();
	}
}

/* After clearing one shared entry. */
static __hot_inline void tlb_flush_page(vaddr_t va)
{
	tlb_check_broadcast();
	dsb_walk(); /* the cleared entry, before any CPU's walker can read it again */
	tlbi_page(va);
	dsb_ish(); /* complete on every CPU before any later access */
	tlb_broadcast_done();
}

/* Beyond this many pages one TLBIALLIS is cheaper than the refills it causes. */
#define TLB_RANGE_MAX_PAGES 64

/* After clearing the shared entries of [start, end), page-aligned. */
static inline void tlb_flush_range(vaddr_t start, vaddr_t end)
{
	tlb_check_broadcast();
	dsb_walk(); /* all cleared entries, before any walker */
	if ((end - start) >> PAGE_SHIFT > TLB_RANGE_MAX_PAGES) {
		tlbi_all(0);
	} else {
		for (vaddr_t va = start; va < end; va += PAGE_SIZE) {
			tlbi_page(va);
		}
	}
	dsb_ish(); /* complete on every CPU before address or page is reused */
	tlb_broadcast_done();
}

static inline void tlb_flush_all(void)
{
	tlb_check_broadcast();
	dsb_walk(); /* all cleared entries, before any walker */
	tlbi_all(0);
	dsb_ish(); /* complete on every CPU before address or page is reused */
	tlb_broadcast_done();
}
