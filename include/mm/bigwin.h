/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bigwin: one 2 MiB window per CPU (and the addresses of one more, for copying), for
 * sweeps over all of memory. A window is private to its CPU: opening and closing it costs no
 * other CPU anything.
 */
#pragma once

#include <phys.h>
#include <types.h>

/*
 * Maps the 2 MiB of physical memory at pa (2 MiB-aligned) as one block, writable and cached, into
 * this CPU's window. Preemption is off until bigwin_unmap(). -EINVAL: some byte is not RAM, is
 * no-map, belongs to the image, or has another memory type; -EBUSY: the window is open.
 */
int __must_check bigwin_map(phys_addr_t pa, void **va);

/* The same by 4 KiB pages: [pa, pa + size), page-aligned, at most 2 MiB. */
int __must_check bigwin_map_pages(phys_addr_t pa, u32 size, void **va);

/* BUG "bigwin.not_mapped": va is not this CPU's window, or it is closed. */
void bigwin_unmap(void *va);

/* Each CPU, before its first use: makes the level-3 table of its window. */
void bigwin_init(void);
