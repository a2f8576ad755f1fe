/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Each allocation fails once (DEBUG builds alone link this): an operation is done again and again,
 * each time with one call refused that was not refused before: the first from each site, the
 * second, the third. It may fail then, or do with less; what it took is back each time, to the
 * page. When nothing is left to refuse it must succeed.
 *
 * Each refused site is printed; tests/system/test_failalloc.py holds them against the ELF.
 */
#include <arch/current.h>
#include <errno.h>
#include <failalloc.h>
#include <kernel/console.h>
#include <kernel/irq.h>
#include <kernel/memory.h>
#include <kernel/memtest.h>
#include <kernel/monitor.h>
#include <kernel/reenter.h>
#include <kernel/report.h>
#include <kernel/sched.h>
#include <kernel/smp.h>
#include <kernel/test.h>
#include <kernel/watchdog.h>
#include <lib/symtab.h>
#include <mm/highmem.h>
#include <mm/page_alloc.h>
#include <mm/slab.h>
#include <mm/vmalloc.h>

#define SITES_MAX    64 /* of one operation */
#define CALLS_MAX    3	/* of one site */
#define ROUNDS_MAX   (SITES_MAX * CALLS_MAX + 1)
#define NO_RAM	     (PHYS_END - SZ_64K) /* where nobody has any */
#define FREE_SGI     9
#define LITTLE_PAGES 8192

static struct {
	const struct thread_core *victim; /* only what this thread asks for is refused */
	struct {
		vaddr_t at;
		u32 refused; /* calls, in all rounds */
		u32 seen;    /* calls, in this one */
	} site[SITES_MAX];
	u32 sites;
	bool refused; /* in this round */
} fail;

static bool refuse(vaddr_t at)
{
	u32 i = 0;

	if (current_core() != fail.victim || in_irq() || fail.refused) {
		return false;
	}
	while (i < fail.sites && fail.site[i].at != at) {
		i++;
	}
	if (i == fail.sites) {
		BUG_ON(i == SITES_MAX, "test.failalloc", "more than %u sites", SITES_MAX);
		fail.site[fail.sites++].at = at;
	}
	if (++fail.site[i].seen <= fail.site[i].refused || fail.site[i].seen > CALLS_MAX) {
		return false;
	}
	fail.site[i].refused++;
	fail.refused = true;
	return true;
}

/* True if a call was refused; *done: what the operation said. */
static bool one_round(bool (*operation)(void), bool *done)
{
	for (u32 i = 0; i < fail.sites; i++) {
		fail.site[i].seen = 0;
	}
	fail.refused = false;
	fail.victim = current_core();
	failalloc_hook = refuse;
	*done = operation();
	failalloc_hook = NULL;
	return fail.refused;
}

static void print_sites(void)
{
	char name[48];
	u32 offset;

	for (u32 i = 0; i < fail.sites; i++) {
		if (symtab_lookup(fail.site[i].at, name, sizeof(name), &offset)) {
			test_note("refused: %08x %u %s+0x%x", fail.site[i].at & ~1u,
				  fail.site[i].refused, name, offset);
		}
	}
}

/* Nothing may be lost, not even what is smaller than a page: objects, addresses. */
struct holdings {
	u32 free_pages, objects, areas;
};

static struct holdings holdings_now(void)
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

static void fail_each(bool (*operation)(void))
{
	struct holdings before = holdings_now(), after;
	u32 rounds = 0;
	bool done, refused;

	memset(&fail, 0, sizeof(fail));
	do {
		refused = one_round(operation, &done);
		watchdog_beat();
		after = holdings_now();
		if (!CHECK_EQ(after.free_pages, before.free_pages) ||
		    !CHECK_EQ(after.objects, before.objects) ||
		    !CHECK_EQ(after.areas, before.areas)) {
			before = after;
			print_sites();
		}
	} while (refused && ++rounds < ROUNDS_MAX);
	CHECK(done);
	CHECK(!refused);
	CHECK(rounds > 0);
	print_sites();
}

/* ---- pages, objects ---- */

static bool take_pages(void)
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

TEST(failalloc, pages)
{
	fail_each(take_pages);
}

/* Requests that may have either kind of memory, when HighMem is used up. */
static bool take_instead(void)
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

/* Where there is little of it: DEBUG poisons what is freed. */
TEST(failalloc, lowmem_instead)
{
	struct page *page;
	struct zone_info high;
	pfn_t taken = 0;

	zone_query(ZONE_HIGH, &high);
	if (high.free_pages > LITTLE_PAGES) {
		SKIP("too much HighMem to use up");
	}
	while ((page = alloc_page(GFP_HIGHONLY))) {
		page->next = taken;
		taken = page_to_pfn(page);
	}
	fail_each(take_instead);
	while (taken) {
		page = pfn_to_page(taken);
		taken = page->next;
		free_page(page);
	}
}

/* More than all stacks and partial slabs hold, of the largest class; and a large one. */
static bool take_objects(void)
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

TEST(failalloc, objects)
{
	fail_each(take_objects);
}

/* ---- areas ---- */

static bool take_areas(void)
{
	void *small = vmalloc(1), *wide = vmalloc(700 * PAGE_SIZE), *zeroed = vzalloc(PAGE_SIZE);
	void *device = ioremap(NO_RAM, SZ_64K);

	iounmap(device);
	vfree(zeroed);
	vfree(wide);
	vfree(small);
	return small && wide && zeroed && device;
}

TEST(failalloc, areas)
{
	fail_each(take_areas);
}

/* One page at many addresses: of a part of the area that has no tables yet, if there is one. */
static bool map_wide(void)
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

TEST(failalloc, wide_maps)
{
	fail_each(map_wide);
}

/* ---- threads, interrupts ---- */

static void do_nothing(__unused void *arg)
{
}

static bool start_threads(void)
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

TEST(failalloc, threads)
{
	fail_each(start_threads);
}

static void never_called(__unused u32 irq, __unused void *arg)
{
}

static bool request_interrupt(void)
{
	int error = irq_request(FREE_SGI, never_called, NULL, true, "nobody");

	if (error == 0) {
		irq_free(FREE_SGI);
	}
	CHECK(error == 0 || error == -ENOMEM);
	return error == 0;
}

TEST(failalloc, interrupts)
{
	if (!irq_controller_present()) {
		SKIP("no interrupt controller");
	}
	fail_each(request_interrupt);
}

/* ---- larger things ---- */

static bool test_memory(void)
{
	struct memtest_options options = {
		.sweeps = 1, .passes = 1u << 5, .limit = SZ_4M, .silent = true
	};
	struct memtest_result result;

	memtest_run(&options, &result);
	CHECK_EQ(result.errors, 0);
	/* What was not tested is not said to be: a block is missing, or all. */
	CHECK(result.tested == 0 || result.complete == 1u << 5);
	return result.tested == SZ_4M;
}

TEST(failalloc, memtest)
{
	fail_each(test_memory);
}

static bool make_room_to_leave(void)
{
	struct page *page = reenter_alloc(2, NULL);

	if (page) {
		free_pages(page, 2);
	}
	return page;
}

TEST(failalloc, reenter)
{
	fail_each(make_room_to_leave);
}

/* ---- what talks: the port is mute meanwhile ---- */

static const struct uart_driver *real;

static void init_nothing(__unused void *regs, __unused const struct console_port *port)
{
}

static void say_nothing(__unused void *regs, __unused u8 c)
{
}

/* Of nobody else's lines, for the others are idle. */
static void mute(bool on)
{
	static struct uart_driver silent, back;
	void *regs;

	if (on) {
		regs = console_hardware(&real);
		silent = back = *real;
		silent.init = back.init = init_nothing;
		silent.putc = say_nothing;
		console_attach(&silent, regs, NULL);
	} else {
		regs = console_hardware(&(const struct uart_driver *){ NULL });
		back = *real;
		back.init = init_nothing;
		console_attach(&back, regs, NULL);
	}
}

static bool type_commands(void)
{
	static const char *const lines[] = { "alloc high 3", "alloc low",  "kmap #1",
					     "klocal #1",    "vmap #1",	   "vmalloc 64K",
					     "fixmap #1",    "copy #1 #1", "md 0xfffffff000 1",
					     "close all",    "close all" };
	u32 went_well = 0;

	mute(true);
	for (u32 i = 0; i < ARRAY_SIZE(lines); i++) {
		went_well += monitor_type(lines[i]);
	}
	mute(false);
	return went_well == ARRAY_SIZE(lines);
}

/* A person's commands: they open what there is memory for, say what there is not, and close all. */
TEST(failalloc, monitor)
{
	REQUIRE(type_commands()); /* the table of what is open is made once, and stays */
	fail_each(type_commands);
}
