/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The functions in the kernel's text: names for backtraces and tests, code for the unwinder. The
 * table is made from the linked kernel by tools/symtab.py, which also describes its format.
 */
#pragma once

#include <types.h>

struct symtab {
	vaddr_t base;	 /* address of the first function */
	u32 size;	 /* bytes of text from there; 0: nothing is known */
	u32 count;	 /* entries in names */
	u32 last;	 /* letters from this one on end a name */
	const u8 *pairs; /* two bytes for each letter */
	const u8 *codes; /* length, bytes; length, … */
	const u8 *names; /* distance, unwind code, letters; distance, … */
};

/*
 * Finds the function that addr lies in: its name into name (cut to size bytes with
 * the NUL; at least 1), the distance from its start into *offset. False, with name empty, when
 * addr is not in the text. Reads only the table: any context, irq-safe, bounded.
 */
bool symtab_find(const struct symtab *tab, vaddr_t addr, char *name, size_t size, u32 *offset);

/* The same in the running kernel's own table. */
bool symtab_lookup(vaddr_t addr, char *name, size_t size, u32 *offset);

/*
 * How the frame of the function that addr lies in is unwound: a length, and that many bytes of
 * code (IHI 0038, 10.3). NULL: it cannot be, or addr is not in the text. Any context, irq-safe.
 */
const u8 *symtab_unwind_code(vaddr_t addr);
