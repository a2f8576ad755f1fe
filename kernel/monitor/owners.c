/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands about who has an address: what, kmaps, vmallocs. Queries. */
#include "monitor.h"

#include <arch/early_tables.h>
#include <arch/walk.h>
#include <kernel/oops.h>
#include <kernel/report.h>
#include <kernel/thread.h>
#include <layout.h>
#include <lib/printf.h>
#include <mm/highmem.h>
#include <mm/memblock.h>
#include <mm/pgtable.h>
#include <mm/vmalloc.h>

/* ---- what ---- */

struct search {
	phys_addr_t pa; /* of a page */
	u32 found;
};

static bool search_leaf(void *arg, vaddr_t va, u32 level, u64 desc)
{
	struct search *s = arg;
	u32 size = level == 2 ? PMD_SIZE : PAGE_SIZE;
	phys_addr_t start = pa_align_down(desc & DESC_ADDR_MASK, size);
	char whose[96], words[64];

	if (s->pa < start || s->pa >= start + size) {
		return true;
	}
	va += (u32)(s->pa - start);
	s->found++;
	leaf_words(words, sizeof(words), level, desc);
	(void)address_describe(whose, sizeof(whose), va);
	say("  mapped at 0x%08x %s: %s", (u32)va, words, whose);
	if (opened_at(va)) {
		say("    yours: #%u", opened_at(va));
	}
	return !line_stop();
}

/* The kernel's level-3 table at pa, if that is one: then the first address it translates. */
static bool is_table(phys_addr_t pa, vaddr_t *of)
{
	for (u32 i = 0; i < (LAYOUT_END - PAGE_OFFSET) / PMD_SIZE; i++) {
		pmd_t pmd = { READ_ONCE(kernel_pmd(PAGE_OFFSET + i * PMD_SIZE)->raw) };

		*of = PAGE_OFFSET + i * PMD_SIZE;
		if (pmd_is_table(pmd) && pmd_pa(pmd) == pa) {
			return true;
		}
	}
	return false;
}

/* What a physical address is, and every place of the kernel's part that shows it. */
static void what_physical(phys_addr_t pa)
{
	struct search s = { .pa = pa_align_down(pa, PAGE_SIZE) };
	vaddr_t of;

	if (pfn_valid(pa_to_pfn(pa))) {
		page_say(pa_to_pfn(pa));
		if (memblock_is_reserved(pa, 1)) {
			say("  reserved at boot%s", memblock_is_nomap(pa, 1) ? ", no-map" : "");
		}
		if (is_table(s.pa, &of)) {
			say("  it is the level-3 table for 0x%08x and 2 MiB from there", (u32)of);
		}
	} else {
		say("  no RAM: a device, or nothing");
	}
	tables_for_each(PAGE_OFFSET, LAYOUT_END, search_leaf, &s);
	if (s.found == 0) {
		say("  mapped nowhere: it takes a window to reach it");
	}
}

/* By what kind of mapping the kernel has that address: its region's, but for kmap_local's slots. */
static const char *mapping_of(vaddr_t va)
{
	struct region region = { .start = 0 };

	if (va - fixmap_va(FIX_KMAP_BEGIN) < (FIX_KMAP_END - FIX_KMAP_BEGIN) * PAGE_SIZE) {
		return "temporary";
	}
	for (u32 i = 0; region_get(i, &region); i++) {
		if (va - region.start < region.end - region.start) {
			return region.kind;
		}
	}
	return "no";
}

static void what_virtual(vaddr_t va)
{
	char whose[96];
	u64 par;

	(void)address_describe(whose, sizeof(whose), va);
	say("As a virtual address it is a %s address, %s mapping: %s.",
	    va < PAGE_OFFSET	  ? "user virtual" :
	    is_lowmem((void *)va) ? "kernel logical" :
				    "kernel virtual",
	    mapping_of(va), whose);
	if (opened_at(va)) {
		say("  yours: #%u", opened_at(va));
	}
	par = walk_ask_mmu(va, false);
	if (par & PAR_FAULT) {
		say("  not mapped%s", va < PAGE_OFFSET ? ": there is no process" : "");
	} else {
		say("  mapped to physical 0x%010llx%s",
		    (par & DESC_ADDR_MASK) + (va & (PAGE_SIZE - 1)),
		    is_lowmem((void *)va) ? ", by a fixed distance" : "");
		what_physical(par & DESC_ADDR_MASK);
	}
}

void cmd_what(__unused u32 argc, char **argv)
{
	phys_addr_t address;

	if (!want_address(argv[0], PHYS_END - 1, &address)) {
		return;
	}
	if (pa_below_4g(address)) {
		what_virtual(pa_low32(address));
	} else {
		say("As a virtual address: none, for it has more than 32 bits.");
	}
	say("As a physical address, or as a bus address, which is the same where nothing translates:");
	what_physical(address);
}

/* ---- kmaps ---- */

static void say_window(vaddr_t va, pfn_t pfn, const char *more)
{
	u32 n = opened_at(va);

	if (n) {
		say("  0x%08x  page 0x%06x  %s, yours: #%u, for %u s", (u32)va, pfn, more, n,
		    seconds_now() - opened[n].since_s);
	} else {
		say("  0x%08x  page 0x%06x  %s", (u32)va, pfn, more);
	}
}

/* A window's users, and who opened it: by now it may be others', and its opener gone. */
static void pkmap_words(char *text, size_t size, const struct pkmap_window *w)
{
	u32 users = w->count - 1;
	struct thread_info t = { 0 };

	if (users == 0) {
		strlcpy(text, "no user; flushed at the wrap", size);
		return;
	}
	for (u32 id = 0; !after_panic() && thread_query(id, &t); id = t.id) {
		if (t.core == w->opener) {
			break;
		}
	}
	(void)snprintf(text, size, "%u user%s; opened by %s %u ms ago", users,
		       users == 1 ? "" : "s",
		       t.core == w->opener ? t.name : "a thread that is gone", w->open_ms);
}

static void say_pkmap(void)
{
	struct pkmap_info info;
	char more[80];

	pkmap_query(&info);
	say("permanent (kmap): %u in use, %u stale, %u free; %u wraps", info.used, info.stale,
	    info.free, info.flushes);
	for (u32 number = 1; number <= PKMAP_SLOTS && !line_stop(); number++) {
		struct pkmap_window w;

		pkmap_window_query(number, &w);
		if (w.count == 0) {
			continue;
		}
		pkmap_words(more, sizeof(more), &w);
		say_window((vaddr_t)w.va, page_to_pfn(w.page), more);
	}
}

static bool say_slot(void *arg, vaddr_t va, u32 level, u64 desc)
{
	u32 slot = pte_index(va);
	char more[48];

	(void)arg;
	(void)level;
	if (slot < FIX_KMAP_BEGIN) {
		(void)snprintf(more, sizeof(more), "fixmap slot %u", slot);
	} else {
		(void)snprintf(more, sizeof(more), "kmap_local window %u of CPU %u",
			       (slot - FIX_KMAP_BEGIN) % KMAP_LOCAL_STRIDE,
			       (slot - FIX_KMAP_BEGIN) / KMAP_LOCAL_STRIDE);
	}
	say_window(va, pte_pfn((pte_t){ desc }), more);
	return true;
}

/* Threads with temporary windows: those of one that is switched out are in no table. */
static void say_holders(void)
{
	struct thread_info t;

	for (u32 id = 0; thread_query(id, &t); id = t.id) {
		if (t.windows > 0) {
			say("  thread %u, %s: %u temporary, %s %u ms ago", t.id, t.name, t.windows,
			    t.state == THREAD_RUNNING ? "given the CPU" : "put aside", t.since_ms);
		}
	}
}

void cmd_kmaps(__unused u32 argc, __unused char **argv)
{
	say_pkmap();
	say("fixed (fixmap) and temporary (kmap_local), open now:");
	tables_for_each(FIXMAP_START, REGION_END(fixmap), say_slot, NULL);
	if (!after_panic()) {
		say_holders();
	}
}

/* ---- vmallocs ---- */

/* Whose an area is, or what it shows. */
static void area_words(char *text, size_t size, const struct vmalloc_info *info)
{
	const struct thread *thread = thread_of_stack(info->start);
	const pte_t *pte = kernel_pte(info->start);
	u32 n = opened_at(info->start);

	if (n) {
		(void)snprintf(text, size, "yours: #%u", n);
	} else if (thread) {
		(void)snprintf(text, size, "stack of thread %s", thread->name);
	} else if (info->kind[0] == 'i' && pte) {
		(void)snprintf(text, size, "physical 0x%010llx", pfn_to_pa(pte_pfn(*pte)));
	} else {
		strlcpy(text, info->kind[0] == 'l' ? "unmapped: waits for the purge" : "", size);
	}
}

void cmd_vmallocs(__unused u32 argc, __unused char **argv)
{
	vaddr_t at = vmalloc_start();
	struct vmalloc_info info;
	u32 areas = 0, pages = 0;
	char text[48];

	while (!line_stop() && vmalloc_query(at, true, &info)) {
		area_words(text, sizeof(text), &info);
		say("  0x%08x to 0x%08x %6u KiB  %-8s %s", (u32)info.start, (u32)info.end - 1,
		    info.pages * 4, info.kind, text);
		areas++;
		pages += info.pages;
		at = info.end + PAGE_SIZE;
	}
	say("%u areas, %u KiB of %u KiB", areas, pages * 4,
	    (u32)(VMALLOC_END - vmalloc_start()) / 1024);
}
