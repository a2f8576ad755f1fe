/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns what memtest=all adds to the tester: which ranges were tested, and the way from the first
 * run to the second. Must never call a byte tested that was not, or hand over one that was not
 * found good.
 *
 * No locks: one thread.
 */
#include <kernel/memtest_all.h>

#include <arch/cpreg.h>
#include <arch/early_tables.h>
#include <arch/secondary.h>
#include <bug.h>
#include <kernel/pristine.h>
#include <kernel/reenter.h>
#include <kernel/report.h>
#include <kernel/smp.h>
#include <lib/crc32.h>
#include <lib/div.h>
#include <lib/printf.h>
#include <mm/lowmem.h>
#include <mm/page_alloc.h>
#include <mm/slab.h>
#include <printk.h>

#include "engine.h"
#include "handover.h"

/*
 * So many good ranges; the rest is left to the second run, whose reservations have to fit a list as
 * long.
 */
#define GOOD_RANGES 24

static struct handover *handover; /* during a run */
static bool bad_lost;		  /* more bad ranges than it has room for */
static const char said[] = "";	  /* why it is no pass: that has been printed */

/* ---- what was tested ---- */

static int note(phys_addr_t pa, phys_addr_t bytes, u32 flags)
{
	return memblock_list_add(&handover->tested, pa, bytes, flags);
}

/* What has no room does not count as tested. */
static void note_tested(pfn_t first, u32 pages)
{
	if ((handover->image || handover->tested.count < GOOD_RANGES) &&
	    note(pfn_to_pa(first), pfn_to_pa(pages), 0)) {
		return;
	}
}

static void note_bad(phys_addr_t start, phys_addr_t end)
{
	start = pa_align_down(start, PAGE_SIZE);
	bad_lost |= note(start, pa_align_up(end, PAGE_SIZE) - start, MEMBLOCK_BAD) != 0;
}

enum state { UNTESTED, TESTED, BAD, NOMAP, RESERVED, INITRD, EDGE, STATES };

/* Of the byte at `at`, and *end not beyond where that may change. */
static enum state state_at(phys_addr_t at, phys_addr_t *end)
{
	const struct memblock_range *r = memblock_list_at(&handover->tested, at);

	if (r && r->start <= at) {
		*end = min(*end, r->start + r->size);
		return r->flags & MEMBLOCK_BAD ? BAD : TESTED;
	}
	*end = r ? min(*end, r->start) : *end;
	if (!pfn_valid(pa_to_pfn(at))) { /* where a bank begins or ends inside a page */
		*end = min(*end, pa_align_down(at, PAGE_SIZE) + PAGE_SIZE);
		return EDGE;
	}
	r = memblock_list_at(&memblock.reserved, at);
	if (!r || r->start > at) {
		*end = r ? min(*end, r->start) : *end;
		return UNTESTED;
	}
	*end = min(*end, r->start + r->size);
	return r->flags & MEMBLOCK_NOMAP    ? NOMAP :
	       r->flags & MEMBLOCK_FIRMWARE ? RESERVED :
	       r->flags & MEMBLOCK_INITRD   ? INITRD :
					      UNTESTED;
}

static void print_range(phys_addr_t start, phys_addr_t end, enum state state)
{
	static const char names[STATES][9] = { "untested", "tested", "bad", "no-map",
					       "reserved", "initrd", "edge" };

	printk("@mem {\"phase\":\"range\",\"start\":\"0x%010llx\",\"end\":\"0x%010llx\",\"state\":\"%s\"}",
	       start, end, names[state]);
}

/* All RAM by ranges, then in all. Returns the bytes that should have been tested and were not. */
static u64 report(void)
{
	u64 bytes[STATES] = { 0 }, due, done;

	for (u32 i = 0; i < memblock.memory.count; i++) {
		const struct memblock_range *bank = &memblock.memory.range[i];
		phys_addr_t start = bank->start, at = start, bank_end = start + bank->size;

		while (at < bank_end) {
			phys_addr_t end = bank_end, next_end = bank_end;
			enum state state = state_at(at, &end);

			bytes[state] += end - at;
			at = end;
			if (at == bank_end || state_at(at, &next_end) != state) {
				print_range(start, at, state);
				start = at;
			}
		}
	}
	for (u32 i = 0; i < handover->tested.count; i++) {
		const struct memblock_range *r = &handover->tested.range[i];

		if (r->flags & MEMBLOCK_BAD) {
			reserve_print(r->start, r->start + r->size);
		}
	}
	reserve_print_end();
	done = bytes[TESTED] + bytes[BAD];
	due = done + bytes[UNTESTED];
	printk("@mem {\"phase\":\"all\",\"ram\":%llu,\"tested\":%llu,\"kept\":%llu,\"untested\":%llu,"
	       "\"errors\":%u,\"percent\":%u}",
	       memblock_total(), done, memblock_total() - due, bytes[UNTESTED], handover->errors,
	       (u32)div_u64(done / 256 * 100, max((u32)((due + 255) / 256), 1u), NULL));
	return bytes[UNTESTED];
}

/* ---- the first run ---- */

/* The arguments for the second: memtest=again and its tail, then all others. NULL: no memory. */
static char *arguments(struct span tail)
{
	const char *text = report_bootargs();
	size_t room = strlen(text) + tail.len + sizeof("memtest=again ");
	char *args = kmalloc(room);
	struct bootarg arg;
	size_t len;

	if (!args) {
		return NULL;
	}
	len = (size_t)snprintf(args, room, "memtest=again%.*s", SPAN_ARG(tail));
	while (bootargs_next(&text, &arg)) {
		if (!span_eq(arg.key, "memtest")) {
			len += (size_t)snprintf(args + len, room - len, " %.*s",
						SPAN_ARG(arg.whole));
		}
	}
	return args;
}

static phys_addr_t good_from(phys_addr_t at)
{
	phys_addr_t bytes = 0;

	for (u32 i = 0; i < handover->tested.count; i++) {
		const struct memblock_range *r = &handover->tested.range[i];
		phys_addr_t end = r->start + r->size;

		bytes += r->flags == 0 && end > at ? end - max(r->start, at) : 0;
	}
	return bytes;
}

/* Whether lowmem has one good piece for the second run's page array, and a little more. */
static bool has_room_for_array(phys_addr_t low_end)
{
	u32 first = pa_section(mm.phys_offset, SECTION_SHIFT);
	phys_addr_t bytes =
		(phys_addr_t)page_array_slots(first, mm.section_count - 1, 0, NULL, NULL)
		<< SECTION_MEMMAP_SHIFT;

	for (u32 i = 0; i < handover->tested.count; i++) {
		const struct memblock_range *r = &handover->tested.range[i];

		if (r->flags == 0 && min(r->start + r->size, low_end) >= r->start + bytes + SZ_1M) {
			return true;
		}
	}
	return false;
}

/* Of the good memory, for what the second run does not live without. NULL: there is enough. */
static const char *lacks_room(void)
{
	phys_addr_t low_end = lowmem_end_below(pfn_to_pa(mm.low_end_pfn), good_from);

	return !has_room_for_array(low_end) ? "no tested lowmem for a page array" :
	       good_from(low_end) < SZ_1M   ? "no tested HighMem" :
					      NULL;
}

static const char *enter_copy(struct page *page, u32 order, char *bootargs)
{
	char line[96];
	struct reenter r = {
		.image = page_to_pa(page),
		.bytes = pristine_bytes(),
		.owned = true,
		.bootargs = bootargs,
		.handover = handover,
		.handover_bytes = sizeof(*handover),
		.announce = line,
		.good = &handover->tested,
	};
	void *copy = lowmem_page_address(page);
	u32 crc = pristine_copy(copy);
	const char *why;

	/* What memory has of it, not what a cache has: that is what is entered. */
	clean_and_forget(copy, r.bytes);
	if (crc32_update(0, copy, r.bytes) != crc) {
		return "the copy changes in memory";
	}
	if (bad_lost || note(r.image, PAGE_SIZE << order, MEMBLOCK_TAKEN)) {
		return "too many bad ranges";
	}
	why = lacks_room();
	if (why) {
		return why;
	}
	handover->version = HANDOVER_VERSION;
	handover->build = handover_build();
	handover->image = pa_low32(r.image);
	handover->first_image = pa_low32(boot_info.image_pa);
	handover->crc = crc32_update(0, &handover->version, sizeof(*handover) - sizeof(u32));
	(void)snprintf(line, sizeof(line),
		       "@reenter {\"image\":\"0x%010llx\",\"bytes\":%u,\"crc32\":\"%08x\"}",
		       r.image, r.bytes, crc);
	return reenter(&r);
}

static const char *second_run(struct span tail)
{
	const char *why = "no tested memory below 4 GiB for an image";
	char *bootargs = arguments(tail);
	struct page *page;
	u32 order = 0;

	while ((PAGE_SIZE << order) < pristine_bytes()) {
		order++;
	}
	page = bootargs ? reenter_alloc(order, &handover->tested) : NULL;
	if (page) {
		why = enter_copy(page, order, bootargs);
		free_pages(page, order);
	}
	kfree(bootargs);
	return why;
}

/* ---- both ---- */

/* One run, and what it adds. True: no more to say of it. */
static bool run(struct memtest_options *options, struct memtest_result *result)
{
	options->tested = note_tested;
	options->bad = note_bad;
	handover->failed |= !memtest_account(options, result);
	handover->errors += result->errors;
	return report() == 0;
}

static int parse(struct span tail, struct memtest_options *options)
{
	if (tail.len > 0) { /* the comma */
		tail.s++;
		tail.len--;
	}
	return memtest_parse(tail, read_pmccntr(), options);
}

static const char *first_run(struct span tail)
{
	struct memtest_options options;
	struct memtest_result result;
	bool pen;
	const char *why = smp_leave_check(&pen); /* not only when hours have passed */

	if (why || parse(tail, &options) < 0) {
		return why ? why : said;
	}
	if (options.passes == 1) {
		return "lines alone looks at a few words";
	}
	if (options.sweeps == 0) {
		return "a loop never comes to the second run";
	}
	printk("memtest: first of two runs: what is free");
	handover->seed = options.seed;
	(void)run(&options, &result);
	return result.stopped ? "stopped by a key" : second_run(tail);
}

static const char *last_run(struct span tail)
{
	const char *why = handover_taken(handover);
	struct memtest_options options;
	struct memtest_result result;

	if (why || parse(tail, &options) < 0) {
		return why ? why : said;
	}
	printk("memtest: second of two runs: the rest");
	options.seed = handover->seed;
	options.reserved = MEMBLOCK_UNTESTED;
	return run(&options, &result) && !handover->failed ? NULL : said;
}

bool memtest_all(struct span value)
{
	enum memtest_word word = memtest_word(value);
	struct span tail = { value.s + word, value.len - word };
	const char *why = "no memory";

	handover = kzalloc(sizeof(*handover));
	if (handover) {
		why = word == MEMTEST_AGAIN ? last_run(tail) : first_run(tail);
	}
	kfree(handover);
	if (why && why != said) {
		printk("error: memtest=%.*s: %s", SPAN_ARG(value), why);
	}
	return !why;
}
