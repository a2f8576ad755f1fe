/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Windows onto pages that the direct mapping does not reach.
 *
 *	kmap_local_page	temporary: this CPU's slot, this thread's, LIFO, any context
 *	kmap_atomic	the same with preemption and page faults off
 *	kmap		permanent: one counted, shared address per page; may sleep
 *
 * For a lowmem page all of them return its direct mapping.
 */
#pragma once

#include <arch/current.h>
#include <arch/pte_write.h>
#include <arch/tlb.h>
#include <bug.h>
#include <errno.h>
#include <interleave.h>
#include <mm/fixmap.h>
#include <mm/page.h>

#define PKMAP_SLOTS PTRS_PER_TABLE

/* ---- kmap_local: see the functions' bodies at the end of this file ---- */

/* A window onto page, valid until the matching kunmap_local(), which comes in reverse order.
 * Any context. At most KMAP_LOCAL_DEPTH at once per thread, BUG "kmap_local.depth". */
__hot_inline_or_call void *kmap_local_page(struct page *page);
/* addr: anywhere inside the page. BUG "kunmap_local.order". */
__hot_inline_or_call void kunmap_local(const void *addr);

static __hot_inline void *kmap_atomic(struct page *page);
static __hot_inline void kunmap_atomic(const void *addr);

/*
 * For the thread switch, interrupts masked: out takes the open windows' entries away and
 * invalidates them; in writes them back, or moves a thread without windows to cpu's slots.
 */
void kmap_local_switch_out(struct thread_core *core);
void kmap_local_switch_in(struct thread_core *core, u32 cpu);
/* Points a thread without open windows at cpu's slots. */
void kmap_local_set_cpu(struct thread_core *core, u32 cpu);

/* ---- kmap ---- */

/* The page's permanent window, the same for all who map it; each kmap is paired with one kunmap.
 * Sleeps while all windows are in use, BUG "sched.atomic_sleep" where that is not allowed; served
 * in the order of coming. NULL: they are, and there are no threads yet. */
void *__must_check kmap(struct page *page);
/* The same, never sleeping. NULL: all are in use, or the next is another's. Interrupts enabled. */
void *__must_check kmap_try(struct page *page);
/* BUG "kunmap.not_mapped". Never sleeps. Interrupts enabled, no lock that interrupt code takes. */
void kunmap(struct page *page);

/* The address of a page that has one: direct mapping or kmap; NULL otherwise. A query. */
void *page_address(const struct page *page);

/* Takes back and flushes the windows without users. May be called where kunmap() may. */
void pkmap_purge(void);

/* Boot, after the page allocator. */
void pkmap_init(void);

/* How a thread sleeps: who owns threads says so, once there are some. Returns the one before. */
struct pkmap_threads {
	void (*park)(void); /* until woken; perhaps without a reason */
	void (*wake)(struct thread_core *thread);
	void (*may_sleep)(void); /* a BUG if the caller may not */
};
const struct pkmap_threads *pkmap_set_threads(const struct pkmap_threads *threads);

struct pkmap_info {
	u32 used, stale, free; /* mapped; count 1: unused, perhaps still in a TLB; free */
	u32 flushes;	       /* wraps so far */
	u32 waiting;	       /* threads that sleep until there is one */
	u32 next;	       /* the window that a new kmap gets; 0: a search decides */
};
void pkmap_query(struct pkmap_info *info);

/* Window number, 1 to PKMAP_SLOTS; page: whose it is, or was, while count is above 0. */
struct pkmap_window {
	void *va;
	u32 count;
	const struct page *page;
	/* whose kmap opened it: may have ended, never follow it */
	const struct thread_core *opener;
	u32 open_ms; /* since then */
};
void pkmap_window_query(u32 number, struct pkmap_window *window);

/* ---- copying through windows: any page, any context, len within the page ---- */

void copy_highpage(struct page *to, struct page *from);
void clear_highpage(struct page *page);
void memcpy_to_page(struct page *page, u32 offset, const void *from, u32 len);
void memcpy_from_page(void *to, struct page *page, u32 offset, u32 len);

/*
 * Windows are write-back cached: a page of another type, or one that is not to be mapped at
 * all, is refused. BUG "kmap.wrong_page".
 */
static inline void page_check_mappable(const struct page *page)
{
	BUG_ON(page->flags & (PAGE_TYPE_MASK | PAGE_RESERVED), "kmap.wrong_page",
	       "page %08x: flags 0x%x", page_to_pfn(page), page->flags);
}

/*
 * ---- kmap_local ----
 *
 * Inline where instructions are counted. Files that only have to be small (-Os) call the copies
 * in mm/highmem.c.
 */
__hot_inline_or_call void *kmap_local_pfn(pfn_t pfn, pgprot_t prot);
__hot_inline_or_call void kunmap_local_window(const void *addr);

/* BUG "kmap_local.depth", "kunmap_local.order". */
void __noreturn __cold kmap_local_refuse(u32 depth);
void __noreturn __cold kunmap_local_refuse(const void *addr);

#if HOT_INLINE

/*
 * The protocol, which interrupts and a switch may cut anywhere:
 * depth goes up first and comes down last, so whoever cuts in uses slots above ours, and
 * the thread is pinned from before its first slot is chosen until after its last is clear.
 * A slot's entry exists nowhere else: the switch-out moves open entries to kmap_saved and
 * invalidates them, the switch-in writes them back.
 */
static __always_inline void *kmap_local_pfn(pfn_t pfn, pgprot_t prot)
{
	struct thread_core *core = current_core();
	u32 depth = core->kmap_depth;

	if (unlikely(depth >= KMAP_LOCAL_DEPTH)) {
		kmap_local_refuse(depth);
	}
	WRITE_ONCE(core->kmap_depth, depth + 1);
	compiler_barrier(); /* pinned, before the CPU's slots are looked up */
	interleave_point(POINT_LOCAL_COUNTED);
	pte_write(core->kmap_ptes + depth, pfn_pte(pfn, prot));
	interleave_point(POINT_LOCAL_WRITTEN);
	dsb_walk_local(); /* the entry, before this CPU's walker may look */
	isb();		  /* and before a later access is translated */
	return (void *)(core->kmap_va + depth * PAGE_SIZE);
}

static __always_inline void kunmap_local_window(const void *addr)
{
	struct thread_core *core = current_core();
	u32 depth = core->kmap_depth - 1;
	vaddr_t va = core->kmap_va + depth * PAGE_SIZE;

	if (unlikely((s32)depth < 0 || (((vaddr_t)addr ^ va) >> PAGE_SHIFT) != 0)) {
		kunmap_local_refuse(addr);
	}
	compiler_barrier(); /* the caller's accesses stay before it */
	pte_write(core->kmap_ptes + depth, pte_none());
	interleave_point(POINT_LOCAL_CLEARED);
	tlb_flush_local(va); /* clear and invalid before the slot is given back */
	interleave_point(POINT_LOCAL_FLUSHED);
	WRITE_ONCE(core->kmap_depth, depth);
}

static __always_inline void *kmap_local_page(struct page *page)
{
	if (page_is_high(page)) {
		if (CONFIG_DEBUG) {
			page_check_mappable(page);
		}
		return kmap_local_pfn(page_to_pfn(page), PAGE_KERNEL);
	}
	return lowmem_page_address(page);
}

static __always_inline void kunmap_local(const void *addr)
{
	if ((vaddr_t)addr >= mm.lowmem_end) {
		kunmap_local_window(addr);
	}
}

#endif

static __hot_inline void *kmap_atomic(struct page *page)
{
	current_core()->atomic_count += ATOMIC_PREEMPT | ATOMIC_PAGEFAULT;
	compiler_barrier();
	return kmap_local_page(page);
}

static __hot_inline void kunmap_atomic(const void *addr)
{
	struct thread_core *core = current_core();

	kunmap_local(addr);
	compiler_barrier();
	atomic_count_sub(core, ATOMIC_PREEMPT | ATOMIC_PAGEFAULT);
}

#include <mm/kmap_debug.h> /* DEBUG: other windows in their place */
