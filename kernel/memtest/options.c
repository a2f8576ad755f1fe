/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the account at the end of `memtest=`: what was tested and what not, what is wrong, what to
 * reserve, and the results as KTAP.
 */
#include "engine.h"

#include <arch/cpreg.h>
#include <bug.h>
#include <kernel/memory.h>
#include <kernel/memtest_all.h>
#include <kernel/report.h>
#include <kernel/test.h>
#include <lib/fdt.h>
#include <lib/printf.h>
#include <lib/ktap.h>
#include <mm/memblock.h>
#include <mm/page_alloc.h>
#include <printk.h>

/* ---- the account ---- */

/* All pages are back: what is not free is in use. What was tested is free, or was reserved. */
static void print_coverage(const struct memtest_options *options,
			   const struct memtest_result *result)
{
	u64 ram = memblock_total(), reserved, used, left;
	struct zone_info normal, high;

	zone_query(ZONE_NORMAL, &normal);
	zone_query(ZONE_HIGH, &high);
	reserved = ram - pfn_to_pa(normal.total_pages + high.total_pages);
	left = pfn_to_pa(normal.free_pages + high.free_pages);
	used = ram - reserved - left;
	*(options->reserved ? &reserved : &left) -= result->tested;
	printk("@mem {\"phase\":\"end\",\"tested\":%llu,\"ram\":%llu,\"reserved\":%llu,\"in_use\":%llu,"
	       "\"left_out\":%llu,\"errors\":%u}",
	       result->tested, ram, reserved, used, left, result->errors);
	printk("memtest: %llu KiB of %llu KiB tested: %u bad words", result->tested / 1024,
	       ram / 1024, result->errors);
	printk("memtest: not tested: %llu KiB reserved at boot (image, device tree, page array, no-map), "
	       "%llu KiB in use (tables, slab, stacks, the kept device tree), %llu KiB left out",
	       reserved / 1024, used / 1024, left / 1024);
	for (u32 n = 0; n < min(memblock.memory.count, (u32)MEMTEST_MAX_BANKS); n++) {
		const struct memblock_range *bank = &memblock.memory.range[n];

		if (result->errors) {
			printk("memtest: bank %u, %010llx to %010llx: %u bad words", n, bank->start,
			       bank->start + bank->size - 1, result->errors_in_bank[n]);
		}
	}
}

/* ---- what to reserve: whole pages, in the cells of the tree's root ---- */

static phys_addr_t reserved_end; /* of the node printed last; 0: none yet */

static void cells(char *buf, size_t size, u64 value, int count)
{
	u32 at = count > 1 ? (u32)snprintf(buf, size, "0x%x ", pa_section(value, 32)) : 0;

	(void)snprintf(buf + at, size - at, "0x%x", pa_low32(value));
}

void reserve_print(phys_addr_t start, phys_addr_t end)
{
	char address[24], size[24];
	int address_cells = fdt_address_cells(report_tree(), fdt_root(report_tree()));
	int size_cells = fdt_size_cells(report_tree(), fdt_root(report_tree()));

	if (reserved_end == 0) {
		printk("/ {");
		printk("\treserved-memory {");
		printk("\t\t#address-cells = <%d>;", address_cells);
		printk("\t\t#size-cells = <%d>;", size_cells);
		printk("\t\tranges;");
	}
	start = max(pa_align_down(start, PAGE_SIZE), reserved_end);
	end = pa_align_up(end, PAGE_SIZE);
	if (start == end) {
		return; /* the page is in the node before */
	}
	reserved_end = end;
	cells(address, sizeof(address), start, address_cells);
	cells(size, sizeof(size), end - start, size_cells);
	printk("\t\tbad@%llx { reg = <%s %s>; no-map; };", start, address, size);
}

void reserve_print_end(void)
{
	if (reserved_end) {
		reserved_end = 0;
		printk("\t};");
		printk("};");
	}
}

/* ---- `memtest=` ---- */

/* By a key before its time; that of a loop has come when each pass is through once. */
static bool cut_short(const struct memtest_options *options, const struct memtest_result *result)
{
	return result->stopped && (options->sweeps != 0 || !pass_all_complete(options, result));
}

static void print_results(const struct memtest_options *options,
			  const struct memtest_result *result)
{
	struct test_result results[MEMTEST_MAX_PASSES];
	bool cut = cut_short(options, result);
	u32 count = 0;

	for (u32 n = 0; n < pass_count(); n++) {
		if (pass_wanted(options, n)) {
			results[count++] = (struct test_result){
				.name = memtest_passes[n].name,
				.outcome = result->errors_in_pass[n]	     ? KTAP_FAIL :
					   !cut && result->complete >> n & 1 ? KTAP_PASS :
									       KTAP_SKIP,
			};
		}
	}
	results_print("memory", results, count, result->stopped ? "stopped by a key" : "no memory");
}

bool memtest_account(const struct memtest_options *options, struct memtest_result *result)
{
	u32 baseline = memory_baseline(), after;

	memtest_run(options, result);
	reserve_print_end();
	print_coverage(options, result);
	print_results(options, result);
	after = memory_baseline();
	if (after != baseline) {
		warn("memtest took %u free pages and gave back %u", baseline, after);
	}
	return result->errors == 0 && pass_all_complete(options, result) &&
	       !cut_short(options, result) && after == baseline;
}

bool memtest_main(struct span words)
{
	struct memtest_options options;
	struct memtest_result result;

	if (memtest_word(words)) {
		return memtest_all(words);
	}
	if (memtest_parse(words, read_pmccntr(), &options) < 0) {
		return false;
	}
	options.bad = reserve_print;
	return memtest_account(&options, &result);
}
