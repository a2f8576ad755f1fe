/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Commands that make pages, windows and areas, and take them down again. Must never let the person
 * break a rule that is a BUG: pages are their own or refused, windows are closed once and in
 * order, and before the pages that they show.
 */
#define KMAP_DEBUG_BYPASS /* its subject are the real windows */
#include "monitor.h"

#include <arch/current.h>
#include <mm/highmem.h>
#include <mm/page_alloc.h>
#include <mm/vmalloc.h>

#define PAGES_SHOWN 6
#define ALLOC_MAX   65536u
#define VMAP_MAX    64

/* ---- alloc, free ---- */

void chain_free(pfn_t first)
{
	while (first) {
		struct page *page = pfn_to_page(first);

		first = page->next;
		free_page(page);
	}
}

/* The first of count pages; 0, with a message: no memory. */
static pfn_t alloc_chain(gfp_t gfp, u32 count)
{
	pfn_t first = 0, *link = &first;

	for (u32 i = 0; i < count; i++) {
		struct page *page = alloc_page(gfp);

		if (!page) {
			chain_free(first);
			return say_error("there are no %u pages of that kind", count);
		}
		page->next = 0;
		*link = page_to_pfn(page);
		link = &page->next;
	}
	return first;
}

static void opened_set(u32 n, enum opened_kind kind, pfn_t first, u32 count, void *va)
{
	opened[n].kind = kind;
	opened[n].first = first;
	opened[n].count = count;
	opened[n].va = va;
	opened_describe(n);
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
	first = n ? alloc_chain(high ? GFP_HIGHONLY : GFP_KERNEL, count) : 0;
	if (!first) {
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

/* ---- mapping and unmapping, told ---- */

/* What is done to entries, in order. */
static const char stored[] = "each entry stored at once; DSB ISHST, for all walkers; ISB",
		  only_counted[] = "nothing is written, no TLBI: only counted, until the wrap",
		  lazily[] = "the valid bit is cleared; no TLBI yet: the address waits for a purge";
static const struct {
	const char *map, *unmap;
} sequences[OPENED_KINDS] = {
	[OPENED_KMAP] = { stored, only_counted },
	[OPENED_KLOCAL] = { "entry stored at once; DSB NSHST, for this CPU's walker; ISB",
			    "entry cleared; DSB NSHST; TLBIMVAA, this address, this CPU; DSB NSH; ISB" },
	[OPENED_VMAP] = { stored, lazily },
	[OPENED_VMALLOC] = { stored, lazily },
	[OPENED_FIXMAP] = { stored,
			    "entry cleared; DSB ISHST; TLBIMVAAIS, this address, all CPUs; DSB ISH; ISB" },
};

/* Where this thread's next kmap_local window opens. */
static void *next_local(void)
{
	struct thread_core *core = current_core();

	return (void *)(core->kmap_va + core->kmap_depth * PAGE_SIZE);
}

static void *pkmap_address(u32 number)
{
	return number ? (void *)(PKMAP_START + (number - 1) * PAGE_SIZE) : NULL;
}

/* Where a window onto the page will open; NULL: its address is not known before. */
static void *expected(enum opened_kind kind, const struct page *page)
{
	struct pkmap_info info;

	switch (kind) {
	case OPENED_KLOCAL:
		return next_local();
	case OPENED_FIXMAP:
		return (void *)fixmap_va(FIX_STORY);
	case OPENED_KMAP:
		pkmap_query(&info);
		return pkmap_address(page->kmap ? page->kmap : info.next);
	default:
		return NULL;
	}
}

/* False, with a message: it would be a BUG. */
static bool may_map(enum opened_kind kind)
{
	vaddr_t fixed = fixmap_va(FIX_STORY);

	/* Commands need a few themselves. */
	if (kind == OPENED_KLOCAL && current_core()->kmap_depth >= KMAP_LOCAL_DEPTH - 4) {
		return say_error("a thread has %u such windows: close some", KMAP_LOCAL_DEPTH);
	}
	if (kind == OPENED_FIXMAP && pte_present(fixmap_table[FIX_STORY])) {
		return say_error("the slot at 0x%08x is in use: #%u", (u32)fixed, opened_at(fixed));
	}
	return true;
}

/* NULL: none is left. vmalloc takes no pages but makes its own. */
static void *map_silently(enum opened_kind kind, struct page **pages, u32 count)
{
	switch (kind) {
	case OPENED_KMAP:
		return kmap_try(pages[0]);
	case OPENED_KLOCAL:
		return kmap_local_page(pages[0]);
	case OPENED_FIXMAP:
		return fixmap_set(FIX_STORY, page_to_pa(pages[0]), PAGE_KERNEL);
	case OPENED_VMAP:
		return vmap(pages, count, PAGE_KERNEL);
	default:
		return vmalloc(count * PAGE_SIZE);
	}
}

static void *map(enum opened_kind kind, struct page **pages, u32 count)
{
	bool still_open = kind == OPENED_KMAP && pages[0]->kmap;
	void *va;

	trace_begin(expected(kind, pages[0]), count);
	va = map_silently(kind, pages, count);
	if (va) {
		trace_end(va, count, still_open ? only_counted : sequences[kind].map);
	}
	return va;
}

static void *last_kunmapped = (void *)PKMAP_START;

static void unmap(enum opened_kind kind, struct page *page, u32 count, void *va)
{
	trace_begin(va, count);
	switch (kind) {
	case OPENED_KMAP:
		kunmap(page);
		last_kunmapped = page_is_high(page) ? va : last_kunmapped;
		break;
	case OPENED_KLOCAL:
		kunmap_local(va);
		break;
	case OPENED_FIXMAP:
		fixmap_clear(FIX_STORY);
		break;
	case OPENED_VMAP:
		vunmap(va);
		break;
	default:
		vfree(va);
	}
	trace_end(va, count, sequences[kind].unmap);
}

/* ---- opening ---- */

static void open_one(enum opened_kind kind, struct page **pages, u32 count)
{
	u32 n = opened_new();
	void *va;

	if (n == 0 || !may_map(kind)) {
		return;
	}
	va = map(kind, pages, count);
	if (va) {
		opened_set(n, kind, pages[0] ? page_to_pfn(pages[0]) : 0, count, va);
	} else {
		(void)say_error("no window, no address space or no memory is left for that");
	}
}

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
			return say_error("%u pages at once are the most here", VMAP_MAX);
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
	u32 count = 0;

	for (u32 i = 0; i < argc; i++) {
		if (!add_pages(argv[i], pages, &count)) {
			return;
		}
	}
	open_one(OPENED_VMAP, pages, count);
}

void cmd_vmalloc(__unused u32 argc, char **argv)
{
	struct page *none = NULL;
	u32 bytes;

	if (want_size(argv[0], &bytes)) {
		open_one(OPENED_VMALLOC, &none, DIV_ROUND_UP(bytes, PAGE_SIZE));
	}
}

/* kmap, klocal, fixmap */
void cmd_window(__unused u32 argc, char **argv)
{
	struct page *page = want_page(argv[0]);

	if (page) {
		open_one(opened_by(argv[-1], OPENS), &page, 1);
	}
}

/* ---- closing ---- */

/* A window onto one of the pages; 0: none. An area of vmap holds its pages itself. */
static u32 window_onto(pfn_t first)
{
	for (pfn_t pfn = first; pfn; pfn = pfn_to_page(pfn)->next) {
		u32 n = opened_window(pfn);

		if (n) {
			return n;
		}
	}
	return 0;
}

static bool in_use(const struct opened *o)
{
	const void *last = next_local() - PAGE_SIZE;
	u32 window = o->va ? 0 : window_onto(o->first);

	if (window) {
		return !say_error("#%u shows one of these pages: close it first", window);
	}
	if (o->kind == OPENED_KLOCAL && !is_lowmem(o->va) && o->va != last) {
		return !say_error("these close in reverse order: first 0x%08x, #%u",
				  (u32)(vaddr_t)last, opened_at((vaddr_t)last));
	}
	return false;
}

/* 0: nothing. */
static void close_one(u32 n)
{
	struct opened *o = &opened[n];

	if (n == 0 || o->kind == OPENED_NONE || in_use(o)) {
		return;
	}
	if (o->va) {
		unmap(o->kind, o->first ? pfn_to_page(o->first) : NULL, o->count, o->va);
	} else {
		chain_free(o->first);
	}
	*o = (struct opened){ .kind = OPENED_NONE };
}

/* Temporary windows from the last one opened back, then the others, then pages. */
static void close_all(void)
{
	u32 n;

	while ((n = opened_at((vaddr_t)next_local() - PAGE_SIZE)) != 0) {
		close_one(n);
	}
	for (u32 pass = 0; pass < 2; pass++) {
		for (n = 1; opened && n <= OPENED_MAX; n++) {
			if (pass || opened[n].va) {
				close_one(n);
			}
		}
	}
}

/* close, and the commands that close one kind only */
void cmd_close(__unused u32 argc, char **argv)
{
	enum opened_kind kind = opened_by(argv[-1], CLOSES);

	if (kind == OPENED_NONE && strcmp(argv[0], "all") == 0) {
		close_all();
	} else {
		close_one(want_opened(argv[0], kind));
	}
}

/* ---- contents ---- */

void cmd_fill(__unused u32 argc, char **argv)
{
	struct page *page = want_page(argv[0]);
	u32 word, *va;

	if (!page || !want_number(argv[1], UINT32_MAX, &word)) {
		return;
	}
	va = map(OPENED_KLOCAL, &page, 1);
	for (u32 i = 0; i < PAGE_SIZE / sizeof(*va); i++) {
		va[i] = word;
	}
	unmap(OPENED_KLOCAL, page, 1, va);
}

void cmd_copy(__unused u32 argc, char **argv)
{
	struct page *from = want_page(argv[0]), *to = from ? want_page(argv[1]) : NULL;
	void *source, *target;

	if (!to) {
		return;
	}
	source = map(OPENED_KLOCAL, &from, 1);
	target = map(OPENED_KLOCAL, &to, 1);
	memmove(target, source, PAGE_SIZE);
	unmap(OPENED_KLOCAL, to, 1, target);
	unmap(OPENED_KLOCAL, from, 1, source);
	say("page 0x%06x to 0x%06x", page_to_pfn(from), page_to_pfn(to));
}

/* ---- the wrap ---- */

/* A page of its own for each window, so that each needs a new one. */
void cmd_wrap(__unused u32 argc, __unused char **argv)
{
	pfn_t first = alloc_chain(GFP_HIGHONLY, PKMAP_SLOTS + 1);
	struct pkmap_info info;
	u32 before, windows = 0;

	if (!first) {
		return;
	}
	pkmap_query(&info);
	before = info.flushes;
	trace_begin(last_kunmapped, 1);
	for (pfn_t pfn = first; pfn && info.flushes == before; pfn = pfn_to_page(pfn)->next) {
		struct page *page = pfn_to_page(pfn);

		if (kmap_try(page)) {
			kunmap(page);
			windows++;
		}
		pkmap_query(&info);
	}
	trace_end(last_kunmapped, 1,
		  "entries without users cleared; DSB ISHST; one TLBIALLIS; DSB ISH; ISB");
	chain_free(first);
	say("%u windows were opened and closed; %u wraps so far", windows, info.flushes);
}
