/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * md and mw: any physical address. RAM is reached with its page's one memory type, the image
 * at its own address, all else as a device. Must never map RAM as a device, or what is no-map
 * at all; a bus that refuses is an error, not an oops.
 */
#include "monitor.h"

#include <arch/early_tables.h>
#include <arch/fault.h>
#include <arch/probe.h>
#include <lib/printf.h>
#include <mm/highmem.h>
#include <mm/memblock.h>
#include <mm/vmalloc.h>

#define WORDS_PER_LINE 4
#define MD_MAX	       16384u /* words */

/* A page of physical addresses, while it is reachable. */
struct view {
	char *va; /* of its first byte */
	enum { VIEW_DIRECT, VIEW_WINDOW, VIEW_DEVICE } kind;
	const char *what;
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

static bool view_ram(struct view *v, pfn_t pfn)
{
	const struct page *page = pfn_to_page(pfn);

	if (!page_is_high(page)) {
		*v = (struct view){ lowmem_page_address(page), VIEW_DIRECT, "direct mapping" };
		return true;
	}
	v->va = kmap_local_pfn(pfn, type_prot(page_type(page)));
	v->kind = VIEW_WINDOW;
	v->what = "kmap_local window";
	return true;
}

/* False, with a message: it must not or cannot be mapped. */
static bool view_open(struct view *v, phys_addr_t pa)
{
	phys_addr_t start = pa_align_down(pa, PAGE_SIZE);

	if (pa_in_image(start)) {
		*v = (struct view){ (char *)(IMAGE_START + (u32)(start - boot_info.image_pa)),
				    VIEW_DIRECT, "image" };
		return true;
	}
	if (memblock_is_nomap(start, PAGE_SIZE)) {
		say("error: 0x%010llx is no-map: nothing may be mapped there", pa);
		return false;
	}
	if (pfn_valid(pa_to_pfn(pa))) {
		return view_ram(v, pa_to_pfn(pa));
	}
	v->va = after_panic() ? NULL : ioremap(start, PAGE_SIZE);
	v->kind = VIEW_DEVICE;
	v->what = "as a device";
	if (!v->va) {
		say("error: 0x%010llx: %s", pa,
		    after_panic()		       ? "no device is mapped after a panic" :
		    memblock_has_ram(start, PAGE_SIZE) ? "a page that is RAM in part" :
							 "no address space");
	}
	return v->va;
}

static void view_close(const struct view *v)
{
	if (v->kind == VIEW_WINDOW) {
		kunmap_local_window(v->va);
	} else if (v->kind == VIEW_DEVICE) {
		iounmap(v->va);
	}
}

/* A physical address of a word, or #N. */
static bool want_aligned(const char *word, phys_addr_t *pa)
{
	if (word[0] == '#') {
		const struct page *page = want_page(word);

		*pa = page ? page_to_pa(page) : 0;
		return page;
	}
	if (!want_pa(word, pa)) {
		return false;
	}
	if (!pa_is_aligned(*pa, sizeof(u32))) {
		say("error: 0x%010llx is not a multiple of 4", *pa);
		return false;
	}
	return true;
}

static void say_fault(phys_addr_t pa, u32 status)
{
	u32 level;
	const char *word = fault_word(status, &level);

	say("error: 0x%010llx: %s", pa,
	    word[0] == 'e' ? "the bus refused (external abort): nothing answers there" : word);
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
	u32 words = 16;
	bool go_on = true;

	if (!want_aligned(argv[0], &pa) || (argc > 1 && !want_number(argv[1], MD_MAX, &words))) {
		return;
	}
	while (words > 0 && go_on && pa < PHYS_END) {
		u32 here = min(words, (PAGE_SIZE - pa_offset(pa, PAGE_SIZE)) / (u32)sizeof(u32));
		struct view v;

		if (!view_open(&v, pa)) {
			return;
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
	} else if (device) {
		say("  %010llx: %08x written, %s", pa, value, v.what);
	} else {
		say("  %010llx: %08x -> %08x, %s", pa, before, after, v.what);
	}
}
