/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What smp_start.c knows of the other CPUs, for smp_leave.c too. Written by the boot CPU alone, but
 * for what a report says.
 */
#pragma once

#include <arch/secondary.h>
#include <kernel/smp.h>

#define COME_WAIT_US 5000000 /* or go; an emulator on a busy machine needs seconds */
#define METHODS_MAX  4

/* From struct secondary's state 0, nobody. A CPU moves itself on from COMING, atomically. */
enum {
	SECONDARY_COMING = 1,
	SECONDARY_HERE,
	SECONDARY_ASKS, /* whether its report will do: the boot CPU moves it on */
	SECONDARY_ADMITTED,
	SECONDARY_ONLINE,
	SECONDARY_DIFFERS, /* from here on: parked */
	SECONDARY_CLOCK,
	SECONDARY_DEAF,
	SECONDARY_LATE
};

/* Each CPU writes its own, then the boot CPU. */
struct report {
	u32 midr;
	u64 clock_us; /* what time it thinks it was, while it asked */
	bool swallowed_abort;
	struct cpu_state state;		 /* of one that differs */
	const char *wanted;		 /* the tree's enable-method */
	const struct smp_method *method; /* the last one that was tried */
	int error;			 /* its */
};

extern struct other_cpus {
	const struct smp_method *methods[METHODS_MAX];
	struct report *reports;
	u32 total; /* that the tree names and we have a number for; 0 until smp_start() */
	u32 named; /* that the tree names, and that are there */
} others;
