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
#include <kernel/console.h>
#include <kernel/irq.h>
#include <kernel/monitor.h>
#include <kernel/reenter.h>
#include <kernel/test.h>
#include <kernel/watchdog.h>
#include <mm/page_alloc.h>
#include <mm/pgtable.h>
#include <mm/vmalloc.h>

#include "refuse.h"
#include "takers.h"

#define CALLS_MAX    3 /* of one site */
#define ROUNDS_MAX   (64 * CALLS_MAX)
#define LITTLE_PAGES 8192

/* ---- one call in each round ---- */

static bool one_refused; /* in this round */

static bool refuse_next(const struct refuse_call *call)
{
	if (one_refused || call->number < call->refused || call->number >= CALLS_MAX) {
		return false;
	}
	one_refused = true;
	return true;
}

/* Returns how often a call was refused. keeps: what it makes is made once, and stays. */
static u32 fail_rounds(bool (*operation)(void), bool keeps)
{
	struct holdings before = holdings_now();
	u32 rounds = 0;
	bool done;

	refuse_forget();
	do {
		one_refused = false;
		refuse_begin(refuse_next, current_core());
		done = operation();
		refuse_end();
		watchdog_beat();
		if (!keeps && !CHECK(holdings_same(&before))) {
			before = holdings_now();
			refuse_print();
		}
	} while (one_refused && ++rounds < ROUNDS_MAX);
	CHECK(done);
	CHECK(!one_refused);
	CHECK_EQ(taken_wrong, 0);
	refuse_print();
	return rounds;
}

static void fail_each(bool (*operation)(void))
{
	CHECK(fail_rounds(operation, false) > 0);
}

/* ---- pages, objects ---- */

TEST(failalloc, pages)
{
	fail_each(take_pages);
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

TEST(failalloc, objects)
{
	fail_each(take_objects);
}

/* ---- areas ---- */

TEST(failalloc, areas)
{
	fail_each(take_areas);
}

TEST(failalloc, wide_maps)
{
	fail_each(take_wide);
}

static u32 missing_tables(void)
{
	u32 missing = 0;

	for (vaddr_t va = vmalloc_start(); va < VMALLOC_END; va += PMD_SIZE) {
		missing += kernel_pte(va) == NULL;
	}
	return missing;
}

#define SMALL_PAGES 30
static void **small_areas; /* room for as many as fit into the vmalloc area */

/*
 * Areas small enough to be kept as they are when they are freed, side by side to beyond the end of
 * the last table that there is. One that found no memory is asked for again at once: the same.
 */
static bool map_across_tables(void)
{
	u32 missing = missing_tables(), until = missing - min(missing, 2u), n = 0;
	void **area = small_areas;
	bool all = true;

	do {
		area[n] = ioremap(NO_RAM, SMALL_PAGES * PAGE_SIZE);
		if (!area[n]) {
			all = false;
			area[n] = ioremap(NO_RAM, SMALL_PAGES * PAGE_SIZE);
		}
	} while (area[n++] && missing_tables() > until);
	while (n > 0) {
		iounmap(area[--n]);
	}
	return all;
}

TEST(failalloc, small_areas_across_tables)
{
	u32 most = (VMALLOC_END - vmalloc_start()) / (SMALL_PAGES * PAGE_SIZE);

	small_areas = vmalloc(most * sizeof(*small_areas));
	REQUIRE(small_areas);
	test_note("%u tables are missing", missing_tables());
	fail_each(map_across_tables);
	vfree(small_areas);
}

/* ---- threads, interrupts ---- */

TEST(failalloc, threads)
{
	fail_each(take_threads);
}

TEST(failalloc, interrupts)
{
	if (!irq_controller_present()) {
		SKIP("no interrupt controller");
	}
	fail_each(take_interrupt);
}

/* ---- larger things ---- */

TEST(failalloc, memtest)
{
	fail_each(take_memtest);
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

static bool type_all(const char *const lines[], u32 count)
{
	u32 went_well = 0;

	mute(true);
	for (u32 i = 0; i < count; i++) {
		went_well += monitor_type(lines[i]);
	}
	mute(false);
	return went_well == count;
}

static bool type_commands(void)
{
	static const char *const lines[] = { "alloc high 3", "alloc low",  "kmap #1",
					     "klocal #1",    "vmap #1",	   "vmalloc 64K",
					     "fixmap #1",    "copy #1 #1", "md 0xfffffff000 1",
					     "close all",    "close all" };

	return type_all(lines, ARRAY_SIZE(lines));
}

static bool type_first(void)
{
	return type_all((const char *const[]){ "alloc low", "close all" }, 2);
}

/* A person's commands: they open what there is memory for, say what there is not, and close all. */
TEST(failalloc, monitor)
{
	(void)fail_rounds(type_first, true); /* nothing to refuse if it was there before */
	fail_each(type_commands);
}

static bool refuse_all(__unused const struct refuse_call *call)
{
	return true;
}

/* If it did find memory it would wait for a sender. */
TEST(failalloc, monitor_load)
{
	struct holdings before = holdings_now();
	struct refused refused;

	refuse_forget();
	refuse_begin(refuse_all, current_core());
	CHECK(!type_all((const char *const[]){ "load" }, 1));
	refuse_end();
	refuse_query(&refused);
	CHECK_EQ(refused.calls, 1);
	CHECK(holdings_same(&before));
	refuse_print();
}
