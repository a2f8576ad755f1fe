/* SPDX-License-Identifier: BSD-2-Clause */
/* What several suites need: pages with recognisable contents, and pairs across the 4 GiB line. */
#pragma once

#include <kernel/test.h>
#include <mm/page_alloc.h>

#define SZ_4G ((phys_addr_t)1 << 32)

/* A page's worth of words, each different for every seed. */
void pattern_fill(void *va, u32 seed);
/* How many of the page's words are not as pattern_fill(va, seed) left them. */
u32 pattern_wrong(const void *va, u32 seed);

/* The same through a kmap_local window. */
void page_fill(struct page *page, u32 seed);
u32 page_wrong(struct page *page, u32 seed);

/* True if nothing can be read at that address: it is not mapped. Else the test has failed. */
#define CHECK_NO_READ(va) check_no_read((vaddr_t)(va), CHECK_SITE(" " #va))
bool check_no_read(vaddr_t va, u32 line);

struct page_pair {
	struct page *below; /* below 4 GiB */
	struct page *
		above; /* beyond; the page whose address differs in bit 32 alone, if that is free */
	u32 order;
	bool across; /* false: all RAM is on one side, both are any pages */
};

/* On machines whose RAM ends below 4 GiB: just two HighMem pages. False: no memory. */
bool page_pair_get(struct page_pair *pair);
void page_pair_put(struct page_pair *pair);
