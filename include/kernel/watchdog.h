/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Turns a hang into a report: when nobody says for a long time that work goes on, a panic,
 * "watchdog.hang", with the backtraces of all CPUs. Time is only what ends what would not end.
 */
#pragma once

#include <types.h>

/* What tests run under: beats must come within 45 s, of a machine that is not itself held up. */
#define WATCHDOG_PERIOD_US 3000000u
#define WATCHDOG_PERIODS   15u

/*
 * From now on a CPU whose timer has rung in so many periods since the last beat panics. Without a
 * timer's interrupt it has no effect. Process context, interrupts enabled.
 */
void watchdog_start(u32 period_us, u32 periods);
void watchdog_stop(void);

/* Something was achieved. Any context, cheap. */
void watchdog_beat(void);
