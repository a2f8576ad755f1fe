/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the vmalloc area's addresses and the life of an area:
 *
 *	allocated -> entries valid -> entries cleared, area lazy -> flushed -> free
 *
 * A lazy area's entries are invalid but keep their page numbers (hardware ignores the
 * rest of an invalid descriptor, ARM DDI 0406C, B3.6.1), so the purge knows the pages
 * without a list. Must never let an address or a page be used again between the clearing and
 * a flush that covers it.
 *
 * Lock order: purge_lock, lock. Interrupt code takes neither; nothing is allocated and no
 * page is freed under lock; flushes run under purge_lock alone, interrupts enabled.
 */
#include "vm_area.h"

#include <arch/pte_write.h>
#include <arch/spinlock.h>
#include <arch/tlb.h>
#include <bug.h>
#include <mm/memblock.h>
#include <mm/page_alloc.h>
#include <mm/slab.h>
#include <mm/vmalloc.h>

/* A purge is due beyond either: 4 MiB of pages that wait, or a batch of areas. */
#define LAZY_MAX_PAGES 1024
#define LAZY_MAX_AREAS 128
/* Spare descriptors beyond this go back to the slab. */
#define SPARE_MAX 256
/* Pages handed to the page allocator at once; on the stack. */
#define BATCH 64

static struct {
	vaddr_t start;

	spinlock_t lock; /* guards space and the two counts */
	struct va_space space;
	u32 lazy_pages, lazy_areas;

	spinlock_t purge_lock; /* one purge at a time: who waited for it finds what it freed */
	struct va_seg *lazy;   /* atomic stack of cleared areas, by peer */
	void *deferred;	       /* atomic stack of addresses to drop, linked by their first word */
} vm;

/* ---- pages that are not simply allocated ---- */

/* The first page of the allocated block that page lies in; NULL if it lies in none. */
static struct page *block_head(struct page *page)
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

bool page_hold_other(struct page *page)
{
	phys_addr_t pa = page_to_pa(page);
	struct page *head;

	if (page_state(page) == PAGE_RESERVED) {
		return !pa_in_image(pa) && !memblock_is_nomap(pa, PAGE_SIZE);
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

static inline void page_put(struct page *page)
{
	/* Relaxed: the flush before has ordered all use of the mapping. */
	if (unlikely(__atomic_sub_fetch(&page->refcount, 1, __ATOMIC_RELAXED) == 0)) {
		page->refcount = 1; /* the owner has let go: ours alone now */
		free_pages(page, page_order(page));
	}
}

/* ---- taking down ---- */

/* Invalidates the first count entries; their page numbers stay. */
static inline void area_clear(const struct va_seg *area, u32 count)
{
	for (u32 done = 0, run; done < count; done += run) {
		pte_t *pte = area_run(area, done, count, &run);

		for (const pte_t *end = pte + run; pte != end; pte++) {
			pte_write(pte, (pte_t){ pte->raw & ~DESC_VALID });
		}
	}
}

static void run_free(const pte_t *pte, u32 count)
{
	struct page *batch[BATCH];

	while (count > 0) {
		u32 n = min(count, (u32)BATCH);

		for (u32 i = 0; i < n; i++) {
			batch[i] = pfn_to_page(pte_pfn(*pte++));
		}
		free_pages_bulk(batch, n);
		count -= n;
	}
}

static void run_release(enum area_kind kind, const pte_t *pte, u32 count)
{
	const pte_t *end = pte + count;

	if (kind == AREA_ALLOC) {
		run_free(pte, count);
	} else if (kind == AREA_MAP) {
		for (; pte != end; pte++) {
			page_put(pfn_to_page(pte_pfn(*pte)));
		}
	} else if (kind == AREA_MAP_MORE) {
		for (; pte != end; pte++) {
			page_put_other(pfn_to_page(pte_pfn(*pte)));
		}
	}
}

/* After the flush: the first count pages go back to whom they belong. */
static void area_release(const struct va_seg *area, u32 count)
{
	for (u32 done = 0, run; done < count; done += run) {
		const pte_t *pte = area_run(area, done, count, &run);

		run_release(area->tag, pte, run);
	}
}

/* Clears the area and queues it for the purge. True: a purge is due. */
static bool area_retire(const void *addr, u32 kinds)
{
	struct va_seg *area, *head;
	bool due;

	spin_lock(&vm.lock);
	area = va_take(&vm.space, (vaddr_t)addr >> PAGE_SHIFT);
	if (likely(area)) {
		vm.lazy_pages += area->size;
		vm.lazy_areas++;
	}
	due = vm.lazy_pages > LAZY_MAX_PAGES || vm.lazy_areas > LAZY_MAX_AREAS;
	spin_unlock(&vm.lock);
	BUG_ON(!area || !((kinds >> area->tag) & 1) || (vaddr_t)addr % PAGE_SIZE != 0,
	       "vmalloc.bad_address", "%p is no such area's start", addr);
	area_clear(area, area_pages(area));
	head = READ_ONCE(vm.lazy);
	do {
		area->peer = head;
	} while (!__atomic_compare_exchange_n(&vm.lazy, &head, area, true, __ATOMIC_RELEASE,
					      __ATOMIC_RELAXED));
	return due;
}

/* Retires what was put off, and takes the whole stack of lazy areas. */
static struct va_seg *lazy_collect(void)
{
	void *addr = __atomic_exchange_n(&vm.deferred, NULL, __ATOMIC_ACQUIRE);

	while (addr) {
		void *next = *(void **)addr;

		area_retire(addr, 1u << AREA_ALLOC);
		addr = next;
	}
	/* Acquire, with area_retire()'s release: the cleared entries, before our flush. */
	return __atomic_exchange_n(&vm.lazy, NULL, __ATOMIC_ACQUIRE);
}

static void lazy_flush(const struct va_seg *list)
{
	u32 low = ~0u, high = 0;

	for (const struct va_seg *area = list; area; area = area->peer) {
		low = min(low, area->start);
		high = max(high, area->start + area_pages(area));
	}
	tlb_flush_range((vaddr_t)low << PAGE_SHIFT, (vaddr_t)high << PAGE_SHIFT);
}

/* The addresses are free; all but `keep` spare descriptors are the caller's, linked by peer. */
static struct va_seg *lazy_free(struct va_seg *list, u32 keep)
{
	struct va_seg *area, *next, *surplus = NULL;

	spin_lock(&vm.lock);
	for (area = list; area; area = next) {
		next = area->peer;
		vm.lazy_pages -= area->size;
		vm.lazy_areas--;
		va_free(&vm.space, area);
	}
	while (vm.space.spares > keep) {
		area = va_reclaim(&vm.space);
		area->peer = surplus;
		surplus = area;
	}
	spin_unlock(&vm.lock);
	return surplus;
}

static bool purge(u32 keep_spares)
{
	struct va_seg *list, *area, *next;

	if (irqs_masked()) {
		return false;
	}
	spin_lock(&vm.purge_lock);
	list = lazy_collect();
	if (list) {
		lazy_flush(list);
	}
	for (area = list; area; area = area->peer) {
		area_release(area, area_pages(area));
	}
	area = lazy_free(list, keep_spares);
	spin_unlock(&vm.purge_lock);
	for (; area; area = next) {
		next = area->peer;
		kfree(area);
	}
	return list;
}

bool area_purge(void)
{
	return purge(SPARE_MAX);
}

void area_drop(const void *addr, u32 kinds)
{
	if (unlikely(area_retire(addr, kinds))) {
		purge(SPARE_MAX);
	}
}

void area_drop_later(void *addr)
{
	void **link = addr;

	*link = READ_ONCE(vm.deferred);
	while (!__atomic_compare_exchange_n(&vm.deferred, link, addr, true, __ATOMIC_RELEASE,
					    __ATOMIC_RELAXED)) {
	}
}

void vmalloc_purge(void)
{
	BUG_ON(CONFIG_DEBUG && irqs_masked(), "vmalloc.purge_masked",
	       "a broadcast invalidation needs interrupts");
	purge(0);
}

/* ---- setting up ---- */

/* The area's tables always lie in lowmem: kernel_pte_alloc() without the detour for the image. */
static inline pte_t *area_pte_alloc(vaddr_t va)
{
	pmd_t pmd = { READ_ONCE(kernel_pmd(va)->raw) };

	if (unlikely(!pmd_is_table(pmd))) {
		return kernel_pte_alloc(va);
	}
	return (pte_t *)phys_to_virt(pmd_pa(pmd)) + pte_index(va);
}

/* All tables the area needs; owner becomes its first entry. */
static inline bool area_tables(struct va_seg *area)
{
	vaddr_t va = area_va(area);
	vaddr_t last = va + (area_pages(area) - 1) * PAGE_SIZE;

	area->owner = area_pte_alloc(va);
	while (unlikely((va ^ last) >> PMD_SHIFT) && area->owner) {
		va = ALIGN_DOWN(va, PMD_SIZE) + PMD_SIZE;
		if (!area_pte_alloc(va)) {
			area->owner = NULL;
		}
	}
	return area->owner;
}

/* For an area whose entries are clear and flushed, or were never set. */
static void area_free(struct va_seg *area)
{
	spin_lock(&vm.lock);
	area = va_take(&vm.space, area->start);
	va_free(&vm.space, area);
	spin_unlock(&vm.lock);
}

/* Out of descriptors, or out of addresses. */
static __noinline struct va_seg *area_alloc_slow(u32 units)
{
	struct va_stats stats = { 0 };
	struct va_seg *area;

	do {
		struct va_seg *fresh = kmalloc(sizeof(*fresh));

		if (!fresh) {
			return NULL;
		}
		spin_lock(&vm.lock);
		va_donate(&vm.space, fresh);
		area = va_alloc(&vm.space, units);
		if (!area) {
			va_query(&vm.space, &stats);
		}
		spin_unlock(&vm.lock);
	} while (!area && purge(SPARE_MAX));
	WARN_ONCE(!area, "vmalloc space is used up: %u pages wanted, %u free in %u pieces", units,
		  stats.free_units, stats.free_pieces);
	return area;
}

struct va_seg *area_alloc(u32 count, enum area_kind kind)
{
	struct va_seg *area;

	if (unlikely(READ_ONCE(vm.deferred))) {
		purge(SPARE_MAX);
	}
	spin_lock(&vm.lock);
	area = va_alloc(&vm.space, count + 1);
	spin_unlock(&vm.lock);
	if (unlikely(!area)) {
		area = area_alloc_slow(count + 1);
		if (!area) {
			return NULL;
		}
	}
	area->tag = kind;
	if (unlikely(!area_tables(area))) {
		area_free(area);
		return NULL;
	}
	return area;
}

void area_undo(struct va_seg *area, u32 mapped)
{
	area_clear(area, mapped);
	/* Nobody was told the address, but a speculative walk may have seen the entries. */
	tlb_flush_range(area_va(area), area_va(area) + mapped * PAGE_SIZE);
	area_release(area, mapped);
	area_free(area);
}

/* ---- asking, starting ---- */

bool vmalloc_query(vaddr_t addr, bool next, struct vmalloc_info *info)
{
	static const char kind[][8] = { "vmalloc", "ioremap", "vmap", "vmap" };
	const struct va_seg *area;

	/* An oops may come from under the lock: then better no answer than none ever. */
	if (READ_ONCE(vm.lock.owner) != READ_ONCE(vm.lock.next)) {
		return false;
	}
	spin_lock(&vm.lock);
	area = va_find(&vm.space, addr >> PAGE_SHIFT, next);
	if (area) {
		info->start = area_va(area);
		info->pages = area_pages(area);
		info->end = info->start + info->pages * PAGE_SIZE;
		info->kind = area->state == VA_TAKEN ? "lazy" : kind[area->tag];
	}
	spin_unlock(&vm.lock);
	return area;
}

void vmalloc_init(vaddr_t start, vaddr_t end)
{
	struct va_seg *first = kmalloc(sizeof(*first));

	if (!first) {
		panic("no memory for the vmalloc area");
	}
	vm.start = start;
	va_init(&vm.space, first, start >> PAGE_SHIFT, (end - start) >> PAGE_SHIFT);
}

vaddr_t vmalloc_start(void)
{
	return vm.start;
}
