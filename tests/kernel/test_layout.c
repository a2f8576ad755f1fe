/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The address map: the split's arithmetic, that regions neither overlap nor leave the
 * kernel's part, and that every machine's RAM is shared out as promised.
 */
#include <arch/cpreg.h>
#include <arch/early_boot.h>
#include <arch/early_tables.h>
#include <arch/probe.h>
#include <kernel/report.h>
#include <kernel/test.h>
#include <lib/bootargs.h>
#include <mm/memblock.h>
#include <mm/page_alloc.h>
#include <mm/pgtable.h>
#include <mm/vmalloc.h>

#include "pages.h"

#define HIGHMEM_MIN  (8 * SZ_1M)
#define HIGHMEM_PART 16

/* TTBR1 translates exactly the kernel's part, TTBR0 exactly the user's (B3.6.4). */
TEST(layout, split_registers)
{
	u32 ttbcr = read_ttbcr(), t0sz = ttbcr & 7, t1sz = (ttbcr >> 16) & 7;
	u64 ttbr0_end = (u64)1 << (32 - t0sz);
	u64 ttbr1_start = t1sz ? ((u64)1 << 32) - ((u64)1 << (32 - t1sz)) : ttbr0_end;

	CHECK(ttbcr & TTBCR_EAE);
	CHECK(ttbcr & TTBCR_EPD0);
	CHECK(!(ttbcr & TTBCR_EPD1));
	CHECK_EQ(ttbr1_start, PAGE_OFFSET);
	if (t0sz) {
		CHECK_EQ(ttbr0_end, PAGE_OFFSET);
	}
	CHECK_EQ(PAGE_OFFSET, CONFIG_VMSPLIT * SZ_1G);
	CHECK_EQ(t0sz, CONFIG_VMSPLIT == 1 ? 2u : 0u);
	CHECK_EQ(t1sz, (u32)CONFIG_VMSPLIT - 1);
}

/* Both ends of the kernel's part and the user's: nothing translates where nothing should. */
TEST(layout, borders_fault)
{
	static const u32 borders[] = {
		0, PAGE_SIZE, PAGE_OFFSET - PAGE_SIZE, PAGE_OFFSET - 4, LAYOUT_END, 0xfffffffc,
	};

	for (u32 i = 0; i < ARRAY_SIZE(borders); i++) {
		CHECK_NO_READ(borders[i]);
	}
}

TEST(layout, regions_in_order)
{
	struct region region;
	vaddr_t end = PAGE_OFFSET;
	u32 i = 0;

	for (; region_get(i, &region); i++) {
		CHECK(region.start >= end);
		CHECK(region.end > region.start);
		CHECK(IS_ALIGNED(region.start | region.end, PMD_SIZE));
		end = region.end;
	}
	CHECK(i >= 7);
	CHECK_EQ(end, LAYOUT_END);
	CHECK_EQ(vmalloc_start(), mm.lowmem_end + VMALLOC_GUARD);
	CHECK_EQ(REGION_SIZE(pkmap), PMD_SIZE);
	CHECK_EQ(REGION_SIZE(fixmap), PMD_SIZE);
}

TEST(layout, vmalloc_large_enough)
{
	struct bootargs args;
	u32 bytes = VMALLOC_END - vmalloc_start();

	bootargs_parse(&args, report_bootargs());
	CHECK(bytes >= (args.vmalloc_bytes ? (u32)args.vmalloc_bytes : VMALLOC_MIN));
	CHECK_EQ((u32)(mm.lowmem_end - PAGE_OFFSET) + VMALLOC_GUARD + bytes,
		 (u32)(VMALLOC_END - PAGE_OFFSET));
}

/* Every machine has HighMem, also where lowmem could take all of its RAM. */
TEST(layout, every_machine_has_highmem)
{
	phys_addr_t total = memblock_total();
	phys_addr_t high = total - ram_below(pfn_to_pa(mm.low_end_pfn));

	CHECK(high >= HIGHMEM_MIN);
	CHECK(high >= total / HIGHMEM_PART);
}

TEST(layout, phys_offset_rule)
{
	CHECK_EQ(mm.phys_offset, pa_align_down(memblock_start(), PMD_SIZE));
	CHECK_EQ(pfn_to_pa(mm.low_end_pfn) - mm.phys_offset,
		 (phys_addr_t)(mm.lowmem_end - PAGE_OFFSET));
	CHECK_EQ(mm.end_pfn, pa_to_pfn(memblock_end()));
}

/* RAM that is neither free nor reserved was handed out since: no page is in two accounts. */
TEST(layout, totals_add_up)
{
	struct zone_info zone[ZONES];
	u32 ram = pa_to_pfn(memblock_total()), reserved = pa_to_pfn(memblock_reserved_total());
	u32 given = 0;

	for (u32 i = 0; i < ZONES; i++) {
		zone_query(i, &zone[i]);
		CHECK(zone[i].free_pages <= zone[i].total_pages);
		given += zone[i].total_pages;
	}
	CHECK(given <= ram);
	/* Both sums round; each bank's and each reservation's edges may cost a page. */
	CHECK(ram - reserved - given <= 2 * (memblock.memory.count + memblock.reserved.count) + 2);
	CHECK_EQ(free_page_count(), zone[ZONE_NORMAL].free_pages + zone[ZONE_HIGH].free_pages);
}

/* Every page of RAM has a struct page that leads back to it; no other does. */
TEST(layout, pfns_are_rams)
{
	for (u32 i = 0; i < memblock.memory.count; i++) {
		const struct memblock_range *bank = &memblock.memory.range[i];
		pfn_t first = pa_to_pfn(pa_align_up(bank->start, PAGE_SIZE));
		pfn_t end = pa_to_pfn(bank->start + bank->size);

		for (pfn_t pfn = first; pfn < end; pfn += 4093) { /* a prime: all offsets occur */
			REQUIRE(pfn_valid(pfn));
			REQUIRE(page_to_pfn(pfn_to_page(pfn)) == pfn);
			REQUIRE(page_is_high(pfn_to_page(pfn)) == (pfn >= mm.low_end_pfn));
		}
		CHECK(pfn_valid(first) && pfn_valid(end - 1));
		if (i + 1 == memblock.memory.count ||
		    memblock.memory.range[i + 1].start != bank->start + bank->size) {
			CHECK(!pfn_valid(pa_to_pfn(bank->start + bank->size + PAGE_SIZE - 1)));
		}
	}
	CHECK(!pfn_valid(mm.end_pfn));
	CHECK(!pfn_valid(~0u));
}
