/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What of the architecture is left to set up in C, at the kernel's own address: who runs
 * (TPIDRPRW), what COUNT=1 counts, and how a table's physical address becomes one that C can use.
 */
#include <arch/setup.h>

#include <arch/barrier.h>
#include <arch/cpreg.h>
#include <arch/early_tables.h>

struct maint_counts maint_counts;

void current_set(struct thread_core *core)
{
	write_tpidrprw((u32)(vaddr_t)core);
	isb(); /* the register, before the next use of current_core() */
}

static void *(*table_resolver)(phys_addr_t table);

void table_set_resolver(void *(*resolver)(phys_addr_t table))
{
	table_resolver = resolver;
}

void *table_virt(phys_addr_t table)
{
	if (pa_in_image(table)) {
		return __image_start + (u32)(table - boot_info.image_pa);
	}
	return table_resolver ? table_resolver(table) : NULL;
}
