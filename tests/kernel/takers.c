/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns operations that take memory and give it back. A part may be missing each time: what came is
 * given back, whatever else did not.
 */
#include "takers.h"

#include <arch/current.h>
#include <errno.h>
#include <kernel/irq.h>
#include <kernel/memory.h>
#include <kernel/memtest.h>
#include <kernel/sched.h>
#include <kernel/test.h>
#include <mm/highmem.h>
#include <mm/page_alloc.h>
#include <mm/slab.h>
#include <mm/vmalloc.h>

#define FREE_SGI 9

u32 taken_wrong;

bool take_pages(void)
{
	struct page *block = alloc_pages(GFP_KERNEL, 3), *user = alloc_pages(GFP_HIGHUSER, 0);
	struct page *zeroed = alloc_page(GFP_HIGHONLY | GFP_ZERO), *bulk[100];
	u32 got = alloc_pages_bulk(GFP_HIGH, ARRAY_SIZE(bulk), bulk);

	free_pages_bulk(bulk, got);
	if (zeroed) {
		free_page(zeroed);
	}
	if (user) {
		free_pages(user, 0);
	}
	if (block) {
		free_pages(block, 3);
	}
	return block && user && zeroed && got == ARRAY_SIZE(bulk);
}

/* Requests that may have either kind of memory, when HighMem is used up. */
bool take_instead(void)
{
	struct page *page = alloc_page(GFP_HIGHUSER), *block = alloc_pages(GFP_HIGHUSER, 2),
		    *bulk[40];
	u32 got = alloc_pages_bulk(GFP_HIGHUSER, ARRAY_SIZE(bulk), bulk);

	free_pages_bulk(bulk, got);
	if (block) {
		free_pages(block, 2);
	}
	if (page) {
		free_page(page);
	}
	return page && block && got == ARRAY_SIZE(bulk);
}

/* More than all stacks and partial slabs hold, of the largest class; and a large one. */
bool take_objects(void)
{
	void *object[64], *large = kmalloc(3 * PAGE_SIZE), *zeroed = kzalloc(100);
	u32 got = 0;

	while (got < ARRAY_SIZE(object) && (object[got] = kmalloc(KMALLOC_MAX))) {
		got++;
	}
	for (u32 i = 0; i < got; i++) {
		kfree(object[i]);
	}
	kfree(zeroed);
	kfree(large);
	return got == ARRAY_SIZE(object) && large && zeroed;
}

bool take_areas(void)
{
	void *small = vmalloc(1), *wide = vmalloc(700 * PAGE_SIZE), *zeroed = vzalloc(PAGE_SIZE);
	void *device = ioremap(NO_RAM, SZ_64K);

	iounmap(device);
	vfree(zeroed);
	vfree(wide);
	vfree(small);
	return small && wide && zeroed && device;
}

/* One page at many addresses: of a part of the area that has no tables yet, if there is one. */
bool take_wide(void)
{
	enum { WIDTH = 3 * PTRS_PER_TABLE };
	struct page *page = alloc_page(GFP_HIGHONLY), **pages = vmalloc(WIDTH * sizeof(*pages));
	void *va = NULL;

	for (u32 i = 0; page && pages && i < WIDTH; i++) {
		pages[i] = page;
	}
	if (page && pages) {
		va = vmap(pages, WIDTH, PAGE_KERNEL);
	}
	vunmap(va);
	vfree(pages);
	if (page) {
		free_page(page); /* the purge drops the areas' references */
	}
	return va;
}

static void do_nothing(__unused void *arg)
{
}

bool take_threads(void)
{
	struct thread *anywhere = thread_create("nobody", do_nothing, NULL);
	struct thread *here = thread_create_on(current_core()->cpu, "nobody", do_nothing, NULL);

	if (anywhere) {
		thread_join(anywhere);
	}
	if (here) {
		thread_join(here);
	}
	return anywhere && here;
}

static void never_called(__unused u32 irq, __unused void *arg)
{
}

bool take_interrupt(void)
{
	int error = irq_request(FREE_SGI, never_called, NULL, true, "nobody");

	if (error == 0) {
		irq_free(FREE_SGI);
	}
	taken_wrong += error != 0 && error != -ENOMEM;
	return error == 0;
}

bool take_memtest(void)
{
	struct memtest_options options = {
		.sweeps = 1, .passes = 1u << 5, .limit = SZ_4M, .silent = true
	};
	struct memtest_result result;

	memtest_run(&options, &result);
	/* What was not tested is not said to be: a block is missing, or all. */
	taken_wrong += result.errors || (result.tested && result.complete != 1u << 5);
	return result.tested == SZ_4M;
}

/* ---- what is held ---- */

struct holdings holdings_now(void)
{
	struct holdings h = { .free_pages = memory_baseline() };
	struct vmalloc_info info = { .end = vmalloc_start() };

	for (pfn_t pfn = pa_to_pfn(mm.phys_offset); pfn < mm.low_end_pfn; pfn++) {
		if (pfn_valid(pfn) && page_state(pfn_to_page(pfn)) == PAGE_SLAB) {
			h.objects += pfn_to_page(pfn)->slab_inuse;
		}
	}
	while (vmalloc_query(info.end, true, &info)) {
		info.end += PAGE_SIZE; /* the guard is the area's too */
		h.areas++;
	}
	return h;
}

bool holdings_same(const struct holdings *before)
{
	struct holdings now = holdings_now();

	if (memcmp(&now, before, sizeof(now)) == 0) {
		return true;
	}
	test_note("free pages %u, were %u; objects %u, were %u; areas %u, were %u", now.free_pages,
		  before->free_pages, now.objects, before->objects, now.areas, before->areas);
	return false;
}
