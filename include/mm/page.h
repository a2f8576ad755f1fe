/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * struct page: 16 bytes for each 4 KiB page of RAM, and the conversions between its
 * names (page, pfn, physical address, direct-mapped address).
 *
 * The page array ("memmap") is cut into sections of 128 MiB of physical memory, 512 KiB
 * of array each, in ascending pfn order, in lowmem. pfn to page goes through a table of
 * biased pointers, page to pfn through a table of deltas; sections without RAM have
 * no array, and the part of a section's array without RAM was given back. An array's
 * address is a multiple of its size, so a page's low address bits are its pfn's. Up to the
 * end of lowmem the array has no gaps between sections, so lowmem conversions are
 * one multiply-add.
 *
 * All-zero means "inside a block": boot fills the array in bulk and touches nothing twice.
 */
#pragma once

#include <arch/pgtable.h>
#include <layout.h>
#include <types.h>

struct page {
	union {
		u32 flags; /* PAGE_* below; the owner's, in free pages the zone lock's */
		struct {
			u16 flags_low;
			u16 kmap; /* number of the page's pkmap window, 0 if none: pkmap.c's own */
		};
	};
	s32 refcount; /* atomic; 0 in pages that nobody holds */
	union {
		struct { /* free lists, pcp lists, any owner's list: pfns, 0 ends a list */
			pfn_t next;
			pfn_t prev;
		};
		struct { /* page cache, later */
			u32 mapping;
			u32 index;
		};
		/* slab: its size class, its list of free objects; pfn 0 ends the class's list */
		struct {
			u8 slab_class;
			u8 slab_free;	/* number of the first free object, if any is */
			u16 slab_inuse; /* objects that are not on the list */
			pfn_t slab_next;
		};
	};
};
STATIC_ASSERT(sizeof(struct page) == 16);

enum page_state {
	PAGE_INSIDE = 0,    /* not the first page of its block, be it free or allocated */
	PAGE_BUDDY = 1,	    /* first page of a free block; order says how long */
	PAGE_PCP = 2,	    /* free, on a per-CPU list */
	PAGE_ALLOCATED = 3, /* first page of an allocated block */
	PAGE_SLAB = 4,	    /* holds slab objects */
	PAGE_RESERVED = 8,  /* a bit of its own; never the allocator's: image, no-map, page array */
};

#define PAGE_STATE_MASK	 0x0000000fu
#define PAGE_ORDER_SHIFT 4
#define PAGE_ORDER_MASK	 0x000000f0u
#define PAGE_TYPE_SHIFT	 8
#define PAGE_TYPE_MASK	 0x00000300u /* enum mem_type: the only authority on the page's type */
#define PAGE_ALIKE	 0x00000400u /* page_type.h: all 2 MiB from here on have its type */
#define PAGE_SLAB_SHIFT	 16 /* slab: object size - 1, eleven bits; lowmem, so never kmapped */

#define SECTION_SHIFT	     27 /* 128 MiB of physical memory */
#define SECTION_PFN_SHIFT    (SECTION_SHIFT - PAGE_SHIFT)
#define SECTION_MEMMAP_SHIFT (SECTION_PFN_SHIFT + 4) /* 512 KiB of struct page */

/* What the conversions need, together in one cache line. Written once at boot. */
struct mm_state {
	const struct page *high_start; /* the first HighMem page's struct; lowmem lies below */
	vaddr_t lowmem_end;	       /* end of the direct mapping */
	vaddr_t low_va_bias;	       /* virtual = bias + (page << 8), modulo 2^32 */
	u32 low_page_bias;	       /* page = bias + (virtual >> 12 << 4), modulo 2^32 */
	const u32 *pfn_delta;	       /* biased: index by page address >> SECTION_MEMMAP_SHIFT */
	struct page *const *section;   /* biased pointers: index by pfn >> SECTION_PFN_SHIFT */
	u32 section_count;
	phys_addr_t phys_offset; /* physical address at PAGE_OFFSET, 2 MiB-aligned */
	pfn_t low_end_pfn;	 /* first pfn beyond lowmem */
	pfn_t end_pfn;		 /* one past the highest RAM page */
};
extern struct mm_state mm;

/* True for a page the direct mapping does not reach. */
static __always_inline bool page_is_high(const struct page *page)
{
	return page >= mm.high_start;
}

static __always_inline pfn_t page_to_pfn(const struct page *page)
{
	return ((vaddr_t)page >> 4) + mm.pfn_delta[(vaddr_t)page >> SECTION_MEMMAP_SHIFT];
}

static inline phys_addr_t page_to_pa(const struct page *page)
{
	return pfn_to_pa(page_to_pfn(page));
}

/* pfn must be RAM's: pfn_valid() tells. */
static __always_inline struct page *pfn_to_page(pfn_t pfn)
{
	return (struct page *)((vaddr_t)mm.section[pfn >> SECTION_PFN_SHIFT] + (pfn << 4));
}

/* True if the whole page is RAM (exact; holes are not): it has a struct page. Any context. */
bool pfn_valid(pfn_t pfn);

/* The direct mapping of a lowmem page. */
static __always_inline void *lowmem_page_address(const struct page *page)
{
	return (void *)(mm.low_va_bias + ((vaddr_t)page << 8));
}

/* The page behind a direct-mapped address. */
static __always_inline struct page *virt_to_page(const void *va)
{
	return (struct page *)(mm.low_page_bias + (((vaddr_t)va >> PAGE_SHIFT) << 4));
}

static __always_inline bool is_lowmem(const void *va)
{
	return (vaddr_t)va - PAGE_OFFSET < mm.lowmem_end - PAGE_OFFSET;
}

/* Direct-mapped addresses only; the image has __pa_symbol(). */
static inline phys_addr_t virt_to_phys(const void *va)
{
	return mm.phys_offset + ((vaddr_t)va - PAGE_OFFSET);
}

static inline void *phys_to_virt(phys_addr_t pa)
{
	return (void *)(vaddr_t)(PAGE_OFFSET + (u32)(pa - mm.phys_offset));
}

static inline enum page_state page_state(const struct page *page)
{
	return (enum page_state)(page->flags & PAGE_STATE_MASK);
}

static inline u32 page_order(const struct page *page)
{
	return (page->flags & PAGE_ORDER_MASK) >> PAGE_ORDER_SHIFT;
}

static inline enum mem_type page_type(const struct page *page)
{
	return (enum mem_type)((page->flags & PAGE_TYPE_MASK) >> PAGE_TYPE_SHIFT);
}

/*
 * Boot: decides nothing, builds the page array for all RAM in memblock: allocates it from
 * lowmem memblock, zero-fills it in bulk, gives back what has no RAM behind it. Each bank's
 * part is rounded out to whole 4 MiB of RAM (16 KiB of array), so that the other half of a
 * buddy block always has a struct page to look at. mm.phys_offset, mm.lowmem_end and
 * mm.low_end_pfn are set before; sets the rest. -ENOMEM: lowmem cannot hold it.
 */
int __must_check page_array_init(void);
