/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns what the person opened: pages, windows, areas, each with a number. Must never let them
 * break a rule that is a BUG: pages are their own or refused, windows are closed once and in
 * order, and before the pages that they show.
 */
#include "monitor.h"

#include <arch/current.h>
#include <lib/printf.h>
#include <mm/highmem.h>
#include <mm/page_alloc.h>
#include <mm/vmalloc.h>

#define PAGES_SHOWN 6
#define ALLOC_MAX   65536u
#define VMAP_MAX    64

struct opened opened[OPENED_MAX + 1];

const char *opened_name(enum opened_kind kind)
{
	static const char names[][16] = { "",	  "pages",   "kmap",   "klocal",
					  "vmap", "vmalloc", "fixmap", "file" };

	return names[kind];
}

static bool holds_pages(const struct opened *o)
{
	return o->kind == OPENED_PAGES || o->kind == OPENED_FILE;
}

/* ---- the list ---- */

u32 opened_new(void)
{
	for (u32 n = 1; n <= OPENED_MAX; n++) {
		if (opened[n].kind == OPENED_NONE) {
			opened[n].since_s = seconds_now();
			return n;
		}
	}
	say("error: %u things are open: close some", OPENED_MAX);
	return 0;
}

/* One line, `more` behind it. */
static void say_opened(u32 n, const char *more)
{
	const struct opened *o = &opened[n];

	if (o->kind == OPENED_FILE) {
		say("#%u: file of %u bytes in %u pages from 0x%06x%s", n, o->bytes, o->count,
		    o->first, more);
	} else if (o->kind == OPENED_PAGES) {
		say("#%u: %u page%s from 0x%06x%s", n, o->count, o->count == 1 ? "" : "s", o->first,
		    more);
	} else if (o->count > 1 || o->kind == OPENED_VMALLOC) {
		say("#%u: %s of %u pages at 0x%08x%s", n, opened_name(o->kind), o->count,
		    (u32)(vaddr_t)o->va, more);
	} else {
		say("#%u: %s of page 0x%06x at 0x%08x%s", n, opened_name(o->kind), o->first,
		    (u32)(vaddr_t)o->va, more);
	}
}

void opened_describe(u32 n)
{
	say_opened(n, "");
}

bool opened_list(void)
{
	char age[24];
	bool any = false;

	for (u32 n = 1; n <= OPENED_MAX; n++) {
		if (opened[n].kind != OPENED_NONE) {
			(void)snprintf(age, sizeof(age), ", for %u s",
				       seconds_now() - opened[n].since_s);
			say_opened(n, age);
			any = true;
		}
	}
	return any;
}

void cmd_opened(__unused u32 argc, __unused char **argv)
{
	if (!opened_list()) {
		say("nothing");
	}
}

u32 opened_at(vaddr_t va)
{
	for (u32 n = 1; n <= OPENED_MAX; n++) {
		const struct opened *o = &opened[n];

		if (o->va && va - (vaddr_t)o->va < o->count * PAGE_SIZE) {
			return n;
		}
	}
	return 0;
}

static void opened_set(u32 n, enum opened_kind kind, pfn_t first, u32 count, void *va)
{
	opened[n].kind = kind;
	opened[n].first = first;
	opened[n].count = count;
	opened[n].va = va;
	opened_describe(n);
}

static void opened_forget(u32 n)
{
	opened[n] = (struct opened){ .kind = OPENED_NONE };
}

/* ---- what a word names ---- */

/* "#3" is 3, if that is open; a number, what begins at that address or page. 0: error, said. */
static u32 want_opened(const char *word, enum opened_kind kind)
{
	u32 n = 0, value;

	if (word[0] == '#') {
		if (!want_number(word + 1, UINT32_MAX, &n)) {
			return 0;
		}
		n = n <= OPENED_MAX ? n : 0;
	} else {
		if (!want_number(word, UINT32_MAX, &value)) {
			return 0;
		}
		for (u32 i = 1; i <= OPENED_MAX && n == 0; i++) {
			const struct opened *o = &opened[i];
			bool is = o->va ? (vaddr_t)o->va == value || o->first == value :
					  o->first == value;

			n = is && o->kind != OPENED_NONE &&
					    (kind == OPENED_NONE || o->kind == kind) ?
				    i :
				    0;
		}
	}
	if (n == 0 || opened[n].kind == OPENED_NONE) {
		say("error: %.40s: you have nothing open there", word);
		return 0;
	}
	if (kind != OPENED_NONE && opened[n].kind != kind &&
	    !(kind == OPENED_PAGES && holds_pages(&opened[n]))) {
		say("error: #%u is a %s", n, opened_name(opened[n].kind));
		return 0;
	}
	return n;
}

struct page *want_page(const char *word)
{
	pfn_t wanted;
	u32 n;

	if (word[0] == '#') {
		n = want_opened(word, OPENED_PAGES);
		return n ? pfn_to_page(opened[n].first) : NULL;
	}
	if (!want_ram_pfn(word, &wanted)) {
		return NULL;
	}
	for (n = 1; n <= OPENED_MAX; n++) {
		for (pfn_t pfn = holds_pages(&opened[n]) ? opened[n].first : 0; pfn;
		     pfn = pfn_to_page(pfn)->next) {
			if (pfn == wanted) {
				return pfn_to_page(pfn);
			}
		}
	}
	say("error: page 0x%x is not yours: alloc gives you some", wanted);
	return NULL;
}

/* ---- alloc, free ---- */

static void free_chain(pfn_t first)
{
	while (first) {
		struct page *page = pfn_to_page(first);

		first = page->next;
		free_page(page);
	}
}

/* The first of count pages; 0: no memory. */
static pfn_t alloc_chain(gfp_t gfp, u32 count)
{
	pfn_t first = 0, *link = &first;

	for (u32 i = 0; i < count; i++) {
		struct page *page = alloc_page(gfp);

		if (!page) {
			free_chain(first);
			return 0;
		}
		page->next = 0;
		*link = page_to_pfn(page);
		link = &page->next;
	}
	return first;
}

void cmd_alloc(u32 argc, char **argv)
{
	bool high = strcmp(argv[0], "high") == 0;
	u32 count = 1, n, shown = 0;
	pfn_t first;

	if (!high && strcmp(argv[0], "low") != 0) {
		say("usage: alloc high|low [N]");
		return;
	}
	if (argc > 1 && !want_number(argv[1], ALLOC_MAX, &count)) {
		return;
	}
	n = count > 0 ? opened_new() : 0;
	if (n == 0) {
		return;
	}
	first = alloc_chain(high ? GFP_HIGHONLY : GFP_KERNEL, count);
	if (!first) {
		say("error: there are no %u pages of that kind", count);
		return;
	}
	opened_set(n, OPENED_PAGES, first, count, NULL);
	for (pfn_t pfn = first; pfn && shown < PAGES_SHOWN; pfn = pfn_to_page(pfn)->next, shown++) {
		say("  page 0x%06x at physical 0x%010llx", pfn, pfn_to_pa(pfn));
	}
	if (count > shown) {
		say("  and %u more", count - shown);
	}
}

/* A window onto one of the pages; 0: none. An area of vmap holds its pages itself. */
static u32 window_onto(pfn_t first)
{
	for (pfn_t pfn = first; pfn; pfn = pfn_to_page(pfn)->next) {
		for (u32 n = 1; n <= OPENED_MAX; n++) {
			if (opened[n].va && opened[n].kind != OPENED_VMAP &&
			    opened[n].kind != OPENED_VMALLOC && opened[n].first == pfn) {
				return n;
			}
		}
	}
	return 0;
}

static void close_pages(u32 n)
{
	u32 window = window_onto(opened[n].first);

	if (window) {
		say("error: #%u shows one of these pages: close it first", window);
		return;
	}
	free_chain(opened[n].first);
	opened_forget(n);
}

/* ---- windows ---- */

void cmd_kmap(__unused u32 argc, char **argv)
{
	struct page *page = want_page(argv[0]);
	struct pkmap_info info;
	struct trace trace;
	u32 n = page ? opened_new() : 0;
	void *va;

	if (n == 0) {
		return;
	}
	pkmap_query(&info);
	if (page_is_high(page) && page->kmap) {
		info.next = page->kmap;
	}
	trace_begin(&trace, info.next ? (void *)(PKMAP_START + (info.next - 1) * PAGE_SIZE) : NULL);
	va = kmap_try(page);
	trace_stop(&trace);
	if (!va) {
		say("error: all windows are in use");
		return;
	}
	opened_set(n, OPENED_KMAP, page_to_pfn(page), 1, va);
	trace_end(
		&trace, va,
		trace_on && trace.va == va && trace.count > 0 ?
			"it had its window still: nothing is written, only counted" :
			"entry stored at once; DSB ISHST, for walkers; ISB, for this CPU; then the count");
}

static void close_kmap(u32 n)
{
	struct trace trace;
	void *va = opened[n].va;

	trace_begin(&trace, va);
	kunmap(pfn_to_page(opened[n].first));
	trace_stop(&trace);
	opened_forget(n);
	trace_end(&trace, va, "only counted: nothing is written, no TLBI; the wrap will do both");
}

/* Where this thread's next kmap_local window opens. */
static void *next_local(void)
{
	struct thread_core *core = current_core();

	return (void *)(core->kmap_va + core->kmap_depth * PAGE_SIZE);
}

void cmd_klocal(__unused u32 argc, char **argv)
{
	struct page *page = want_page(argv[0]);
	struct trace trace;
	u32 n = page ? opened_new() : 0;
	void *va;

	if (n == 0) {
		return;
	}
	/* Commands need a few themselves. */
	if (current_core()->kmap_depth >= KMAP_LOCAL_DEPTH - 4) {
		say("error: a thread has %u such windows: close some", KMAP_LOCAL_DEPTH);
		return;
	}
	preempt_disable(); /* so that the window is where we looked */
	trace_begin(&trace, next_local());
	va = kmap_local_page(page);
	trace_stop(&trace);
	preempt_enable();
	opened_set(n, OPENED_KLOCAL, page_to_pfn(page), 1, va);
	trace_end(&trace, va, "entry stored at once; DSB NSHST, for this CPU's walker; ISB");
}

static void close_klocal(u32 n)
{
	struct trace trace;
	void *va = opened[n].va, *last = next_local() - PAGE_SIZE;

	if (!is_lowmem(va) && va != last) {
		say("error: these close in reverse order: first 0x%08x, #%u", (u32)(vaddr_t)last,
		    opened_at((vaddr_t)last));
		return;
	}
	trace_begin(&trace, va);
	kunmap_local(va);
	trace_stop(&trace);
	opened_forget(n);
	trace_end(&trace, va,
		  "entry cleared; DSB NSHST; TLBIMVAA, this address, this CPU; DSB NSH; ISB");
}

void cmd_fixmap(__unused u32 argc, char **argv)
{
	struct page *page = want_page(argv[0]);
	void *va = (void *)fixmap_va(FIX_STORY);
	struct trace trace;
	u32 n = page ? opened_new() : 0;

	if (n == 0) {
		return;
	}
	if (pte_present(fixmap_table[FIX_STORY])) {
		say("error: the slot at 0x%08x is in use: #%u", (u32)(vaddr_t)va,
		    opened_at((vaddr_t)va));
		return;
	}
	trace_begin(&trace, va);
	(void)fixmap_set(FIX_STORY, page_to_pa(page), PAGE_KERNEL);
	trace_stop(&trace);
	opened_set(n, OPENED_FIXMAP, page_to_pfn(page), 1, va);
	trace_end(&trace, va, "entry stored at once; DSB ISHST, for all walkers; ISB");
}

static void close_fixmap(u32 n)
{
	struct trace trace;
	void *va = opened[n].va;

	trace_begin(&trace, va);
	fixmap_clear(FIX_STORY);
	trace_stop(&trace);
	opened_forget(n);
	trace_end(&trace, va,
		  "entry cleared; DSB ISHST; TLBIMVAAIS, this address, all CPUs; DSB ISH; ISB");
}

/* ---- areas ---- */

/* Adds what a word names to the list: one page, or all of #N. False: error, said. */
static bool add_pages(const char *word, struct page **pages, u32 *count)
{
	struct page *page = want_page(word);
	bool all = word[0] == '#';

	if (!page) {
		return false;
	}
	for (;;) {
		if (*count == VMAP_MAX) {
			say("error: %u pages at once are the most here", VMAP_MAX);
			return false;
		}
		pages[(*count)++] = page;
		if (!all || !page->next) {
			return true;
		}
		page = pfn_to_page(page->next);
	}
}

void cmd_vmap(u32 argc, char **argv)
{
	struct page *pages[VMAP_MAX];
	struct trace trace;
	u32 count = 0, n;
	void *va;

	for (u32 i = 0; i < argc; i++) {
		if (!add_pages(argv[i], pages, &count)) {
			return;
		}
	}
	n = opened_new();
	if (n == 0) {
		return;
	}
	trace_begin(&trace, NULL);
	va = vmap(pages, count, PAGE_KERNEL);
	trace_stop(&trace);
	if (!va) {
		say("error: no address space, or no memory for tables");
		return;
	}
	opened_set(n, OPENED_VMAP, page_to_pfn(pages[0]), count, va);
	trace_end(&trace, va, "each entry stored at once; DSB ISHST, for all walkers; ISB");
}

static const char lazily[] = "the valid bit is cleared; no TLBI yet: the address waits for a purge";

static void close_vmap(u32 n)
{
	struct trace trace;
	void *va = opened[n].va;

	trace_begin(&trace, va);
	vunmap(va);
	trace_stop(&trace);
	opened_forget(n);
	trace_end(&trace, va, lazily);
}

void cmd_vmalloc(__unused u32 argc, char **argv)
{
	struct trace trace;
	u32 bytes, n;
	void *va;

	if (!want_size(argv[0], &bytes)) {
		return;
	}
	n = opened_new();
	if (n == 0) {
		return;
	}
	trace_begin(&trace, NULL);
	va = vmalloc(bytes);
	trace_stop(&trace);
	if (!va) {
		say("error: 0x%x bytes: no memory, or no address space", bytes);
		return;
	}
	opened_set(n, OPENED_VMALLOC, 0, DIV_ROUND_UP(bytes, PAGE_SIZE), va);
	trace_end(&trace, va,
		  "pages from anywhere; each entry stored; DSB ISHST, for all walkers; ISB");
}

static void close_vmalloc(u32 n)
{
	struct trace trace;
	void *va = opened[n].va;

	trace_begin(&trace, va);
	vfree(va);
	trace_stop(&trace);
	opened_forget(n);
	trace_end(&trace, va, lazily);
}

/* ---- closing ---- */

static void close_it(u32 n)
{
	static void (*const how[])(u32) = {
		[OPENED_PAGES] = close_pages,	  [OPENED_KMAP] = close_kmap,
		[OPENED_KLOCAL] = close_klocal,	  [OPENED_VMAP] = close_vmap,
		[OPENED_VMALLOC] = close_vmalloc, [OPENED_FIXMAP] = close_fixmap,
		[OPENED_FILE] = close_pages,
	};

	if (n) {
		how[opened[n].kind](n);
	}
}

#define CLOSE_COMMAND(name, kind)                     \
	void cmd_##name(u32 argc, char **argv)        \
	{                                             \
		(void)argc;                           \
		close_it(want_opened(argv[0], kind)); \
	}
CLOSE_COMMAND(free, OPENED_PAGES)
CLOSE_COMMAND(kunmap, OPENED_KMAP)
CLOSE_COMMAND(kunlocal, OPENED_KLOCAL)
CLOSE_COMMAND(vunmap, OPENED_VMAP)
CLOSE_COMMAND(vfree, OPENED_VMALLOC)
CLOSE_COMMAND(unfix, OPENED_FIXMAP)

/* Temporary windows from the last one opened back, then the others, then pages. */
static void close_all(void)
{
	u32 n;

	while ((n = opened_at((vaddr_t)next_local() - PAGE_SIZE)) != 0 &&
	       opened[n].kind == OPENED_KLOCAL) {
		close_klocal(n);
	}
	for (n = 1; n <= OPENED_MAX; n++) {
		if (opened[n].va) {
			close_it(n);
		}
	}
	for (n = 1; n <= OPENED_MAX; n++) {
		if (opened[n].kind != OPENED_NONE) {
			close_it(n);
		}
	}
}

void cmd_close(__unused u32 argc, char **argv)
{
	if (strcmp(argv[0], "all") == 0) {
		close_all();
	} else {
		close_it(want_opened(argv[0], OPENED_NONE));
	}
}

/* ---- contents ---- */

void cmd_fill(__unused u32 argc, char **argv)
{
	struct page *page = want_page(argv[0]);
	struct trace trace;
	u32 word, *va;

	if (!page || !want_number(argv[1], UINT32_MAX, &word)) {
		return;
	}
	trace_begin(&trace, next_local());
	va = kmap_local_page(page);
	for (u32 i = 0; i < PAGE_SIZE / sizeof(*va); i++) {
		va[i] = word;
	}
	kunmap_local(va);
	trace_stop(&trace);
	trace_end(&trace, va, "a temporary window, as klocal and kunlocal");
}

void cmd_copy(__unused u32 argc, char **argv)
{
	struct page *from = want_page(argv[0]), *to = from ? want_page(argv[1]) : NULL;
	struct trace trace;
	void *va = next_local();

	if (!to) {
		return;
	}
	trace_begin(&trace, va);
	copy_highpage(to, from);
	trace_stop(&trace);
	trace_end(&trace, va,
		  "two temporary windows, one inside the other, as klocal and kunlocal");
	say("page 0x%06x to 0x%06x", page_to_pfn(from), page_to_pfn(to));
}
