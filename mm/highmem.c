/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns what kmap_local's inline functions leave: each CPU's slots, what a thread switch
 * does to open windows, and copying through windows. No locks.
 */
#include <mm/highmem.h>

#include <arch/copypage.h>
#include <lib/string.h>

void kmap_local_set_cpu(struct thread_core *core, u32 cpu)
{
	u32 slot = FIX_KMAP_BEGIN + cpu * KMAP_LOCAL_STRIDE;

	core->kmap_ptes = &fixmap_table[slot];
	core->kmap_va = fixmap_va(slot);
}

/*
 * The slots above an open window's are empty, so taking exactly kmap_depth of them takes
 * all; a window that is being opened or closed right now is an empty entry, and comes
 * back as one.
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
	dsb_nshst(); /* the entries, before this CPU's walker may look */
	isb();	     /* and before the thread's next access */
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
	va = kmap_local_page(page);
	memcpy(va + offset, from, len);
	kunmap_local(va);
}

void memcpy_from_page(void *to, struct page *page, u32 offset, u32 len)
{
	void *va;

	check_within_page(offset, len);
	va = kmap_local_page(page);
	memcpy(to, va + offset, len);
	kunmap_local(va);
}
