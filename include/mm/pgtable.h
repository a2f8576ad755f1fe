/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's own tables (TTBR1), shared by all CPUs. Level-2 entries are found by
 * index in one array whatever the split; level-3 tables are made on demand, in lowmem,
 * and never freed, so a walk needs no lock.
 */
#pragma once

#include <arch/early_tables.h>

/* The level-2 entry for a kernel address (>= PAGE_OFFSET). */
static inline pmd_t *kernel_pmd(vaddr_t va)
{
	return &kernel_pmds[(va - PAGE_OFFSET) >> PMD_SHIFT];
}

/* The level-3 entry for a kernel address, or NULL if there is no level-3 table. Any context. */
pte_t *kernel_pte(vaddr_t va);

/*
 * The same, making the table if needed (zeroed, published before linked). NULL: no memory.
 * BUG "pgtable.block": a block is mapped there, and blocks are never split. irq-safe. Tables come
 * from memblock before page_alloc_init(), then only from lowmem that is mapped by blocks already,
 * and from alloc_page() after.
 */
pte_t *__must_check kernel_pte_alloc(vaddr_t va);

/* Empties a table that no walker uses; unlike memset, for walkers that bypass the cache too. */
void pte_table_clear(pte_t *table);
