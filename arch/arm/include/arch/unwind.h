/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who called: one frame up at a time, by the compiler's unwind tables (Exception Handling
 * ABI for the Arm Architecture, IHI 0038, sections 6 to 10). Goes through the frame of an exception
 * as through any other.
 *
 * Reads only stacks that this CPU may run on, by probes: whatever the registers hold, it
 * does not fault. Any context.
 */
#pragma once

#include <types.h>

#define UNWIND_MAX_DEPTH 24

struct unwind {
	u32 r[16];  /* 13: sp, 15: pc with bit 0 for Thumb; r0-r3, r12: rarely known */
	bool exact; /* pc is where it stopped, not where a call returns to */
};

/* Starts at the call of unwind_here() itself. */
void unwind_here(struct unwind *u);

/* The instruction itself, or the call that has not returned: what to look up and print. */
static inline u32 unwind_pc(const struct unwind *u)
{
	u32 pc = u->r[15] & ~1u;

	return u->exact ? pc : pc - (u->r[15] & 1 ? 2 : 4);
}

/* To the caller. False, with *u as it was, at the outermost frame or where no table helps. */
bool unwind_step(struct unwind *u);
