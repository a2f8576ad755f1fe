/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fixmap: one level-2 entry's worth of addresses that are known when the kernel is
 * linked. Its level-3 table is in the image, so it works before any allocator.
 */
#pragma once

#include <arch/current.h>
#include <arch/pte_write.h>
#include <arch/tlb.h>
#include <bug.h>
#include <layout.h>

#define KMAP_LOCAL_STRIDE 16 /* slots per CPU: KMAP_LOCAL_DEPTH windows and one that stays empty */
STATIC_ASSERT(KMAP_LOCAL_DEPTH < KMAP_LOCAL_STRIDE);

enum fixmap_slot {
	FIX_NONE, /* the first page stays unmapped */
	FIX_UART, /* the console's registers, from early boot on */
	FIX_UART_GUARD,
	FIX_POWER,	/* the board's power-off register */
	FIX_TEXT_PATCH, /* writable alias while text is patched */
	FIX_STORY,	/* tests, the story of one page */
	FIX_KMAP_BEGIN = 16,
	FIX_KMAP_END = FIX_KMAP_BEGIN + NR_CPUS * KMAP_LOCAL_STRIDE,
	FIX_SLOTS = FIX_KMAP_END,
};
STATIC_ASSERT(FIX_SLOTS <= PTRS_PER_TABLE);

static __always_inline vaddr_t fixmap_va(enum fixmap_slot slot)
{
	return FIXMAP_START + (vaddr_t)slot * PAGE_SIZE;
}

/* The fixmap's level-3 table, in the image. */
extern pte_t fixmap_table[PTRS_PER_TABLE];

/*
 * Maps the page at pa (page-aligned) and returns its address. The slot must be empty (BUG
 * "fixmap.busy"), prot not W+X. Any context; no lock, for each slot has one owner.
 */
__hot_inline_or_call void *fixmap_set(enum fixmap_slot slot, phys_addr_t pa, pgprot_t prot);
/* Unmaps, flushed on every CPU when it returns. BUG "fixmap.empty". Interrupts enabled. */
__hot_inline_or_call void fixmap_clear(enum fixmap_slot slot);

/* Inline where instructions are counted, else the copies in mm/highmem.c. */
#if HOT_INLINE

static __always_inline void *fixmap_set(enum fixmap_slot slot, phys_addr_t pa, pgprot_t prot)
{
	vaddr_t va = fixmap_va(slot);

	BUG_ON(pte_present(fixmap_table[slot]) || pgprot_is_wx(prot), "fixmap.busy",
	       "slot %u at %p is in use, or W+X was asked for", slot, (void *)va);
	pte_write(&fixmap_table[slot], pfn_pte(pa_to_pfn(pa), prot));
	dsb_walk(); /* the entry, before any CPU's walker may look */
	isb();	    /* and before a later access here is translated */
	return (void *)va;
}

static __always_inline void fixmap_clear(enum fixmap_slot slot)
{
	vaddr_t va = fixmap_va(slot);

	BUG_ON(!pte_present(fixmap_table[slot]), "fixmap.empty", "slot %u at %p is not in use",
	       slot, (void *)va);
	compiler_barrier(); /* accesses through it stay before */
	pte_write(&fixmap_table[slot], pte_none());
	tlb_flush_page(va);
}

#endif
