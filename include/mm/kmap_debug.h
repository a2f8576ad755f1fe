/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DEBUG=1: whoever opens a window by kmap, kmap_local_page or kmap_atomic gets another one, in the
 * region kmapdebug, while the real one is open beneath it, with all that belongs to it. Debug
 * windows are not used again soon, there is an unmapped slot behind each, lowmem pages get them
 * too, and each knows who opened and who closed it. So a use after kunmap faults, and so does a
 * step beyond the page, instead of reaching somebody else's page; and the oops says whose.
 *
 * Included at the end of mm/highmem.h. A file whose subject are the real windows defines
 * KMAP_DEBUG_BYPASS before, or puts a function's name in parentheses.
 */
#pragma once

#include <mm/page.h>

/* What a debug window is, or was. */
struct kmap_debug_info {
	pfn_t pfn;
	bool guard;  /* the address lies in the unmapped slot behind it */
	bool shared; /* kmap's; else one CPU's */
	u32 cpu;
	const char *opened, *closed; /* "file.c:line"; closed is NULL while it is open */
};

/* False if there never was a window at va, nor in the slot before. Any context, no lock. */
bool kmap_debug_query(vaddr_t va, struct kmap_debug_info *info);

/* Boot, after the page allocator. */
void kmap_debug_init(void);

/* The functions of mm/highmem.h with the caller's place; contexts and BUGs are theirs. */
void *kmap_debug_local(struct page *page, const char *site);
void kunmap_debug_local(const void *addr, const char *site);
void *kmap_debug_atomic(struct page *page, const char *site);
void kunmap_debug_atomic(const void *addr, const char *site);
/* real: what kmap or kmap_try of the page returned. */
void *__must_check kmap_debug_shared(struct page *page, void *real, const char *site);
void kunmap_debug_shared(struct page *page, const char *site);
void *kmap_debug_page_address(const struct page *page);

#if CONFIG_DEBUG && !defined(KMAP_DEBUG_BYPASS)
#define KMAP_SITE_(line)      __FILE_NAME__ ":" #line
#define KMAP_SITE__(line)     KMAP_SITE_(line)
#define KMAP_SITE	      KMAP_SITE__(__LINE__)
#define kmap_local_page(page) kmap_debug_local(page, KMAP_SITE)
#define kunmap_local(addr)    kunmap_debug_local(addr, KMAP_SITE)
#define kmap_atomic(page)     kmap_debug_atomic(page, KMAP_SITE)
#define kunmap_atomic(addr)   kunmap_debug_atomic(addr, KMAP_SITE)
#define kmap(which)                                                           \
	({                                                                    \
		struct page *kmap_page_ = (which);                            \
		kmap_debug_shared(kmap_page_, (kmap)(kmap_page_), KMAP_SITE); \
	})
#define kmap_try(which)                                                           \
	({                                                                        \
		struct page *kmap_page_ = (which);                                \
		kmap_debug_shared(kmap_page_, (kmap_try)(kmap_page_), KMAP_SITE); \
	})
#define kunmap(page)	   kunmap_debug_shared(page, KMAP_SITE)
#define page_address(page) kmap_debug_page_address(page)
#endif
