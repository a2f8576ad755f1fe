/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inside the vmalloc area: what vmalloc.c (who maps what) asks of vm_area.c (addresses,
 * entries, and the life of an area). An area is a segment of the address space; `tag` is its
 * kind, `owner` its first level-3 entry.
 */
#pragma once

#include <arch/barrier.h>
#include <mm/page.h>
#include <mm/pgtable.h>
#include <mm/va_space.h>

enum area_kind {
	AREA_ALLOC,    /* vmalloc: the pages are the area's */
	AREA_IO,       /* ioremap: no pages */
	AREA_MAP,      /* vmap: a reference on each page, all first pages of their blocks */
	AREA_MAP_MORE, /* vmap: some are inside blocks, or reserved */
};

static inline vaddr_t area_va(const struct va_seg *area)
{
	return (vaddr_t)area->start << PAGE_SHIFT;
}

/* Without the guard. */
static inline u32 area_pages(const struct va_seg *area)
{
	return area->size - 1;
}

/* count pages and a guard, with level-3 tables, nothing mapped. NULL: no memory, or no address
 * space, which it says once. */
struct va_seg *__must_check area_alloc(u32 count, enum area_kind kind);

/* The entries from page `done` on, as far as they lie in one table and count reaches. */
static inline pte_t *area_run(const struct va_seg *area, u32 done, u32 count, u32 *run)
{
	u32 page = area->start + done;

	*run = min(count - done, PTRS_PER_TABLE - page % PTRS_PER_TABLE);
	return done == 0 ? area->owner : kernel_pte((vaddr_t)page << PAGE_SHIFT);
}

/* When all entries are written. */
static inline void area_publish(void)
{
	dsb_ishst(); /* the entries, before a walker of any CPU may look */
	isb();	     /* and before a later access here is translated */
}

/* Gives up an area after its first `mapped` pages, flushed when it returns. */
void area_undo(struct va_seg *area, u32 mapped);

/* Clears the area that begins at addr and queues it for the purge, which it may start. BUG
 * "vmalloc.bad_address": none does, or not of one of these kinds (bits 1 << kind). */
void area_drop(const void *addr, u32 kinds);

/* The same for a vmalloc area, later: its first word becomes ours. Any context. */
void area_drop_later(void *addr);

/* Flushes once, then gives pages and addresses of all lazy areas back. False: there was nothing
 * to purge, or interrupts are masked and it must not be done. */
bool area_purge(void);

/* A reference on a page that is not simply allocated (inside a block, reserved). False: it is
 * free, no-map, or the image's, and must not be mapped. */
bool page_hold_other(struct page *page);
