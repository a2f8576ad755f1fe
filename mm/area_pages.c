/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns how an area's pages come back to whom they belong: to the page allocator, or, one reference
 * less, to their owner. Finds them in the entries, which are invalid by then but keep the page
 * numbers. Must never run before the flush that covers them. No locks.
 */
#include "vm_area.h"

#include <arch/atomic.h>
#include <arch/early_tables.h>
#include <arch/pte_write.h>
#include <mm/image_late.h>
#include <mm/memblock.h>
#include <mm/page_alloc.h>

/* Pages handed to the page allocator at once; on the stack. */
#define BATCH 128

/* ---- pages that are not simply allocated ---- */

/* The first page of the allocated block that page lies in; NULL if it lies in none. */
static __cold struct page *block_head(struct page *page)
{
	pfn_t pfn = page_to_pfn(page);

	for (u32 order = 0; order <= MAX_ORDER; order++) {
		struct page *head = pfn_to_page(ALIGN_DOWN(pfn, 1u << order));

		if (page_state(head) != PAGE_INSIDE) {
			return page_state(head) == PAGE_ALLOCATED ? head : NULL;
		}
	}
	return NULL;
}

__cold bool page_hold_other(struct page *page)
{
	phys_addr_t pa = page_to_pa(page);
	struct page *head;

	if (page_state(page) == PAGE_RESERVED) {
		return !image_va(pa) && !memblock_is_nomap(pa, PAGE_SIZE);
	}
	head = block_head(page);
	if (head) {
		page_get(head);
	}
	return head;
}

static void page_put_other(struct page *page)
{
	if (page_state(page) != PAGE_RESERVED) {
		page = block_head(page);
		free_pages(page, page_order(page));
	}
}

/* The owner has let go before us: the page is ours alone now. */
static __noinline void page_put_last(struct page *page)
{
	page->refcount = 1;
	free_pages(page, page_order(page));
}

/* ---- the pages of an area ---- */

/* The page of a lazy entry; sections: mm.section, which the caller keeps in a register. */
static inline struct page *entry_page(struct page *const *sections, const pte_t *pte)
{
	pfn_t pfn = (pfn_t)(READ_ONCE(pte->raw) >>
			    PAGE_SHIFT); /* no bits 40-51 in ours, 52 and up fall off */

	return (struct page *)((vaddr_t)sections[pfn >> SECTION_PFN_SHIFT] + (pfn << 4));
}

/* Pages on their way to the allocator: neighbours of one area and the next go together. */
struct page_batch {
	struct page *page[BATCH];
	u32 count;
};

static void batch_free(struct page_batch *batch)
{
	free_pages_bulk(batch->page, batch->count);
	batch->count = 0;
}

static __noinline void release_allocated(const struct va_seg *area, u32 count,
					 struct page_batch *batch)
{
	struct page *const *sections = mm.section;
	struct pte_run run;

	run_begin(&run, area, count);
	do {
		for (const pte_t *pte = run.pte; pte != run.end; pte++) {
			if (batch->count == BATCH) {
				batch_free(batch);
			}
			batch->page[batch->count++] = entry_page(sections, pte);
		}
	} while (run_next(&run));
}

static inline void release_mapped(const struct va_seg *area, u32 count)
{
	struct page *const *sections = mm.section;
	struct pte_run run;

	run_begin(&run, area, count);
	do {
		for (const pte_t *pte = run.pte; pte != run.end; pte++) {
			struct page *page = entry_page(sections, pte);

			/* No barrier: the flush before has ordered all use of the mapping. */
			if (unlikely(atomic_pair_dec_to_zero(page_words(page)))) {
				page_put_last(page);
			}
		}
	} while (run_next(&run));
}

static __cold void release_mapped_more(const struct va_seg *area, u32 count)
{
	struct pte_run run;

	run_begin(&run, area, count);
	do {
		for (const pte_t *pte = run.pte; pte != run.end; pte++) {
			page_put_other(entry_page(mm.section, pte));
		}
	} while (run_next(&run));
}

/* After the flush: the first count > 0 pages go back to whom they belong. */
static inline void release(const struct va_seg *area, u32 count, struct page_batch *batch)
{
	if (area->tag == AREA_MAP) {
		release_mapped(area, count);
	} else if (area->tag == AREA_ALLOC) {
		release_allocated(area, count, batch);
	} else if (area->tag == AREA_MAP_MORE) {
		release_mapped_more(area, count);
	}
}

void areas_release(const struct va_seg *list)
{
	struct page_batch batch;

	batch.count = 0;
	for (const struct va_seg *area = list; area; area = area->peer) {
		release(area, area_pages(area), &batch);
	}
	batch_free(&batch);
}

__cold void area_release(const struct va_seg *area, u32 count)
{
	struct page_batch batch;

	batch.count = 0;
	release(area, count, &batch);
	batch_free(&batch);
}
