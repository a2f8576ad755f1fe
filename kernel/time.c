/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the clock: ticks and microseconds, and what stands in where there is no timer: the cycle
 * counter, at a guess. Must never divide where time is read: the scheduler reads it often.
 *
 * Lock: polled.lock, innermost, interrupt code takes it; only without a timer.
 */
#include <kernel/time.h>

#include <arch/cpreg.h>
#include <arch/spinlock.h>
#include <kernel/sched.h>
#include <lib/div.h>

#define US_PER_S    1000000u
#define ALARM_US    1000000000u /* beyond: rings early */
#define FASTEST_MHZ 2500u	/* of any CPU that we may run on: so a delay is never too short */

static struct {
	const struct clock_driver *driver;
	u32 us_per_tick; /* in units of 2^-32, rounded down */
	u32 most_us;	 /* an alarm is never further off */
	void (*pulse)(void);
} clock = { .most_us = ALARM_US };

/* ---- without a timer ---- */

/*
 * Each CPU adds up what its cycle counter says from look to look, and the time is that of the one
 * that is furthest. Who is behind catches up when it looks: so none counts what another counted
 * too, and time goes on as long as somebody looks, and looks before the counter wraps.
 */
static struct {
	spinlock_t lock;
	u64 now; /* cycles */
	struct {
		bool looked;
		u32 last;
		u64 sum;
	} cpu[NR_CPUS];
} polled = { .lock = SPINLOCK_RANKED(LOCK_RANK_DEVICE) };

static u64 polled_now_us(void)
{
	u32 flags = spin_lock_irqsave(&polled.lock), cpu = current_core()->cpu;
	u32 count = read_pmccntr();
	u64 now = polled.now;

	if (polled.cpu[cpu].looked) {
		now = max(now, polled.cpu[cpu].sum + (count - polled.cpu[cpu].last));
	}
	polled.cpu[cpu].looked = true;
	polled.cpu[cpu].last = count;
	polled.cpu[cpu].sum = polled.now = now;
	spin_unlock_irqrestore(&polled.lock, flags);
	return div_u64(now, FASTEST_MHZ, NULL);
}

/* ---- the clock ---- */

void clock_register(const struct clock_driver *driver)
{
	clock.driver = NULL;
	if (driver) {
		clock.us_per_tick = (u32)div_u64((u64)US_PER_S << 32, driver->hz, NULL);
		clock.driver = driver;
	}
}

u64 time_now_us(void)
{
	u64 ticks;

	if (!clock.driver) {
		return polled_now_us();
	}
	ticks = clock.driver->now();
	return (ticks >> 32) * clock.us_per_tick + (((u64)(u32)ticks * clock.us_per_tick) >> 32);
}

bool time_is_measured(void)
{
	return clock.driver;
}

bool time_has_alarm(void)
{
	return clock.driver && clock.driver->alarm;
}

void time_alarm_us(u64 at)
{
	const struct clock_driver *driver = clock.driver;
	u64 now, left;

	if (!time_has_alarm()) {
		return;
	}
	if (at == UINT64_MAX && !clock.pulse) {
		driver->alarm(UINT64_MAX);
		return;
	}
	now = time_now_us();
	left = at > now ? min(at - now, (u64)clock.most_us) : 0;
	driver->alarm(driver->now() + div_u64(left * driver->hz, US_PER_S, NULL) + 1);
}

void clock_alarm_rang(void)
{
	void (*pulse)(void) = READ_ONCE(clock.pulse);

	if (pulse) {
		pulse();
	}
	sched_tick();
}

void time_set_pulse(u32 most_us, void (*pulse)(void))
{
	clock.pulse = NULL; /* never one with the other's time */
	dmb_ish();
	clock.most_us = pulse ? most_us : ALARM_US;
	dmb_ish();
	clock.pulse = pulse;
}

void delay_us(u32 us)
{
	u64 end = time_now_us() + us + 1;

	while (time_now_us() < end) {
	}
}
