/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DEBUG: what may find no memory, and must lose nothing then. True: it got all that it asked for.
 * Any number at a time, in any thread, but for the last two.
 */
#pragma once

#include <types.h>

#define NO_RAM (PHYS_END - SZ_1M) /* where nobody has any */

bool take_pages(void);
/* HighMem or lowmem. */
bool take_instead(void);
bool take_objects(void);
bool take_areas(void);
/* One page at many addresses: of a part of the area that has no tables yet, if there is one. */
bool take_wide(void);
bool take_threads(void);
/* Only where there is a controller. */
bool take_interrupt(void);
bool take_memtest(void);

/* What these saw that no lack of memory explains. */
extern u32 taken_wrong;

/* What is in use, also what is smaller than a page: objects, addresses. When nothing else runs. */
struct holdings {
	u32 free_pages, objects, areas;
};
struct holdings holdings_now(void);
/* Nothing was lost since; else says what. */
bool __must_check holdings_same(const struct holdings *before);
