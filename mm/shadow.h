/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inside the discipline checker: what the rules (discipline.c) ask of the shadow of all entries
 * that the kernel changes (shadow.c).
 *
 * Lock: discipline_lock(), innermost of all, for what all CPUs use; interrupts are masked. None of
 * arch/spinlock.h's, whose release is itself an event.
 */
#pragma once

#include <arch/pgtable.h>
#include <mm/discipline.h>

enum shadow_state {
	SHADOW_EMPTY,	 /* invalid, and in no TLB */
	SHADOW_VALID,	 /* perhaps in TLBs */
	SHADOW_STALE,	 /* invalid, perhaps still in TLBs */
	SHADOW_FLUSHING, /* the same; a TLBI awaits its DSB */
};

/* Whose addresses these are: all CPUs', or one CPU's alone. */
#define SHADOW_SHARED NR_CPUS

struct shadow {
	u32 order; /* of the last store that changed validity */
	u32 pc;	   /* where that was */
	pfn_t pfn; /* what it maps, or mapped */
	u8 state;
	u8 cpu;		  /* whose store that was */
	u8 owner;	  /* a CPU, or SHADOW_SHARED */
	bool counted : 1; /* as one that shows pfn */
	bool window : 1;  /* a bigwin: 2 MiB */
};

/* A store to an entry, and what the shadow has of it. */
struct shadow_place {
	struct shadow *shadow;
	vaddr_t va;
};

void shadow_start(void);

/* The shadow of the entry at that address; false: not one that is watched. */
bool shadow_of_entry(u32 entry, struct shadow_place *place);
/* The same for what is mapped at va. */
bool shadow_of_va(vaddr_t va, struct shadow_place *place);

/* The entry has become valid, or invalid. For shared ones the caller holds the lock; below too. */
void shadow_fill(const struct shadow_place *place, const struct record_event *event);
void shadow_clear(const struct shadow_place *place, const struct record_event *event);
/* It is in no TLB any more. */
void shadow_flushed(const struct shadow_place *place);
/* So are all shared ones that were cleared up to that order; or this CPU's own. */
void shadow_flushed_all(u32 upto);
void shadow_flushed_here(u32 cpu, u32 upto);

/* A level-2 entry of the kernel's tables now points to that table. */
void shadow_table(vaddr_t va, u64 descriptor);

/* The first of so many pages that a window shows, or may show in some TLB. Takes the lock. False:
 * none; what pkmap keeps open at count 1 does not count. */
bool shadow_of_pages(pfn_t first, u32 pages, struct shadow_place *place);

void discipline_lock(void);
void discipline_unlock(void);

/* Orders come from one counter, which wraps. */
static inline bool order_before(u32 a, u32 b)
{
	return (s32)(a - b) < 0;
}
