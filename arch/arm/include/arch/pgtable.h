/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Long-descriptor (LPAE) page tables: every bit defined once, the three descriptor
 * types, protections, and pure functions from numbers to descriptors and back
 * (ARM DDI 0406C, B3.6). Nothing here writes memory: pte_write.h does.
 *
 *	level 1: 4 entries of 1 GiB	level 2: 512 of 2 MiB	level 3: 512 of 4 KiB
 */
#pragma once

#include <phys.h>
#include <types.h>

/* One-member structs: a descriptor of one level, or a plain number, is never taken for another. */
typedef struct {
	u64 raw;
} pte_t; /* level 3: a page */
typedef struct {
	u64 raw;
} pmd_t; /* level 2: a 2 MiB block, or a level-3 table */
typedef struct {
	u64 raw;
} pgd_t; /* level 1: a level-2 table */
typedef struct {
	u64 raw;
} pgprot_t; /* attributes of a leaf without address and type bits */

#define PTRS_PER_TABLE 512
#define PMD_SHIFT      21
#define PMD_SIZE       SZ_2M
#define PGD_SHIFT      30

/* Descriptor type, bits [1:0]: 0b01 is a block at levels 1 and 2, and reserved at level 3. */
#define DESC_VALID     (1ull << 0)
#define DESC_TABLE     (3ull << 0) /* levels 1 and 2 */
#define DESC_BLOCK     (1ull << 0) /* levels 1 and 2 */
#define DESC_PAGE      (3ull << 0) /* level 3 */
#define DESC_TYPE_MASK (3ull << 0)

/* Leaf attributes, B3.6.2 */
#define LEAF_ATTR(index) ((u64)(index) << 2) /* AttrIndx: MAIR field, see enum mem_type */
#define LEAF_NS		 (1ull << 5)
#define LEAF_USER	 (1ull << 6) /* AP[1]: unprivileged may access */
#define LEAF_RO		 (1ull << 7) /* AP[2]: nobody may write */
#define LEAF_SH_INNER	 (3ull << 8)
#define LEAF_AF		 (1ull << 10) /* access flag; ARMv7 has no hardware update */
#define LEAF_NG		 (1ull << 11) /* not global: tagged with the ASID */
#define LEAF_CONTIG	 (1ull << 52)
#define LEAF_PXN	 (1ull << 53)
#define LEAF_XN		 (1ull << 54)

/* Table attributes, restricting everything below */
#define TABLE_PXN     (1ull << 59)
#define TABLE_XN      (1ull << 60)
#define TABLE_NO_USER (1ull << 61) /* APTable[0] */
#define TABLE_RO      (1ull << 62) /* APTable[1] */

#define DESC_ADDR_MASK	0x000000fffffff000ull /* a page or a table */
#define BLOCK_ADDR_MASK 0x000000ffffe00000ull /* a level-2 block */

/* The memory type of a physical page: index of MAIR's field, and of struct page's type. */
enum mem_type {
	MT_NORMAL = 0,	 /* write-back, read and write allocate */
	MT_DEVICE = 1,	 /* Device: gathered never, ordered among each other */
	MT_UNCACHED = 2, /* Normal non-cacheable */
	MT_STRONG = 3,	 /* strongly-ordered */
};
#define MAIR0_VALUE 0x004404ffu
#define MAIR1_VALUE 0x00000000u

#define PROT_NORMAL_ (LEAF_ATTR(MT_NORMAL) | LEAF_SH_INNER | LEAF_AF)

#define PAGE_KERNEL    ((pgprot_t){ PROT_NORMAL_ | LEAF_XN | LEAF_PXN })
#define PAGE_KERNEL_RO ((pgprot_t){ PROT_NORMAL_ | LEAF_RO | LEAF_XN | LEAF_PXN })
#define PAGE_KERNEL_RX ((pgprot_t){ PROT_NORMAL_ | LEAF_RO })
#define PAGE_DEVICE    ((pgprot_t){ LEAF_ATTR(MT_DEVICE) | LEAF_AF | LEAF_XN | LEAF_PXN })
#define PAGE_UNCACHED \
	((pgprot_t){ LEAF_ATTR(MT_UNCACHED) | LEAF_SH_INNER | LEAF_AF | LEAF_XN | LEAF_PXN })

static inline pte_t pfn_pte(pfn_t pfn, pgprot_t prot)
{
	return (pte_t){ pfn_to_pa(pfn) | prot.raw | DESC_PAGE };
}

static inline pmd_t pfn_pmd_block(pfn_t pfn, pgprot_t prot)
{
	return (pmd_t){ pfn_to_pa(pfn) | prot.raw | DESC_BLOCK };
}

static inline pmd_t pmd_table(phys_addr_t table)
{
	return (pmd_t){ table | DESC_TABLE };
}

static inline pte_t pte_none(void)
{
	return (pte_t){ 0 };
}

static inline bool pte_present(pte_t pte)
{
	return pte.raw & DESC_VALID;
}

static inline bool pmd_is_table(pmd_t pmd)
{
	return (pmd.raw & DESC_TYPE_MASK) == DESC_TABLE;
}

static inline bool pmd_present(pmd_t pmd)
{
	return pmd.raw & DESC_VALID;
}

static inline phys_addr_t pte_pa(pte_t pte)
{
	return pte.raw & DESC_ADDR_MASK;
}

static inline phys_addr_t pmd_pa(pmd_t pmd)
{
	return pmd.raw & (pmd_is_table(pmd) ? DESC_ADDR_MASK : BLOCK_ADDR_MASK);
}

static inline pfn_t pte_pfn(pte_t pte)
{
	return pa_to_pfn(pte_pa(pte));
}

static inline enum mem_type pgprot_type(pgprot_t prot)
{
	return (enum mem_type)((prot.raw >> 2) & 7);
}

/* W^X: writable, and executable in some mode. Mapping code refuses such protections. */
static inline bool pgprot_is_wx(pgprot_t prot)
{
	return !(prot.raw & LEAF_RO) && !((prot.raw & LEAF_XN) && (prot.raw & LEAF_PXN));
}

static inline u32 pte_index(vaddr_t va)
{
	return (va >> PAGE_SHIFT) & (PTRS_PER_TABLE - 1);
}

static inline u32 pmd_index(vaddr_t va)
{
	return (va >> PMD_SHIFT) & (PTRS_PER_TABLE - 1);
}
