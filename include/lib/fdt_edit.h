/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Makes a copy of a device tree that differs in the two things a loader has to say: a word in
 * /chosen, the boot arguments for one, and memory that is taken. No allocation, no static state,
 * irq-safe.
 */
#pragma once

#include <lib/fdt.h>

struct fdt_changes {
	/* A property of /chosen, which is made if there is none; NULL: all stay as they are. */
	const char *name;
	const void *value;
	u32 len; /* of the value, a string's NUL included */
	/* One more entry of the memory reservation block; 0 bytes: none. */
	phys_addr_t taken, bytes;
};

/* More than a copy is longer than its original by, for a value of that length. */
#define FDT_EDIT_ROOM(len) ((len) + 160u)

/*
 * Writes the copy, a tree of version 17, to out, 8-byte aligned and apart from blob. Returns its
 * size, or -ENOSPC: it is larger than room; or what fdt_open() says of the original.
 */
int fdt_edit(const void *blob, size_t avail, const struct fdt_changes *changes, void *out,
	     u32 room) __must_check;
