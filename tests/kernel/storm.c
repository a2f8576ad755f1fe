/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The storm's timer and its interrupt, which no tree needs to name: BSA and every GICv2 board
 * agree.
 */
#include "storm.h"

#include <arch/cpreg.h>
#include <arch/secondary.h>
#include <kernel/irq.h>
#include <kernel/time.h>

#define PPI_VIRTUAL	       27 /* the secure kernel's spare one */
#define PPI_NONSECURE_PHYSICAL 30 /* the non-secure one's */
#define FIRST_US	       100000

static struct {
	u32 irq, ticks, random, count;
	void (*each)(void);
} storm;

static void alarm_off(void)
{
	if (storm.irq == PPI_VIRTUAL) {
		write_cntv_ctl(0);
	} else {
		write_cntp_ctl(0);
	}
}

/* Between half and one and a half of the period from now. */
static void alarm_next(void)
{
	u32 ticks;

	storm.random = storm.random * 1664525 + 1013904223;
	ticks = storm.ticks / 2 + (u32)(((u64)storm.random * storm.ticks) >> 32);
	if (storm.irq == PPI_VIRTUAL) {
		write_cntv_cval(read_cntvct() + ticks);
		write_cntv_ctl(1);
	} else {
		write_cntp_cval(read_cntpct() + ticks);
		write_cntp_ctl(1);
	}
}

static void stormed(__unused u32 irq, __unused void *arg)
{
	alarm_off();
	WRITE_ONCE(storm.count, storm.count + 1);
	storm.each();
	alarm_next();
}

static void nothing(void)
{
}

bool storm_start(u32 ticks, void (*each)(void))
{
	u64 end;

	preempt_disable();
	storm.irq = cpu_is_secure() ? PPI_VIRTUAL : PPI_NONSECURE_PHYSICAL;
	storm.ticks = ticks;
	storm.random = 1;
	storm.each = nothing;
	WRITE_ONCE(storm.count, 0);
	if (irq_request(storm.irq, stormed, NULL, false, "storm")) {
		preempt_enable();
		return false;
	}
	alarm_next();
	end = time_now_us() + FIRST_US;
	while (storm_count() == 0 && time_now_us() < end) {
	}
	if (storm_count() == 0) {
		(void)storm_stop();
		return false;
	}
	WRITE_ONCE(storm.each, each);
	return true;
}

u32 storm_count(void)
{
	return READ_ONCE(storm.count);
}

u32 storm_stop(void)
{
	irq_free(storm.irq);
	alarm_off();
	preempt_enable();
	return storm_count();
}
