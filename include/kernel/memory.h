/* SPDX-License-Identifier: BSD-2-Clause */
/* Boot: from device tree and command line to a running memory management. */
#pragma once

#include <lib/bootargs.h>
#include <lib/fdt.h>

/*
 * Fills memblock: RAM, what is reserved of it, by whom. Panics, with the reason, on what is broken.
 */
void memory_discover(const struct fdt *f, const struct bootargs *args, phys_addr_t dtb_pa,
		     u32 dtb_bytes);

/*
 * Lowmem, HighMem and the page array. Panics if the RAM does not suffice. Part of memory_start().
 */
void memory_divide(const struct bootargs *args);

/* Direct mapping, page array, allocators, windows, in order. Panics if the RAM does not suffice. */
void memory_start(const struct bootargs *args);

/*
 * Empties the CPUs' lists of pages and objects, the slabs that nobody uses and the lazy vmalloc
 * areas; returns the pages that nobody holds: the same number before and after who gives back all.
 * Process context.
 */
u32 memory_baseline(void);
