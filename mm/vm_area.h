/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inside the vmalloc area: what vmalloc.c (who maps what) asks of vm_area.c (addresses,
 * entries, and the life of an area), and that of area_pages.c (whose the pages are). An area is a
 * segment of the address space; `tag` is its kind, `owner` the address of its first level-3 entry,
 * plus AREA_SPLIT.
 */
#pragma once

#include <arch/barrier.h>
#include <mm/page.h>
#include <mm/pgtable.h>
#include <mm/va_space.h>

enum area_kind {		    /* bits, so that several can be asked for */
		 AREA_ALLOC = 1,    /* vmalloc: the pages are the area's */
		 AREA_IO = 2,	    /* ioremap: no pages */
		 AREA_MAP = 4,	    /* vmap: a reference on each page, all simply allocated */
		 AREA_MAP_MORE = 8, /* vmap: some are inside blocks, or reserved */
};

/* In `owner`: the entries lie in more than one table. */
#define AREA_SPLIT 1u

static inline vaddr_t area_va(const struct va_seg *area)
{
	return (vaddr_t)area->start << PAGE_SHIFT;
}

/* Without the guard. */
static inline u32 area_pages(const struct va_seg *area)
{
	return area->size - 1;
}

/* count > 0 pages and a guard, with level-3 tables, nothing mapped. NULL: no memory, or no
 * address space, which it says once. Any context; purges if it must and interrupts are enabled. */
struct va_seg *__must_check area_alloc(u32 count, enum area_kind kind);

/* When all entries are written. */
static inline void area_publish(void)
{
	dsb_walk(); /* the entries, before a walker of any CPU may look */
	isb();	    /* and before a later access here is translated */
}

/* Gives up an area after its first `mapped` pages, flushed when it returns. */
void area_undo(struct va_seg *area, u32 mapped);

/*
 * Clears the area that begins at addr and queues it for the purge, which it starts when one is due
 * and interrupts are enabled. BUG "vmalloc.bad_address": no area begins there, or not of one of
 * these kinds. Any context.
 */
void area_drop(const void *addr, u32 kinds);

/* Flushes once, then gives pages and addresses of all lazy areas back. False: there was nothing
 * to purge, for no CPU, or interrupts are masked and it must not be done. */
bool area_purge(void);

/* ---- area_pages.c ---- */

/* After the flush: the pages of all areas of a list by `peer` go back to whom they belong. */
void areas_release(const struct va_seg *list);
/* The same for the first count > 0 pages of one. */
void area_release(const struct va_seg *area, u32 count);

/* A reference on a page that is not simply allocated (inside a block, reserved). False: it is
 * free, no-map, or the image's, and must not be mapped. */
bool page_hold_other(struct page *page);

/* flags and refcount, for atomic_pair_*(). */
static inline u64 *page_words(struct page *page)
{
	STATIC_ASSERT(offsetof(struct page, flags) == 0 && offsetof(struct page, refcount) == 4);
	return (u64 *)page;
}

/*
 * The entries of an area's first pages, run by run: a run lies in one table.
 *
 *	run_begin(&run, area, count);
 *	do {
 *		for (pte_t *pte = run.pte; pte != run.end; pte++) …
 *	} while (run_next(&run));
 */
struct pte_run {
	pte_t *pte;
	const pte_t *end;
	u32 page, left; /* behind this run */
};

static inline void run_set(struct pte_run *run, pte_t *pte)
{
	u32 count = min(run->left, PTRS_PER_TABLE - run->page % PTRS_PER_TABLE);

	run->pte = pte;
	run->end = pte + count;
	run->page += count;
	run->left -= count;
}

/* count > 0 */
static inline void run_begin(struct pte_run *run, const struct va_seg *area, u32 count)
{
	pte_t *first = (pte_t *)((vaddr_t)area->owner & ~AREA_SPLIT);

	if (likely(first == area->owner)) {
		*run = (struct pte_run){ .pte = first, .end = first + count };
		return;
	}
	run->page = area->start;
	run->left = count;
	run_set(run, first);
}

static inline bool run_next(struct pte_run *run)
{
	if (likely(run->left == 0)) {
		return false;
	}
	run_set(run, kernel_pte((vaddr_t)run->page << PAGE_SHIFT));
	return true;
}
