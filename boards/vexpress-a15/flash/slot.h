/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is in the flash behind the loader: slots, each with a kernel and the device tree that it is
 * to be given. tools/flashimage.py writes them.
 *
 *	flash + 0x00000000	the loader
 *	      + 0x01000000	slot A: a header, and what it says
 *	      + 0x02000000	slot B
 *
 * All words are little-endian. A slot that is good is good alone: nothing says which is newer. A is
 * booted while it is good, so who replaces it has B to fall back on meanwhile.
 */
#pragma once

#include <types.h>

#define SLOT_COUNT   2
#define SLOT_BYTES   SZ_16M
#define SLOT_AT(i)   (SLOT_BYTES * ((i) + 1)) /* from the start of the flash */
#define SLOT_MAGIC   0x534c4746u	      /* "FGLS" in memory */
#define SLOT_VERSION 1
#define SLOT_ERASED  0xffffffffu

/* Places are from the start of the slot, multiples of 4. */
struct slot_header {
	u32 magic;
	u32 version; /* of this format; magic and crc stay where they are in all of them */
	u32 kernel_at, kernel_bytes, kernel_crc;
	u32 dtb_at, dtb_bytes, dtb_crc;
	u32 crc; /* CRC-32 of all before */
};

enum slot_fault {
	SLOT_GOOD,
	SLOT_IS_EMPTY,
	SLOT_NO_MAGIC,
	SLOT_HEADER_DAMAGED,
	SLOT_UNKNOWN_VERSION,
	SLOT_KERNEL_OUTSIDE,
	SLOT_DTB_OUTSIDE,
	SLOT_KERNEL_DAMAGED,
	SLOT_DTB_DAMAGED,
};

/* What was found in one slot. The pointers are valid if it is SLOT_GOOD. */
struct slot {
	enum slot_fault fault;
	u32 found, wanted; /* the value that is wrong, and what it should be */
	const void *kernel, *dtb;
	u32 kernel_bytes, dtb_bytes;
};

/*
 * Looks at every slot of a flash, damaged or not, and says which to boot: the first that is good,
 * or -1.
 */
int slot_choose(const u8 *flash, struct slot slots[SLOT_COUNT]);

/* A format for printf.h: the slot's letter, found, wanted. */
const char *slot_fault_text(enum slot_fault fault);
