/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The vmalloc area: pages from anywhere, contiguous in kernel virtual memory, each
 * area followed by an unmapped guard page.
 *
 * Taking down is lazy: entries are cleared at once, but neither the address nor the
 * pages are used again before a flush that covers them has completed everywhere; the
 * purge does that for many areas at a time. A wrong address is a BUG
 * ("vmalloc.bad_address").
 *
 * Making an area: process context, interrupts enabled, no lock that interrupt code takes, for
 * it may purge. Taking one down: any context; with interrupts masked it is cleared and queued,
 * and the next call that may purge does the rest.
 */
#pragma once

#include <arch/pgtable.h>
#include <mm/page_alloc.h>
#include <types.h>

/* size bytes (rounded up to pages) of HighMem pages where there are some. NULL: no memory or no
 * address space (says so once). May sleep, later. */
void *__must_check vmalloc(size_t size);
void *__must_check vzalloc(size_t size);
/* NULL is allowed. */
void vfree(void *addr);

/* Maps count pages in the given order. prot's type must be each page's type; W+X, and anything
 * executable in lowmem, whose direct mapping is writable, is refused, as are free pages, no-map
 * ones and the image. NULL: refused, or no address space. The pages stay the caller's, who may
 * free them once they are unmapped: vunmap() keeps a reference on each until the purge. */
void *__must_check vmap(struct page *const *pages, u32 count, pgprot_t prot);
/* NULL is allowed. */
void vunmap(const void *addr);

/* Maps device registers: any alignment; Device type, never executable. RAM is refused (NULL). */
void *__must_check ioremap(phys_addr_t pa, size_t size);
/* Any address in the first page; NULL is allowed. */
void iounmap(const void *addr);

/* Completes every pending take-down: clear, flush, only then reuse. Gives spare descriptors back to
 * the slab, so that baselines compare. Interrupts enabled, no lock that interrupt code takes. */
void vmalloc_purge(void);

struct vmalloc_info {
	vaddr_t start, end; /* without the guard */
	const char *kind;   /* "vmalloc", "vmap", "ioremap", "lazy" */
	u32 pages;
};
/* The area that addr lies in, or (next = true) the first at or above it. false: none, or the list
 * is being changed just now. An area's guard page belongs to it, end or not. Any context. */
bool vmalloc_query(vaddr_t addr, bool next, struct vmalloc_info *info);

/* Boot: the area's bounds, 2 MiB-aligned. After slab_init(). */
void vmalloc_init(vaddr_t start, vaddr_t end);
vaddr_t vmalloc_start(void);
