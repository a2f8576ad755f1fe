/* SPDX-License-Identifier: BSD-2-Clause */
/* What lies at an address, in words: for the oops, the tests and the story of one page. Queries. */
#pragma once

#include <types.h>

/*
 * The region that va lies in and who owns that part of it: "fixmap slot 21, kmap_local window 5 of
 * CPU 0". Takes no lock. Returns as snprintf does.
 */
int address_describe(char *buf, size_t size, vaddr_t va);

/*
 * Reads an aligned double word of RAM or of the image by its physical address, through a kmap_local
 * window where it must: one access, as a table walk reads. False: not RAM, RAM of another type than
 * MT_NORMAL, or no window left. Any context. Fits walk_tables().
 */
bool phys_peek(phys_addr_t pa, u64 *value);

/* Prints each level's entry for va, and the MMU's own answer. Any context. */
void walk_report(vaddr_t va);
