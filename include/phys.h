/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Arithmetic on physical addresses, in one place because C is no help: masking a
 * 64-bit address with a 32-bit mask silently drops bits 32-39, and no compiler
 * warns. `make check` refuses masks and shifts on physical addresses elsewhere.
 */
#pragma once

#include <types.h>

#define PHYS_BITS 40 /* LPAE output addresses (ARM DDI 0406C, B3.6) */
#define PHYS_END  ((phys_addr_t)1 << PHYS_BITS)

static inline phys_addr_t pa_align_down(phys_addr_t pa, u32 align)
{
	return pa & ~((phys_addr_t)align - 1);
}

static inline phys_addr_t pa_align_up(phys_addr_t pa, u32 align)
{
	return (pa + align - 1) & ~((phys_addr_t)align - 1);
}

static inline u32 pa_offset(phys_addr_t pa, u32 align)
{
	return (u32)pa & (align - 1);
}

static inline bool pa_is_aligned(phys_addr_t pa, u32 align)
{
	return pa_offset(pa, align) == 0;
}

/* For what must lie below 4 GiB: code and data while the MMU is off. */
static inline bool pa_below_4g(phys_addr_t pa)
{
	return pa >> 32 == 0;
}

/*
 * The address as a register holds it while the MMU is off; pa_below_4g() is the caller's to know.
 */
static inline u32 pa_low32(phys_addr_t pa)
{
	return (u32)pa;
}

/* Which section of 1 << shift bytes it lies in. */
static inline u32 pa_section(phys_addr_t pa, u32 shift)
{
	return (u32)(pa >> shift);
}

/* Rounds down. */
static inline pfn_t pa_to_pfn(phys_addr_t pa)
{
	return (pfn_t)(pa >> PAGE_SHIFT);
}

static inline phys_addr_t pfn_to_pa(pfn_t pfn)
{
	return (phys_addr_t)pfn << PAGE_SHIFT;
}
