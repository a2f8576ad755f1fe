/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * md and mw: any physical address. RAM is reached with its page's one memory type, the image
 * at its own address, all else as a device. Must never map RAM as a device, nor at its
 * other address (lib/ram_alias.h), nor what is no-map; a bus that refuses is an error, not an oops.
 */
#include "monitor.h"

#include <arch/early_tables.h>
#include <arch/fault.h>
#include <arch/probe.h>
#include <lib/printf.h>
#include <mm/highmem.h>
#include <mm/image_late.h>
#include <mm/memblock.h>
#include <mm/vmalloc.h>

#define WORDS_PER_LINE 4
#define MD_MAX	       16384u /* words */

/* A page of physical addresses, while it is reachable. */
struct view {
	char *va; /* of its first byte */
	enum { VIEW_IMAGE, VIEW_DIRECT, VIEW_WINDOW, VIEW_DEVICE } kind;
	enum mem_type type;
};

static pgprot_t type_prot(enum mem_type type)
{
	switch (type) {
	case MT_DEVICE:
		return PAGE_DEVICE;
	case MT_UNCACHED:
		return PAGE_UNCACHED;
	case MT_STRONG:
		return (pgprot_t){ (PAGE_DEVICE.raw & ~LEAF_ATTR(7)) | LEAF_ATTR(MT_STRONG) };
	default:
		return PAGE_KERNEL;
	}
}

static void view_ram(struct view *v, pfn_t pfn)
{
	const struct page *page = pfn_to_page(pfn);

	v->type = page_type(page);
	if (page_is_high(page)) {
		v->va = kmap_local_pfn(pfn, type_prot(v->type));
		v->kind = VIEW_WINDOW;
	} else {
		v->va = lowmem_page_address(page);
		v->kind = VIEW_DIRECT;
	}
}

/* False, with a message: it must not or cannot be mapped. */
static bool view_open(struct view *v, phys_addr_t pa)
{
	phys_addr_t start = pa_real(pa_align_down(pa, PAGE_SIZE));

	*v = (struct view){ .kind = VIEW_IMAGE, .type = MT_NORMAL };
	if (image_va(start)) {
		v->va = (char *)image_va(start);
		return true;
	}
	if (memblock_is_nomap(start, PAGE_SIZE)) {
		return say_error("0x%010llx is no-map: nothing may be mapped there", pa);
	}
	if (pfn_valid(pa_to_pfn(start))) {
		view_ram(v, pa_to_pfn(start));
		return true;
	}
	if (after_panic()) {
		return say_error("0x%010llx: no device is mapped after a panic", pa);
	}
	v->kind = VIEW_DEVICE;
	v->type = MT_DEVICE;
	v->va = ioremap(start, PAGE_SIZE);
	return v->va ||
	       say_error("0x%010llx: %s", pa,
			 memblock_has_ram(start, PAGE_SIZE) ? "a page that is RAM in part" :
							      "no address space");
}

static void view_close(const struct view *v)
{
	if (v->kind == VIEW_WINDOW) {
		kunmap_local_window(v->va);
	} else if (v->kind == VIEW_DEVICE) {
		iounmap(v->va);
	}
}

static void view_say(const struct view *v)
{
	static const char kinds[][20] = { "the image's mapping", "direct mapping",
					  "kmap_local window", "ioremap" };

	say("  as %s memory, through: %s", type_word(v->type), kinds[v->kind]);
}

/* A physical address of a word, or #N. */
static bool want_aligned(const char *word, phys_addr_t *pa)
{
	if (word[0] == '#') {
		const struct page *page = want_page(word);

		*pa = page ? page_to_pa(page) : 0;
		return page;
	}
	return want_address(word, PHYS_END - 1, pa) &&
	       (pa_is_aligned(*pa, sizeof(u32)) ||
		say_error("0x%010llx is not a multiple of 4", *pa));
}

static void say_fault(phys_addr_t pa, u32 status)
{
	u32 level;
	const char *word = fault_word(status, &level);

	(void)say_error("0x%010llx: %s", pa,
			word[0] == 'e' ? "the bus refused (external abort): nothing answers there" :
					 word);
}

/* ---- md ---- */

static void say_words(phys_addr_t pa, const u32 *words, u32 count)
{
	char text[2 * 4 * WORDS_PER_LINE + WORDS_PER_LINE * 10], *to = text;

	for (u32 i = 0; i < WORDS_PER_LINE; i++) {
		to += i < count ? snprintf(to, 10, " %08x", words[i]) : snprintf(to, 10, "%9s", "");
	}
	*to++ = ' ';
	*to++ = ' ';
	for (u32 i = 0; i < count * sizeof(u32); i++) {
		char c = (char)(words[i / 4] >> i % 4 * 8);

		*to++ = c >= ' ' && c < 0x7f ? c : '.';
	}
	*to = '\0';
	say("  %010llx:%s", pa, text);
}

/* Words of one page; false: stopped. */
static bool dump_page(const struct view *v, phys_addr_t pa, u32 words)
{
	for (u32 done = 0; done < words;) {
		u32 line[WORDS_PER_LINE], count = min(words - done, (u32)WORDS_PER_LINE);

		for (u32 i = 0; i < count; i++) {
			phys_addr_t at = pa + (done + i) * sizeof(u32);
			u32 status = probe_read_status(v->va + pa_offset(at, PAGE_SIZE), &line[i]);

			if (status) {
				say_fault(at, status);
				return false;
			}
		}
		say_words(pa + done * sizeof(u32), line, count);
		done += count;
		if (line_stop()) {
			return false;
		}
	}
	return true;
}

void cmd_md(u32 argc, char **argv)
{
	phys_addr_t pa;
	u32 words = 16, shown = ~0u;
	bool go_on = true;

	if (!want_aligned(argv[0], &pa) || (argc > 1 && !want_number(argv[1], MD_MAX, &words))) {
		return;
	}
	while (words > 0 && go_on && pa < PHYS_END) {
		u32 here = min(words, (PAGE_SIZE - pa_offset(pa, PAGE_SIZE)) / (u32)sizeof(u32));
		struct view v;
		u32 how;

		if (!view_open(&v, pa)) {
			return;
		}
		how = (u32)v.kind << 8 | v.type;
		if (how != shown) {
			view_say(&v);
			shown = how;
		}
		go_on = dump_page(&v, pa, here);
		view_close(&v);
		pa += here * sizeof(u32);
		words -= here;
	}
}

/* ---- mw ---- */

void cmd_mw(__unused u32 argc, char **argv)
{
	u32 value, before = 0, after = 0, status;
	phys_addr_t pa;
	struct view v;
	bool device;
	char *va;

	if (!want_aligned(argv[0], &pa) || !want_number(argv[1], UINT32_MAX, &value) ||
	    !view_open(&v, pa)) {
		return;
	}
	device = v.kind == VIEW_DEVICE;
	va = v.va + pa_offset(pa, PAGE_SIZE);
	/* A device's register may change by being read. */
	status = device ? 0 : probe_read_status(va, &before);
	status = status ? status : probe_write_status(va, value);
	status = status || device ? status : probe_read_status(va, &after);
	view_close(&v);
	if (status) {
		say_fault(pa, status);
		return;
	}
	view_say(&v);
	if (device) {
		say("  %010llx: %08x written", pa, value);
	} else {
		say("  %010llx: %08x -> %08x", pa, before, after);
	}
}
