/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memblock: what physical memory there is and who has it, before there is an allocator.
 * Two sorted, merged lists of ranges: memory (RAM, as banks) and reserved. Boot CPU
 * only, no locks; after page_alloc_init() only the queries are used.
 *
 * All ranges are (start, size) in bytes and checked: a wrap, or an end beyond 40 bits,
 * is -ERANGE and changes nothing.
 */
#pragma once

#include <phys.h>
#include <types.h>

#define MEMBLOCK_MAX_RANGES 64

struct memblock_range {
	phys_addr_t start;
	u64 size : 48; /* of 40-bit addresses */
	u64 flags : 16;
};

/* Reserved list: whose a range is. 0: this kernel's own, the device tree's copy included. */
#define MEMBLOCK_NOMAP	  (1u << 0) /* must not be mapped (no-map) */
#define MEMBLOCK_FIRMWARE (1u << 1) /* the device tree says so */
#define MEMBLOCK_INITRD	  (1u << 2)
#define MEMBLOCK_UNTESTED \
	(1u << 3) /* memtest=all, second run: RAM that nobody may use before it is tested */
#define MEMBLOCK_BAD   (1u << 4) /* memtest=all: RAM that failed the test */
#define MEMBLOCK_TAKEN (1u << 5) /* memtest=all: good, and the second run's image */

struct memblock_list {
	u32 count;
	struct memblock_range range[MEMBLOCK_MAX_RANGES];
};

struct memblock {
	struct memblock_list memory;
	struct memblock_list reserved;
};
extern struct memblock memblock;

/* Adds RAM. -EEXIST: overlaps RAM already there (a broken device tree; the caller names both).
 * -ENOSPC: list full. Adjacent banks merge. Of size 0: nothing to do, here and below. */
int __must_check memblock_add(phys_addr_t start, phys_addr_t size);

/* Reserves a range, inside RAM or not. May overlap earlier ones: they merge, or, where the flags
 * differ, the overlap gets both. -ENOSPC: list full, or nearly so and the worst case won't fit. */
int __must_check memblock_reserve(phys_addr_t start, phys_addr_t size, u32 flags);

/* The same for any such list: of what memtest has tested, for one. */
int __must_check memblock_list_add(struct memblock_list *list, phys_addr_t start, phys_addr_t size,
				   u32 flags);

/* Whether one range has all of these bytes, and none of these flags. */
bool memblock_list_has(const struct memblock_list *list, phys_addr_t start, phys_addr_t size,
		       u32 flags);

/* The first range that ends above pa, or NULL. */
const struct memblock_range *memblock_list_at(const struct memblock_list *list, phys_addr_t pa);

/* Gives back (part of) what memblock_alloc_range() gave. -EINVAL: some byte is not reserved.
 * -ENOSPC: the rest would be two ranges and there is no room for both. */
int __must_check memblock_free(phys_addr_t start, phys_addr_t size);

/* Drops RAM at and above limit bytes of RAM, counted from the lowest bank (mem=SIZE). */
void memblock_limit(phys_addr_t ram_bytes);

/* Forgets all RAM (before mem=SIZE@ADDR adds its own). */
void memblock_clear_memory(void);

/* Allocates size bytes of unreserved RAM in [min, max), highest first, aligned to a power of two;
 * reserves it. 0: no memory (so never the page at 0). Not zeroed. */
phys_addr_t __must_check memblock_alloc_range(phys_addr_t size, u32 align, phys_addr_t min,
					      phys_addr_t max);

/* True if every byte is RAM / if some byte is RAM, reserved, reserved no-map. */
bool memblock_is_ram(phys_addr_t start, phys_addr_t size);
bool memblock_has_ram(phys_addr_t start, phys_addr_t size);
bool memblock_is_reserved(phys_addr_t start, phys_addr_t size);
bool memblock_is_nomap(phys_addr_t start, phys_addr_t size);

/* How many bytes from there on are RAM and not reserved. */
phys_addr_t memblock_free_from(phys_addr_t from);

/* The next range at or after *from that is RAM and not reserved, cut to [.., end); advances *from.
 * false when there is none. Ranges are byte-exact; the caller rounds inward. */
bool __must_check memblock_next_free(phys_addr_t *from, phys_addr_t end, phys_addr_t *start,
				     phys_addr_t *size);

/* Lowest RAM byte, one past the highest, total RAM bytes, reserved RAM bytes. */
phys_addr_t memblock_start(void);
phys_addr_t memblock_end(void);
phys_addr_t memblock_total(void);
phys_addr_t memblock_reserved_total(void);
