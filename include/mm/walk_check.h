/* SPDX-License-Identifier: BSD-2-Clause */
/* Whether the MMU finds page tables above 4 GiB: not every emulator's does. */
#pragma once

#include <types.h>

/*
 * Tries it with a table in the highest free page; true where that page lies below 4 GiB. Boot CPU,
 * after page_alloc_init() and before bigwin_init().
 */
bool high_tables_work(void);
