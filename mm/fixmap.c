/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the fixmap's slots (not the kmap_local ones, which highmem.h fills itself). Its
 * table is in the image, so it works before any allocator. No lock: one owner per slot.
 */
#include <mm/fixmap.h>

#include <arch/pte_write.h>
#include <arch/tlb.h>
#include <bug.h>

void *fixmap_set(enum fixmap_slot slot, phys_addr_t pa, pgprot_t prot)
{
	vaddr_t va = fixmap_va(slot);

	BUG_ON(pte_present(fixmap_table[slot]) || pgprot_is_wx(prot), "fixmap.busy",
	       "slot %u at %p is in use, or W+X was asked for", slot, (void *)va);
	pte_write(&fixmap_table[slot], pfn_pte(pa_to_pfn(pa), prot));
	dsb_ishst(); /* the entry, before any CPU's walker may look */
	isb();	     /* and before a later access here is translated */
	return (void *)va;
}

void fixmap_clear(enum fixmap_slot slot)
{
	vaddr_t va = fixmap_va(slot);

	BUG_ON(!pte_present(fixmap_table[slot]), "fixmap.empty", "slot %u at %p is not in use",
	       slot, (void *)va);
	pte_write(&fixmap_table[slot], pte_none());
	tlb_flush_page(va);
}
