/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A storm of interrupts on the calling CPU, from the one of its timers that the kernel does not
 * use: at moments that nothing in the interrupted code decides. One at a time.
 */
#pragma once

#include <types.h>

/*
 * Calls each() about every `ticks` ticks of the system counter, irregularly. Preemption is off
 * until storm_stop(), so that the thread stays under it. False: this machine has no such interrupt.
 */
bool __must_check storm_start(u32 ticks, void (*each)(void));
/* How many there were so far. */
u32 storm_count(void);
/* Ends it; how many there were. */
u32 storm_stop(void);
