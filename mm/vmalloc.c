/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns what may be mapped in the vmalloc area: memory of its own (vmalloc), pages that
 * belong to others (vmap), device registers (ioremap). Must never map a page with another
 * memory type than its own, nor anything both writable and executable; what was mapped in
 * part is undone. Addresses, entries and taking down are vm_area.c's. Takes no locks itself.
 */
#include <mm/vmalloc.h>

#include "vm_area.h"

#include <arch/atomic.h>
#include <arch/pte_write.h>
#include <lib/string.h>
#include <mm/highmem.h>
#include <mm/memblock.h>

/* Pages taken from the page allocator at once; on the stack. */
#define BATCH 64

/* ---- vmalloc ---- */

/* Pages for the area's entries; returns how many it got. */
static u32 area_populate(const struct va_seg *area)
{
	u32 count = area_pages(area);
	struct page *batch[BATCH];
	struct pte_run run;
	u32 done = 0;

	run_begin(&run, area, count);
	do {
		while (run.pte != run.end) {
			u32 want = min((u32)(run.end - run.pte), (u32)BATCH);
			u32 got = alloc_pages_bulk(GFP_HIGH, want, batch);

			for (u32 i = 0; i < got; i++) {
				pte_write(run.pte++, pfn_pte(page_to_pfn(batch[i]), PAGE_KERNEL));
			}
			done += got;
			if (unlikely(got < want) && !area_purge()) {
				return done;
			}
		}
	} while (run_next(&run));
	return done;
}

void *vmalloc(size_t size)
{
	u32 count = (u32)(size / PAGE_SIZE + (size % PAGE_SIZE != 0));
	struct va_seg *area;
	u32 got;

	if (unlikely(count == 0 || alloc_fails())) {
		return NULL;
	}
	area = area_alloc(count, AREA_ALLOC);
	if (unlikely(!area)) {
		return NULL;
	}
	got = area_populate(area);
	if (unlikely(got < count)) {
		area_undo(area, got);
		return NULL;
	}
	area_publish();
	return (void *)area_va(area);
}

void *vzalloc(size_t size)
{
	void *addr = alloc_fails() ? NULL : vmalloc(size);

	return addr ? memset(addr, 0, size) : NULL;
}

void vfree(void *addr)
{
	if (likely(addr)) {
		area_drop(addr, AREA_ALLOC);
	}
}

/* ---- vmap ---- */

/* What is mapped into the kernel's part by name: anything else is looked at. */
static __noinline bool prot_allowed(pgprot_t prot, struct page *const *pages, u32 count)
{
	if ((prot.raw & (LEAF_AF | LEAF_USER | LEAF_NG)) != LEAF_AF ||
	    pgprot_type(prot) > MT_STRONG) {
		return false;
	}
	if ((prot.raw & (LEAF_XN | LEAF_PXN)) == (LEAF_XN | LEAF_PXN)) {
		return true;
	}
	for (u32 i = 0; i < count; i++) {
		/* Its direct mapping, its kmap window or another's vmap is writable. */
		if (!page_is_high(pages[i]) || pages[i]->kmap || pages[i]->refcount != 1) {
			return false;
		}
	}
	pkmap_purge(); /* of pages that were freed, writable windows may still be open */
	return !pgprot_is_wx(prot) && pgprot_type(prot) == MT_NORMAL;
}

/* The lowest bits of struct page's flags: state, order, type. */
#define SIMPLE_BITS 10
STATIC_ASSERT((PAGE_STATE_MASK | PAGE_ORDER_MASK | PAGE_TYPE_MASK) == (1u << SIMPLE_BITS) - 1);

/*
 * Holds and maps pages for [pte, end), as long as they are single allocated pages of the right
 * type; returns the first entry that is not written. vmap's speed hangs on this loop, so
 * mm.pfn_delta is kept in a register.
 */
static __noinline pte_t *map_simple(pte_t *pte, const pte_t *end, u64 leaf,
				    struct page *const *pages)
{
	const u32 simple = PAGE_ALLOCATED | ((u32)leaf >> 2 & 3) << PAGE_TYPE_SHIFT;
	const u32 *deltas = mm.pfn_delta;

	for (; pte != end; pte++) {
		struct page *page = *pages++;
		u32 delta;

		if (unlikely(!atomic_pair_inc(page_words(page), simple, SIMPLE_BITS))) {
			break;
		}
		delta = deltas[(vaddr_t)page >> SECTION_MEMMAP_SHIFT]; /* page_to_pfn() */
		pte_write(pte, (pte_t){ pfn_to_pa(((vaddr_t)page >> 4) + delta) | leaf });
	}
	return pte;
}

/* Checks, holds and maps each page; returns how many it did. */
static inline u32 area_map_pages(struct va_seg *area, struct page *const *pages, pgprot_t prot)
{
	struct page *const *next = pages;
	struct pte_run run;

	run_begin(&run, area, area_pages(area));
	do {
		for (;;) {
			pte_t *reached = map_simple(run.pte, run.end, pfn_pte(0, prot).raw, next);

			next += reached - run.pte;
			run.pte = reached;
			if (likely(reached == run.end)) {
				break;
			}
			area->tag = AREA_MAP_MORE;
			if (page_type(*next) != pgprot_type(prot) || !page_hold_other(*next)) {
				return (u32)(next - pages);
			}
			pte_write(run.pte++, pfn_pte(page_to_pfn(*next++), prot));
		}
	} while (run_next(&run));
	return (u32)(next - pages);
}

void *vmap(struct page *const *pages, u32 count, pgprot_t prot)
{
	struct va_seg *area;
	u32 mapped;

	if (unlikely(count - 1 >= 1u << 20 || alloc_fails())) {
		return NULL;
	}
	if (unlikely(prot.raw != PAGE_KERNEL.raw) && !prot_allowed(prot, pages, count)) {
		return NULL;
	}
	area = area_alloc(count, AREA_MAP);
	if (unlikely(!area)) {
		return NULL;
	}
	mapped = area_map_pages(area, pages, prot);
	if (unlikely(mapped < count)) {
		area_undo(area, mapped);
		return NULL;
	}
	area_publish();
	return (void *)area_va(area);
}

void vunmap(const void *addr)
{
	if (likely(addr)) {
		area_drop(addr, AREA_MAP | AREA_MAP_MORE);
	}
}

/* ---- ioremap ---- */

/*
 * A page with one byte of RAM in it is cached by somebody, or may be; unless it is no-map: then
 * nobody else ever maps it, and a device may lie there, in a bank that was declared too large.
 */
static __noinline bool all_nomap(pfn_t pfn, u32 count)
{
	while (count > 0 && memblock_is_nomap(pfn_to_pa(pfn), PAGE_SIZE)) {
		pfn++;
		count--;
	}
	return count == 0;
}

__cold void *ioremap(phys_addr_t pa, size_t size)
{
	phys_addr_t end = pa + size;
	pfn_t pfn = pa_to_pfn(pa);
	struct va_seg *area;
	struct pte_run run;
	u32 count;

	if (unlikely(size == 0 || pa >= PHYS_END || end > PHYS_END || alloc_fails())) {
		return NULL;
	}
	count = pa_to_pfn(end - 1) - pfn + 1;
	if (unlikely(memblock_has_ram(pfn_to_pa(pfn), (phys_addr_t)count * PAGE_SIZE) &&
		     !all_nomap(pfn, count))) {
		return NULL;
	}
	area = area_alloc(count, AREA_IO);
	if (unlikely(!area)) {
		return NULL;
	}
	run_begin(&run, area, count);
	do {
		for (pte_t *pte = run.pte; pte != run.end; pte++) {
			pte_write(pte, pfn_pte(pfn++, PAGE_DEVICE));
		}
	} while (run_next(&run));
	area_publish();
	return (void *)(area_va(area) + pa_offset(pa, PAGE_SIZE));
}

void iounmap(const void *addr)
{
	if (likely(addr)) {
		area_drop((const void *)ALIGN_DOWN((vaddr_t)addr, PAGE_SIZE), AREA_IO);
	}
}
