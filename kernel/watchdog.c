/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the watch over tests: each CPU's timer interrupt looks whether there was a beat. It counts
 * the periods in which it rang, not the time: a machine that stands still, as an emulator's does
 * when its host has other things to do, is not one that hangs.
 *
 * A CPU that hangs with interrupts masked is found by another. No locks: it must work when
 * others hold them for ever.
 */
#include <kernel/watchdog.h>

#include <arch/atomic.h>
#include <arch/current.h>
#include <bug.h>
#include <kernel/smp.h>
#include <kernel/time.h>

static struct {
	u32 period_us, periods;
	u32 found; /* atomic: the first to see it reports, the others must be there to be asked */
} watchdog;

static u32 beats __aligned(64); /* only that it changes matters */

struct watch {
	u64 rang_us;
	u32 beats;  /* as they were in the last period */
	u32 silent; /* periods since they changed */
};
static DEFINE_PER_CPU(struct watch, watch);

void watchdog_beat(void)
{
	WRITE_ONCE(beats, READ_ONCE(beats) + 1);
}

static void look(void)
{
	u32 now_beats = READ_ONCE(beats);
	struct watch *w = this_cpu_ptr(watch);
	u64 now = time_now_us();

	if (now - w->rang_us < watchdog.period_us) {
		return;
	}
	w->rang_us = now;
	w->silent++;
	if (w->beats != now_beats) {
		w->beats = now_beats;
		w->silent = 0;
	} else if (w->silent >= watchdog.periods && atomic_replace(&watchdog.found, 0, 1)) {
		bug("watchdog.hang", "nothing was achieved in %u periods of %u ms; seen on CPU %u",
		    w->silent, watchdog.period_us / 1000, current_core()->cpu);
	}
}

/* An alarm at once, after which the scheduler sets its own. */
static void set_alarm(__unused void *arg)
{
	*this_cpu_ptr(watch) =
		(struct watch){ .rang_us = time_now_us(), .beats = READ_ONCE(beats) };
	time_alarm_us(0);
}

void watchdog_start(u32 period_us, u32 periods)
{
	watchdog.period_us = period_us;
	watchdog.periods = periods;
	time_set_pulse(period_us, look);
	smp_call(~0u, set_alarm, NULL);
}

void watchdog_stop(void)
{
	time_set_pulse(0, NULL);
}
