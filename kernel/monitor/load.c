/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * load: a file by YMODEM, into HighMem pages that are then the person's, like those of alloc.
 * Gives every page back when the file does not come whole. boot: enters such a file, or what lies
 * at a physical address.
 */
#include "monitor.h"

#include <errno.h>
#include <kernel/console.h>
#include <kernel/reenter.h>
#include <kernel/time.h>
#include <lib/crc32.h>
#include <lib/ymodem.h>
#include <mm/highmem.h>
#include <mm/page_alloc.h>
#include <mm/slab.h>

#define NAME_SHOWN    40
#define RESERVE_PAGES 256u /* of HighMem that a file may not take */

static struct {
	struct ymodem ymodem;
	u32 number; /* what it will be opened as */
	u32 size, have, crc;
	pfn_t first, last;
	char name[NAME_SHOWN];
} * file;

static int get(u32 wait_ms)
{
	u64 end = time_now_us() + (u64)wait_ms * 1000;
	int c;

	do {
		c = console_try_getc();
	} while (c == -EAGAIN && time_now_us() < end);
	return c;
}

static void put(u8 c)
{
	console_write((const char *)&c, 1);
}

static bool begin(struct ymodem *y, const char *name, u32 size)
{
	struct zone_info high;

	(void)y;
	zone_query(ZONE_HIGH, &high);
	strlcpy(file->name, name, sizeof(file->name));
	file->size = size;
	return size > 0 && size / PAGE_SIZE + RESERVE_PAGES < high.free_pages;
}

/* The page that the byte at file->have goes to. */
static struct page *page_for_more(void)
{
	struct page *page;

	if (file->have % PAGE_SIZE) {
		return pfn_to_page(file->last);
	}
	page = alloc_page(GFP_HIGHONLY | GFP_ZERO);
	if (!page) {
		return NULL;
	}
	page->next = 0;
	if (file->first) {
		pfn_to_page(file->last)->next = page_to_pfn(page);
	} else {
		file->first = page_to_pfn(page);
	}
	file->last = page_to_pfn(page);
	return page;
}

static bool data(struct ymodem *y, const u8 *bytes, u32 len)
{
	(void)y;
	file->crc = crc32_update(file->crc, bytes, len);
	while (len > 0) {
		u32 offset = file->have % PAGE_SIZE, part = min(len, PAGE_SIZE - offset);
		struct page *page = page_for_more();

		if (!page) {
			return false;
		}
		memcpy_to_page(page, offset, bytes, part);
		file->have += part;
		bytes += part;
		len -= part;
	}
	return true;
}

static void receive(u32 n)
{
	static const char *const ends[] = {
		[YMODEM_NOBODY] = "nobody sends",
		[YMODEM_SILENT] = "the sender fell silent",
		[YMODEM_CANCELLED] = "cancelled",
		[YMODEM_DAMAGED] = "damaged again and again",
		[YMODEM_ORDER] = "a part is missing",
		[YMODEM_NO_FILE] = "the sender has no file",
		[YMODEM_HEADER] = "its name or size makes no sense",
		[YMODEM_REFUSED] = "empty, or larger than HighMem has room for",
	};
	enum ymodem_end end;

	end = ymodem_receive(&file->ymodem);
	say(" ");
	if (end != YMODEM_OK) {
		chain_free(file->first);
		say("error: load: %s, after %u bytes", ends[end], file->have);
		return;
	}
	opened[n].kind = OPENED_FILE;
	opened[n].first = file->first;
	opened[n].count = DIV_ROUND_UP(file->size, PAGE_SIZE);
	opened[n].bytes = file->size;
	say("%s: %u bytes, crc32 %08x", file->name, file->size, file->crc);
	opened_describe(n);
}

void cmd_load(__unused u32 argc, __unused char **argv)
{
	u32 n = opened_new();

	if (n == 0) {
		return;
	}
	file = kzalloc(sizeof(*file));
	if (!file) {
		(void)say_error("no memory");
		return;
	}
	file->ymodem = (struct ymodem){ .get = get, .put = put, .begin = begin, .data = data };
	say("load: send a file by YMODEM now; ^C gives up");
	receive(n);
	kfree(file);
	file = NULL;
}

/* ---- boot ---- */

/* A file's pages lie anywhere, above 4 GiB mostly: an image of them, in one block of lowmem. */
static const char *boot_file(const struct opened *o, struct reenter *r)
{
	struct page *block;
	const char *why;
	u32 order = 0;
	char *to;

	while (order < MAX_ORDER && (PAGE_SIZE << order) < o->bytes) {
		order++;
	}
	block = o->bytes <= PAGE_SIZE << order ? alloc_pages(GFP_KERNEL, order) : NULL;
	if (!block) {
		return "no memory in one piece";
	}
	to = lowmem_page_address(block);
	for (pfn_t pfn = o->first; pfn; pfn = pfn_to_page(pfn)->next, to += PAGE_SIZE) {
		memcpy_from_page(to, pfn_to_page(pfn), 0, PAGE_SIZE);
	}
	r->image = page_to_pa(block);
	r->owned = true;
	why = reenter_check(r->image, o->bytes, &r->bytes);
	why = why ? why : reenter(r);
	free_pages(block, order);
	return why;
}

void cmd_boot(u32 argc, char **argv)
{
	struct reenter r = { .bootargs = argc > 1 ? argv[1] : NULL };
	const char *why = NULL;
	u32 n;

	for (u32 i = 1; i + 1 < argc; i++) {
		argv[i][strlen(argv[i])] = ' '; /* one line again */
	}
	(void)opened_list();
	if (argv[0][0] == '#') {
		n = want_opened(argv[0], OPENED_FILE);
		why = n ? boot_file(&opened[n], &r) : NULL;
	} else if (want_address(argv[0], PHYS_END - 1, &r.image)) {
		why = reenter_check(r.image, UINT32_MAX, &r.bytes);
		why = why ? why : reenter(&r);
	}
	if (why) {
		(void)say_error("%.40s: %s", argv[0], why);
	}
}
