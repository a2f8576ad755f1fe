/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The buddy system of one zone, pure: free blocks of 2^order pages, one list per order,
 * linked by pfn through struct page. Freeing merges a block with its buddy as long as that is
 * free too and of the same zone. A buddy's struct page is found by its address alone
 * (see page.h), and one always exists (page_array_init() rounds out to MAX_ORDER blocks).
 *
 * Locking is the caller's: one lock around every call.
 */
#pragma once

#include <mm/page.h>

#define MAX_ORDER 10 /* blocks of up to 4 MiB */

struct buddy {
	u32 nonempty; /* bit k: free[k] holds something */
	u32 free_pages;
	const struct page *start, *end; /* the zone's struct pages: [start, end) */
	struct page *free[MAX_ORDER + 1];
};

/* No free blocks yet. Every page of the zone has its struct in [start, end). */
void buddy_init(struct buddy *buddy, const struct page *start, const struct page *end);

/* A block of 2^order pages, all of them PAGE_INSIDE: the caller writes its first page's state.
 * Of the block that it splits it takes the highest part. NULL: there is none. */
struct page *__must_check buddy_alloc(struct buddy *buddy, u32 order);

/* The same from the smallest block there is, but of at most *order: spares large blocks. */
struct page *__must_check buddy_alloc_small(struct buddy *buddy, u32 *order);

/* page: first of 2^order pages, all PAGE_INSIDE by now, aligned. Constant time per order. */
void buddy_free(struct buddy *buddy, struct page *page, u32 order);

/* buddy_free() of any run of pages with consecutive structs, as the largest aligned blocks. */
void buddy_free_run(struct buddy *buddy, struct page *page, u32 pages);
