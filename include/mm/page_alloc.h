/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The page allocator: zones Normal (lowmem) and HighMem, a buddy allocator in each,
 * and per-CPU lists of single pages in front. HighMem is used from the top down; when it
 * is used up, requests that may have either get lowmem, except for a reserve.
 *
 * Everything here is irq-safe and never sleeps. Freeing what is not an allocated block
 * of that order is a BUG: "page.free_not_allocated", "page.free_wrong_order", or
 * "page.free_in_use" for a page with another memory type or in a lazy vmalloc area.
 * DEBUG=1 poisons freed pages, and "page.use_after_free" says who wrote to one.
 */
#pragma once

#include <bug.h>
#include <failalloc.h> /* whoever gives something asks it */
#include <mm/buddy.h>  /* MAX_ORDER */
#include <mm/page.h>
#include <types.h>

typedef u32 gfp_t;
#define GFP_KERNEL   0u
#define GFP_HIGH     (1u << 0) /* HighMem will do, and is tried first */
#define GFP_ZERO     (1u << 1)
#define GFP_HIGHONLY (GFP_HIGH | (1u << 2)) /* HighMem or nothing */
#define GFP_HIGHUSER GFP_HIGH

/* 2^order contiguous pages, aligned to that, refcount 1. NULL: no memory. */
struct page *__must_check alloc_pages(gfp_t gfp, u32 order);
/* Drops one reference; the block is free when that was the last. */
void free_pages(struct page *page, u32 order);

struct page *__must_check alloc_page(gfp_t gfp);
void free_page(struct page *page);

/* n single pages, in any order, each as from alloc_page(); returns how many it got (all or, at
 * the end of memory, fewer). Cheaper than n calls. */
u32 __must_check alloc_pages_bulk(gfp_t gfp, u32 n, struct page **pages);
/* As n calls of free_page(); cheapest when neighbours are next to each other. */
void free_pages_bulk(struct page *const *pages, u32 n);

/* One more reference on an allocated page (a block's first): free_page() by each holder. */
static inline void page_get(struct page *page)
{
	BUG_ON(__atomic_fetch_add(&page->refcount, 1, __ATOMIC_RELAXED) <= 0, "page.get_free",
	       "page %p is not held by anyone", (void *)page);
}

enum zone_id { ZONE_NORMAL, ZONE_HIGH, ZONES };

struct zone_info {
	const char *name;
	u32 total_pages; /* ever given to the allocator */
	u32 free_pages;	 /* buddy and per-CPU lists together */
};
/* Reads without locks: exact when nothing else runs. */
void zone_query(enum zone_id zone, struct zone_info *info);

/* Pages free in all zones, per-CPU lists included: the baseline that suites compare. */
u32 free_page_count(void);

/* Boot: gives the allocator every free page of memblock, and marks the others as reserved. */
void page_alloc_init(void);

/* Each other CPU, before it allocates: its copies of the per-CPU lists start empty. */
void page_alloc_cpu_init(void);

/* Hands this CPU's lists of single pages to the zones: others cannot take from them. */
void page_alloc_cpu_drain(void);
