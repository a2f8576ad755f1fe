/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tables that exist before there is memory to allocate: in the image, built with
 * the MMU off, and what boot learned on the way. After boot these are the kernel's
 * tables: nothing is copied or replaced.
 */
#pragma once

#include <arch/early_boot.h>
#include <arch/pgtable.h>
#include <layout.h>
#include <lib/ram_alias.h>
#include <types.h>

#define KERNEL_PGDS (4 - CONFIG_VMSPLIT) /* GiB of kernel part */

/* Level 2 for the whole kernel part: index (va - PAGE_OFFSET) >> PMD_SHIFT, whatever the split. */
extern pmd_t kernel_pmds[KERNEL_PGDS * PTRS_PER_TABLE];

/* Level 3 of the regions that boot needs. fixmap_table is declared in mm/fixmap.h too. */
extern pte_t image_table[PTRS_PER_TABLE];

/*
 * Level 3 of the fdt region, for mm/fdtmap.c: until that is closed it is the boot stack's lower
 * page, which boot does not reach so early.
 */
#define fdt_table ((pte_t *)boot_stack)

struct boot_info {
	phys_addr_t image_pa; /* where the image was loaded; 4 KiB-aligned. See pa_real() */
	phys_addr_t dtb_pa;   /* r2 at entry, unchecked */
	u32 entry_cpsr;	      /* at entry: the mode tells the world */
	u32 image_low;	      /* image_pa as a CPU sees it whose MMU is off */
	u32 actlr;	      /* read back after SMP was asked for */
	u32 walks_cleaned;    /* 1: descriptors are cleaned, table walks are not coherent */
};
extern struct boot_info boot_info;

/* The image, by link address; page-aligned where rights change. */
extern char __image_start[], __text_end[], __rodata_start[], __rodata_end[], __data_start[],
	__content_end[], __image_end[];

/* The tables' own addresses: image tables at their link address, others direct-mapped. */
void *table_virt(phys_addr_t table);

/* The value TTBR1 was given, and TTBR0's boot table's, whose pages are stacks by now. */
struct boot_mmu {
	u64 ttbr0;
	u64 ttbr1;
	u32 open; /* 1: other CPUs may come; they read all of this from memory, MMU off */
	/* 0, or where CPUs that wait in the image are to go, and what they are to look at there. */
	u32 pen, pen_register;
};
/* In one cache line: a CPU with its MMU off sees all of what was cleaned, or none of it. */
extern struct boot_mmu boot_mmu;

/* Two pages that a boot table needs, cleared: level 2, level 3, and where they are. */
struct boot_pages {
	pmd_t *pmds;
	pte_t *ptes;
	phys_addr_t pmds_pa, ptes_pa;
};
/* Makes the boot table stand for other CPUs, until boot_table_clear() gives the pages back. */
void boot_table_rebuild(const struct boot_pages *lent);
void boot_table_clear(void);

/*
 * The address to use for one that the loader gave. They differ where RAM has two (lib/ram_alias.h):
 * the image, which was entered below 4 GiB, says so by an address above.
 */
static inline phys_addr_t pa_real(phys_addr_t pa)
{
	return pa_below_4g(boot_info.image_pa) ? pa : ram_alias_real(pa);
}

/* And back: as a CPU sees it whose MMU is off, if the result is below 4 GiB. */
phys_addr_t pa_without_mmu(phys_addr_t pa);

/* A symbol of the image (not of lowmem) to its physical address. */
static inline phys_addr_t pa_symbol(const void *symbol)
{
	return boot_info.image_pa + ((vaddr_t)symbol - IMAGE_START);
}
#define __pa_symbol(symbol) pa_symbol(symbol)

/* True if pa lies in the loaded image; the padding behind it is nobody's. */
static inline bool pa_in_image(phys_addr_t pa)
{
	return pa >= boot_info.image_pa &&
	       pa < boot_info.image_pa + (u32)(__content_end - __image_start);
}
