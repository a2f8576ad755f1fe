/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host's stand-in for arch/arm's: what a DMB stands between is where another CPU's step may
 * fall, so a test may take one there.
 */
#pragma once

#include <types.h>

extern void (*host_at_barrier)(void); /* NULL: nothing happens */

static inline void dmb_ish(void)
{
	if (host_at_barrier) {
		host_at_barrier();
	}
}

static inline void dmb_ishst(void)
{
}
