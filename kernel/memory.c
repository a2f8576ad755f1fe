/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the way from the device tree's words to lowmem and HighMem: banks, reservations, the
 * command line's corrections, the split. What is broken ends here, with a message that names
 * the values: nothing is guessed about RAM. No device and no CPU is asked: make check-dtb runs
 * this file too, for boards that are not there.
 */
#include <kernel/memory.h>

#include <arch/early_tables.h>
#include <bug.h>
#include <errno.h>
#include <mm/directmap.h>
#include <mm/memblock.h>
#include <mm/page.h>
#include <printk.h>

static void add_bank(phys_addr_t start, phys_addr_t size, const char *whose)
{
	int error;

	if (size == 0) {
		return;
	}
	start = pa_real(start);
	error = memblock_add(start, size);
	switch (error) {
	case 0:
		return;
	case -ERANGE:
		panic("%s: bank %010llx + %llx wraps or ends beyond 40 bits", whose, start, size);
	case -EEXIST:
		panic("%s: bank %010llx + %llx overlaps another", whose, start, size);
	default:
		panic("%s: bank %010llx + %llx: too many banks", whose, start, size);
	}
}

/* Every node with device_type "memory" (Devicetree Specification 3.4). */
static void add_tree_banks(const struct fdt *f)
{
	fdt_node node;

	fdt_for_each_child(f, node, fdt_root(f)) {
		phys_addr_t start, size;
		int error = 0;

		if (!fdt_prop_has_string(f, node, "device_type", "memory") ||
		    !fdt_node_enabled(f, node)) {
			continue;
		}
		for (u32 i = 0; error == 0; i++) {
			error = fdt_reg_phys(f, node, i, &start, &size);
			if (error == 0) {
				add_bank(start, size, fdt_node_name(f, node));
			}
		}
		if (error != -ENOENT) {
			panic("%s: its reg %s", fdt_node_name(f, node),
			      error == -EOVERFLOW ? "has a bank that wraps" : "makes no sense");
		}
	}
}

/* A loader may have put the image where it must not be: better said than overwritten. */
static void reserve(phys_addr_t start, phys_addr_t size, u32 flags, const char *whose)
{
	phys_addr_t image_end = boot_info.image_pa + (u32)(__content_end - __image_start);

	if (size == 0) {
		return;
	}
	start = pa_real(start);
	if (start < image_end && start + size > boot_info.image_pa) {
		panic("the image at %010llx lies over %s, %010llx + %llx", boot_info.image_pa,
		      whose, start, size);
	}
	if (memblock_reserve(start, size, flags) < 0) {
		panic("%s: cannot reserve %010llx + %llx", whose, start, size);
	}
}

/* Header block and /reserved-memory (Devicetree Specification 5.3, 3.5). */
static void reserve_tree_ranges(const struct fdt *f)
{
	fdt_node parent = fdt_path_node(f, "/reserved-memory");
	phys_addr_t start, size;
	fdt_node node;

	for (u32 i = 0; fdt_rsv(f, i, &start, &size) == 0; i++) {
		reserve(start, size, MEMBLOCK_FIRMWARE,
			"a reserved range"); /* often the tree's own: they merge */
	}
	if (parent < 0) {
		return;
	}
	fdt_for_each_child(f, node, parent) {
		u32 flags = fdt_prop(f, node, "no-map", NULL) ? MEMBLOCK_NOMAP : 0;

		if (!fdt_node_enabled(f, node)) {
			continue;
		}
		for (u32 i = 0; fdt_reg_phys(f, node, i, &start, &size) == 0; i++) {
			reserve(start, size, flags | MEMBLOCK_FIRMWARE, fdt_node_name(f, node));
		}
	}
}

/* An address in /chosen: one or two cells. */
static bool chosen_address(const struct fdt *f, const char *name, phys_addr_t *pa)
{
	u32 len;
	const void *cells = fdt_prop(f, fdt_path_node(f, "/chosen"), name, &len);

	if (!cells || (len != 4 && len != 8)) {
		return false;
	}
	*pa = len == 4 ? fdt_be32(cells) : fdt_be64(cells);
	return true;
}

static void reserve_initrd(const struct fdt *f)
{
	phys_addr_t start, end;

	if (chosen_address(f, "linux,initrd-start", &start) &&
	    chosen_address(f, "linux,initrd-end", &end) && end > start) {
		reserve(start, end - start, MEMBLOCK_INITRD, "the initrd");
	}
}

static void apply_mem_arguments(const struct fdt *f, const struct bootargs *args)
{
	if (args->mem_count == 0) {
		add_tree_banks(f);
	}
	for (u32 i = 0; i < args->mem_count; i++) {
		add_bank(args->mem[i].start, args->mem[i].size, "mem=");
	}
	if (memblock.memory.count == 0) {
		panic("no memory: the device tree has no memory node, and there is no mem=SIZE@ADDR");
	}
	if (args->mem_limit) {
		memblock_limit(args->mem_limit);
	}
}

void memory_discover(const struct fdt *f, const struct bootargs *args, phys_addr_t dtb_pa,
		     u32 dtb_bytes)
{
	u32 image_bytes = (u32)(__content_end - __image_start);

	apply_mem_arguments(f, args);
	if (!memblock_is_ram(boot_info.image_pa, image_bytes)) {
		panic("the image at %010llx is not in RAM, says %s", boot_info.image_pa,
		      args->mem_count || args->mem_limit ? "mem=" : "the device tree");
	}
	reserve_tree_ranges(f);
	reserve_initrd(f);
	reserve(dtb_pa, dtb_bytes, 0, "the device tree");
	if (memblock_reserve(boot_info.image_pa, image_bytes, 0) < 0) {
		panic("cannot reserve the image");
	}
}

void memory_divide(const struct bootargs *args)
{
	int error = -EINVAL;

	if (args->vmalloc_bytes <= UINT32_MAX) {
		error = directmap_init((u32)args->vmalloc_bytes);
	}
	if (error == -EINVAL) {
		panic("vmalloc=%lluM is too large: it leaves no lowmem",
		      args->vmalloc_bytes / SZ_1M);
	}
	if (error) {
		panic("%llu MiB of RAM are too little", memblock_total() / SZ_1M);
	}
	if (page_array_init() < 0) {
		panic("lowmem cannot hold the page array of %llu MiB", memblock_total() / SZ_1M);
	}
}
