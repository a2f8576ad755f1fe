/* SPDX-License-Identifier: BSD-2-Clause */
/* The memory tester's passes by name: passes.c's table. */
#pragma once

#include <types.h>

struct pass {
	char name[11];
	bool uncached; /* in HighMem */
	u8 steps;
};

extern const struct pass memtest_passes[];
enum { PASS_COUNT = 7 };
static inline u32 pass_count(void)
{
	return PASS_COUNT;
}
