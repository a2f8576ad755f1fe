/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The memory tester's inner loops. A pattern is a sequence of 64-bit words, each a pair
 * (low, high) in memory order: word n is (low + n * step, high).
 */
#pragma once

#include <types.h>

#define SWEEP_LINE 32 /* bytes handled at once; ranges are multiples of it */

/* Writes the pattern to [to, to + bytes), bytes > 0. Any context. */
void sweep_fill(void *to, u32 bytes, u32 low, u32 high, s32 step);

/* The first line of [from, from + bytes) that is not as the pattern says, or NULL. Any context. */
const u32 *sweep_check(const void *from, u32 bytes, u32 low, u32 high, s32 step);
