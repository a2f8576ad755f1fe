/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a boot says about itself: banner, address map, @boot and @layout, the story of one
 * page; and the facts in them, for the tests.
 */
#pragma once

#include <lib/fdt.h>
#include <phys.h>

/* Banner, address map, the lines `@boot` and `@layout`. f stays open: it must not move any more. */
void report_boot(const struct fdt *f);

/* The address map once more; the two machine lines, as they were but for what is free now. */
void report_map(void);
void report_again(void);

/*
 * At most 25 lines for who wants to know what a window is: one page that the direct mapping
 * does not reach, through each of the others. Takes a page and gives it back; leaves a stale pkmap
 * window, as kunmap does.
 */
void story_tell(void);

/* PMCCNTR just before `@boot`: from image entry on. */
extern u32 report_boot_cycles;

/* The device tree. After report_boot(). */
const struct fdt *report_tree(void);

/* The command line as it was given; "" if there is none. After report_boot(). */
const char *report_bootargs(void);

/* What the linker made of the image's content. */
#define BUILD_ID_BYTES 20
const u8 *report_build_id(void);

/* One region of the kernel's part, by rising address; empty ones are left out. */
struct region {
	const char *name, *kind, *rule;
	vaddr_t start, end;
};
/* False beyond the last. */
bool region_get(u32 index, struct region *region);

/* Bytes of RAM with a physical address below end. */
phys_addr_t ram_below(phys_addr_t end);
