/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The address map: the split's arithmetic, that regions neither overlap nor leave the
 * kernel's part, what the image's pages allow, the MMU's switches on every CPU, and that every
 * machine's RAM is shared out as promised.
 */
#include <arch/cpreg.h>
#include <arch/current.h>
#include <arch/early_boot.h>
#include <arch/early_tables.h>
#include <arch/fault.h>
#include <arch/probe.h>
#include <kernel/report.h>
#include <kernel/smp.h>
#include <kernel/test.h>
#include <lib/bootargs.h>
#include <mm/image_late.h>
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

/*
 * B4.1.130, by bit: M, C, Z, I, WXN, UWXN, TRE and AFE on; A, V, EE and TE off: unaligned words,
 * vectors where VBAR says, little-endian exceptions in ARM state.
 */
#define SCTLR_ON  (1u << 0 | 1u << 2 | 1u << 11 | 1u << 12 | 3u << 19 | 3u << 28)
#define SCTLR_NOT (1u << 1 | 1u << 13 | 1u << 25 | 1u << 30)

struct switches {
	u32 sctlr, actlr;
};

static void take_switches(void *arg)
{
	struct switches *all = arg;

	all[current_core()->cpu] = (struct switches){ read_sctlr(), read_actlr() };
}

/* QEMU has no ACTLR, and shows itself by a REVIDR that is MIDR (maintain.S). */
static bool has_smp_bit(void)
{
	u32 part = (read_midr() >> 4) & 0xfff;

	return read_midr() >> 24 == 0x41 && read_revidr() != read_midr() &&
	       (part == 0xc07 || (part >= 0xc0d && part <= 0xc0f));
}

TEST(layout, mmu_switches_on_every_cpu)
{
	struct switches of[NR_CPUS] = { 0 };
	u32 smp_bit = has_smp_bit() ? ACTLR_SMP : 0;

	smp_call(~0u, take_switches, of);
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++) {
		if (cpus_online() & (1u << cpu)) {
			CHECK_EQ(of[cpu].sctlr & (SCTLR_ON | SCTLR_NOT), SCTLR_ON);
			CHECK_EQ(of[cpu].actlr & smp_bit, smp_bit);
		}
	}
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

/* What boot alone needed is closed: no table is left there, and none of its pages is walked. */
TEST(layout, boot_regions_are_closed)
{
	struct region region;
	u32 closed = 0;

	for (u32 i = 0; region_get(i, &region); i++) {
		for (vaddr_t va = region.start; !strcmp(region.kind, "boot") && va != region.end;
		     va += PMD_SIZE) {
			CHECK_EQ(kernel_pmd(va)->raw, 0);
			closed++;
		}
	}
	CHECK_EQ(closed, REGION_SIZE(fdt) / PMD_SIZE);
}

/* The part of the image that is there from the start, with the padding: to the late part. */
TEST(layout, image_pages_allow_what_they_should)
{
	u32 wrong = 0;

	for (vaddr_t va = IMAGE_START; va < (vaddr_t)__late_start; va += PAGE_SIZE) {
		pte_t page = pfn_pte(pa_to_pfn(boot_info.image_pa + (va - IMAGE_START)),
				     va < (vaddr_t)__text_end	? PAGE_KERNEL_RX :
				     va < (vaddr_t)__rodata_end ? PAGE_KERNEL_RO :
								  PAGE_KERNEL);

		wrong += image_table[pte_index(va)].raw !=
			 (va < (vaddr_t)__content_end ? page.raw : 0);
	}
	CHECK_EQ(wrong, 0);
}

/* And the MMU holds text and constants to that. Each word is written as it is. */
TEST(layout, image_constants_refuse_writes)
{
	u32 wrong = 0;

	for (vaddr_t va = IMAGE_START; va < (vaddr_t)__rodata_end; va += PAGE_SIZE) {
		u32 status = probe_write_status((void *)va, *(const u32 *)va);

		wrong += (status & (FSR_WRITE | FSR_STATUS_MASK)) !=
			 FSR_WRITE + FAULT_PERMISSION + 3;
	}
	CHECK_EQ(wrong, 0);
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
