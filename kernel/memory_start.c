/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the order in which memory management starts, once it is known what memory there is and how
 * it is divided, and a last look at what the loader left, before its pages are anybody's. Boot CPU
 * only.
 */
#include <kernel/memory.h>

#include <arch/current.h>
#include <arch/early_tables.h>
#include <arch/probe.h>
#include <bug.h>
#include <errno.h>
#include <lib/fdt.h>
#include <lib/string.h>
#include <mm/bigwin.h>
#include <mm/discipline.h>
#include <mm/highmem.h>
#include <mm/memblock.h>
#include <mm/page_alloc.h>
#include <mm/slab.h>
#include <mm/vmalloc.h>
#include <mm/walk_check.h>
#include <printk.h>

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

/* The banks of a tree: how much they are, or said as arguments. */
static phys_addr_t tree_memory(const struct fdt *f, bool say)
{
	phys_addr_t start, size, total = 0;
	fdt_node node;

	fdt_for_each_child(f, node, fdt_root(f)) {
		if (!fdt_prop_has_string(f, node, "device_type", "memory") ||
		    !fdt_node_enabled(f, node)) {
			continue;
		}
		for (u32 i = 0; fdt_reg_phys(f, node, i, &start, &size) == 0; i++) {
			total += size;
			if (say) {
				printk("memory: mem=0x%llx@0x%llx", size, start);
			}
		}
	}
	return total;
}

/*
 * QEMU, and some firmware, puts its tree at the start of RAM. A loader that counts in 32 bits hands
 * us a copy with less RAM in it (U-Boot's bootz), and leaves that one. It is only read, and only
 * here, while nobody has taken its pages: all lie in a bank, and none is relied on before it
 * answers.
 */
static void compare_first_tree(void)
{
	phys_addr_t start = memblock.memory.range[0].start;
	const u8 *blob = phys_to_virt(start);
	struct fdt first;
	u32 bytes, word;

	if (probe_read(blob, &word) || fdt_total_size(blob, &bytes) ||
	    !memblock_is_ram(start, bytes) || bytes > SZ_2M) {
		return;
	}
	for (u32 i = 0; i < bytes; i += PAGE_SIZE) {
		if (probe_read(blob + i, &word)) {
			return;
		}
	}
	if (fdt_open(&first, blob, bytes) == 0 && tree_memory(&first, false) > memblock_total()) {
		warn("a device tree at %010llx, before the loader's, names more RAM; to use it:",
		     start);
		(void)tree_memory(&first, true);
	}
}

void memory_start(const struct bootargs *args)
{
	memory_divide(args);
	if (args->mem_count == 0 && args->mem_limit == 0) {
		compare_first_tree();
	}
	percpu_init();
	page_alloc_init();
	check_walks();
	slab_init();
	vmalloc_init(mm.lowmem_end + VMALLOC_GUARD, VMALLOC_END);
	if (CONFIG_DEBUG) {
		discipline_start();
	}
	pkmap_init();
	bigwin_init();
	if (CONFIG_DEBUG) {
		kmap_debug_init();
	}
}
