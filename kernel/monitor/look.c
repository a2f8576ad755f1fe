/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands about memory as a whole: banks, zones, slabs, pages; what was printed. Queries. */
#include "monitor.h"

#include <arch/early_tables.h>
#include <kernel/log.h>
#include <kernel/oops.h>
#include <kernel/report.h>
#include <kernel/test.h>
#include <lib/printf.h>
#include <mm/highmem.h>
#include <mm/image_late.h>
#include <mm/memblock.h>
#include <mm/page_alloc.h>
#include <mm/slab.h>

void cmd_layout(__unused u32 argc, __unused char **argv)
{
	report_map();
}

void cmd_report(__unused u32 argc, __unused char **argv)
{
	report_again();
	tests_report();
}

static void say_amount(const char *what, u64 bytes)
{
	say("  %-24s %10llu KiB %7llu MiB", what, bytes >> 10, bytes >> 20);
}

void cmd_mem(__unused u32 argc, __unused char **argv)
{
	u64 total = memblock_total(), low = ram_below(pfn_to_pa(mm.low_end_pfn)), managed = 0;
	struct zone_info zone[ZONES];

	for (u32 i = 0; i < ZONES; i++) {
		zone_query(i, &zone[i]);
		managed += pfn_to_pa(zone[i].total_pages);
	}
	say_amount("RAM", total);
	say_amount("lowmem, always mapped", low);
	say_amount("HighMem, by windows", total - low);
	say_amount("never the allocator's", total - managed);
	say_amount("free lowmem", pfn_to_pa(zone[ZONE_NORMAL].free_pages));
	say_amount("free HighMem", pfn_to_pa(zone[ZONE_HIGH].free_pages));
	say_amount("in use", managed - pfn_to_pa(free_page_count()));
}

static void say_ranges(const char *title, const struct memblock_list *list)
{
	say("%s:", title);
	for (u32 i = 0; i < list->count; i++) {
		const struct memblock_range *r = &list->range[i];
		phys_addr_t size = r->size;

		say("  0x%010llx to 0x%010llx %10llu KiB%s", r->start, r->start + size, size / 1024,
		    r->flags & MEMBLOCK_NOMAP ? "  no-map" : "");
	}
}

void cmd_banks(__unused u32 argc, __unused char **argv)
{
	say_ranges("RAM", &memblock.memory);
	say_ranges("reserved at boot", &memblock.reserved);
}

/* ---- zones, slabs: by looking at every page ---- */

/* Calls visit() for the first page of each block, free or not, of all RAM from start on. */
static void for_each_block(pfn_t start, pfn_t end, void (*visit)(void *, const struct page *),
			   void *arg)
{
	for (u32 i = 0; i < memblock.memory.count; i++) {
		const struct memblock_range *bank = &memblock.memory.range[i];
		pfn_t pfn = max(start, pa_to_pfn(pa_align_up(bank->start, PAGE_SIZE)));
		pfn_t stop = min(end, pa_to_pfn(bank->start + bank->size));

		while (pfn < stop) {
			const struct page *page = pfn_to_page(pfn);

			visit(arg, page);
			pfn += page_state(page) == PAGE_BUDDY ? 1u << page_order(page) : 1;
		}
	}
}

struct zone_count {
	u32 blocks[MAX_ORDER + 1];
	u32 single; /* on per-CPU lists */
};

static void count_free(void *arg, const struct page *page)
{
	struct zone_count *count = arg;

	if (page_state(page) == PAGE_BUDDY) {
		count->blocks[page_order(page)]++;
	} else if (page_state(page) == PAGE_PCP) {
		count->single++;
	}
}

void cmd_zones(__unused u32 argc, __unused char **argv)
{
	struct zone_info zone;
	char orders[MAX_ORDER * 7 + 8], *to;

	say("free blocks of 2^order pages, by order from 0; single pages on CPUs' lists");
	say("  zone          pages       free%62s  on lists", "");
	for (u32 i = 0; i < ZONES; i++) {
		struct zone_count c = { .single = 0 };
		bool low = i == ZONE_NORMAL;

		zone_query(i, &zone);
		for_each_block(low ? 0 : mm.low_end_pfn, low ? mm.low_end_pfn : mm.end_pfn,
			       count_free, &c);
		to = orders;
		for (u32 order = 0; order <= MAX_ORDER; order++) {
			to += snprintf(to, 7, " %5u", c.blocks[order]);
		}
		say("  %-8s %10u %10u%s %8u", zone.name, zone.total_pages, zone.free_pages, orders,
		    c.single);
	}
}

struct slab_count {
	u32 pages[KMALLOC_CLASSES], objects[KMALLOC_CLASSES];
};

static void count_slab(void *arg, const struct page *page)
{
	struct slab_count *count = arg;

	if (page_state(page) == PAGE_SLAB && page->slab_class < KMALLOC_CLASSES) {
		count->pages[page->slab_class]++;
		count->objects[page->slab_class] += page->slab_inuse;
	}
}

void cmd_slabs(__unused u32 argc, __unused char **argv)
{
	struct slab_count c = { .pages = { 0 } };

	for_each_block(0, mm.low_end_pfn, count_slab, &c);
	say("  size   pages  objects handed out, or kept by a CPU");
	for (u32 i = 0; i < KMALLOC_CLASSES; i++) {
		say("  %4u  %6u  %7u", KMALLOC_MIN << i, c.pages[i], c.objects[i]);
	}
}

/* ---- one page, one address ---- */

const char *type_word(enum mem_type type)
{
	static const char words[][12] = { "normal", "device", "uncached", "ordered" };

	return type < ARRAY_SIZE(words) ? words[type] : "unknown";
}

/* The first page of the block that pfn lies in. */
static pfn_t block_of(pfn_t pfn)
{
	for (u32 order = 0; order <= MAX_ORDER; order++) {
		pfn_t first = pfn >> order << order;

		if (pfn_valid(first) && page_state(pfn_to_page(first)) != PAGE_INSIDE &&
		    page_order(pfn_to_page(first)) >= order) {
			return first;
		}
	}
	return pfn;
}

void page_say(pfn_t pfn)
{
	static const char *const states[] = {
		[PAGE_INSIDE] = "inside a block",
		[PAGE_BUDDY] = "free",
		[PAGE_PCP] = "free, on a CPU's list",
		[PAGE_ALLOCATED] = "allocated",
		[PAGE_SLAB] = "slab",
		[PAGE_RESERVED] = "reserved",
	};
	const struct page *page = pfn_to_page(pfn), *block = pfn_to_page(block_of(pfn));
	u32 state = page_state(block), mine = opened_page(pfn);

	say("page 0x%06x: physical 0x%010llx, %s, %s%s", pfn, pfn_to_pa(pfn),
	    page_is_high(page) ? "HighMem" : "lowmem",
	    state < ARRAY_SIZE(states) && states[state] ? states[state] : "in no known state",
	    image_va(pfn_to_pa(pfn)) ? ": the kernel image" : "");
	say("  flags 0x%08x, type %s, references %d; struct page at 0x%08x", page->flags,
	    type_word(page_type(page)), page->refcount, (u32)(vaddr_t)page);
	if (page_order(block)) {
		say("  in a block of %u pages from 0x%06x", 1u << page_order(block),
		    page_to_pfn(block));
	}
	if (mine) {
		say("  yours: #%u", mine);
	}
	if (page_is_high(page) && page->kmap) {
		struct pkmap_window w;

		pkmap_window_query(page->kmap, &w);
		say("  pkmap window at 0x%08x, count %u", (u32)(vaddr_t)w.va, w.count);
	}
	if (state == PAGE_SLAB) {
		say("  slab of %u-byte objects, %u in use", KMALLOC_MIN << page->slab_class,
		    page->slab_inuse);
	}
}

void cmd_page(__unused u32 argc, char **argv)
{
	const struct page *page;
	pfn_t pfn;

	if (argv[0][0] != '#') {
		if (want_ram_pfn(argv[0], &pfn)) {
			page_say(pfn);
		}
		return;
	}
	page = want_page(argv[0]);
	if (page) {
		page_say(page_to_pfn(page));
	}
}

/* ---- the log ---- */

void cmd_dmesg(__unused u32 argc, __unused char **argv)
{
	char line[LOG_LINE_MAX];
	u32 at = log_start();

	while (!line_stop() && log_next(&at, line, sizeof(line))) {
		say("%s", line);
	}
}
