/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Everything at once, with an oracle: threads on all CPUs, and interrupts sent at random moments to
 * random ones, make, use and give back memory and mappings of every kind. Each page bears a stamp
 * that only its owner knows, and is looked at through another kind of window than it was written
 * through.
 *
 * Who finds no memory does with less, and says so: that is counted, and is never right by itself.
 * One at a time, from one thread:
 *
 *	REQUIRE(stress_begin(operations, seed));
 *	stress_work();
 *	stress_end(&result);
 */
#pragma once

#include <types.h>

/* `stress=OPERATIONS[,SEED]` */
extern u32 stress_wanted, stress_seed;

struct stress_result {
	u32 operations; /* of all threads, that came to their end */
	u32 less;	/* of these, and of interrupts' work, what found no memory */
	u32 wrong;	/* of these, what was not as its stamp says */
	u32 kept;	/* pages that somebody holds who should not */
	bool irqs; /* there are interrupts between CPUs; how many came, and areas they freed: */
	u32 visits, freed;
};

/* What all work with, and the interrupt. False: no memory. stress_end() in any case. */
bool __must_check stress_begin(u32 operations, u32 seed);
/* At least so many operations, each thread's chosen by the seed. */
void stress_work(void);
/* Gives all back, also what is left if it did not begin. */
void stress_end(struct stress_result *result);
