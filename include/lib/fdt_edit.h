/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Makes a copy of a device tree that differs in the two things a loader has to say: the boot
 * arguments, and memory that is taken. No allocation, no static state, irq-safe.
 */
#pragma once

#include <lib/fdt.h>

struct fdt_changes {
	const char *bootargs; /* of /chosen, which is made if there is none; NULL: as they are */
	phys_addr_t taken,
		bytes; /* one more entry of the memory reservation block; 0 bytes: none */
};

/* More than a copy is longer than its original by, for bootargs of that length. */
#define FDT_EDIT_ROOM(len) ((len) + 160u)

/*
 * Writes the copy, a tree of version 17, to out, 8-byte aligned and apart from blob. Returns its
 * size, or -ENOSPC: it is larger than room; or what fdt_open() says of the original.
 */
int fdt_edit(const void *blob, size_t avail, const struct fdt_changes *changes, void *out,
	     u32 room) __must_check;
