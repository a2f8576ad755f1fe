/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Changing the memory type of pages, for who holds them all. A physical page has one type at a
 * time, whoever maps it, so the order is (ARM DDI 0406C, A3.5.7):
 *
 *	page_types_unmapped()	no mapping is left, and no TLB remembers one
 *	page_types_set()	windows of the new type, and only those, may be opened
 *	sweep_clean() through them, before anything else: no cache holds a line any more
 *
 * The way back is the same. HighMem only: the direct mapping of lowmem never changes.
 */
#pragma once

#include <mm/page.h>

/*
 * Takes back what is mapped without a user: lazy vmalloc areas, unused kmap windows; and
 * invalidates all TLBs, for what other CPUs may have read ahead of windows that are closed. The
 * pages are held and nobody has a window onto them. Process context.
 */
void page_types_unmapped(void);

/*
 * BUG "page.type_of_lowmem". 2 MiB that are all among them are remembered to be alike, so that
 * bigwin need not look at each page: to be undone by page_types_reset() before they are freed.
 */
void page_types_set(pfn_t first, u32 pages, enum mem_type type);
void page_types_reset(pfn_t first, u32 pages); /* MT_NORMAL, nothing remembered */
