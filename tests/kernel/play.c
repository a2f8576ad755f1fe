/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the director: whose turn it is. Must never take a lock or sleep at a point.
 */
#include "play.h"

#if CONFIG_DEBUG

#include <arch/barrier.h>
#include <arch/irqflags.h>
#include <bug.h>
#include <kernel/sched.h>
#include <kernel/smp.h>
#include <kernel/test.h>
#include <kernel/watchdog.h>
#include <lib/bootargs.h>

#define NOBODY ACTORS

struct play play;

static u32 first_seed = 1, seed_count; /* 0: as many as the play's own */

bool tests_set_interleave(struct span text)
{
	u32 count = 1;

	if (bootargs_pair(text, &first_seed, &count)) {
		return false;
	}
	seed_count = count;
	return true;
}

u32 play_random(u32 n)
{
	play.random = play.random * 1664525 + 1013904223;
	return (u32)(((u64)play.random * n) >> 32);
}

u32 play_actor(void)
{
	u32 i = 0;

	while (i < ACTORS && play.actor[i] != current_core()) {
		i++;
	}
	return i;
}

void play_expect(bool right)
{
	play.wrong += !right;
}

/* ---- turns ---- */

/* The one who has the turn gives it to somebody, perhaps to itself. */
static void direct(u32 candidates)
{
	u32 n = 0;

	BUG_ON(play.playing && !candidates, "interleave.stuck",
	       "seed %u, step %u: actors 0x%x sleep, and nobody is left to wake them", play.seed,
	       play.steps, play.asleep);
	play.steps++;
	for (u32 mask = candidates; mask; mask &= mask - 1) {
		n++;
	}
	for (n = n ? play_random(n) : 0; n > 0; n--) {
		candidates &= candidates - 1;
	}
	__atomic_store_n(&play.turn, candidates ? (u32)__builtin_ctz(candidates) : NOBODY,
			 __ATOMIC_RELEASE);
	dsb_ishst(); /* the turn, before the event */
	__asm__ volatile("sev" : : : "memory");
}

static void wait_for_turn(u32 self)
{
	while (__atomic_load_n(&play.turn, __ATOMIC_ACQUIRE) != self) {
		__asm__ volatile("wfe" : : : "memory");
	}
}

void play_point(enum interleave_point point)
{
	u32 self = play_actor(), others;

	if (self == ACTORS || irqs_masked() || point <= POINT_LOCAL_FLUSHED) {
		return;
	}
	others = play.playing & ~play.asleep;
	if (point == POINT_SPIN) {
		others &= ~(1u << self); /* it can't go on before another has */
	}
	direct(others);
	wait_for_turn(self);
}

/* Sleeping, in the play: not to be given the turn. */
static void play_park(void)
{
	u32 self = play_actor();

	play.asleep |= 1u << self;
	direct(play.playing & ~play.asleep);
	wait_for_turn(self);
}

static void play_wake(struct thread_core *core)
{
	for (u32 i = 0; i < ACTORS; i++) {
		if (play.actor[i] == core) {
			play.asleep &= ~(1u << i);
		}
	}
}

const struct pkmap_threads play_threads = { play_park, play_wake, might_sleep };

/* ---- a play ---- */

static void play_part(void *arg)
{
	u32 self = (u32)(vaddr_t)arg;

	play.actor[self] = current_core();
	__atomic_fetch_add(&play.ready, 1, __ATOMIC_RELEASE);
	wait_for_turn(self);
	play.act(self);
	play.playing &= ~(1u << self);
	direct(play.playing & ~play.asleep);
}

static void play_one(u32 seed, const struct play_bill *bill)
{
	struct thread *threads[ACTORS];
	u32 cpus = cpus_online();

	play = (struct play){ .seed = seed,
			      .random = seed,
			      .act = bill->act,
			      .turn = NOBODY,
			      .playing = (1u << ACTORS) - 1 };
	for (u32 i = 0; i < ACTORS; i++, cpus &= cpus - 1) {
		threads[i] = thread_create_on((u32)__builtin_ctz(cpus), "actor", play_part,
					      (void *)(vaddr_t)i);
		BUG_ON(!threads[i], "interleave.stuck", "no memory for an actor");
	}
	while (__atomic_load_n(&play.ready, __ATOMIC_ACQUIRE) < ACTORS) {
		thread_yield();
	}
	WRITE_ONCE(interleave_hook, bill->hook ? bill->hook : play_point);
	direct(play.playing);
	while (__atomic_load_n(&play.turn, __ATOMIC_ACQUIRE) != NOBODY) {
		thread_yield();
	}
	WRITE_ONCE(interleave_hook, NULL);
	for (u32 i = 0; i < ACTORS; i++) {
		thread_join(threads[i]);
	}
	watchdog_beat();
	if (play.wrong) {
		test_note("wrong: interleave=%u repeats its %u steps", seed, play.steps);
	}
}

u32 play_all(const struct play_bill *bill)
{
	u32 count = seed_count ? seed_count : bill->seeds, steps = 0, wrong = 0;

	for (u32 seed = first_seed; seed - first_seed < count; seed++) {
		if (bill->before) {
			bill->before();
		}
		play_one(seed, bill);
		steps += play.steps;
		wrong += play.wrong != 0;
		if (bill->after) {
			bill->after();
		}
	}
	test_note("seeds %u to %u, %u steps", first_seed, first_seed + count - 1, steps);
	return wrong;
}

#endif
