/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the zones, their locks, and the per-CPU lists of single pages in front of them.
 * Must never sleep, and never touch a page that somebody holds.
 *
 * A zone's lock guards its buddy lists; a CPU's lists are its own, with interrupts masked.
 * Zone locks are innermost: nothing is called with one held. A page that was just taken, or
 * whose last reference was just dropped, is ours alone: its flags are written without a lock.
 */
#include <mm/page_alloc.h>

#include <arch/barrier.h>
#include <arch/current.h>
#include <arch/spinlock.h>
#include <mm/discipline.h>
#include <mm/highmem.h>
#include <mm/memblock.h>

struct zone {
	spinlock_t lock;
	struct buddy buddy; /* under lock */
	/* written at boot */
	u32 total_pages;
	u32 reserve_pages; /* kept from requests that HighMem could have served */
} __aligned(64);

static struct zone zones[ZONES];

/* Free single pages, PAGE_PCP; the next to go out is the last. */
#define PCP_PAGES 63
#define PCP_ORDER 5 /* moved to and from the buddy lists by 2^5 */
#define PCP_BATCH (1u << PCP_ORDER)
STATIC_ASSERT(PCP_BATCH < PCP_PAGES);

struct pcp {
	u32 count;
	struct page *page[PCP_PAGES];
};

struct pcp_set {
	struct pcp zone[ZONES];
};
static DEFINE_PER_CPU(struct pcp_set, pcp_set) __aligned(64);

/* To count them all; NULL: a CPU that is not up. */
static struct pcp_set *pcp_sets[NR_CPUS];

static inline enum zone_id page_zone(const struct page *page)
{
	return page_is_high(page) ? ZONE_HIGH : ZONE_NORMAL;
}

static inline enum zone_id gfp_zone(gfp_t gfp)
{
	return (enum zone_id)(gfp & GFP_HIGH);
}
STATIC_ASSERT(GFP_HIGH == ZONE_HIGH && GFP_KERNEL == ZONE_NORMAL);

static inline u32 log2_floor(u32 n)
{
	return 31 - (u32)__builtin_clz(n);
}

/* ---- DEBUG: poison. A free page whose refcount says so holds nothing but the pattern ---- */

#define POISON_WORD	0x6b6b6b6bu
#define POISON_REFCOUNT (-0x6b6b)
#define POISON_PAGES	8u /* of a large block the first few: its pages may be a thousand */

static __noinline void poison_write(struct page *page, u32 count)
{
	for (u32 i = 0; i < min(count, POISON_PAGES); i++) {
		u32 *words = kmap_local_page(&page[i]);

		for (u32 k = 0; k < PAGE_SIZE / sizeof(u32); k++) {
			words[k] = POISON_WORD;
		}
		kunmap_local(words);
		page[i].refcount = POISON_REFCOUNT;
	}
}

static __noinline void poison_check(struct page *page, u32 count)
{
	for (u32 i = 0; i < count; i++) {
		u32 *words, k = 0;

		if (page[i].refcount != POISON_REFCOUNT) {
			continue; /* never freed since boot */
		}
		page[i].refcount = 0;
		words = kmap_local_page(&page[i]);
		while (k < PAGE_SIZE / sizeof(u32) && words[k] == POISON_WORD) {
			k++;
		}
		BUG_ON(k < PAGE_SIZE / sizeof(u32), "page.use_after_free",
		       "free page %08x: 0x%08x at offset 0x%x", page_to_pfn(&page[i]), words[k],
		       k * 4);
		kunmap_local(words);
	}
}

/* ---- per-CPU lists, interrupts masked ---- */

static __noinline void pcp_refill(struct pcp *pcp, enum zone_id id)
{
	struct zone *zone = &zones[id];
	u32 want = PCP_BATCH;

	spin_raw_lock(&zone->lock);
	while (want > 0) {
		u32 order = log2_floor(want);
		struct page *page = buddy_alloc_small(&zone->buddy, &order);

		if (!page) {
			break;
		}
		for (u32 i = 0; i < 1u << order; i++) {
			page[i].flags = PAGE_PCP;
			pcp->page[pcp->count++] = &page[i];
		}
		want -= 1u << order;
	}
	spin_raw_unlock(&zone->lock);
}

/* Gives the first count pages, which have been there longest, to the buddy lists. */
static __noinline void pcp_drain(struct pcp *pcp, enum zone_id id, u32 count)
{
	struct zone *zone = &zones[id];

	spin_raw_lock(&zone->lock);
	for (u32 i = 0; i < count; i++) {
		pcp->page[i]->flags = PAGE_INSIDE;
		buddy_free(&zone->buddy, pcp->page[i], 0);
	}
	spin_raw_unlock(&zone->lock);
	pcp->count -= count;
	for (u32 i = 0; i < pcp->count; i++) {
		pcp->page[i] = pcp->page[i + count];
	}
}

static __always_inline void pcp_push(struct page *page)
{
	u32 flags = irq_save();
	enum zone_id id = page_zone(page);
	struct pcp *pcp = &this_cpu_ptr(pcp_set)->zone[id];

	if (unlikely(pcp->count == PCP_PAGES)) {
		pcp_drain(pcp, id, PCP_BATCH);
	}
	page->flags = PAGE_PCP;
	pcp->page[pcp->count++] = page;
	irq_restore(flags);
}

/* ---- allocating ---- */

static __always_inline void check_pcp_page(const struct page *page)
{
	BUG_ON(page->flags != PAGE_PCP, "page.corrupt", "free page %p has flags 0x%x", (void *)page,
	       page->flags);
}

/* Makes pages that were free the caller's: what it may cost, then the state. */
static __always_inline void block_hand_out(struct page *page, u32 order, gfp_t gfp)
{
	discipline_pages(RECORD_PAGES_TAKEN, page, order);
	if (CONFIG_DEBUG) {
		poison_check(page, 1u << order);
	}
	if (unlikely(gfp & GFP_ZERO)) {
		for (u32 i = 0; i < 1u << order; i++) {
			clear_highpage(&page[i]);
		}
	}
	page->flags = PAGE_ALLOCATED | order << PAGE_ORDER_SHIFT;
	page->refcount = 1;
}

/* How many pages a request that failed in HighMem may take from lowmem. */
static u32 fallback_pages(gfp_t gfp)
{
	const struct zone *normal = &zones[ZONE_NORMAL];
	u32 free_pages = READ_ONCE(normal->buddy.free_pages);

	if ((gfp & GFP_HIGHONLY) != GFP_HIGH || free_pages <= normal->reserve_pages) {
		return 0;
	}
	return free_pages - normal->reserve_pages;
}

/* The CPU's list is empty. */
static __noinline struct page *alloc_page_slow(gfp_t gfp)
{
	u32 flags = irq_save();
	enum zone_id id = gfp_zone(gfp);
	struct pcp *pcp = &this_cpu_ptr(pcp_set)->zone[id];
	struct page *page = NULL;

	if (pcp->count == 0) {
		pcp_refill(pcp, id);
	}
	if (pcp->count != 0) {
		page = pcp->page[--pcp->count];
	}
	irq_restore(flags);
	if (page) {
		block_hand_out(page, 0, gfp);
		return page;
	}
	return fallback_pages(gfp) ? alloc_page(gfp & ~GFP_HIGHONLY) : NULL;
}

struct page *alloc_page(gfp_t gfp)
{
	if (alloc_fails()) {
		return NULL;
	}

	u32 flags = irq_save();
	struct pcp *pcp = &this_cpu_ptr(pcp_set)->zone[gfp_zone(gfp)];
	u32 count = pcp->count;
	struct page *page;

	if (unlikely(count == 0)) {
		irq_restore(flags);
		return alloc_page_slow(gfp);
	}
	pcp->count = --count;
	page = pcp->page[count];
	irq_restore(flags);
	check_pcp_page(page);
	block_hand_out(page, 0, gfp);
	return page;
}

static struct page *zone_alloc(enum zone_id id, u32 order)
{
	struct zone *zone = &zones[id];
	u32 flags = spin_lock_irqsave(&zone->lock);
	struct page *page = buddy_alloc(&zone->buddy, order);

	spin_unlock_irqrestore(&zone->lock, flags);
	return page;
}

/* What this CPU's list holds back may complete a block. */
static __noinline struct page *zone_alloc_drained(enum zone_id id, u32 order)
{
	u32 flags = irq_save();
	struct pcp *pcp = &this_cpu_ptr(pcp_set)->zone[id];

	pcp_drain(pcp, id, pcp->count);
	irq_restore(flags);
	return zone_alloc(id, order);
}

void page_alloc_cpu_drain(void)
{
	u32 flags = irq_save();

	for (enum zone_id id = ZONE_NORMAL; id < ZONES; id++) {
		struct pcp *pcp = &this_cpu_ptr(pcp_set)->zone[id];

		pcp_drain(pcp, id, pcp->count);
	}
	irq_restore(flags);
}

struct page *alloc_pages(gfp_t gfp, u32 order)
{
	enum zone_id id = gfp_zone(gfp);
	struct page *page;

	if (order == 0) {
		return alloc_page(gfp);
	}
	if (order > MAX_ORDER || alloc_fails()) {
		return NULL;
	}
	page = zone_alloc(id, order);
	if (unlikely(!page)) {
		page = zone_alloc_drained(id, order);
	}
	if (likely(page)) {
		block_hand_out(page, order, gfp);
		return page;
	}
	return fallback_pages(gfp) >> order ? alloc_pages(gfp & ~GFP_HIGHONLY, order) : NULL;
}

/* Whole blocks, the largest that fit: one lock for many pages, and runs to free again. */
static u32 bulk_from_blocks(gfp_t gfp, u32 n, struct page **pages)
{
	u32 got = 0, order = MAX_ORDER;

	while (n - got >= PCP_BATCH) {
		struct page *page;

		order = min(order, log2_floor(n - got));
		page = zone_alloc(gfp_zone(gfp), order);
		if (!page) {
			if (order-- <= PCP_ORDER) {
				break;
			}
			continue;
		}
		for (u32 i = 0; i < 1u << order; i++) {
			block_hand_out(&page[i], 0, gfp);
			pages[got++] = &page[i];
		}
	}
	return got;
}

/* At most what the CPU's list holds; 0: the zone is empty. */
static u32 bulk_from_pcp(gfp_t gfp, u32 n, struct page **pages)
{
	u32 flags = irq_save(), count;
	struct pcp *pcp = &this_cpu_ptr(pcp_set)->zone[gfp_zone(gfp)];

	if (pcp->count == 0) {
		pcp_refill(pcp, gfp_zone(gfp));
	}
	count = min(n, pcp->count);
	pcp->count -= count;
	for (u32 i = 0; i < count; i++) {
		pages[i] = pcp->page[pcp->count + i];
	}
	irq_restore(flags);
	for (u32 i = 0; i < count; i++) {
		check_pcp_page(pages[i]);
		block_hand_out(pages[i], 0, gfp);
	}
	return count;
}

u32 alloc_pages_bulk(gfp_t gfp, u32 n, struct page **pages)
{
	if (alloc_fails()) {
		n /= 2; /* fewer than asked for */
	}

	u32 got = bulk_from_blocks(gfp, n, pages), more;

	while (got < n && (more = bulk_from_pcp(gfp, n - got, pages + got)) != 0) {
		got += more;
	}
	if (unlikely(got < n)) {
		more = min(n - got, fallback_pages(gfp));
		if (more != 0) {
			got += alloc_pages_bulk(gfp & ~GFP_HIGHONLY, more, pages + got);
		}
	}
	return got;
}

/* ---- freeing ---- */

/* Is the caller the only one that holds this block of 2^order plain pages? */
static __always_inline bool block_is_exclusive(const struct page *page, u32 order)
{
	return page->flags == (PAGE_ALLOCATED | order << PAGE_ORDER_SHIFT) && page->refcount == 1;
}

/* Other holders, an unused kmap window, or a mistake. True: that was the last reference. */
static __noinline bool block_drop_slow(struct page *page, u32 order)
{
	u32 flags = READ_ONCE(page->flags), state = flags & PAGE_STATE_MASK;
	s32 refcount = READ_ONCE(page->refcount);

	BUG_ON((state != PAGE_ALLOCATED && state != PAGE_SLAB) || refcount <= 0,
	       "page.free_not_allocated", "page %08x: flags 0x%x, %d references", page_to_pfn(page),
	       flags, refcount);
	BUG_ON((flags & PAGE_ORDER_MASK) >> PAGE_ORDER_SHIFT != order, "page.free_wrong_order",
	       "page %08x: flags 0x%x, freed as order %u", page_to_pfn(page), flags, order);
	dmb_ish(); /* what we did to the page, before the next holder or owner sees it let go */
	if (refcount > 1 && __atomic_sub_fetch(&page->refcount, 1, __ATOMIC_RELAXED) > 0) {
		return false;
	}
	dmb_ish(); /* that ours was the last, before what we do now */
	BUG_ON(state != PAGE_ALLOCATED || flags & PAGE_TYPE_MASK ||
		       (page_is_high(page) && page_address(page)),
	       "page.free_in_use", "page %08x: flags 0x%x", page_to_pfn(page), flags);
	return true;
}

/* Drops a reference. True: the pages are ours, with no state; a window they had is forgotten. */
static __always_inline bool block_drop(struct page *page, u32 order)
{
	if (unlikely(!block_is_exclusive(page, order)) && !block_drop_slow(page, order)) {
		return false;
	}
	discipline_pages(RECORD_PAGES_FREED, page, order);
	page->flags = PAGE_INSIDE;
	page->refcount = 0;
	if (CONFIG_DEBUG) {
		poison_write(page, 1u << order);
	}
	return true;
}

void free_page(struct page *page)
{
	if (block_drop(page, 0)) {
		pcp_push(page);
	}
}

/* pages: in one zone, PAGE_INSIDE, their structs in a row. */
static void zone_free_run(struct page *page, u32 pages)
{
	struct zone *zone = &zones[page_zone(page)];
	u32 flags = spin_lock_irqsave(&zone->lock);

	buddy_free_run(&zone->buddy, page, pages);
	spin_unlock_irqrestore(&zone->lock, flags);
}

void free_pages(struct page *page, u32 order)
{
	if (order == 0) {
		free_page(page);
	} else if (block_drop(page, order)) {
		zone_free_run(page, 1u << order);
	}
}

/* Drops those at the beginning that are in a row and exclusive; returns how many they were. */
static u32 run_drop(struct page *const *pages, u32 n)
{
	struct page *first = pages[0];
	u32 run = 0;

	if (!page_is_high(first)) {
		n = min(n, (u32)(mm.high_start - first));
	}
	while (run < n && pages[run] == &first[run] && block_is_exclusive(&first[run], 0)) {
		(void)block_drop(&first[run++], 0);
	}
	return run;
}

void free_pages_bulk(struct page *const *pages, u32 n)
{
	while (n > 0) {
		u32 run = n < PCP_BATCH ? 0 : run_drop(pages, n);

		if (run == 0) {
			free_page(pages[0]);
			run = 1;
		} else {
			zone_free_run(pages[0], run);
		}
		pages += run;
		n -= run;
	}
}

/* ---- queries ---- */

__cold void zone_query(enum zone_id id, struct zone_info *info)
{
	*info = (struct zone_info){
		.name = id == ZONE_HIGH ? "HighMem" : "Normal",
		.total_pages = zones[id].total_pages,
		.free_pages = READ_ONCE(zones[id].buddy.free_pages),
	};
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++) {
		if (pcp_sets[cpu]) {
			info->free_pages += READ_ONCE(pcp_sets[cpu]->zone[id].count);
		}
	}
}

u32 free_page_count(void)
{
	struct zone_info normal, high;

	zone_query(ZONE_NORMAL, &normal);
	zone_query(ZONE_HIGH, &high);
	return normal.free_pages + high.free_pages;
}

/* ---- boot ---- */

static void pages_reserve(pfn_t start, pfn_t end)
{
	for (pfn_t pfn = start; pfn < end; pfn++) {
		struct page *page = pfn_to_page(pfn);

		page->flags = PAGE_RESERVED;
		page->refcount = 1;
	}
}

/* [start, end) is all RAM, so its structs are in a row. */
static __cold void pages_release(pfn_t start, pfn_t end)
{
	struct zone *zone = &zones[start < mm.low_end_pfn ? ZONE_NORMAL : ZONE_HIGH];

	if (start < mm.low_end_pfn && end > mm.low_end_pfn) {
		pages_release(mm.low_end_pfn, end);
		end = mm.low_end_pfn;
	}
	buddy_free_run(&zone->buddy, pfn_to_page(start), end - start);
	zone->total_pages += end - start;
}

/* Whole pages only: what RAM or a reservation covers in part is never given out. */
static __cold void bank_release(const struct memblock_range *bank)
{
	phys_addr_t from = bank->start, bank_end = bank->start + bank->size, start, size;
	pfn_t done = pa_to_pfn(pa_align_up(from, PAGE_SIZE));

	while (memblock_next_free(&from, bank_end, &start, &size)) {
		pfn_t first = max(pa_to_pfn(pa_align_up(start, PAGE_SIZE)), 1u); /* 0 ends lists */
		pfn_t end = pa_to_pfn(start + size);

		if (first < end) {
			pages_reserve(done, first);
			pages_release(first, end);
			done = end;
		}
	}
	pages_reserve(done, pa_to_pfn(bank_end));
}

__cold void page_alloc_cpu_init(void)
{
	struct thread_core *core = current_core();

	*this_cpu_ptr(pcp_set) = (struct pcp_set){ 0 };
	pcp_sets[core->cpu] = this_cpu_ptr(pcp_set);
}

__cold void page_alloc_init(void)
{
	struct zone *normal = &zones[ZONE_NORMAL];

	zones[ZONE_NORMAL].lock = (spinlock_t)SPINLOCK_RANKED(LOCK_RANK_MEMORY);
	zones[ZONE_HIGH].lock = (spinlock_t)SPINLOCK_RANKED(LOCK_RANK_MEMORY);
	buddy_init(&normal->buddy, NULL, mm.high_start);
	buddy_init(&zones[ZONE_HIGH].buddy, mm.high_start, (const struct page *)UINTPTR_MAX);
	for (u32 i = 0; i < memblock.memory.count; i++) {
		bank_release(&memblock.memory.range[i]);
	}
	normal->reserve_pages = normal->total_pages / 64;
	page_alloc_cpu_init();
}
