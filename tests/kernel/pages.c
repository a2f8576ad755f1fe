/* SPDX-License-Identifier: BSD-2-Clause */
/* Owns the contents that tests write into pages, and the search for pages at special addresses. */
#include "pages.h"

#include <arch/probe.h>
#include <errno.h>
#include <mm/highmem.h>

#define PAGE_WORDS (PAGE_SIZE / sizeof(u32))

static u32 pattern_word(u32 seed, u32 i)
{
	return seed * 0x85ebca6bu ^ i * 0x9e3779b1u;
}

void pattern_fill(void *va, u32 seed)
{
	u32 *words = va;

	for (u32 i = 0; i < PAGE_WORDS; i++) {
		words[i] = pattern_word(seed, i);
	}
}

u32 pattern_wrong(const void *va, u32 seed)
{
	const volatile u32 *words = va;
	u32 wrong = 0;

	for (u32 i = 0; i < PAGE_WORDS; i++) {
		wrong += words[i] != pattern_word(seed, i);
	}
	return wrong;
}

void page_fill(struct page *page, u32 seed)
{
	void *va = kmap_local_page(page);

	pattern_fill(va, seed);
	kunmap_local(va);
}

u32 page_wrong(struct page *page, u32 seed)
{
	void *va = kmap_local_page(page);
	u32 wrong = pattern_wrong(va, seed);

	kunmap_local(va);
	return wrong;
}

bool check_no_read(vaddr_t va, u32 line)
{
	u32 word;

	return check_eq((u32)probe_read((const void *)va, &word), (u32)-EFAULT, line);
}

/* Takes the block `wanted` out of the list of held ones; the first if it is not there, or 0. */
static struct page *held_take(pfn_t *held, pfn_t wanted)
{
	pfn_t *link = held;

	while (wanted && *link && *link != wanted) {
		link = &pfn_to_page(*link)->next;
	}
	if (!*link) {
		link = held;
	}
	if (*link) {
		struct page *block = pfn_to_page(*link);

		*link = block->next;
		return block;
	}
	return NULL;
}

/*
 * Memory is handed out from the top, but for what was freed last: take blocks until there is one on
 * each side of the line.
 */
static bool pair_across(struct page_pair *pair, u32 order)
{
	pfn_t above = 0, below = 0;
	struct page *block;

	pair->order = order;
	while ((!above || !below) && (block = alloc_pages(GFP_HIGH, order))) {
		pfn_t *held = page_to_pa(block) >= SZ_4G ? &above : &below;

		block->next = *held;
		*held = page_to_pfn(block);
	}
	pair->below = held_take(&below, 0);
	pair->above =
		held_take(&above, pair->below ? page_to_pfn(pair->below) + pa_to_pfn(SZ_4G) : 0);
	while (above || below) {
		free_pages(held_take(above ? &above : &below, 0), order);
	}
	return pair->below && pair->above;
}

bool page_pair_get(struct page_pair *pair)
{
	pair->across = mm.phys_offset < SZ_4G && pfn_to_pa(mm.end_pfn) > SZ_4G;
	if (!pair->across) {
		pair->order = 0;
		pair->below = alloc_page(GFP_HIGHONLY);
		pair->above = alloc_page(GFP_HIGHONLY);
		if (pair->below && pair->above) {
			return true;
		}
	} else if (pair_across(pair, MAX_ORDER)) {
		return true;
	} else {
		page_pair_put(pair); /* less than a largest block lies above: few pages then */
		if (pair_across(pair, 0)) {
			return true;
		}
	}
	page_pair_put(pair);
	return false;
}

/* The upper one last: what is freed last is handed out first. */
void page_pair_put(struct page_pair *pair)
{
	if (pair->below) {
		free_pages(pair->below, pair->order);
	}
	if (pair->above) {
		free_pages(pair->above, pair->order);
	}
}
