/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DEBUG=1: what was done to tables and TLBs, recorded where it is executed: descriptor stores
 * (pte_write.h), TLB invalidations (tlb.h), DSB and ISB (barrier.h), and pages that are handed out
 * and freed (mm/page_alloc.c). Counts and the last events of each CPU are kept, and an observer is
 * told each event as it happens: mm/discipline.c. In other builds a hook is nothing at all.
 */
#pragma once

#include <arch/irqflags.h>
#include <config.h>
#include <types.h>

/* 0 in code that runs before the MMU too (arch/arm/pic.h): it has nobody to tell. */
#ifndef CONFIG_RECORD
#define CONFIG_RECORD CONFIG_DEBUG
#endif

/* X(name, instruction or event) */
#define RECORD_KINDS_LIST(X)                     \
	X(WRITE, "write")                        \
	X(TLBI_PAGE_LOCAL, "TLBIMVAA")           \
	X(TLBI_ALL_LOCAL, "TLBIALL")             \
	X(TLBI_PAGE, "TLBIMVAAIS")               \
	X(TLBI_ALL, "TLBIALLIS")                 \
	X(TLBI_NOTHING, "TLBIMVAIS")             \
	X(DSB_SY, "DSB SY")                      \
	X(DSB_ISH, "DSB ISH")                    \
	X(DSB_ISHST, "DSB ISHST")                \
	X(DSB_NSH, "DSB NSH")                    \
	X(DSB_WALK, "DSB for walks")             \
	X(DSB_WALK_LOCAL, "DSB for local walks") \
	X(RELEASE, "DMB or DSB of a release")    \
	X(ISB, "ISB")                            \
	X(FLUSHED, "end of a flush")             \
	X(PAGES_TAKEN, "pages taken")            \
	X(PAGES_FREED, "pages freed")

enum record_kind {
#define RECORD_ENUM(name, text) RECORD_##name,
	RECORD_KINDS_LIST(RECORD_ENUM)
#undef RECORD_ENUM
		RECORD_KINDS
};

/*
 * How far a thread is with what it began, for the observer; one for itself, and one for handlers
 * that interrupt it. In struct thread_core.
 */
struct record_sequence {
	u32 walk_order[2]; /* of its last DSB for walks: of this CPU, of all CPUs */
	bool unordered[2]; /* stores since that */
	bool flushing[2];  /* since that neither stores nor an ISB: its TLBIs may be under way */
	u32 fresh_entry; /* the last entry that it made valid, until a DSB and an ISB came; or 0 */
	bool fresh_shared; /* other CPUs use it too */
	bool fresh_synced; /* its DSB came */
	u8 tlbi;	   /* a TLBI awaits its DSB: 1 a local one, 2 a broadcast */
	u32 tlbi_address;
	bool tlbi_synced; /* the DSB came, its ISB is to come */
};

struct record_event {
	u32 order; /* of all CPUs' events: each has another, rising */
	u32 pc;	   /* behind the instruction */
	u8 kind;
	u8 cpu;
	bool masked; /* interrupts were */
	bool in_irq;
	u32 address;	/* the entry's; the address invalidated; the first page's struct */
	u64 old, value; /* of an entry; value: pages taken or freed */
};

/*
 * Called by the hooks below, and for pages. Any context. Nothing is recorded before
 * record_start(), which wants per-CPU numbers (current_core()).
 */
void record(enum record_kind kind, u32 address, u64 old, u64 value);
void record_start(void);
/* For good: a report begins, which opens windows itself. */
void record_stop(void);

/* The address that a report is about, where there is one. */
extern vaddr_t record_suspect;

/* Told of each event on its CPU, with interrupts masked. NULL: nobody. */
extern void (*record_observer)(const struct record_event *event);

/* How often each kind was executed by a CPU since record_start(). */
u32 record_count(u32 cpu, enum record_kind kind);

/*
 * The n-th of a CPU's events counted back from its last, 0 first. False: it is no longer kept, or
 * there was none. Without order where that CPU goes on meanwhile.
 */
bool record_get(u32 cpu, u32 n, struct record_event *event);
const char *record_kind_name(enum record_kind kind);

static __always_inline void record_barrier(enum record_kind kind)
{
	if (CONFIG_RECORD) {
		record(kind, 0, 0, 0);
	}
}

static __always_inline void record_tlbi(enum record_kind kind, vaddr_t va)
{
	if (CONFIG_RECORD) {
		record(kind, va, 0, 0);
	}
}

/* Around the store of a descriptor: one step, for an interrupt may look at the same table. */
struct record_store {
	u64 old;
	u32 flags; /* irq_save()'s */
};
void record_store(const struct record_store *begun, const u64 *entry, u64 value);

static __always_inline struct record_store record_store_begin(const u64 *entry)
{
	if (CONFIG_RECORD) {
		u32 flags = irq_save();

		return (struct record_store){ READ_ONCE(*entry), flags };
	}
	return (struct record_store){ 0 };
}

static __always_inline void record_store_end(struct record_store begun, const u64 *entry, u64 value)
{
	if (CONFIG_RECORD) {
		record_store(&begun, entry, value);
	}
}
