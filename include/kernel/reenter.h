/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Starting another kernel in this one's place, as a loader would: this one again, from another
 * address, or any raw ARM zImage.
 */
#pragma once

#include <mm/memblock.h>
#include <mm/page.h>
#include <phys.h>
#include <types.h>

/*
 * NULL, and the size that its header states, at most `most`: there is a zImage at pa, where it can
 * be entered. Else why not. Any context that may open a window.
 */
const char *__must_check reenter_check(phys_addr_t pa, u32 most, u32 *bytes);

struct reenter {
	phys_addr_t image; /* as reenter_check() found it good */
	u32 bytes;
	bool owned;	      /* its pages are the caller's; else they must be free, and stay so */
	const char *bootargs; /* NULL: those that we were given */
	/* Bytes for the next kernel, in /chosen under that name; NULL: none. */
	const void *handover;
	u32 handover_bytes;
	const char *announce;		  /* a line, when nothing can fail any more; NULL: none */
	const struct memblock_list *good; /* take only memory from here; NULL: from anywhere */
};
#define REENTER_HANDOVER "fanlight,memtest"
/*
 * A block of lowmem below 4 GiB, if need be out of `good` alone, as struct reenter has it. NULL:
 * none is free. free_pages() ends it. Process context.
 */
struct page *__must_check reenter_alloc(u32 order, const struct memblock_list *good);

/*
 * Enters it: r0 = 0, r1 = ~0, r2 = a copy of the device tree; SVC, in the world that we are in, MMU
 * and caches off and clean; no interrupt pending; other CPUs off, or in a pen that the tree
 * reserves. Returns only when nothing has been changed yet: why it cannot be. Boot CPU, process
 * context.
 */
const char *__must_check reenter(const struct reenter *r);
