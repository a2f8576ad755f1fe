/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The address map: one list of the kernel's fixed regions, with sizes. Starts are
 * offsets in a struct, so an overlap cannot be written down. The boot log, @layout,
 * the static asserts, asm-offsets (and with it assembly and the linker script) and
 * docs/memory.md all come from this list.
 *
 *	PAGE_OFFSET    lowmem: the direct mapping      size known at boot
 *	vmalloc_start  vmalloc area                    the rest, at least VMALLOC_MIN
 *	LAYOUT_START   the regions below, in order
 *	LAYOUT_END     the last 2 MiB stay unmapped, so no end wraps to zero and
 *	               small negative numbers never point at memory
 */
#pragma once

#include <config.h>
#include <types.h>

#define PAGE_OFFSET ((vaddr_t)CONFIG_VMSPLIT * SZ_1G)

#define VMALLOC_MIN   (240 * SZ_1M) /* unless vmalloc= says otherwise */
#define VMALLOC_GUARD SZ_2M	    /* unmapped, between lowmem and the vmalloc area */

#define KMAPDEBUG_SIZE (CONFIG_DEBUG * SZ_16M)

/* X(name, size in bytes, kind, rule); every size a multiple of 2 MiB */
#define LAYOUT_REGIONS(X)                                                                         \
	X(kmapdebug, KMAPDEBUG_SIZE, "temporary", "DEBUG only: windows that are not reused soon") \
	X(bigwin, (NR_CPUS + 1) * SZ_2M, "temporary", "2 MiB per CPU and one for copying")        \
	X(pkmap, SZ_2M, "permanent", "512 shared, counted windows: exactly one level-2 entry")    \
	X(fixmap, SZ_2M, "fixed", "UART, per-CPU kmap_local slots: exactly one level-2 entry")    \
	X(fdt, SZ_4M, "boot", "the device tree where the loader put it, until it is copied")      \
	X(image, SZ_2M, "direct", "the kernel image at its link address, wherever it was loaded")

#define LAYOUT_END ((vaddr_t)0xffe00000u)

struct layout_regions {
#define LAYOUT_FIELD(name, size, kind, rule) u8 name[size];
	LAYOUT_REGIONS(LAYOUT_FIELD)
#undef LAYOUT_FIELD
};

#define LAYOUT_START	   (LAYOUT_END - (vaddr_t)sizeof(struct layout_regions))
#define REGION_START(name) (LAYOUT_START + (vaddr_t)offsetof(struct layout_regions, name))
#define REGION_SIZE(name)  ((u32)sizeof(((struct layout_regions *)0)->name))
#define REGION_END(name)   (REGION_START(name) + REGION_SIZE(name))

#define VMALLOC_END  LAYOUT_START
#define BIGWIN_START REGION_START(bigwin)
#define PKMAP_START  REGION_START(pkmap)
#define FIXMAP_START REGION_START(fixmap)
#define FDTMAP_START REGION_START(fdt)
#define IMAGE_START  REGION_START(image)

#define LAYOUT_CHECK(name, size, kind, rule) \
	STATIC_ASSERT((size) % SZ_2M == 0);  \
	STATIC_ASSERT(offsetof(struct layout_regions, name) % SZ_2M == 0);
LAYOUT_REGIONS(LAYOUT_CHECK)
#undef LAYOUT_CHECK
STATIC_ASSERT(REGION_SIZE(pkmap) == SZ_2M && REGION_SIZE(fixmap) == SZ_2M);
STATIC_ASSERT(CONFIG_VMSPLIT >= 1 && CONFIG_VMSPLIT <= 3);
