/* SPDX-License-Identifier: BSD-2-Clause */
/* The direct mapping: lowmem at PAGE_OFFSET, built once at boot from memblock, never split. */
#pragma once

#include <phys.h>
#include <types.h>

/*
 * Boot: chooses how much RAM is lowmem (vmalloc_bytes: 0 for the default minimum), maps it, sets
 * mm.phys_offset, mm.lowmem_end, mm.low_end_pfn. The image's pages, and no-map ones, are left out.
 * -EINVAL: vmalloc_bytes leaves too little lowmem. -ENOMEM.
 */
int __must_check directmap_init(u32 vmalloc_bytes);

/*
 * True if every byte is RAM, none of it no-map, and none the image's, whose text must not become
 * writable through an alias. A query on memblock; any context.
 */
bool ram_may_be_mapped(phys_addr_t pa, u32 size);
