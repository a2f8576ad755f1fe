/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the list of what the person opened, each with a number, and what a word names of it. Must
 * never name a page that is not the person's.
 */
#include "monitor.h"

#include <lib/printf.h>
#include <mm/slab.h>

struct opened *opened;
static u32 most; /* numbers that there are: none without memory for the list */

/* The first number after n that is in use; 0: none. */
static u32 next_opened(u32 n)
{
	while (++n <= most) {
		if (opened[n].kind != OPENED_NONE) {
			return n;
		}
	}
	return 0;
}

/* The command that opens one, and the one that closes it. */
static const char names[OPENED_KINDS][2][9] = {
	[OPENED_PAGES] = { "alloc", "free" },	    [OPENED_KMAP] = { "kmap", "kunmap" },
	[OPENED_KLOCAL] = { "klocal", "kunlocal" }, [OPENED_VMAP] = { "vmap", "vunmap" },
	[OPENED_VMALLOC] = { "vmalloc", "vfree" },  [OPENED_FIXMAP] = { "fixmap", "unfix" },
	[OPENED_FILE] = { "load", "free" },
};

enum opened_kind opened_by(const char *command, enum opened_by how)
{
	u32 kind = OPENED_KINDS;

	while (--kind > OPENED_NONE && strcmp(names[kind][how], command) != 0) {
	}
	return kind == OPENED_FILE ? OPENED_PAGES : kind;
}

static bool holds_pages(const struct opened *o)
{
	return o->kind == OPENED_PAGES || o->kind == OPENED_FILE;
}

/* ---- the list ---- */

void opened_init(void)
{
	if (!opened) {
		opened = kzalloc((OPENED_MAX + 1) * sizeof(*opened));
		most = opened ? OPENED_MAX : 0;
	}
}

u32 opened_new(void)
{
	for (u32 n = 1; n <= most; n++) {
		if (opened[n].kind == OPENED_NONE) {
			opened[n].since_s = seconds_now();
			return n;
		}
	}
	return say_error("%u things are open: close some", most);
}

/* One line, `more` behind it. */
static void describe(u32 n, const char *more)
{
	const struct opened *o = &opened[n];
	char text[48];

	if (o->kind == OPENED_FILE) {
		(void)snprintf(text, sizeof(text), " of %u bytes in %u pages", o->bytes, o->count);
	} else if (holds_pages(o) || o->count > 1 || o->kind == OPENED_VMALLOC) {
		(void)snprintf(text, sizeof(text), " of %u page%s", o->count,
			       o->count == 1 ? "" : "s");
	} else {
		(void)snprintf(text, sizeof(text), " of page 0x%06x", o->first);
	}
	say("#%u: %s%s %s 0x%0*x%s", n, names[o->kind][OPENS], text, o->va ? "at" : "from",
	    o->va ? 8 : 6, o->va ? (u32)(vaddr_t)o->va : o->first, more);
}

void opened_describe(u32 n)
{
	describe(n, "");
}

u32 opened_list(void)
{
	char age[24];

	for (u32 n = next_opened(0); n; n = next_opened(n)) {
		(void)snprintf(age, sizeof(age), ", for %u s", seconds_now() - opened[n].since_s);
		describe(n, age);
	}
	return opened_count();
}

u32 opened_count(void)
{
	u32 count = 0;

	for (u32 n = next_opened(0); n; n = next_opened(n)) {
		count++;
	}
	return count;
}

void cmd_opened(__unused u32 argc, __unused char **argv)
{
	if (opened_list() == 0) {
		say("nothing");
	}
}

u32 opened_at(vaddr_t va)
{
	for (u32 n = next_opened(0); n; n = next_opened(n)) {
		if (opened[n].va && va - (vaddr_t)opened[n].va < opened[n].count * PAGE_SIZE) {
			return n;
		}
	}
	return 0;
}

u32 opened_window(pfn_t pfn)
{
	for (u32 n = next_opened(0); n; n = next_opened(n)) {
		const struct opened *o = &opened[n];

		if (o->va && o->kind != OPENED_VMAP && o->kind != OPENED_VMALLOC &&
		    o->first == pfn) {
			return n;
		}
	}
	return 0;
}

u32 opened_page(pfn_t pfn)
{
	for (u32 n = next_opened(0); n; n = next_opened(n)) {
		for (pfn_t own = holds_pages(&opened[n]) ? opened[n].first : 0; own;
		     own = pfn_to_page(own)->next) {
			if (own == pfn) {
				return n;
			}
		}
	}
	return 0;
}

/* ---- what a word names ---- */

static bool is_of(const struct opened *o, enum opened_kind kind)
{
	return kind == OPENED_NONE || o->kind == kind || (kind == OPENED_PAGES && holds_pages(o));
}

u32 want_opened(const char *word, enum opened_kind kind)
{
	bool by_number = word[0] == '#';
	u32 value, found = 0;

	if (!want_number(word + by_number, UINT32_MAX, &value)) {
		return 0;
	}
	for (u32 n = next_opened(0); n; n = next_opened(n)) {
		const struct opened *o = &opened[n];

		if (by_number ? n == value :
				is_of(o, kind) &&
					(o->first == value || (o->va && (vaddr_t)o->va == value))) {
			found = found ? found : n;
		}
	}
	if (!found) {
		return say_error("%.40s: you have nothing open there", word);
	}
	if (!is_of(&opened[found], kind)) {
		return say_error("#%u came from %s", found, names[opened[found].kind][OPENS]);
	}
	return found;
}

struct page *want_page(const char *word)
{
	pfn_t pfn;
	u32 n;

	if (word[0] == '#') {
		n = want_opened(word, OPENED_PAGES);
		return n ? pfn_to_page(opened[n].first) : NULL;
	}
	if (!want_ram_pfn(word, &pfn)) {
		return NULL;
	}
	if (!opened_page(pfn)) {
		(void)say_error("page 0x%x is not yours: alloc gives you some", pfn);
		return NULL;
	}
	return pfn_to_page(pfn);
}

bool opened_address(const char *word, u64 *address)
{
	u32 n = want_opened(word, OPENED_NONE);

	if (n) {
		*address = opened[n].va ? (vaddr_t)opened[n].va : pfn_to_pa(opened[n].first);
	}
	return n;
}
