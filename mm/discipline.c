/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The discipline checker (DEBUG=1): a state machine over what the recorder sees. Owns the rules,
 * "tlb.…", and what each CPU has under way: stores that no DSB covers yet, TLBIs that none has
 * completed. ARM DDI 0406C, B3.10.1 and B3.10.2, A3.8.3.
 *
 * Must report nothing that the architecture allows: where it cannot know, it is silent. It runs
 * inside every table's store, with interrupts masked: memory only, no allocation, no window.
 *
 * Order of two events is that of the recorder's one counter. A DSB covers what came before it on
 * its CPU, and what other CPUs' stores it had seen: all with a lower number.
 */
#include <mm/discipline.h>

#include "shadow.h"

#if CONFIG_DEBUG

#include <arch/current.h>
#include <arch/early_tables.h>
#include <arch/spinlock.h>
#include <arch/tlb.h>
#include <bug.h>
#include <layout.h>
#include <lib/symtab.h>
#include <mm/fixmap.h>

void (*discipline_catch)(const char *rule, vaddr_t address);

enum scope { LOCAL, SHARED };

/* TLBIs by address that await one DSB: more than tlb_flush_range() ever has under way. */
#define PENDING_MAX    (TLB_RANGE_MAX_PAGES + 2)
#define PENDING_SHARED 1u /* in the address: a broadcast */

static struct cpu_state {
	u32 walk_order[2]; /* its last DSB for walks, by scope */
	u32 sync_order;	   /* what it had covered, for its own windows, at the last ISB */
	vaddr_t pending[PENDING_MAX];
	u32 pendings;
	bool all[2];	 /* a TLBI of everything awaits its DSB */
	u32 all_upto[2]; /* it takes what was cleared up to here */
} cpus[NR_CPUS];

/* ---- the lock ---- */

static u32 busy;

void discipline_lock(void)
{
	while (__atomic_exchange_n(&busy, 1, __ATOMIC_ACQUIRE)) {
		__asm__ volatile("yield");
	}
}

void discipline_unlock(void)
{
	__atomic_store_n(&busy, 0, __ATOMIC_RELEASE);
}

/* ---- reports ---- */

/* One for each event at most: made under the lock, told without it. */
struct verdict {
	const char *rule; /* NULL: nothing is wrong */
	const char *what;
	struct shadow_place place;
	struct shadow was; /* before the event */
};

static void judge(struct verdict *verdict, const char *rule, const char *what,
		  const struct shadow_place *place)
{
	if (!verdict->rule) {
		verdict->rule = rule;
		verdict->what = what;
		verdict->place = place ? *place : (struct shadow_place){ 0 };
		verdict->was = place && place->shadow ? *place->shadow : (struct shadow){ 0 };
	}
}

static void tell(const struct verdict *verdict, const struct record_event *event)
{
	void (*hook)(const char *, vaddr_t) = READ_ONCE(discipline_catch);
	const struct shadow *was = &verdict->was;
	char now_in[24], then_in[24];
	u32 now_at = 0, then_at = 0;

	if (!verdict->rule) {
		return;
	}
	if (hook) {
		hook(verdict->rule, verdict->place.va);
		return;
	}
	record_stop();
	record_suspect = verdict->place.va;
	(void)symtab_lookup(event->pc, now_in, sizeof(now_in), &now_at);
	(void)symtab_lookup(was->pc, then_in, sizeof(then_in), &then_at);
	bug(verdict->rule,
	    "0x%08x: %s; %llx -> %llx by CPU %u in %s+0x%x, before it CPU %u in %s+0x%x",
	    verdict->place.va, verdict->what, event->old, event->value, event->cpu, now_in, now_at,
	    was->cpu, then_in, then_at);
}

void discipline_ignore(__unused const char *rule, __unused vaddr_t address)
{
}

/* ---- sequences: what one thread, or one handler, does step by step ---- */

static struct record_sequence *sequence_of(const struct record_event *event)
{
	return &current_core()->sequence[event->in_irq];
}

/*
 * With interrupts masked the switch may act for a thread that was cut in the middle, whose return
 * from the interrupt is as good as an ISB: sequences are followed, not judged.
 */
static bool may_judge(const struct record_event *event)
{
	return !event->masked || event->in_irq;
}

static void judge_tlbi_over(const struct record_event *event, struct verdict *verdict)
{
	const struct record_sequence *sequence = sequence_of(event);

	if (!may_judge(event)) {
		return;
	}
	if (sequence->tlbi) {
		judge(verdict, "tlb.no_dsb_after_tlbi", "a TLBI is not complete",
		      &(struct shadow_place){ .va = sequence->tlbi_address });
	} else if (sequence->tlbi_synced) {
		judge(verdict, "tlb.no_isb_after_tlbi", "no ISB since a TLBI's DSB",
		      &(struct shadow_place){ .va = sequence->tlbi_address });
	}
}

static void judge_fresh(const struct record_event *event, struct verdict *verdict)
{
	const struct record_sequence *sequence = sequence_of(event);
	struct shadow_place place;

	if (may_judge(event) && sequence->fresh_entry && sequence->fresh_synced &&
	    shadow_of_entry(sequence->fresh_entry, &place)) {
		judge(verdict, "tlb.no_isb_after_write", "no ISB since a new entry's DSB", &place);
	}
}

static void sequence_store(const struct record_event *event, const struct shadow_place *place)
{
	struct record_sequence *sequence = sequence_of(event);

	for (enum scope scope = LOCAL; scope <= SHARED; scope++) {
		sequence->unordered[scope] = true;
		sequence->flushing[scope] = false;
	}
	if (event->value & DESC_VALID) {
		sequence->fresh_entry = event->address;
		sequence->fresh_shared = place->shadow->owner == SHADOW_SHARED;
		sequence->fresh_synced = false;
	} else if (sequence->fresh_entry == event->address) {
		sequence->fresh_entry = 0;
	}
}

/* ---- stores ---- */

/* Changes of a valid entry that need no break before make: B3.10.1. Access flag and permissions,
 * and what hardware ignores. */
#define SOFTWARE_BITS ((u64)0xf << 55)
#define CHANGEABLE    (LEAF_AF | LEAF_RO | LEAF_USER | LEAF_PXN | LEAF_XN | SOFTWARE_BITS)

/* A window of this CPU, which is counted as open, from before its first store to after its TLBI. */
static void judge_slot(const struct record_event *event, const struct shadow_place *place,
		       struct verdict *verdict)
{
	u32 slot = (place->va - FIXMAP_START) / PAGE_SIZE - FIX_KMAP_BEGIN;

	if (place->va < FIXMAP_START || place->shadow->owner == SHADOW_SHARED) {
		return;
	}
	if (place->shadow->owner != event->cpu) {
		judge(verdict, "tlb.foreign_slot", "another CPU's window", place);
	} else if (current_core()->kmap_depth <= slot % KMAP_LOCAL_STRIDE) {
		judge(verdict, "tlb.slot_given_back", "not counted as open", place);
	}
}

static void judge_old(const struct record_event *event, const struct shadow_place *place,
		      struct verdict *verdict)
{
	if (event->old & DESC_VALID) {
		if ((event->old ^ event->value) & ~CHANGEABLE) {
			judge(verdict, "tlb.valid_to_valid", "changed without a break", place);
		}
	} else if (place->shadow->state == SHADOW_STALE) {
		judge(verdict, "tlb.reuse_address", "used again, not invalidated", place);
	} else if (place->shadow->state == SHADOW_FLUSHING) {
		judge(verdict, "tlb.reuse_address", "used again, its TLBI not complete", place);
	}
}

/*
 * A window of one CPU's was used without the DSB and ISB that let its walker see it. The switch may
 * close one that is being opened; what is shared may be undone before anybody was told of it.
 */
static void judge_published(const struct record_event *event, const struct shadow_place *place,
			    struct verdict *verdict)
{
	const struct shadow *shadow = place->shadow;
	const struct cpu_state *owner = &cpus[shadow->cpu];

	if (!may_judge(event) || shadow->order == 0 || shadow->owner == SHADOW_SHARED ||
	    event->order - shadow->order > UINT32_MAX / 4) { /* so long ago that orders wrap */
		return;
	}
	if (order_before(owner->walk_order[LOCAL], shadow->order)) {
		judge(verdict, "tlb.no_dsb_after_write", "was in use without a DSB", place);
	} else if (order_before(owner->sync_order, shadow->order)) {
		judge(verdict, "tlb.no_isb_after_write", "was in use without an ISB", place);
	}
}

/* A CPU's own windows are its own. */
static void lock_if_shared(const struct shadow_place *place)
{
	if (place->shadow->owner == SHADOW_SHARED) {
		discipline_lock();
	}
}

static void unlock_if_shared(const struct shadow_place *place)
{
	if (place->shadow->owner == SHADOW_SHARED) {
		discipline_unlock();
	}
}

static void on_store(const struct record_event *event, struct verdict *verdict)
{
	u32 pmd = (event->address - (u32)(vaddr_t)kernel_pmds) / sizeof(pmd_t);
	struct shadow_place place;

	if (pmd < (LAYOUT_END - PAGE_OFFSET) >> PMD_SHIFT) {
		shadow_table(PAGE_OFFSET + (pmd << PMD_SHIFT), event->value);
	}
	if (!shadow_of_entry(event->address, &place)) {
		return;
	}
	judge_tlbi_over(event, verdict);
	judge_fresh(event, verdict);
	judge_slot(event, &place, verdict);
	lock_if_shared(&place);
	if (event->value & DESC_VALID) {
		judge_old(event, &place, verdict);
		shadow_fill(&place, event);
	} else if (event->old & DESC_VALID) {
		judge_published(event, &place, verdict);
		shadow_clear(&place, event);
	}
	unlock_if_shared(&place);
	sequence_store(event, &place);
}

/* ---- TLBI ---- */

static void judge_broadcast(const struct record_event *event, struct verdict *verdict)
{
	if (tlb_others && (event->in_irq || current_core()->locks_held >> LOCK_RANK_CALL)) {
		judge(verdict, "tlb.broadcast_in_lock",
		      "a broadcast in a handler, or with a lock that handlers take",
		      &(struct shadow_place){ .va = event->address });
	}
}

/* By which order this CPU's and this thread's DSBs have shown stores to walkers. */
static u32 walk_order(const struct record_event *event, enum scope scope)
{
	u32 cpu = cpus[event->cpu].walk_order[scope],
	    thread = sequence_of(event)->walk_order[scope];

	return order_before(cpu, thread) ? thread : cpu;
}

/*
 * An entry that is stale. One that somebody else cleared behind this flush's DSB is not taken: it
 * only lies among those that are meant, and another flush is to come for it.
 */
static void page_flushing(const struct record_event *event, enum scope scope,
			  const struct shadow_place *place, struct verdict *verdict)
{
	struct shadow *shadow = place->shadow;

	if (scope == LOCAL) {
		judge_slot(event, place, verdict);
	}
	if (scope == LOCAL && shadow->owner != event->cpu) {
		judge(verdict, "tlb.local_for_shared", "only this CPU's TLB forgets it", place);
	} else if (order_before(walk_order(event, scope), shadow->order) &&
		   order_before(cpus[shadow->cpu].walk_order[scope], shadow->order)) {
		if (!sequence_of(event)->flushing[scope]) {
			judge(verdict, "tlb.no_dsb_before_tlbi", "walkers may still see the entry",
			      place);
		}
	} else {
		shadow->state = SHADOW_FLUSHING;
	}
}

static void on_tlbi_page(const struct record_event *event, enum scope scope,
			 struct verdict *verdict)
{
	struct cpu_state *cpu = &cpus[event->cpu];
	struct shadow_place place;

	if (!shadow_of_va(event->address, &place) || place.shadow->window) {
		return; /* of a bigwin it takes one page, not all */
	}
	if (cpu->pendings < PENDING_MAX) {
		cpu->pending[cpu->pendings++] = place.va | (scope == SHARED ? PENDING_SHARED : 0);
	}
	lock_if_shared(&place);
	if (place.shadow->state >= SHADOW_STALE) {
		page_flushing(event, scope, &place, verdict);
	}
	unlock_if_shared(&place);
}

static void on_tlbi(const struct record_event *event, struct verdict *verdict)
{
	enum scope scope = event->kind == RECORD_TLBI_PAGE || event->kind == RECORD_TLBI_ALL;
	struct cpu_state *cpu = &cpus[event->cpu];

	if (scope == SHARED) {
		judge_broadcast(event, verdict);
	}
	if (sequence_of(event)->unordered[scope]) {
		judge(verdict, "tlb.no_dsb_before_tlbi", "a store, and no DSB before the TLBI",
		      &(struct shadow_place){ .va = event->address });
	}
	if (event->kind == RECORD_TLBI_PAGE || event->kind == RECORD_TLBI_PAGE_LOCAL) {
		on_tlbi_page(event, scope, verdict);
	} else {
		cpu->all[scope] = true;
		cpu->all_upto[scope] = walk_order(event, scope);
	}
	sequence_of(event)->tlbi = scope == SHARED ? 2 : 1;
	sequence_of(event)->tlbi_synced = false;
	sequence_of(event)->tlbi_address = event->address;
}

/* ---- DSB, ISB ---- */

static void page_complete(vaddr_t va)
{
	struct shadow_place place;

	if (shadow_of_va(va, &place)) {
		lock_if_shared(&place);
		if (place.shadow->state == SHADOW_FLUSHING) {
			shadow_flushed(&place);
		}
		unlock_if_shared(&place);
	}
}

static void dsb_completes(const struct record_event *event, enum scope scope)
{
	struct cpu_state *cpu = &cpus[event->cpu];
	u32 left = 0;

	for (u32 i = 0; i < cpu->pendings; i++) {
		vaddr_t pending = cpu->pending[i];

		if ((pending & PENDING_SHARED) && scope == LOCAL) {
			cpu->pending[left++] = pending;
		} else {
			page_complete(pending & ~PENDING_SHARED);
		}
	}
	cpu->pendings = left;
	if (cpu->all[LOCAL]) {
		shadow_flushed_here(event->cpu, cpu->all_upto[LOCAL]);
		cpu->all[LOCAL] = false;
	}
	if (cpu->all[SHARED] && scope == SHARED) {
		shadow_flushed_here(event->cpu, cpu->all_upto[SHARED]);
		discipline_lock();
		shadow_flushed_all(cpu->all_upto[SHARED]);
		discipline_unlock();
		cpu->all[SHARED] = false;
	}
}

/* Stores are in sight of all walkers of that scope; for_walks: the DSB is there for that. */
static void dsb_shows(const struct record_event *event, enum scope scope, bool for_walks)
{
	struct record_sequence *sequence = sequence_of(event);

	for (enum scope of = LOCAL; of <= scope; of++) {
		cpus[event->cpu].walk_order[of] = event->order;
		sequence->walk_order[of] = event->order;
		sequence->unordered[of] = false;
		sequence->flushing[of] = true;
	}
	if (sequence->fresh_entry && (scope == SHARED || !sequence->fresh_shared)) {
		sequence->fresh_synced = for_walks;
		sequence->fresh_entry = for_walks ? sequence->fresh_entry : 0;
	}
}

static void sequence_dsb(const struct record_event *event, enum scope scope)
{
	struct record_sequence *sequence = sequence_of(event);

	if (sequence->tlbi && (sequence->tlbi == 1 || scope == SHARED)) {
		sequence->tlbi = 0;
		sequence->tlbi_synced = true;
	}
}

static void on_isb(const struct record_event *event, struct verdict *verdict)
{
	struct record_sequence *sequence = sequence_of(event);
	struct shadow_place place;

	if (may_judge(event) && sequence->tlbi) {
		judge(verdict, "tlb.no_dsb_after_tlbi", "an ISB comes before the DSB",
		      &(struct shadow_place){ .va = sequence->tlbi_address });
	}
	if (may_judge(event) && sequence->fresh_entry && !sequence->fresh_synced &&
	    shadow_of_entry(sequence->fresh_entry, &place)) {
		judge(verdict, "tlb.no_dsb_after_write", "an ISB comes before the DSB", &place);
	}
	sequence->fresh_entry = 0;
	sequence->tlbi_synced = false;
	sequence->flushing[LOCAL] = sequence->flushing[SHARED] = false;
	cpus[event->cpu].sync_order = cpus[event->cpu].walk_order[LOCAL];
}

/* ---- pages ---- */

static void on_pages(const struct record_event *event, struct verdict *verdict)
{
	pfn_t first = page_to_pfn((const struct page *)event->address);
	struct shadow_place place;

	if (shadow_of_pages(first, (u32)event->value, &place)) {
		judge(verdict, "tlb.reuse_page",
		      place.shadow->state == SHADOW_VALID ? "still shows the page" :
							    "a TLB may still show the page",
		      &place);
	}
}

/* ---- all events ---- */

static void observe_quick(const struct record_event *event, struct verdict *verdict)
{
	switch ((enum record_kind)event->kind) {
	case RECORD_ISB:
		on_isb(event, verdict);
		break;
	case RECORD_DSB_ISHST: /* a spinlock is dropped: whatever was to be in order is over */
		judge_fresh(event, verdict);
		break;
	case RECORD_FLUSHED:
		judge_tlbi_over(event, verdict);
		break;
	case RECORD_DSB_WALK:
		dsb_shows(event, SHARED, true);
		break;
	case RECORD_DSB_WALK_LOCAL:
		dsb_shows(event, LOCAL, true);
		break;
	case RECORD_DSB_SY:
	case RECORD_DSB_ISH:
		dsb_shows(event, SHARED, false);
		sequence_dsb(event, SHARED);
		break;
	case RECORD_DSB_NSH:
		dsb_shows(event, LOCAL, false);
		sequence_dsb(event, LOCAL);
		break;
	default:
		break;
	}
}

static bool has_pending(const struct cpu_state *cpu)
{
	return cpu->pendings || cpu->all[LOCAL] || cpu->all[SHARED];
}

static void observe_tables(const struct record_event *event, struct verdict *verdict)
{
	switch ((enum record_kind)event->kind) {
	case RECORD_WRITE:
		on_store(event, verdict);
		break;
	case RECORD_TLBI_PAGE_LOCAL:
	case RECORD_TLBI_ALL_LOCAL:
	case RECORD_TLBI_PAGE:
	case RECORD_TLBI_ALL:
		on_tlbi(event, verdict);
		break;
	case RECORD_DSB_SY:
	case RECORD_DSB_ISH:
		dsb_completes(event, SHARED);
		break;
	case RECORD_DSB_NSH:
		dsb_completes(event, LOCAL);
		break;
	case RECORD_PAGES_TAKEN:
	case RECORD_PAGES_FREED:
		on_pages(event, verdict);
		break;
	default:
		break;
	}
}

static void observe(const struct record_event *event)
{
	bool is_dsb = event->kind >= RECORD_DSB_SY && event->kind <= RECORD_DSB_WALK_LOCAL;
	struct verdict verdict = { 0 };

	observe_quick(event, &verdict);
	if (event->kind < RECORD_DSB_SY || event->kind >= RECORD_PAGES_TAKEN ||
	    (is_dsb && has_pending(&cpus[event->cpu]))) {
		observe_tables(event, &verdict);
	}
	tell(&verdict, event);
}

void discipline_start(void)
{
	shadow_start();
	record_start();
	record_observer = observe;
}

#endif
