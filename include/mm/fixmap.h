/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fixmap: one level-2 entry's worth of addresses that are known when the kernel is
 * linked. Its level-3 table is in the image, so it works before any allocator.
 */
#pragma once

#include <arch/current.h>
#include <arch/pgtable.h>
#include <layout.h>

#define KMAP_LOCAL_STRIDE 16 /* slots per CPU: KMAP_LOCAL_DEPTH windows and one that stays empty */
STATIC_ASSERT(KMAP_LOCAL_DEPTH < KMAP_LOCAL_STRIDE);

enum fixmap_slot {
	FIX_NONE,      /* the first page stays unmapped */
	FIX_UART,      /* the console's registers, from early boot on */
	FIX_UART_GUARD,
	FIX_POWER,     /* the board's power-off register */
	FIX_TEXT_PATCH, /* writable alias while text is patched */
	FIX_STORY,     /* tests, the story of one page */
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

/* Maps the page at pa (page-aligned) and returns its address. The slot must be empty
 * (BUG "fixmap.busy"), prot not W+X. Any context; each slot has one owner. */
void *fixmap_set(enum fixmap_slot slot, phys_addr_t pa, pgprot_t prot);

/* Unmaps, flushed on every CPU when it returns. BUG "fixmap.empty". Interrupts enabled. */
void fixmap_clear(enum fixmap_slot slot);
