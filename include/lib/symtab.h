/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names for addresses in the kernel's text, for backtraces. The table is made from
 * the linked kernel by tools/symtab.py, which also describes its format.
 */
#pragma once

#include <types.h>

struct symtab {
	vaddr_t base;	 /* address of the first function */
	u32 size;	 /* bytes of text from there; 0: nothing is known */
	u32 count;	 /* entries in names */
	const u8 *pairs; /* two bytes for each token 0x80, 0x81, … */
	const u8 *names; /* distance, name, NUL; distance, … */
};

/*
 * Finds the function that addr lies in: its name into name (cut to size bytes with
 * the NUL; at least 1), the distance from its start into *offset. False, with name empty, when
 * addr is not in the text. Reads only the table: any context, irq-safe, bounded.
 */
bool symtab_find(const struct symtab *tab, vaddr_t addr, char *name, size_t size, u32 *offset);

/* The same in the running kernel's own table. */
bool symtab_lookup(vaddr_t addr, char *name, size_t size, u32 *offset);
