/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The memory tester's inner loops. A pattern is a sequence of 64-bit words, each a pair (low, high)
 * in memory order. Plain: low goes up by step from word to word. Random: both halves come from a
 * state of xorshift32. Ranges are positive multiples of SWEEP_LINE. Any context.
 */
#pragma once

#include <types.h>

#define SWEEP_LINE  32 /* bytes handled at once */
#define SWEEP_WORDS (SWEEP_LINE / 8)

struct sweep {
	u32 low, high; /* the first word; the wrong line's, after a check */
	union {
		u32 step;    /* plain */
		u32 mask;    /* random: exclusive-ored with each low half */
		u32 new_low; /* what a turn writes */
	};
	u32 new_high;
	u64 got[SWEEP_WORDS]; /* a wrong line as it was read, the one time */
};

void sweep_fill(void *to, u32 bytes, const struct sweep *sweep);
void sweep_fill_random(void *to, u32 bytes, const struct sweep *sweep);

/* The first line that is not as the pattern says, or NULL. */
void *sweep_check(void *from, u32 bytes, struct sweep *sweep);
void *sweep_check_random(void *from, u32 bytes, struct sweep *sweep);

/*
 * The same, for a pattern of one word only; each line that is right is written with the new word
 * before the next one is read. Up: from the first to the last; down: from the last, and returns the
 * last wrong one.
 */
void *sweep_turn_up(void *from, u32 bytes, struct sweep *sweep);
void *sweep_turn_down(void *from, u32 bytes, struct sweep *sweep);

/*
 * Cleans and invalidates by address to the point of coherency, and waits. line: of the smallest
 * cache.
 */
void sweep_clean(void *from, u32 bytes, u32 line);
