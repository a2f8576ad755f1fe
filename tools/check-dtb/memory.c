/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * RAM: runs kernel/memory.c on the device tree. Owns one thing that it must guess, where a loader
 * would put the image: at 64 KiB into the first 2 MiB of RAM that nobody reserved.
 */
#include <stdio.h>

#include "kernel.h"

#include <arch/early_tables.h>
#include <errno.h>
#include <kernel/memory.h>
#include <layout.h>
#include <lib/printf.h>
#include <lib/ram_alias.h>
#include <mm/memblock.h>
#include <mm/page.h>

#define IMAGE_OFFSET SZ_64K

static const char misplaced[] = "the image at ";

static void discover(void *arg)
{
	const struct request *r = arg;

	memory_discover(r->f, &r->args, 0, 0);
}

static void divide(void *arg)
{
	const struct request *r = arg;

	memory_divide(&r->args);
}

static bool discovers_with_image_at(const struct request *r, phys_addr_t pa)
{
	memblock = (struct memblock){ 0 };
	boot_info.image_pa = pa;
	return kernel_survives(discover, (void *)r);
}

static bool only_misplaced(void)
{
	return memcmp(host_kernel.panic, misplaced, sizeof(misplaced) - 1) == 0;
}

static bool seen_without_mmu(phys_addr_t pa, bool alias)
{
	return pa_below_4g(alias ? ram_alias_low(pa) : pa);
}

/* True: boot_info.image_pa is one that the kernel accepts. */
static bool place_image(const struct request *r)
{
	bool alias = ram_has_alias(r->f);
	struct memblock_list banks;

	if (alias) {
		remark(REMARK_NOTE,
		       "RAM has a second address, 0x%08llx, for a CPU without MMU: it is used by "
		       "the real one, 0x%010llx, whichever of the two the tree names",
		       (u64)RAM_ALIAS_LOW, (u64)RAM_ALIAS_REAL);
	}
	if (r->image_given) {
		return discovers_with_image_at(r,
					       alias ? ram_alias_real(r->image_pa) : r->image_pa);
	}
	if (!discovers_with_image_at(r, alias ? RAM_ALIAS_REAL : 0) && !only_misplaced()) {
		return false;
	}
	banks = memblock.memory;
	for (u32 i = 0; i < banks.count; i++) {
		phys_addr_t pa = pa_align_up(banks.range[i].start, SZ_2M) + IMAGE_OFFSET;
		phys_addr_t end = banks.range[i].start + banks.range[i].size;

		for (; pa < end && seen_without_mmu(pa + IMAGE_BYTES, alias); pa += SZ_2M) {
			if (discovers_with_image_at(r, pa)) {
				return true;
			}
			if (!only_misplaced()) {
				return false;
			}
		}
	}
	snprintf(host_kernel.panic, sizeof(host_kernel.panic),
		 "no room for the image below 4 GiB that nobody reserved");
	return false;
}

static void report_range(const char *name, phys_addr_t pa, phys_addr_t size, bool nomap)
{
	json_open(NULL, '{');
	if (name) {
		json_text("name", name);
		json_bool("no_map", nomap);
		json_bool("in_ram", memblock_has_ram(pa, size));
	}
	json_number("start", pa);
	json_number("size", size);
	json_close();
}

static void report_reserved_node(const struct fdt *f, fdt_node node)
{
	const char *name = fdt_node_name(f, node);
	phys_addr_t pa, size;
	u32 i;

	if (!fdt_node_enabled(f, node)) {
		return;
	}
	for (i = 0; fdt_reg_phys(f, node, i, &pa, &size) == 0; i++) {
		report_range(name, pa, size, fdt_prop(f, node, "no-map", NULL) != NULL);
	}
	if (i == 0) {
		remark(REMARK_NOTE,
		       "/reserved-memory/%s has no address of its own: nothing is reserved for it",
		       name);
	}
}

static void report_reserved(const struct fdt *f)
{
	fdt_node node, parent = fdt_path_node(f, "/reserved-memory");
	phys_addr_t pa, size;

	json_open("reserved", '[');
	for (u32 i = 0; fdt_rsv(f, i, &pa, &size) == 0; i++) {
		report_range("/memreserve/", pa, size, false);
	}
	if (parent >= 0) {
		fdt_for_each_child(f, node, parent) {
			report_reserved_node(f, node);
		}
	}
	json_close();
}

static phys_addr_t ram_below(phys_addr_t limit)
{
	phys_addr_t bytes = 0;

	for (u32 i = 0; i < memblock.memory.count; i++) {
		const struct memblock_range *bank = &memblock.memory.range[i];

		if (bank->start < limit) {
			bytes += min((phys_addr_t)bank->size, limit - bank->start);
		}
	}
	return bytes;
}

static void report_split(void)
{
	static const char *const names[] = { "1g", "2g", "3g" };
	phys_addr_t total = memblock_total(), low = ram_below(pfn_to_pa(mm.low_end_pfn));

	json_open("split", '{');
	json_text("name", names[CONFIG_VMSPLIT - 1]);
	json_number("page_offset", PAGE_OFFSET);
	json_number("phys_offset", mm.phys_offset);
	json_number("lowmem_end", mm.lowmem_end);
	json_number("lowmem_end_pa", pfn_to_pa(mm.low_end_pfn));
	json_number("lowmem_bytes", low);
	json_number("highmem_bytes", total - low);
	json_number("highmem_permille", (total - low) * 1000 / total);
	json_number("vmalloc_start", mm.lowmem_end + VMALLOC_GUARD);
	json_number("vmalloc_end", VMALLOC_END);
	json_number("page_array_bytes", (u64)host_kernel.page_array.slots << SECTION_MEMMAP_SHIFT);
	json_close();
}

void report_memory(const struct request *r)
{
	bool sane = place_image(r);

	json_open("memory", '{');
	json_open("banks", '[');
	for (u32 i = 0; i < memblock.memory.count; i++) {
		const struct memblock_range *bank = &memblock.memory.range[i];

		report_range(NULL, bank->start, bank->size, false);
	}
	json_close();
	json_number("total", memblock_total());
	report_reserved(r->f);
	if (sane) {
		json_number("reserved_bytes", memblock_reserved_total() - IMAGE_BYTES);
		json_number("image", boot_info.image_pa);
		json_bool("image_given", r->image_given);
		sane = kernel_survives(divide, (void *)r);
	}
	if (sane) {
		report_split();
	} else {
		remark(REMARK_FATAL, "%s", host_kernel.panic);
	}
	json_close();
}
