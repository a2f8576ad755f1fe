/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the machine's profile: what an MMU may do one way or another, tried and told. Must never
 * judge, but where the manual leaves no choice; must never rely on what it found.
 */
#include "profile.h"

#include <arch/barrier.h>
#include <arch/cpreg.h>
#include <kernel/test.h>
#include <mm/highmem.h>

#define PAGES	    32 /* mapped side by side, from VA on */
#define VA	    0x42000000u
#define ASIDS_SHIFT 16 /* in the upper word of TTBR0 (B4.1.154) */

#define DEVICE_PAGE (2 * PAGES) /* of the land: by Device mappings only */

static u32 page_va(u32 n)
{
	return VA + n * PAGE_SIZE;
}

/* The land's pages from first on, with more attributes. */
static void map_pages(struct world *w, u32 first, u32 count, u64 more)
{
	world_shape(w, 1, 1);
	for (u32 n = 0; n < count; n++) {
		(void)world_page(w, 0, 0, page_va(n), land_pa(w, first + n) | PAGE_RW | more);
	}
}

static struct op *look_at(struct world *w, u32 va)
{
	return world_op(w, 0, va, OP_READ);
}

static void poke(struct world *w, u32 n, u64 value)
{
	struct op *op = world_op(w, 0, WORLD_ALIAS(0) + (page_va(n) >> 12 & 511) * 8, OP_POKE);

	op->lo = (u32)value;
	op->hi = (u32)(value >> 32);
}

static void visit_now(struct world *w)
{
	world_visit(w);
	w->visit->count = 0;
}

static bool hit(const struct op *op)
{
	return op->trap == TRAP_NONE;
}

static void tell(const char *what, bool is_so)
{
	test_note("profile: %s: %s", what, is_so ? "yes" : "no");
}

static void tell_end(const char *what, const struct op *op)
{
	test_note("profile: %s: %s, DFSR 0x%x IFSR 0x%x", what, hit(op) ? "works" : "aborts",
		  op->dfsr, op->ifsr);
}

static void tell_cpu(void)
{
	u32 mmfr1, mmfr2;

	__asm__("mrc p15, 0, %0, c0, c1, 5" : "=r"(mmfr1));
	__asm__("mrc p15, 0, %0, c0, c1, 6" : "=r"(mmfr2));
	test_note("profile: MIDR %08x CTR %08x ID_MMFR0-3 %08x %08x %08x %08x", read_midr(),
		  read_ctr(), read_id_mmfr0(), mmfr1, mmfr2, read_id_mmfr3());
}

/* How long a translation is used whose entry is gone. */
static void tell_stale(struct world *w)
{
	struct op *after[3], *crowd[PAGES];
	u32 kept = 0;

	map_pages(w, 0, PAGES, 0);
	(void)look_at(w, page_va(0));
	poke(w, 0, D_INVALID);
	after[0] = look_at(w, page_va(0));
	(void)world_op(w, 0, page_va(1), OP_TLBIMVA);
	after[1] = look_at(w, page_va(0));
	(void)world_op(w, 0, 0, OP_TLBIALL);
	after[2] = look_at(w, page_va(0));
	visit_now(w);
	tell("a cleared entry is still used", hit(after[0]));
	tell("a cleared entry is still used after TLBIMVA of another address", hit(after[1]));
	CHECK(!hit(after[2]));

	map_pages(w, 0, PAGES, 0);
	for (u32 n = 0; n < PAGES; n++) {
		(void)look_at(w, page_va(n));
	}
	for (u32 n = 0; n < PAGES; n++) {
		poke(w, n, D_INVALID);
	}
	for (u32 n = 0; n < PAGES; n++) {
		crowd[n] = look_at(w, page_va(n));
	}
	visit_now(w);
	for (u32 n = 0; n < PAGES; n++) {
		kept += hit(crowd[n]);
	}
	test_note("profile: of %u cleared entries %u are still used", (u32)PAGES, kept);
}

static void tell_access_flag(struct world *w)
{
	struct op *op;

	map_pages(w, 0, 1, 0);
	(void)look_at(w, page_va(0));
	poke(w, 0, (land_pa(w, 0) | PAGE_RW) & ~D_AF);
	op = look_at(w, page_va(0));
	visit_now(w);
	tell("an access flag cleared without TLBI still counts", hit(op));
}

/* 16 pages, 64 KiB-aligned at both ends (B3.6.2). */
static void tell_contiguous(struct world *w)
{
	struct op *other;

	map_pages(w, PAGES, 16, D_CONTIG);
	(void)look_at(w, page_va(0));
	for (u32 n = 0; n < 16; n++) {
		poke(w, n, D_INVALID);
	}
	other = look_at(w, page_va(5));
	visit_now(w);
	tell("the contiguous hint makes one translation of 64 KiB", hit(other));
}

static void set_asid(struct world *w, u32 asid)
{
	struct op *op = world_op(w, 0, 0, OP_TTBR0);
	u64 root = page_to_pa(w->root[0].page);

	op->lo = (u32)root;
	op->hi = (u32)(root >> 32) | asid << ASIDS_SHIFT;
}

static void tell_asids(struct world *w)
{
	struct op *other, *again;

	map_pages(w, 0, 1, D_NG);
	set_asid(w, 1);
	(void)look_at(w, page_va(0));
	poke(w, 0, D_INVALID);
	set_asid(w, 2);
	other = look_at(w, page_va(0));
	set_asid(w, 1);
	again = look_at(w, page_va(0));
	visit_now(w);
	tell("an entry of ASID 1 is used by ASID 2", hit(other));
	tell("an entry of ASID 1 is still there when ASID 1 is back", hit(again));
}

/* Of a page that is in no cache and has no other mapping. */
static void tell_device(struct world *w)
{
	struct page *page = land_page(w, DEVICE_PAGE);
	struct op *odd, *fetch;
	char *window;

	page_make_land(page, land_word(0));
	window = kmap_local_page(page);
	for (u32 i = 0; i < PAGE_SIZE; i += 16) { /* no line is shorter */
		write_dccimvac((vaddr_t)window + i);
	}
	dsb_sy(); /* in memory, before it is read past the caches */
	kunmap_local(window);
	map_pages(w, DEVICE_PAGE, 1, D_ATTR(1));
	odd = look_at(w, page_va(0) + 1);
	fetch = world_op(w, 0, page_va(0), OP_EXEC);
	visit_now(w);
	tell_end("an unaligned read of Device memory", odd);
	tell_end("execution of Device memory", fetch);
}

static void tell_others(struct world *w)
{
	struct op *across, *clean;

	map_pages(w, 0, 1, 0);
	across = look_at(w, page_va(1) - 2);
	clean = world_op(w, 0, page_va(2), OP_CLEAN);
	visit_now(w);
	tell("an access across into an unmapped page has DFAR there", across->dfar == page_va(1));
	tell_end("cleaning the cache at an unmapped address", clean);
}

void profile_print(struct world *w)
{
	tell_cpu();
	tell_stale(w);
	tell_access_flag(w);
	tell_contiguous(w);
	tell_asids(w);
	tell_device(w);
	tell_others(w);
}
