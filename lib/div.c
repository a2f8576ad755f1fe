/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns 64-bit division. Must never use `/` on a 64-bit operand: that is a call to
 * __aeabi_uldivmod, which does not exist here. 32-bit `/` is one UDIV.
 */
#include <lib/div.h>

/* (rem << 32 | low) / d for rem < d, a bit at a time: the quotient fits 32 bits. */
static u32 div_bitwise(u32 rem, u32 low, u32 d, u32 *rem_out)
{
	u32 carry;
	int i;

	for (i = 0; i < 32; i++) {
		carry = rem >> 31;
		rem = (rem << 1) | (low >> 31);
		low <<= 1;
		if (carry || rem >= d) {
			rem -= d;
			low |= 1;
		}
	}
	*rem_out = rem;
	return low;
}

/* The same for d < 2^16, in two digits of 16 bits. */
static u32 div_halves(u32 rem, u32 low, u32 d, u32 *rem_out)
{
	u32 n1 = (rem << 16) | (low >> 16);
	u32 n0 = ((n1 % d) << 16) | (low & 0xffff);

	*rem_out = n0 % d;
	return ((n1 / d) << 16) | (n0 / d);
}

u64 div_u64(u64 n, u32 d, u32 *rem)
{
	u32 high = (u32)(n >> 32);
	u32 low = (u32)n;
	u32 quot_high = 0;
	u32 left = 0;

	if (high) {
		quot_high = high / d;
		left = high % d;
	}
	if (left == 0) {
		left = low % d;
		low = low / d;
	} else if (d <= 0xffff) {
		low = div_halves(left, low, d, &left);
	} else {
		low = div_bitwise(left, low, d, &left);
	}
	if (rem) {
		*rem = left;
	}
	return ((u64)quot_high << 32) | low;
}
