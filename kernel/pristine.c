/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the way back from this image to the one that was loaded, for whoever starts it again from a
 * copy. An image that runs has written to itself, but not everywhere:
 *
 *	text, rodata	only early boot's alternatives, which it swaps with what they replace
 *	data		all zeros (stacks, tables, BSS, padding) but for the initialized part,
 *			which is small, and kept on the boot CPU's stack before anything changes it
 *
 * So a copy costs no image bytes, and no memory until one is asked for. Must never give out a copy
 * that is not exact: its CRC-32 is that of the file, and tests compare the two.
 */
#include <kernel/pristine.h>

#include <arch/alternative.h>
#include <arch/early_tables.h>
#include <lib/crc32.h>
#include <lib/string.h>

extern char __initialized_start[], __initialized_end[];

static const void *kept;

void pristine_keep(void *place)
{
	memcpy(place, __initialized_start, (size_t)(__initialized_end - __initialized_start));
	kept = place;
}

u32 pristine_bytes(void)
{
	return (u32)(__image_end - __image_start);
}

u32 pristine_copy(void *to)
{
	char *initialized = (char *)to + (__initialized_start - __image_start);
	u32 fixed = (u32)(__data_start - __image_start);

	memcpy(to, __image_start, fixed);
	memset((char *)to + fixed, 0, pristine_bytes() - fixed);
	memcpy(initialized, kept, (size_t)(__initialized_end - __initialized_start));
	if (boot_info.walks_cleaned) {
		alternatives_swap(to);
	}
	return crc32_update(0, to, pristine_bytes());
}
