/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ARM generic timer (ARM DDI 0406C, B8). Owns one of the two timers that a CPU has for us: the
 * secure world's physical one, or for a non-secure kernel the virtual one, which no
 * hypervisor keeps for itself. The other is nobody's.
 *
 * No locks: its registers are each CPU's own.
 */
#include <drivers/arch_timer.h>

#include <arch/barrier.h>
#include <arch/cpreg.h>
#include <arch/secondary.h>
#include <drivers/gic.h>
#include <kernel/irq.h>
#include <kernel/time.h>
#include <lib/machine.h>
#include <printk.h>

#define CTL_ENABLE 1u
#define MOST_LOOKS 4000

static u64 physical_now(void)
{
	isb(); /* what came before, before the counter is read */
	return read_cntpct();
}

static u64 virtual_now(void)
{
	isb(); /* what came before, before the counter is read */
	return read_cntvct();
}

static void physical_alarm(u64 deadline)
{
	write_cntp_ctl(0);
	if (deadline != UINT64_MAX) {
		write_cntp_cval(deadline);
		write_cntp_ctl(CTL_ENABLE);
	}
	isb(); /* an alarm taken back does not ring after this */
}

static void virtual_alarm(u64 deadline)
{
	write_cntv_ctl(0);
	if (deadline != UINT64_MAX) {
		write_cntv_cval(deadline);
		write_cntv_ctl(CTL_ENABLE);
	}
	isb(); /* an alarm taken back does not ring after this */
}

static struct clock_driver physical_clock = { .now = physical_now, .alarm = physical_alarm };
static struct clock_driver virtual_clock = { .now = virtual_now, .alarm = virtual_alarm };

/* Level: off, or it would ask again at once. */
static void timer_rang(__unused u32 irq, void *arg)
{
	const struct clock_driver *clock = arg;

	clock->alarm(UINT64_MAX);
	clock_alarm_rang();
}

/*
 * Exynos 5's counter stands until somebody starts the timer that feeds it (MCT), whatever CNTFRQ
 * says: who waits for it waits for ever. A look takes some cycles, a tick of 1 MHz at most 2500.
 */
static bool stands_still(const struct clock_driver *clock)
{
	u64 first = clock->now();

	for (u32 look = 0; look < MOST_LOOKS; look++) {
		if (clock->now() != first) {
			return false;
		}
	}
	return true;
}

/* The counter is good; asks for the interrupt too. Why not, or NULL. */
static const char *timer_start(const struct fdt *f, fdt_node node, struct clock_driver *clock)
{
	u32 irq;
	bool edge;

	clock->alarm(UINT64_MAX);
	clock_register(clock);
	if (irq_from_tree(f, node,
			  clock == &physical_clock ? TIMER_WIRE_SECURE : TIMER_WIRE_VIRTUAL, &irq,
			  &edge)) {
		return TIMER_WIRE_LOST;
	}
	if (irq_request(irq, timer_rang, clock, edge, "timer")) {
		return "its interrupt is not to be had";
	}
	return NULL;
}

void arch_timer_init(const struct fdt *f)
{
	struct clock_driver *clock = cpu_is_secure() ? &physical_clock : &virtual_clock;
	const char *why;
	fdt_node node;

	clock->hz = read_cntfrq();
	clock->name = clock == &physical_clock ? "secure physical timer" : "virtual timer";
	why = machine_timer(f, clock->hz, &node);
	if (!why) {
		why = stands_still(clock) ? "its counter stands still" :
					    timer_start(f, node, clock);
	}
	if (why) {
		printk("timer: %s: nothing is preempted, waiting polls", why);
		clock->alarm = NULL;
	}
}
