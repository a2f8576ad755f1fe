/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The direct mapping: all of lowmem that may be mapped, at its fixed distance, by blocks
 * where they fit; never the image, never executable, nothing behind its end.
 */
#include <arch/barrier.h>
#include <arch/early_tables.h>
#include <arch/probe.h>
#include <kernel/test.h>
#include <mm/memblock.h>
#include <mm/page_alloc.h>
#include <mm/pgtable.h>

#include "pages.h"

/* What the tables say about a direct-mapped page: its leaf, of either kind; 0 if unmapped. */
static u64 leaf_of(vaddr_t va, bool *block)
{
	pmd_t pmd = *kernel_pmd(va);
	const pte_t *pte;

	*block = pmd_present(pmd) && !pmd_is_table(pmd);
	if (*block) {
		return pmd.raw;
	}
	pte = kernel_pte(va);
	return pte && pte_present(*pte) ? pte->raw : 0;
}

static bool is_mappable(phys_addr_t pa)
{
	return memblock_is_ram(pa, PAGE_SIZE) && !memblock_is_nomap(pa, PAGE_SIZE) &&
	       !pa_in_image(pa);
}

/* A page of lowmem by its distance from PAGE_OFFSET, counted from either end. */
static vaddr_t mappable_page(bool first)
{
	u32 pages = (mm.lowmem_end - PAGE_OFFSET) / PAGE_SIZE;

	for (u32 i = 0; i < pages; i++) {
		vaddr_t va = PAGE_OFFSET + (first ? i : pages - 1 - i) * PAGE_SIZE;

		if (is_mappable(virt_to_phys((void *)va))) {
			return va;
		}
	}
	return 0;
}

static void check_byte(u8 *byte)
{
	u8 value, back;

	if (CHECK_EQ(probe_read8(byte, &value), 0)) {
		CHECK_EQ(probe_write8(byte, value ^ 0x55), 0);
		CHECK_EQ(probe_read8(byte, &back), 0);
		CHECK_EQ(back, value ^ 0x55);
		CHECK_EQ(probe_write8(byte, value), 0);
	}
}

TEST(directmap, first_and_last_byte)
{
	check_byte((u8 *)mappable_page(true));
	check_byte((u8 *)mappable_page(false) + PAGE_SIZE - 1);
}

/* Each lowmem page is mapped exactly if it may be, to its own frame, RW- and nothing else. */
TEST(directmap, every_page_as_promised)
{
	const u64 want = PAGE_KERNEL.raw, care = want | LEAF_RO | LEAF_USER | LEAF_NG | LEAF_NS;
	u32 wrong = 0, blocks = 0, fit = 0;

	for (vaddr_t va = PAGE_OFFSET; va < mm.lowmem_end; va += PAGE_SIZE) {
		phys_addr_t pa = virt_to_phys((void *)va);
		bool block;
		u64 leaf = leaf_of(va, &block);

		if (IS_ALIGNED(va, PMD_SIZE)) {
			fit += memblock_is_ram(pa, PMD_SIZE) && !memblock_is_nomap(pa, PMD_SIZE) &&
			       (boot_info.image_pa >= pa + PMD_SIZE ||
				__pa_symbol(__content_end) <= pa);
			blocks += block;
		}
		/* one look is enough: the whole of it must be mappable, checked by `fit` */
		if (block) {
			wrong += (leaf & care) != want || pmd_pa((pmd_t){ leaf }) != pa;
			va += PMD_SIZE - PAGE_SIZE;
		} else if (leaf) {
			wrong += (leaf & care) != want || pte_pa((pte_t){ leaf }) != pa ||
				 !is_mappable(pa);
		} else {
			wrong += is_mappable(pa);
		}
	}
	CHECK_EQ(wrong, 0);
	CHECK_EQ(blocks, fit);
	CHECK(blocks > 0);
}

TEST(directmap, never_executable)
{
	struct page *page = alloc_page(GFP_KERNEL);
	u32 *va;

	REQUIRE(page);
	va = lowmem_page_address(page);
	*va = 0xe12fff1e; /* bx lr */
	dsb_ish();	  /* the store, before anything could be fetched from there */
	CHECK_ERR(probe_exec(va), EFAULT);
	free_page(page);
}

/* The image has its own addresses; a second, writable name for its text must not exist. */
TEST(directmap, image_is_absent)
{
	if (boot_info.image_pa >= pfn_to_pa(mm.low_end_pfn)) {
		test_note("the image lies in HighMem");
		return;
	}
	for (const char *p = __image_start; p < __content_end; p += PAGE_SIZE) {
		CHECK_NO_READ(phys_to_virt(__pa_symbol(p)));
	}
}

TEST(directmap, nomap_is_absent)
{
	for (u32 i = 0; i < memblock.reserved.count; i++) {
		const struct memblock_range *range = &memblock.reserved.range[i];
		phys_addr_t pa = pa_align_down(range->start, PAGE_SIZE);

		if ((range->flags & MEMBLOCK_NOMAP) && pa >= mm.phys_offset &&
		    pa_to_pfn(pa) < mm.low_end_pfn) {
			test_note("no-map at 0x%010llx", pa);
			CHECK_NO_READ(phys_to_virt(pa));
		}
	}
}

TEST(directmap, end_faults)
{
	CHECK_NO_READ(mm.lowmem_end);
	CHECK_NO_READ((char *)mm.lowmem_end + VMALLOC_GUARD - sizeof(u32));
	CHECK_ERR(probe_write((void *)mm.lowmem_end, 1), EFAULT);
}
