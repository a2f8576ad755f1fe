/* SPDX-License-Identifier: BSD-2-Clause */
/* The boot-only mapping of the device tree where the loader left it. Boot CPU only. */
#pragma once

#include <types.h>

#define FDT_MAX_BYTES (SZ_2M - PAGE_SIZE) /* with any alignment it fits one table */

/* Maps the blob at pa (any alignment) read-only; gives its address and the size it claims.
 * -EINVAL: no device tree there; -E2BIG: over 2 MiB less a page; -EFAULT: nothing answers there. */
int __must_check fdtmap_open(phys_addr_t pa, const void **blob, u32 *bytes);

/* Unmaps it again: the region stays empty from then on. */
void fdtmap_close(void);
