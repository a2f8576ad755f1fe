/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The only code that writes a live descriptor. A 64-bit entry is written by one STRD, which is
 * single-copy atomic for a walker on a CPU with LPAE (ARM DDI 0406C, A3.5.3); a C store may become
 * two. Each store's address is recorded in the ELF section .pte_writes (not loaded), where `make
 * check` looks at the instruction; with DEBUG=1 each store is recorded too (record.h).
 *
 * After it the caller must execute dsb_walk() before a walker may look; for an entry that was
 * valid, it clears and flushes first (break before make). Where table walks do not look into the
 * data cache (ID_MMFR3.CohWalk = 0) each entry is cleaned to the point of coherency: a NOP that
 * early boot patches (alternative.h).
 */
#pragma once

#include <arch/alternative.h>
#include <arch/pgtable.h>
#include <arch/record.h>

#define DESC_STORE                                                                              \
	"1:	strd	%[v], %H[v], [%[p]]\n"                                                         \
	".pushsection .pte_writes,\"\",%%progbits\n	.word	1b\n.popsection\n" ALTERNATIVE( \
		NOP_32BIT, "mcr p15, 0, %[p], c7, c10, 1")

static __always_inline void desc_write(u64 *entry, u64 value)
{
	struct record_store begun = record_store_begin(entry);

	__asm__ volatile(DESC_STORE : "=m"(*entry) : [v] "r"(value), [p] "r"(entry));
	record_store_end(begun, entry, value);
}

/* Clears the valid bit alone: hardware ignores the rest, and we can still read it (B3.6.1). */
static __always_inline void pte_invalidate(pte_t *entry)
{
	struct record_store begun = record_store_begin(&entry->raw);
	u64 value;

	__asm__ volatile("	ldrd	%[v], %H[v], [%[p]]\n"
			 "	bic	%Q[v], %Q[v], #1\n" DESC_STORE
			 : [v] "=&r"(value), "+m"(entry->raw)
			 : [p] "r"(entry));
	record_store_end(begun, &entry->raw, value);
}

static __always_inline void pte_write(pte_t *entry, pte_t value)
{
	desc_write(&entry->raw, value.raw);
}

static __always_inline void pmd_write(pmd_t *entry, pmd_t value)
{
	desc_write(&entry->raw, value.raw);
}

static __always_inline void pgd_write(pgd_t *entry, pgd_t value)
{
	desc_write(&entry->raw, value.raw);
}
