/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the vmalloc area's addresses and the life of an area:
 *
 *	allocated -> entries valid -> entries cleared, area lazy -> flushed -> free
 *
 * A lazy area's entries are invalid but keep their page numbers (hardware ignores the
 * rest of an invalid descriptor, ARM DDI 0406C, B3.6.1), so the purge needs no list: area_pages.c.
 * Must never let an address or a page be used again between the clearing and a flush of it.
 *
 * Lock order: purge_lock, lock. lock is irq-safe and innermost; purge_lock is taken with
 * interrupts enabled only, as the broadcast under it needs; no page is freed under lock.
 */
#include "vm_area.h"

#include <arch/early_tables.h>
#include <arch/pte_write.h>
#include <arch/spinlock.h>
#include <arch/tlb.h>
#include <bug.h>
#include <interleave.h>
#include <mm/slab.h>
#include <mm/vmalloc.h>

/* A purge is due when more than this waits. An area counts as its pages, its guard, and what it
 * costs by itself: so about 4 MiB wait, or 128 areas of a page each. */
#define LAZY_MAX       1024
#define LAZY_AREA_COST 6
/* Spare descriptors beyond this go back to the slab. */
#define SPARE_MAX 256
/* Areas of at most so many pages, in one table, are cleared with the lock held. */
#define CLEAR_LOCKED_MAX 32

static struct {
	vaddr_t start;

	spinlock_t lock; /* guards the rest */
	struct va_space space;
	struct va_seg *lazy; /* stack of cleared areas, by peer */
	u32 lazy_cost;	     /* of those */

	spinlock_t purge_lock; /* one purge at a time: who waited for it finds what it freed */
	u32 purges;	       /* that gave something back; guarded by purge_lock */
} vm;

/* ---- the life of an area ---- */

/* Invalidates [pte, end), which is not empty; the page numbers stay. */
static inline void run_clear(pte_t *pte, const pte_t *end)
{
	if ((end - pte) % 2) {
		pte_invalidate(pte++);
	}
	for (; pte != end; pte += 2) {
		pte_invalidate(pte);
		pte_invalidate(pte + 1);
	}
}

static __noinline void area_clear(const struct va_seg *area, u32 count)
{
	struct pte_run run;

	run_begin(&run, area, count);
	do {
		run_clear(run.pte, run.end);
	} while (run_next(&run));
}

/* ---- purge ---- */

static struct va_seg *lazy_take(void)
{
	u32 flags = spin_lock_irqsave(&vm.lock);
	struct va_seg *list = vm.lazy;

	vm.lazy = NULL;
	vm.lazy_cost = 0;
	spin_unlock_irqrestore(&vm.lock, flags);
	return list;
}

static void lazy_flush(const struct va_seg *list)
{
	u32 low = list->start, high = low;

	for (const struct va_seg *area = list; area; area = area->peer) {
		low = min(low, area->start);
		high = max(high, area->start + area_pages(area));
		if (high - low > TLB_RANGE_MAX_PAGES) {
			break; /* everything will be flushed */
		}
	}
	tlb_flush_range((vaddr_t)low << PAGE_SHIFT, (vaddr_t)high << PAGE_SHIFT);
}

/* The addresses are free; all but `keep` spare descriptors are the caller's, linked by peer. */
static struct va_seg *lazy_free(struct va_seg *list, u32 keep)
{
	struct va_seg *area, *next, *surplus = NULL;
	u32 flags = spin_lock_irqsave(&vm.lock);

	for (area = list; area; area = next) {
		next = area->peer;
		va_free(&vm.space, area);
	}
	if (keep == 0) {
		va_trim(&vm.space);
	}
	while (unlikely(vm.space.spares > keep)) {
		area = va_reclaim(&vm.space);
		area->peer = surplus;
		surplus = area;
	}
	spin_unlock_irqrestore(&vm.lock, flags);
	return surplus;
}

/* True if something was given back since the call, by this CPU or another. */
static __noinline bool purge(u32 keep_spares)
{
	struct va_seg *list, *area, *next;
	u32 purges = READ_ONCE(vm.purges);
	bool helped;

	if (irqs_masked()) {
		return false;
	}
	spin_lock(&vm.purge_lock);
	list = lazy_take();
	if (list) {
		interleave_point(POINT_PURGE_TAKEN);
		lazy_flush(list);
		interleave_point(POINT_PURGE_FLUSHED);
		areas_release(list);
		interleave_point(POINT_PURGE_RELEASED);
	}
	area = lazy_free(list, keep_spares);
	if (list) {
		WRITE_ONCE(vm.purges, vm.purges + 1);
	}
	helped = vm.purges != purges;
	spin_unlock(&vm.purge_lock);
	for (; area; area = next) {
		next = area->peer;
		kfree(area);
	}
	return helped;
}

bool area_purge(void)
{
	return purge(SPARE_MAX);
}

void vmalloc_purge(void)
{
	BUG_ON(CONFIG_DEBUG && irqs_masked(), "vmalloc.purge_masked",
	       "a broadcast invalidation needs interrupts");
	purge(0);
}

void area_drop(const void *addr, u32 kinds)
{
	u32 flags = spin_lock_irqsave(&vm.lock);
	struct va_seg *area = va_take(&vm.space, (vaddr_t)addr >> PAGE_SHIFT);
	u32 pages;
	bool due;

	BUG_ON(!area || !(area->tag & kinds) || area_va(area) != (vaddr_t)addr,
	       "vmalloc.bad_address", "%p is no such area's start", addr);
	pages = area_pages(area);
	if (likely(pages <= CLEAR_LOCKED_MAX && !((vaddr_t)area->owner & AREA_SPLIT))) {
		run_clear(area->owner, (pte_t *)area->owner + pages);
	} else {
		spin_unlock_irqrestore(&vm.lock, flags);
		area_clear(area, pages);
		flags = spin_lock_irqsave(&vm.lock);
	}
	area->peer = vm.lazy;
	vm.lazy = area;
	vm.lazy_cost += area->size + LAZY_AREA_COST;
	due = vm.lazy_cost > LAZY_MAX;
	spin_unlock_irqrestore(&vm.lock, flags);
	interleave_point(POINT_AREA_DROPPED);
	if (unlikely(due)) {
		purge(SPARE_MAX);
	}
}

/* ---- setting up ---- */

/* All tables the area needs, and owner, which a segment keeps when it is freed: NULL unless all. */
static __cold bool area_tables(struct va_seg *area)
{
	vaddr_t va = area_va(area);
	vaddr_t last = va + (area_pages(area) - 1) * PAGE_SIZE;
	bool split = (va ^ last) >> PMD_SHIFT;
	pte_t *first = kernel_pte_alloc(va);

	while (first && (va ^ last) >> PMD_SHIFT) {
		va = ALIGN_DOWN(va, PMD_SIZE) + PMD_SIZE;
		if (!kernel_pte_alloc(va)) {
			first = NULL;
		}
	}
	area->owner = first ? (char *)first + (split ? AREA_SPLIT : 0) : NULL;
	return first;
}

/* For an area whose entries are clear and flushed, or were never set. */
static __cold void area_free(struct va_seg *area)
{
	u32 flags = spin_lock_irqsave(&vm.lock);

	area = va_take(&vm.space, area->start);
	va_free(&vm.space, area);
	spin_unlock_irqrestore(&vm.lock, flags);
}

/* Out of descriptors, or out of addresses. */
static __cold struct va_seg *area_alloc_slow(u32 units)
{
	struct va_stats stats = { 0 };
	struct va_seg *area;
	u32 flags;

	do {
		struct va_seg *fresh = kmalloc(sizeof(*fresh));

		if (!fresh) {
			return NULL;
		}
		flags = spin_lock_irqsave(&vm.lock);
		va_donate(&vm.space, fresh);
		area = va_alloc(&vm.space, units);
		if (!area) {
			va_query(&vm.space, &stats);
		}
		spin_unlock_irqrestore(&vm.lock, flags);
	} while (!area && purge(SPARE_MAX));
	WARN_ONCE(!area, "vmalloc space is used up: %u pages wanted, %u free in %u pieces", units,
		  stats.free_units, stats.free_pieces);
	return area;
}

struct va_seg *area_alloc(u32 count, enum area_kind kind)
{
	u32 flags = spin_lock_irqsave(&vm.lock);
	struct va_seg *area = va_alloc(&vm.space, count + 1);
	bool due = vm.lazy_cost > LAZY_MAX; /* what interrupt code dropped, who could not purge */

	spin_unlock_irqrestore(&vm.lock, flags);
	if (unlikely(due)) {
		purge(SPARE_MAX);
	}
	if (unlikely(!area)) {
		area = area_alloc_slow(count + 1);
		if (!area) {
			return NULL;
		}
	}
	area->tag = kind;
	if (unlikely(!area->owner) && !area_tables(area)) {
		area_free(area);
		return NULL;
	}
	return area;
}

__cold void area_undo(struct va_seg *area, u32 mapped)
{
	if (mapped > 0) {
		area_clear(area, mapped);
		/* Nobody was told the address, but a speculative walk may have seen the entries. */
		tlb_flush_range(area_va(area), area_va(area) + mapped * PAGE_SIZE);
		area_release(area, mapped);
	}
	area_free(area);
}

/* ---- asking, starting ---- */

static const char *area_kind_name(const struct va_seg *area)
{
	if (area->state == VA_TAKEN) {
		return "lazy";
	}
	return area->tag == AREA_ALLOC ? "vmalloc" : area->tag == AREA_IO ? "ioremap" : "vmap";
}

__cold bool vmalloc_query(vaddr_t addr, bool next, struct vmalloc_info *info)
{
	const struct va_seg *area;
	u32 flags;

	/* An oops may come from under the lock: then better no answer than none ever. */
	if (READ_ONCE(vm.lock.owner) != READ_ONCE(vm.lock.next)) {
		return false;
	}
	flags = spin_lock_irqsave(&vm.lock);
	area = va_find(&vm.space, addr >> PAGE_SHIFT, next);
	if (area) {
		info->start = area_va(area);
		info->pages = area_pages(area);
		info->end = info->start + info->pages * PAGE_SIZE;
		info->kind = area_kind_name(area);
	}
	spin_unlock_irqrestore(&vm.lock, flags);
	return area;
}

__cold void vmalloc_init(vaddr_t start, vaddr_t end)
{
	struct va_seg *first = kmalloc(sizeof(*first));

	if (!first) {
		panic("no memory for the vmalloc area");
	}
	vm.lock = (spinlock_t)SPINLOCK_RANKED(LOCK_RANK_MEMORY);
	vm.purge_lock = (spinlock_t)SPINLOCK_RANKED(LOCK_RANK_OUTER);
	vm.start = start;
	va_init(&vm.space, first, start >> PAGE_SHIFT, (end - start) >> PAGE_SHIFT);
}

vaddr_t vmalloc_start(void)
{
	return vm.start;
}
