/* SPDX-License-Identifier: BSD-2-Clause */
/* Owns the way back from calls by address, which pack better, to calls by distance. No locks. */
#include <arch/thumb.h>

#include <types.h>

/* Both halves of a BL (ARM DDI 0406C, A8.8.25, T1) to less than 4 MiB: 5 bits say what it is. */
#define CALL_BITS 0xf800u
#define CALL_HIGH 0xf000u
#define CALL_LOW  0xf800u

void calls_are_relative(void *text, const void *end)
{
	u16 *last = (u16 *)end - 1;

	for (u16 *half = text; half < last; half++) {
		u32 high = half[0], low = half[1], distance;

		if ((high & CALL_BITS) != CALL_HIGH || (low & CALL_BITS) != CALL_LOW) {
			continue;
		}
		distance =
			((high & ~CALL_BITS) << 11 | (low & ~CALL_BITS)) - ((vaddr_t)half + 4) / 2;
		*half++ = (u16)(CALL_HIGH | ((distance >> 11) & ~CALL_BITS));
		*half = (u16)(CALL_LOW | (distance & ~CALL_BITS));
	}
}
