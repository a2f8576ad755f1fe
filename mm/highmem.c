/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns what the inline functions of kmap_local and of the fixmap leave: a copy of each to call,
 * each CPU's slots, what a thread switch does to open windows, copying through them. No locks.
 */
#include <mm/highmem.h>

#include <arch/copypage.h>
#include <lib/string.h>

/* The inline functions' bodies once more, by the same names, for files compiled for size. */
CALLED(kmap_local_pfn);
CALLED(kmap_local_page);
CALLED(kunmap_local_window);
CALLED(kunmap_local);
CALLED(fixmap_set);
CALLED(fixmap_clear);

static __used void *call_kmap_local_pfn(pfn_t pfn, pgprot_t prot)
{
	return kmap_local_pfn(pfn, prot);
}

static __used void *call_kmap_local_page(struct page *page)
{
	return (kmap_local_page)(page);
}

static __used void call_kunmap_local_window(const void *addr)
{
	kunmap_local_window(addr);
}

static __used void call_kunmap_local(const void *addr)
{
	(kunmap_local)(addr);
}

static __used void *call_fixmap_set(enum fixmap_slot slot, phys_addr_t pa, pgprot_t prot)
{
	return fixmap_set(slot, pa, prot);
}

static __used void call_fixmap_clear(enum fixmap_slot slot)
{
	fixmap_clear(slot);
}

void kmap_local_refuse(u32 depth)
{
	bug("kmap_local.depth", "%u windows open", depth);
}

void kunmap_local_refuse(const void *addr)
{
	const struct thread_core *core = current_core();

	bug("kunmap_local.order", "address %p, last window %p of %u", addr,
	    (void *)(core->kmap_va + (core->kmap_depth - 1) * PAGE_SIZE), core->kmap_depth);
}

void kmap_local_set_cpu(struct thread_core *core, u32 cpu)
{
	u32 slot = FIX_KMAP_BEGIN + cpu * KMAP_LOCAL_STRIDE;

	core->kmap_ptes = &fixmap_table[slot];
	core->kmap_va = fixmap_va(slot);
}

/*
 * The slots above an open window's are empty, so taking exactly kmap_depth of them takes all; a
 * window that is being opened or closed right now is an empty entry, and comes back as one.
 */
void kmap_local_switch_out(struct thread_core *core)
{
	for (u32 i = 0; i < core->kmap_depth; i++) {
		core->kmap_saved[i] = core->kmap_ptes[i];
		pte_write(&core->kmap_ptes[i], pte_none());
		tlb_flush_local(core->kmap_va + i * PAGE_SIZE);
	}
}

void kmap_local_switch_in(struct thread_core *core, u32 cpu)
{
	if (core->kmap_depth == 0) {
		kmap_local_set_cpu(core, cpu);
		return;
	}
	BUG_ON(core->kmap_va != fixmap_va(FIX_KMAP_BEGIN + cpu * KMAP_LOCAL_STRIDE),
	       "kmap_local.migrated", "%u windows open on another CPU than %u", core->kmap_depth,
	       cpu);
	for (u32 i = 0; i < core->kmap_depth; i++) {
		pte_write(&core->kmap_ptes[i], core->kmap_saved[i]);
	}
	dsb_walk_local(); /* the entries, before this CPU's walker may look */
	isb();		  /* and before the thread's next access */
}

void copy_highpage(struct page *to, struct page *from)
{
	void *src = kmap_local_page(from);
	void *dst = kmap_local_page(to);

	copy_page(dst, src);
	kunmap_local(dst);
	kunmap_local(src);
}

void clear_highpage(struct page *page)
{
	void *va = kmap_local_page(page);

	clear_page(va);
	kunmap_local(va);
}

static void check_within_page(u32 offset, u32 len)
{
	BUG_ON(offset > PAGE_SIZE || len > PAGE_SIZE - offset, "highmem.beyond_page",
	       "offset %u, length %u", offset, len);
}

void memcpy_to_page(struct page *page, u32 offset, const void *from, u32 len)
{
	void *va;

	check_within_page(offset, len);
	va = call_kmap_local_page(page);
	memcpy(va + offset, from, len);
	call_kunmap_local(va);
}

void memcpy_from_page(void *to, struct page *page, u32 offset, u32 len)
{
	void *va;

	check_within_page(offset, len);
	va = call_kmap_local_page(page);
	memcpy(to, va + offset, len);
	call_kunmap_local(va);
}
