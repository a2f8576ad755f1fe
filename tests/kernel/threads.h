/* SPDX-License-Identifier: BSD-2-Clause */
/* What suites that make threads share. */
#pragma once

#include <arch/current.h>
#include <kernel/sched.h>

#define NO_ALARM "no timer whose interrupt could preempt a thread"

/* The CPU of the test's own thread, which may move: right when it was asked. */
static inline u32 my_cpu(void)
{
	return READ_ONCE(current_core()->cpu);
}

/* Joins those that were created: false if one was not. */
bool threads_join(struct thread *const *threads, u32 count);
