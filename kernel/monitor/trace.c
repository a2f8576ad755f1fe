/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the narration of what an operation does to entries: what stood there before and stands
 * there after, the window's count, the instructions in order. The hot paths know nothing of it:
 * entries and counts are read around the call. The order of instructions is stated, and builds
 * with COUNT=1 count them beside it.
 */
#include "monitor.h"

#include <arch/probe.h>
#include <arch/walk.h>
#include <mm/highmem.h>
#include <mm/pgtable.h>

#define ENTRIES_SHOWN 4 /* of one operation */

static bool trace_on;

/* What was so before the operation. */
static struct {
	const void *va; /* NULL: the address was not known */
	u64 entry[ENTRIES_SHOWN];
	u32 count; /* of the pkmap window */
	u32 flushes;
	struct maint_counts ran;
} was;

void cmd_trace(__unused u32 argc, char **argv)
{
	if (strcmp(argv[0], "on") != 0 && strcmp(argv[0], "off") != 0) {
		say("usage: trace on|off");
		return;
	}
	trace_on = argv[0][1] == 'n';
}

static u64 entry_at(const void *va)
{
	const pte_t *pte = kernel_pte((vaddr_t)va);

	return pte ? READ_ONCE(pte->raw) : 0;
}

static bool in_pkmap(const void *va)
{
	return (vaddr_t)va - PKMAP_START < REGION_SIZE(pkmap);
}

static u32 count_at(const void *va)
{
	struct pkmap_window w = { .count = 0 };

	if (in_pkmap(va)) {
		pkmap_window_query(pte_index((vaddr_t)va) + 1, &w);
	}
	return w.count;
}

static u32 wraps(void)
{
	struct pkmap_info info;

	pkmap_query(&info);
	return info.flushes;
}

void trace_begin(const void *va, u32 pages)
{
	if (!trace_on) {
		return;
	}
	was.va = va;
	for (u32 i = 0; va && i < min(pages, (u32)ENTRIES_SHOWN); i++) {
		was.entry[i] = entry_at(va + i * PAGE_SIZE);
	}
	was.count = count_at(va);
	was.flushes = wraps();
	was.ran = maint_counts;
}

static void say_entry(const char *when, u64 desc)
{
	char words[80];

	(void)walk_describe(words, sizeof(words), 3, desc);
	say("  %s 0x%016llx: %s", when, desc, words);
}

static void say_entries(const void *va, u32 pages)
{
	for (u32 i = 0; i < min(pages, (u32)ENTRIES_SHOWN); i++) {
		say("  entry of 0x%08x", (u32)(vaddr_t)va + i * PAGE_SIZE);
		if (was.va == va) {
			say_entry("before", was.entry[i]);
		}
		say_entry("after ", entry_at(va + i * PAGE_SIZE));
	}
	if (pages > ENTRIES_SHOWN) {
		say("  and %u more entries", pages - ENTRIES_SHOWN);
	}
}

/* What an access would meet now: the table is one thing, the TLB another. */
static void say_access(const void *va)
{
	char words[64];
	u32 word;

	(void)walk_describe_par(words, sizeof(words), walk_ask_mmu((vaddr_t)va, false));
	say("  a read there %s; the MMU says %s", probe_read(va, &word) ? "faults" : "works",
	    words);
}

void trace_end(const void *va, u32 pages, const char *sequence)
{
	const struct maint_counts now = maint_counts;

	if (!trace_on) {
		return;
	}
	if (is_lowmem(va)) {
		say("  0x%08x: direct mapping, which never changes", (u32)(vaddr_t)va);
		return;
	}
	say_entries(va, pages);
	if (in_pkmap(va)) {
		say("  count %u -> %u%s", was.va == va ? was.count : 0, count_at(va),
		    wraps() != was.flushes ? ", and a wrap: all unused windows flushed" : "");
	}
	say("  %s", sequence);
	if (CONFIG_COUNT) {
		say("  counted, with those of locks: %u TLBI, %u DSB, %u ISB",
		    now.tlbi - was.ran.tlbi, now.dsb - was.ran.dsb, now.isb - was.ran.isb);
	}
	say_access(va);
}
