/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the late part of the image: its pages, and their entries in image_table. They are mapped
 * three times at the one address, never by two mappings at once: writable, to be filled; not at
 * all, until no TLB remembers that; and as what they are, text, constants or zeroed data. Never
 * executable and writable; and reserved, so that kmap and vmap refuse them.
 *
 * Boot CPU only, no locks.
 */
#include <mm/image_late.h>

#include <arch/alternative.h>
#include <arch/cpreg.h>
#include <arch/early_tables.h>
#include <arch/pte_write.h>
#include <arch/sweep.h>
#include <arch/thumb.h>
#include <arch/tlb.h>
#include <lib/crc32.h>
#include <lib/inflate.h>
#include <lib/string.h>
#include <mm/page_alloc.h>

extern const struct alternative __late_alternatives_start[], __late_alternatives_end[];

/* As tools/pack.py writes it. */
extern const struct {
	u32 bytes, crc32;
	u8 stream[];
} __packed_start;
extern const u8 __packed_end[];

static bool ready;

bool image_late_ready(void)
{
	return ready;
}

static pte_t *late_pte(const char *va)
{
	return &image_table[pte_index((vaddr_t)va)];
}

static void map_writable(void)
{
	for (const char *va = __late_start; va < __late_end; va += PAGE_SIZE) {
		struct page *page = alloc_page(GFP_HIGHONLY);

		if (!page) {
			panic("no memory for the late part of the image");
		}
		page->flags = PAGE_RESERVED;
		pte_write(late_pte(va), pfn_pte(page_to_pfn(page), PAGE_KERNEL));
	}
	dsb_walk(); /* the entries, before the walker may look */
	isb();	    /* and before the pages are written */
}

static void fill(void)
{
	u32 bytes = (u32)(__late_rodata_end - __late_start);
	u32 line = 4u << ((read_ctr() >> 16) & 0xf); /* DminLine, B4.1.42 */

	if (__packed_start.bytes > (u32)(__packed_end - __packed_start.stream) ||
	    inflate_raw(__packed_start.stream, __packed_start.bytes, __late_start, bytes) < 0 ||
	    crc32_update(0, __late_start, bytes) != __packed_start.crc32) {
		panic("the image is damaged: its late part cannot be unpacked");
	}
	calls_are_relative(__late_start, __late_text_end);
	memset(__late_rodata_end, 0, (size_t)(__late_end - __late_rodata_end));
	for (const struct alternative *a = __late_alternatives_start;
	     boot_info.walks_cleaned && a < __late_alternatives_end; a++) {
		memcpy((void *)(vaddr_t)a->site, a->insn, sizeof(a->insn));
	}
	sweep_clean(__late_start, bytes, line); /* what was written, to where fetches see it */
}

/* Rights change by way of an invalid entry: no CPU ever has the old and the new ones at once. */
static void map_final(void)
{
	for (char *va = __late_start; va < __late_end; va += PAGE_SIZE) {
		pte_invalidate(late_pte(va));
	}
	tlb_flush_range((vaddr_t)__late_start, (vaddr_t)__late_end);
	for (char *va = __late_start; va < __late_end; va += PAGE_SIZE) {
		pte_write(late_pte(va),
			  pfn_pte(pte_pfn(*late_pte(va)), va < __late_text_end	 ? PAGE_KERNEL_RX :
							  va < __late_rodata_end ? PAGE_KERNEL_RO :
										   PAGE_KERNEL));
	}
	dsb_walk();	 /* the entries, before the walker may look */
	write_iciallu(); /* what these pages held before; other CPUs do it when they start */
	dsb_ish();	 /* invalidated, */
	isb();		 /* before the first fetch */
}

void image_late_unpack(void)
{
	map_writable();
	fill();
	map_final();
	ready = true;
}

vaddr_t image_va(phys_addr_t pa)
{
	if (pa_in_image(pa)) {
		return (vaddr_t)(IMAGE_START + (u32)(pa - boot_info.image_pa));
	}
	for (const char *va = __late_start; ready && va < __late_end; va += PAGE_SIZE) {
		if (pte_pfn(*late_pte(va)) == pa_to_pfn(pa)) {
			return (vaddr_t)va + pa_offset(pa, PAGE_SIZE);
		}
	}
	return 0;
}
