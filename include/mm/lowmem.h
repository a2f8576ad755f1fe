/* SPDX-License-Identifier: BSD-2-Clause */
/* How RAM is divided: lowmem, HighMem, and the page array's place. Decisions on memblock alone. */
#pragma once

#include <phys.h>
#include <types.h>

/*
 * Boot: chooses how much RAM is lowmem (vmalloc_bytes: 0 for the default minimum), sets
 * mm.phys_offset, mm.lowmem_end, mm.low_end_pfn. -EINVAL: vmalloc_bytes leaves too little lowmem;
 * -ENOMEM: there is too little RAM.
 */
int __must_check lowmem_choose(u32 vmalloc_bytes);

/*
 * Where lowmem ends, at `end` or below, so that there is HighMem to use above it, as far as there
 * is any: free_from() says how many bytes from an address on will be free.
 */
phys_addr_t lowmem_end_below(phys_addr_t end, phys_addr_t (*free_from)(phys_addr_t at));

/* Where the page array and its two tables go, in lowmem, reserved in memblock. */
struct page_array_place {
	phys_addr_t array, tables;
	u32 first, last; /* sections */
	u32 slots;	 /* of 512 KiB each */
};
/* Boot, after lowmem_choose(). -ENOMEM: lowmem cannot hold it. */
int __must_check page_array_place(struct page_array_place *place);

/*
 * How many slots the sections [first, last] need, from lowmem's first; fills the two tables, if
 * given, for slots from base on. Sections without a slot stay as they are.
 */
u32 page_array_slots(u32 first, u32 last, vaddr_t base, vaddr_t *sections, u32 *deltas);
