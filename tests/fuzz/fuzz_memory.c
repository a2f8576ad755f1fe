/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What memory there is, by a device tree: banks, reservations, /reserved-memory, the initrd, and
 * the division behind it. The input is where the loader put image and tree, two arguments, then
 * the tree. The kernel may refuse any, by a panic that says why. What it takes it has understood:
 * all of what the tree keeps is reserved, whole and by its kind, and nothing else; the image lies
 * over none of it; lowmem and the page array are RAM that nobody had.
 */
#include "machine.h"

#include <kernel/memory.h>
#include <lib/string.h>
#include <mm/directmap.h>
#include <mm/lowmem.h>
#include <mm/page.h>

static struct {
	struct fdt f;
	struct bootargs args;
	phys_addr_t dtb_pa;
	u32 dtb_bytes;
	struct page_array_place array;
} boot;

int directmap_init(u32 vmalloc_bytes)
{
	return lowmem_choose(vmalloc_bytes);
}

int page_array_init(void)
{
	return page_array_place(&boot.array);
}

/* Who has a reason to be reserved. */
#define CLAIMS_MAX 512
static struct {
	phys_addr_t start, end;
} claims[CLAIMS_MAX];
static u32 claim_count;

static void discover(__unused void *arg)
{
	memory_discover(&boot.f, &boot.args, boot.dtb_pa, boot.dtb_bytes);
}

static void divide(__unused void *arg)
{
	memory_divide(&boot.args);
}

/* Each byte of the range is reserved, with these flags; none is the image's. */
static void kept(phys_addr_t start, phys_addr_t size, u32 flags)
{
	phys_addr_t end, image_end = boot_info.image_pa + IMAGE_BYTES;
	u32 found;

	if (size == 0) {
		return;
	}
	start = pa_real(start);
	end = start + size;
	FUZZ_CHECK(end > start && end <= PHYS_END && claim_count < CLAIMS_MAX);
	claims[claim_count].start = start;
	claims[claim_count++].end = end;
	FUZZ_CHECK(end <= boot_info.image_pa || start >= image_end);
	for (phys_addr_t at = start; at < end; at = machine_border(&memblock.reserved, at)) {
		FUZZ_CHECK(machine_has(&memblock.reserved, at, &found) && (found & flags) == flags);
	}
}

static void kept_by_nodes(fdt_node parent)
{
	phys_addr_t start, size;
	fdt_node node;

	fdt_for_each_child(&boot.f, node, parent) {
		u32 flags = fdt_prop(&boot.f, node, "no-map", NULL) ? MEMBLOCK_NOMAP : 0;

		for (u32 i = 0; fdt_node_enabled(&boot.f, node) &&
				fdt_reg_phys(&boot.f, node, i, &start, &size) == 0;
		     i++) {
			kept(start, size, flags | MEMBLOCK_FIRMWARE);
		}
	}
}

static u64 chosen(const char *name, bool *found)
{
	u32 len = 0;
	const u8 *cells = fdt_prop(&boot.f, fdt_path_node(&boot.f, "/chosen"), name, &len);
	u64 value = 0;

	*found &= cells && (len == 4 || len == 8);
	for (u32 i = 0; *found && i < len; i++) {
		value = value << 8 | cells[i];
	}
	return value;
}

/* The end of what some claim has from there on; at: nobody claims it. */
static phys_addr_t claimed_to(phys_addr_t at)
{
	phys_addr_t end = at;

	for (u32 i = 0; i < claim_count; i++) {
		end = claims[i].start <= at ? max(end, claims[i].end) : end;
	}
	return end;
}

/* Nothing is reserved without a reason. */
static void judge_claims(void)
{
	for (u32 i = 0; i < memblock.reserved.count; i++) {
		const struct memblock_range *r = &memblock.reserved.range[i];
		phys_addr_t at = r->start;

		while (at < r->start + r->size) {
			FUZZ_CHECK(claimed_to(at) > at);
			at = claimed_to(at);
		}
	}
}

static void judge_kept(void)
{
	fdt_node parent = fdt_path_node(&boot.f, "/reserved-memory");
	phys_addr_t start, size;
	bool initrd = true;
	u64 from, to;
	u32 flags;

	for (u32 i = 0; fdt_rsv(&boot.f, i, &start, &size) == 0; i++) {
		kept(start, size, MEMBLOCK_FIRMWARE);
	}
	if (parent >= 0) {
		kept_by_nodes(parent);
	}
	from = chosen("linux,initrd-start", &initrd);
	to = chosen("linux,initrd-end", &initrd);
	if (initrd && to > from) {
		kept(from, to - from, MEMBLOCK_INITRD);
	}
	kept(boot.dtb_pa, boot.dtb_bytes, 0);
	FUZZ_CHECK(machine_has_all(&memblock.reserved, boot_info.image_pa,
				   boot_info.image_pa + IMAGE_BYTES));
	FUZZ_CHECK(machine_has_all(&memblock.memory, boot_info.image_pa,
				   boot_info.image_pa + IMAGE_BYTES));
	FUZZ_CHECK(machine_has(&memblock.memory, boot_info.image_pa, &flags));
	claims[claim_count].start = boot_info.image_pa;
	claims[claim_count++].end = boot_info.image_pa + IMAGE_BYTES;
	judge_claims();
}

/* Without mem=: the banks are what the tree's memory nodes say, no more and no less. */
static void judge_banks(void)
{
	phys_addr_t start, size, total = 0, have = 0;
	fdt_node node;

	fdt_for_each_child(&boot.f, node, fdt_root(&boot.f)) {
		bool bank = fdt_prop_has_string(&boot.f, node, "device_type", "memory") &&
			    fdt_node_enabled(&boot.f, node);

		for (u32 i = 0; bank && fdt_reg_phys(&boot.f, node, i, &start, &size) == 0; i++) {
			start = size ? pa_real(start) : 0;
			FUZZ_CHECK(machine_has_all(&memblock.memory, start, start + size));
			total += size;
		}
	}
	for (u32 i = 0; i < memblock.memory.count; i++) {
		have += memblock.memory.range[i].size;
	}
	FUZZ_CHECK(have == total);
}

static void judge_new(const struct memblock_list *before, phys_addr_t start, phys_addr_t size)
{
	u32 flags;

	FUZZ_CHECK(machine_has_all(&memblock.memory, start, start + size));
	FUZZ_CHECK(machine_has_all(&memblock.reserved, start, start + size));
	FUZZ_CHECK(start >= mm.phys_offset && start + size <= pfn_to_pa(mm.low_end_pfn));
	for (phys_addr_t at = start; at < start + size; at = machine_border(before, at)) {
		FUZZ_CHECK(!machine_has(before, at, &flags));
	}
}

static void judge_division(const struct memblock_list *before)
{
	phys_addr_t low = pfn_to_pa(mm.low_end_pfn) - mm.phys_offset;
	u32 sections = boot.array.last - boot.array.first + 1;

	FUZZ_CHECK(mm.phys_offset % SZ_2M == 0 && low % SZ_2M == 0 && low > 0);
	FUZZ_CHECK(mm.lowmem_end == PAGE_OFFSET + low);
	FUZZ_CHECK(VMALLOC_END - mm.lowmem_end >=
		   max(boot.args.vmalloc_bytes, (u64)VMALLOC_MIN / 16));
	FUZZ_CHECK(mm.phys_offset <= memblock.memory.range[0].start &&
		   memblock.memory.range[0].start < mm.phys_offset + SZ_2M);
	judge_new(before, boot.array.array, (phys_addr_t)boot.array.slots << SECTION_MEMMAP_SHIFT);
	judge_new(before, boot.array.tables, (sections + boot.array.slots) * 4);
	FUZZ_CHECK(boot.array.slots <= sections);
	for (u32 i = 0; i < memblock.memory.count; i++) {
		const struct memblock_range *bank = &memblock.memory.range[i];

		FUZZ_CHECK(bank->start >> SECTION_SHIFT >= boot.array.first &&
			   (bank->start + bank->size - 1) >> SECTION_SHIFT <= boot.array.last);
	}
}

/* Where things are, and what is said beside the tree. */
static void read_head(struct fuzz_input *in)
{
	u8 how = fuzz_byte(in);

	boot_info.image_pa = machine_address(in) / PAGE_SIZE * PAGE_SIZE;
	boot.dtb_pa = machine_address(in);
	boot.args = (struct bootargs){ .mem_limit = how & 1 ? machine_size(in) : 0 };
	boot.args.vmalloc_bytes = how & 2 ? (u64)fuzz_byte(in) << 24 : 0;
	for (u32 i = how >> 2 & 3; i > 0; i--) {
		u32 n = boot.args.mem_count++;

		boot.args.mem[n].start = machine_address(in);
		boot.args.mem[n].size = machine_size(in);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, data + size };
	struct memblock_list before;
	u8 *blob;

	claim_count = 0;
	read_head(&in);
	size = (size_t)(in.end - in.at);
	blob = fuzz_copy(in.at, size);
	boot.dtb_bytes = (u32)size;
	memblock.memory.count = memblock.reserved.count = 0;
	if (fdt_open(&boot.f, blob, size) == 0 && machine_survives(discover, NULL)) {
		machine_check_list(&memblock.memory);
		machine_check_list(&memblock.reserved);
		judge_kept();
		if (boot.args.mem_count == 0 && boot.args.mem_limit == 0) {
			judge_banks();
		}
		before = memblock.reserved;
		if (machine_survives(divide, NULL)) {
			machine_check_list(&memblock.reserved);
			judge_division(&before);
		}
	}
	free(blob);
	return 0;
}
