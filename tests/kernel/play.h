/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A play (DEBUG builds): a few actors on CPUs of their own, of whom one at a time has the turn; at
 * each point of interleave.h the director, a random sequence, says who goes on. So a seed is an
 * order, the same on every run; `interleave=SEED[,COUNT]` has the suites play those instead of
 * their own.
 */
#pragma once

#include <arch/current.h>
#include <interleave.h>
#include <mm/highmem.h>
#include <types.h>

#define ACTORS 3

extern struct play {
	u32 seed, random;
	u32 turn;  /* whose; written by who has it */
	u32 ready; /* how many have entered; atomic */
	/* bits by actor; changed by who has the turn */
	u32 playing, asleep;
	const struct thread_core *actor[ACTORS];
	u32 steps;
	u32 wrong; /* by who has the turn */
	void (*act)(u32 actor);
} play;

/* The next of the play's random numbers, below n. For who has the turn. */
u32 play_random(u32 n);
/* Which actor runs here; ACTORS: none. */
u32 play_actor(void);
/* What an actor saw is right, or the play has failed. For who has the turn. */
void play_expect(bool right);

/* The hook that gives the turn away; a play with a hook of its own calls it last. */
void play_point(enum interleave_point point);
/* For pkmap_set_threads(): who sleeps is not given the turn. */
extern const struct pkmap_threads play_threads;

/*
 * One play for each seed: of `seeds` from 1 on, or what the boot argument says. Returns when all
 * actors have left, how many plays were wrong; nothing else may happen that could touch what is
 * played with. before and after, if not NULL, are called around each play, by the caller's thread.
 */
struct play_bill {
	u32 seeds;
	void (*act)(u32 actor);
	void (*hook)(enum interleave_point point); /* NULL: play_point */
	void (*before)(void), (*after)(void);
};
u32 play_all(const struct play_bill *bill);
