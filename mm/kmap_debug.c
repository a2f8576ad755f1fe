/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the region kmapdebug: pairs of slots, a window and one that is never mapped. Each CPU has
 * windows of its own, which only it uses, so that they are invalidated there alone; kmap's are
 * shared. A part's windows are taken in turn: a closed one is used again when all others were.
 *
 * Local windows are taken with interrupts masked; they stay open across a thread switch, for their
 * thread stays on its CPU: the real window beneath pins it. Shared ones: shared_lock, not taken by
 * interrupt code; inside it what a broadcast takes.
 */
#define KMAP_DEBUG_BYPASS
#include <mm/kmap_debug.h>

#include <arch/irqflags.h>
#include <arch/pte_write.h>
#include <arch/spinlock.h>
#include <arch/tlb.h>
#include <lib/string.h>
#include <mm/discipline.h>
#include <mm/highmem.h>
#include <mm/page_alloc.h>
#include <mm/pgtable.h>

#define PAIR	       (2 * PAGE_SIZE)
#define WINDOWS	       (SZ_16M / PAIR)
#define SHARED_WINDOWS (WINDOWS / 2)
#define LOCAL_WINDOWS  ((WINDOWS - SHARED_WINDOWS) / NR_CPUS)
#define FIRST_SHARED   (NR_CPUS * LOCAL_WINDOWS)

struct debug_window {
	pfn_t pfn;
	u32 users; /* 0: closed, and in no TLB that may use it */
	union {
		void *real;	   /* of a local one: the window beneath */
		struct page *page; /* of a shared one */
	};
	const char *opened, *closed;
};

/* A part of the region, taken in turn. */
struct debug_part {
	struct debug_window *first;
	u32 count, next;
};

static struct debug_window *windows;
static struct debug_part local[NR_CPUS], shared;
static u32 shared_open; /* how many of them; as `shared`, guarded by: */
static spinlock_t shared_lock = SPINLOCK_RANKED(LOCK_RANK_OUTER);

static vaddr_t window_va(const struct debug_window *window)
{
	return REGION_START(kmapdebug) + (vaddr_t)(window - windows) * PAIR;
}

/* NULL: va is not in the region, or boot has not come so far. */
static struct debug_window *window_at(vaddr_t va)
{
	u32 offset = va - REGION_START(kmapdebug);

	return windows && offset < REGION_SIZE(kmapdebug) ? &windows[offset / PAIR] : NULL;
}

/* NULL: all are open. Caller sees to it that nobody else takes from the part. */
static struct debug_window *window_take(struct debug_part *part)
{
	for (u32 tries = 0; tries < part->count; tries++) {
		struct debug_window *window = &part->first[part->next];

		part->next = (part->next + 1) % part->count;
		if (window->users == 0) {
			window->users = 1;
			return window;
		}
	}
	return NULL;
}

static void *window_open(struct debug_window *window, struct page *page, const char *site)
{
	vaddr_t va = window_va(window);

	window->pfn = page_to_pfn(page);
	window->opened = site;
	window->closed = NULL;
	pte_write(kernel_pte(va), pfn_pte(window->pfn, PAGE_KERNEL));
	dsb_walk(); /* the entry, before any walker that may use it looks */
	isb();	    /* and before the caller's access */
	return (void *)va;
}

/* ---- one CPU's ---- */

/* The real window, for a lowmem page too; NULL: it has to do without a debug window. */
static void *real_open(struct page *page)
{
	if (page_is_high(page)) {
		return kmap_local_page(page);
	}
	if (!windows || page_state(page) == PAGE_RESERVED ||
	    current_core()->kmap_depth >= KMAP_LOCAL_DEPTH / 2) { /* the others are HighMem's */
		return NULL;
	}
	return kmap_local_pfn(page_to_pfn(page), PAGE_KERNEL);
}

void *kmap_debug_local(struct page *page, const char *site)
{
	void *real = real_open(page);
	struct debug_window *window;
	u32 flags;

	if (!real) {
		return lowmem_page_address(page);
	}
	if (!windows) {
		return real;
	}
	flags = irq_save();
	window = window_take(&local[current_core()->cpu]);
	irq_restore(flags);
	if (!window) {
		return real;
	}
	window->real = real;
	return window_open(window, page, site);
}

void kunmap_debug_local(const void *addr, const char *site)
{
	struct debug_window *window = window_at((vaddr_t)addr);
	vaddr_t va;
	void *real;

	if (!window) {
		kunmap_local(addr);
		return;
	}
	va = window_va(window);
	BUG_ON((vaddr_t)addr - va >= PAGE_SIZE || window->users != 1 ||
		       window >= windows + FIRST_SHARED,
	       "kunmap_local.order", "address %p is no open window: opened %s, closed %s", addr,
	       window->opened ? window->opened : "never",
	       window->closed ? window->closed : "never");
	real = window->real;
	compiler_barrier(); /* the caller's accesses stay before it */
	pte_write(kernel_pte(va), pte_none());
	tlb_flush_local(va); /* clear and invalid, before the window can be taken again */
	window->closed = site;
	WRITE_ONCE(window->users, 0);
	kunmap_local_window(real);
}

void *kmap_debug_atomic(struct page *page, const char *site)
{
	current_core()->atomic_count += ATOMIC_PREEMPT | ATOMIC_PAGEFAULT;
	compiler_barrier();
	return kmap_debug_local(page, site);
}

void kunmap_debug_atomic(const void *addr, const char *site)
{
	struct thread_core *core = current_core();

	kunmap_debug_local(addr, site);
	compiler_barrier();
	atomic_count_sub(core, ATOMIC_PREEMPT | ATOMIC_PAGEFAULT);
}

/* ---- shared ---- */

/* The page's open window, or NULL: still so if the caller holds shared_lock, or is a user of it. */
static struct debug_window *shared_find(const struct page *page)
{
	for (u32 i = 0; i < shared.count && READ_ONCE(shared_open); i++) {
		struct debug_window *window = &shared.first[i];

		if (READ_ONCE(window->users) && READ_ONCE(window->page) == page) {
			return window;
		}
	}
	return NULL;
}

void *kmap_debug_shared(struct page *page, void *real, const char *site)
{
	struct debug_window *window;
	void *va;

	if (!real || !windows || page_state(page) == PAGE_RESERVED) {
		return real;
	}
	spin_lock(&shared_lock);
	window = shared_find(page);
	if (window) {
		window->users++;
		va = (void *)window_va(window);
	} else {
		window = window_take(&shared);
		va = real;
		if (window) {
			window->page = page;
			shared_open++;
			va = window_open(window, page, site);
		}
	}
	spin_unlock(&shared_lock);
	return va;
}

void kunmap_debug_shared(struct page *page, const char *site)
{
	struct debug_window *window;

	spin_lock(&shared_lock);
	window = shared_find(page);
	if (window && window->users == 1) {
		pte_write(kernel_pte(window_va(window)), pte_none());
		tlb_flush_page(window_va(window)); /* everywhere, before it can be taken again */
		window->closed = site;
		shared_open--;
	}
	if (window) {
		window->users--;
	}
	spin_unlock(&shared_lock);
	kunmap(page);
}

void *kmap_debug_page_address(const struct page *page)
{
	const struct debug_window *window = shared_find(page);

	return window ? (void *)window_va(window) : page_address(page);
}

/* ---- boot, queries ---- */

bool kmap_debug_query(vaddr_t va, struct kmap_debug_info *info)
{
	const struct debug_window *window = window_at(va);
	u32 number;

	if (!window || !window->opened) {
		return false;
	}
	number = (u32)(window - windows);
	*info = (struct kmap_debug_info){
		.pfn = window->pfn,
		.guard = va - window_va(window) >= PAGE_SIZE,
		.shared = number >= FIRST_SHARED,
		.cpu = number / LOCAL_WINDOWS,
		.opened = window->opened,
		.closed = window->closed,
	};
	return true;
}

__cold void kmap_debug_init(void)
{
	const u32 bytes = WINDOWS * sizeof(struct debug_window);
	struct page *pages;
	u32 order = 0;

	while ((PAGE_SIZE << order) < bytes) {
		order++;
	}
	pages = alloc_pages(GFP_KERNEL, order);
	for (vaddr_t va = REGION_START(kmapdebug); va < REGION_END(kmapdebug); va += PMD_SIZE) {
		if (!pages || !kernel_pte_alloc(va)) {
			panic("no memory for the debug windows");
		}
	}
	memset(lowmem_page_address(pages), 0, bytes);
	windows = lowmem_page_address(pages);
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++) {
		local[cpu] = (struct debug_part){ &windows[cpu * LOCAL_WINDOWS], LOCAL_WINDOWS, 0 };
		discipline_own(window_va(local[cpu].first), LOCAL_WINDOWS * PAIR, cpu);
	}
	shared = (struct debug_part){ &windows[FIRST_SHARED], SHARED_WINDOWS, 0 };
}
