/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Time: a counter that never stops, and one alarm per CPU, which a timer driver provides.
 * There is no periodic tick: whoever shares out a CPU sets its alarm, and is called back once.
 * Without an alarm nothing is preempted and waiting polls; without an enabled timer time is what
 * the cycle counter says, at a guess.
 */
#pragma once

#include <types.h>

struct clock_driver {
	const char *name;
	u32 hz;		  /* above 1 MHz */
	u64 (*now)(void); /* ticks of hz since some past moment; the same on all CPUs */
	/* This CPU's interrupt at that tick, UINT64_MAX: none. NULL: it cannot interrupt. */
	void (*alarm)(u64 deadline);
};
/* Boot. NULL: there is none; why, says the caller. */
void clock_register(const struct clock_driver *driver);
/* The driver calls this in its interrupt, the alarm being off. */
void clock_alarm_rang(void);

/* Since boot or before; never goes back on one CPU. Any context. */
u64 time_now_us(void);

/* False: there is no clock, and time_now_us() guesses. */
bool time_is_measured(void);

/* Whether time_alarm_us() has an effect. */
bool time_has_alarm(void);
/*
 * Calls sched_tick() on this CPU, from the interrupt, at that time or soon after (at once if it has
 * passed); UINT64_MAX: never. One per CPU: a new one replaces the old. It may ring a little
 * early when it is far away: look at the time. irq-safe, preemption off.
 */
void time_alarm_us(u64 at);

/*
 * From the next alarm on that a CPU sets, its alarm rings at least each most_us, and then pulse()
 * is called first, in the interrupt. NULL: no more. Process context.
 */
void time_set_pulse(u32 most_us, void (*pulse)(void));

/* Spins, at least that long; for drivers. Any context. */
void delay_us(u32 us);
