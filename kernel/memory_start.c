/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the order in which memory management starts, once it is known what memory there is and how it
 * is divided. Boot CPU only.
 */
#include <kernel/memory.h>

#include <arch/current.h>
#include <arch/early_tables.h>
#include <bug.h>
#include <errno.h>
#include <lib/string.h>
#include <mm/bigwin.h>
#include <mm/highmem.h>
#include <mm/memblock.h>
#include <mm/page_alloc.h>
#include <mm/slab.h>
#include <mm/vmalloc.h>
#include <mm/walk_check.h>

/* Tables of the kernel lie in lowmem, which itself can reach beyond 4 GiB (split 1g). */
static void check_walks(void)
{
	static const char what[] = "this CPU's table walks cut addresses to 32 bits, as "
				   "qemu-system-arm 7.2 does: use qemu-system-aarch64";

	if (high_tables_work()) {
		return;
	}
	if (!pa_below_4g(pfn_to_pa(mm.low_end_pfn) - 1)) {
		panic("%s", what);
	}
	warn("%s", what);
}

/* The boot CPU's variables; the others' are the slab's. */
static void percpu_init(void)
{
	u32 bytes = (u32)(__percpu_end - __percpu_start);
	phys_addr_t place = memblock_alloc_range(ALIGN_UP(bytes, PAGE_SIZE), PAGE_SIZE,
						 mm.phys_offset, pfn_to_pa(mm.low_end_pfn));
	char *percpu;

	if (place == 0) {
		panic("no memory for CPU %u", 0);
	}
	percpu = phys_to_virt(place);
	memset(percpu, 0, bytes);
	current_core()->percpu_offset = (u32)(percpu - __percpu_start);
}

void memory_start(const struct bootargs *args)
{
	memory_divide(args);
	percpu_init();
	page_alloc_init();
	check_walks();
	slab_init();
	vmalloc_init(mm.lowmem_end + VMALLOC_GUARD, VMALLOC_END);
	pkmap_init();
	bigwin_init();
}
