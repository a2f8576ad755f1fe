/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns what memtest=all adds to the tester: which ranges were tested, and the way from the first
 * run to the second. Must never call a byte tested that was not, or let the second run use one that
 * the first did not find good.
 *
 * The first run leaves a handover in the device tree that the second is given: a property of
 * /chosen with a CRC, for this build at this address alone. The second reserves all RAM that is not
 * good by it, before it allocates anything: so its image, tree, page array, tables and stacks lie
 * in memory that was tested, and all else is free to be. What is missing or wrong is an error,
 * never a first run.
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

#define KEPT_FLAGS (MEMBLOCK_NOMAP | MEMBLOCK_FIRMWARE | MEMBLOCK_INITRD)

struct handover {
	u32 crc;     /* of all that follows */
	u32 version; /* HANDOVER_VERSION */
	u32 build;   /* CRC-32 of the build-id */
	u32 image;   /* where the second run is entered, 0 in the first; that lay at first_image */
	u32 first_image;
	u32 seed;
	u32 errors;		     /* bad words */
	u32 failed;		     /* the first run is no pass */
	struct memblock_list tested; /* MEMBLOCK_BAD: and found bad */
};
#define HANDOVER_VERSION 1

/*
 * So many good ranges; the rest is left to the second run, whose reservations have to fit a list as
 * long.
 */
#define GOOD_RANGES 24

static struct handover *handover; /* during a run */
static bool bad_lost;		  /* more bad ranges than it has room for */
static const char said[] = "";	  /* why it is no pass: that has been printed */
static const char *refused = "the first run left no handover";

enum memtest_word memtest_word(struct span value)
{
	u32 len = value.len >= MEMTEST_AGAIN && value.s[1] == 'g' ? MEMTEST_AGAIN : MEMTEST_ALL;
	const char *text = len == MEMTEST_AGAIN ? "again" : "all";

	return value.len >= len && memcmp(value.s, text, len) == 0 &&
			       (value.len == len || value.s[len] == ',') ?
		       len :
		       MEMTEST_PLAIN;
}

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

/* Whether lowmem has one good piece for the second run's page array, and a little more. */
static bool has_room_for_array(void)
{
	u32 first = pa_section(mm.phys_offset, SECTION_SHIFT);
	phys_addr_t bytes =
		(phys_addr_t)page_array_slots(first, mm.section_count - 1, 0, NULL, NULL)
		<< SECTION_MEMMAP_SHIFT;

	for (u32 i = 0; i < handover->tested.count; i++) {
		const struct memblock_range *r = &handover->tested.range[i];

		if (r->flags == 0 && min(r->start + r->size, pfn_to_pa(mm.low_end_pfn)) >=
					     r->start + bytes + SZ_1M) {
			return true;
		}
	}
	return false;
}

static u32 build(void)
{
	return crc32_update(0, report_build_id(), BUILD_ID_BYTES);
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

	/* What memory has of it, not what a cache has: that is what is entered. */
	clean_and_forget(copy, r.bytes);
	if (crc32_update(0, copy, r.bytes) != crc) {
		return "the copy changes in memory";
	}
	if (bad_lost || note(r.image, PAGE_SIZE << order, MEMBLOCK_TAKEN)) {
		return "too many bad ranges";
	}
	if (!has_room_for_array()) {
		return "no tested lowmem for a page array";
	}
	handover->version = HANDOVER_VERSION;
	handover->build = build();
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

/* ---- the second run ---- */

static const char *handover_read(const struct fdt *f, struct handover *h)
{
	u32 len;
	const void *bytes = fdt_prop(f, fdt_path_node(f, "/chosen"), REENTER_HANDOVER, &len);

	if (!bytes) {
		return refused;
	}
	memcpy(h, bytes, min(len, (u32)sizeof(*h)));
	if (len != sizeof(*h) || h->crc != crc32_update(0, &h->version, sizeof(*h) - sizeof(u32))) {
		return "the handover is damaged";
	}
	if (h->version != HANDOVER_VERSION || h->build != build()) {
		return "the handover is of another build";
	}
	if (h->image != pa_low32(boot_info.image_pa)) {
		return "the handover is for another address";
	}
	return NULL;
}

static int reserve_not_good(const struct memblock_list *tested, phys_addr_t at, phys_addr_t end)
{
	int error = 0;

	while (at < end && !error) {
		const struct memblock_range *r = memblock_list_at(tested, at);
		phys_addr_t from = r ? min(max(r->start, at), end) : end;
		phys_addr_t to = r ? min(r->start + r->size, end) : end;

		error = memblock_reserve(at, from - at, MEMBLOCK_UNTESTED);
		if (!error && r && r->flags & MEMBLOCK_BAD) {
			error = memblock_reserve(from, to - from, MEMBLOCK_BAD);
		}
		at = to;
	}
	return error;
}

/* What is somebody's in part is his whole: there is no test of half a page. */
static int round_reservations(void)
{
	int error = 0;

	for (u32 i = 0; i < memblock.reserved.count && !error; i++) {
		struct memblock_range r = memblock.reserved.range[i];
		phys_addr_t start = pa_align_down(r.start, PAGE_SIZE);

		if (r.flags & KEPT_FLAGS) {
			error = memblock_reserve(
				start, pa_align_up(r.start + r.size, PAGE_SIZE) - start, r.flags);
		}
	}
	return error;
}

void memtest_take_over(const struct fdt *f, u32 tree_bytes, const struct bootargs *args)
{
	u32 image_bytes = (u32)(__content_end - __image_start);
	struct memblock_list reserved = memblock.reserved;
	struct handover h;
	int error;

	if (memtest_word(args->memtest) != MEMTEST_AGAIN) {
		return;
	}
	refused = handover_read(f, &h);
	if (refused) {
		return;
	}
	if (!memblock_list_has(&h.tested, boot_info.image_pa, image_bytes, MEMBLOCK_BAD) ||
	    !memblock_list_has(&h.tested, boot_info.dtb_pa, tree_bytes, MEMBLOCK_BAD)) {
		refused = "its good memory is not where we are";
		return;
	}
	error = round_reservations();
	for (u32 i = 0; i < memblock.memory.count && !error; i++) {
		const struct memblock_range *bank = &memblock.memory.range[i];

		error = reserve_not_good(&h.tested, bank->start, bank->start + bank->size);
	}
	if (error) {
		memblock.reserved = reserved;
		refused = "the handover has too many ranges";
	}
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
	const char *why = refused ? refused : handover_read(report_tree(), handover);
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
