/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the question how many pages nobody holds, for those who must give back what they took: what
 * CPUs keep at hand for themselves is handed to the page allocator first.
 */
#include <kernel/memory.h>

#include <kernel/smp.h>
#include <layout.h>
#include <mm/page_alloc.h>
#include <mm/pgtable.h>
#include <mm/slab.h>
#include <mm/vmalloc.h>

static void shrink_here(__unused void *arg)
{
	slab_shrink();
	page_alloc_cpu_drain();
}

/* Level-3 tables of the vmalloc area are kept for ever: they count too. */
u32 memory_baseline(void)
{
	u32 tables = 0;

	vmalloc_purge(); /* gives descriptors back to the slab */
	smp_call(~0u, shrink_here, NULL);
	for (vaddr_t va = vmalloc_start(); va < VMALLOC_END; va += PMD_SIZE) {
		tables += pmd_is_table(*kernel_pmd(va));
	}
	return free_page_count() + tables;
}
