/* SPDX-License-Identifier: BSD-2-Clause */
/* The memory tester's passes by name: the one list of them. Their steps are passes.c's. */
#pragma once

#include <types.h>

struct pass {
	char name[11];
	bool uncached; /* in HighMem */
	u8 steps;
};

/* name, uncached, steps */
#define PASSES(X)              \
	X("lines", true, 4)    \
	X("own", true, 4)      \
	X("moving", true, 20)  \
	X("fade", true, 6)     \
	X("random", false, 4)  \
	X("checker", false, 4) \
	X("copy", false, 4)

#define PASS_ENTRY(name, uncached, steps) { name, uncached, steps },
#define PASS_ONE(name, uncached, steps)	  +1
#define PASS_STEPS(name, uncached, steps) +(steps)

/* { PASSES(PASS_ENTRY) } */
extern const struct pass memtest_passes[];
enum { PASS_COUNT = PASSES(PASS_ONE) };
static inline u32 pass_count(void)
{
	return PASS_COUNT;
}
