/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the narration of what an operation does to an entry: what stood there before and stands
 * there after, the window's count, the instructions in order. The hot paths know nothing of it:
 * entries and counts are read around the call. The order of instructions is stated, and builds
 * with COUNT=1 count them beside it.
 */
#include "monitor.h"

#include <arch/probe.h>
#include <arch/walk.h>
#include <mm/highmem.h>
#include <mm/pgtable.h>

bool trace_on;

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

void trace_begin(struct trace *t, const void *va)
{
	struct pkmap_info info;

	if (!trace_on) {
		return;
	}
	pkmap_query(&info);
	*t = (struct trace){ .va = va,
			     .before = va ? entry_at(va) : 0,
			     .count = va ? count_at(va) : 0,
			     .flushes = info.flushes };
	t->ran = maint_counts;
}

void trace_stop(struct trace *t)
{
	const struct maint_counts now = maint_counts;

	if (!trace_on) {
		return;
	}
	t->ran = (struct maint_counts){ now.tlbi - t->ran.tlbi, now.dsb - t->ran.dsb,
					now.isb - t->ran.isb };
}

static void say_entry(const char *when, u64 desc)
{
	char words[80];

	(void)walk_describe(words, sizeof(words), 3, desc);
	say("  %s 0x%016llx: %s", when, desc, words);
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

void trace_end(struct trace *t, const void *va, const char *sequence)
{
	struct pkmap_info info;

	if (!trace_on) {
		return;
	}
	if (!kernel_pte((vaddr_t)va)) {
		say("  0x%08x: direct mapping, a block that never changes", (u32)(vaddr_t)va);
		return;
	}
	say("  entry of 0x%08x", (u32)(vaddr_t)va);
	if (t->va == va) {
		say_entry("before", t->before);
	}
	say_entry("after ", entry_at(va));
	if (in_pkmap(va)) {
		pkmap_query(&info);
		say("  count %u -> %u%s", t->va == va ? t->count : 0, count_at(va),
		    info.flushes != t->flushes ? ", and a wrap: all unused windows flushed" : "");
	}
	say("  %s", sequence);
	if (CONFIG_COUNT) {
		say("  counted, with those of locks: %u TLBI, %u DSB, %u ISB", t->ran.tlbi,
		    t->ran.dsb, t->ran.isb);
	}
	say_access(va);
}
