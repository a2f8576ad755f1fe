/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bigwin: one 2 MiB window per CPU (and the addresses of one more, for copying), for
 * sweeps over all of memory. A window is private to its CPU: opening and closing it costs no
 * other CPU anything.
 */
#pragma once

#include <arch/pgtable.h>
#include <errno.h>
#include <phys.h>
#include <types.h>

/*
 * Maps [pa, pa + size), page-aligned, at most 2 MiB, into this CPU's window: 2 MiB that are aligned
 * so as one block, else by pages. Preemption is off until bigwin_unmap(). -EINVAL: some byte is not
 * RAM, is no-map, belongs to the image, or has another memory type than prot; -EBUSY: the window is
 * open.
 */
int __must_check bigwin_map_prot(phys_addr_t pa, u32 size, pgprot_t prot, void **va);

/* The same, writable and cached. */
static inline int __must_check bigwin_map_pages(phys_addr_t pa, u32 size, void **va)
{
	return bigwin_map_prot(pa, size, PAGE_KERNEL, va);
}

/* 2 MiB-aligned: one block. */
static inline int __must_check bigwin_map(phys_addr_t pa, void **va)
{
	return pa_is_aligned(pa, SZ_2M) ? bigwin_map_pages(pa, SZ_2M, va) : -EINVAL;
}

/* BUG "bigwin.not_mapped": va is not this CPU's window, or it is closed. */
void bigwin_unmap(void *va);

/* Each CPU, before its first use: makes the level-3 table of its window. */
void bigwin_init(void);
