/* SPDX-License-Identifier: BSD-2-Clause */
/* lib/div.c against the host's own division. */
#include "check.h"

#include <lib/div.h>

static void compare(u64 n, u32 d)
{
	u32 rem = ~0u;

	check_context("0x%llx / 0x%x", (unsigned long long)n, d);
	CHECK_EQ(div_u64(n, d, &rem), n / d);
	CHECK_EQ(rem, n % d);
	CHECK_EQ(div_u64(n, d, NULL), n / d);
}

/* Random, but of any length: each number of bits is as likely as another. */
static u64 any_length(unsigned bits)
{
	return check_random() >> (64 - bits) >> check_below(bits);
}

TEST(edges)
{
	static const u64 numbers[] = { 0,
				       1,
				       9,
				       10,
				       0xffff,
				       0x10000,
				       0xffffffff,
				       0x100000000,
				       0x1ffffffff,
				       0x7fffffffffffffff,
				       0x8000000000000000,
				       0xfffffffeffffffff,
				       0xffffffffffffffff };
	static const u32 divisors[] = { 1,	    2,		3,	    10,
					0xffff,	    0x10000,	0x10001,    0x7fffffff,
					0x80000000, 0x80000001, 0xfffffffe, 0xffffffff };
	unsigned i, j;

	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		for (j = 0; j < ARRAY_SIZE(divisors); j++) {
			compare(numbers[i], divisors[j]);
		}
	}
}

TEST(random_numbers)
{
	int i;

	for (i = 0; i < 200000; i++) {
		u32 d = (u32)any_length(32);

		compare(any_length(64), d ? d : 1);
	}
}
