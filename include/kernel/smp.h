/* SPDX-License-Identifier: BSD-2-Clause */
/* More than one CPU: bring-up, cross-CPU calls, who is there. */
#pragma once

#include <lib/fdt.h>
#include <types.h>

/*
 * Starts the CPUs of the device tree, at most maxcpus in all; says which did not come and why.
 * Boot CPU, once, when threads, interrupts and the clock work.
 */
void smp_start(const struct fdt *f, u32 maxcpus);

u32 cpus_online(void); /* a mask */
u32 cpu_count(void);

/*
 * Runs call(arg) on every CPU of mask that is online, the caller's included if it is in it, and
 * returns when all have. BUG "smp.call_masked" with interrupts masked; no lock may be held that
 * interrupt code takes. Calls run with interrupts masked and must not wait, nor call others.
 */
void smp_call(u32 mask, void (*call)(void *arg), void *arg);

/* Asks another CPU to look at its run queue. irq-safe. */
void smp_resched(u32 cpu);

/*
 * A panic's: stops all others, as far as they listen; bounded. Each leaves its registers and
 * callers, which smp_report_others() prints. Any context.
 */
void smp_stop_others(void);
void smp_report_others(void);

/* How a method starts a CPU: drivers (psci, vexpress) register by enable-method. */
struct smp_method {
	const char *name; /* "psci", "arm,vexpress" … */
	/* Makes the CPU with that MPIDR start at entry (physical, ARM state). 0 or -Exxx. */
	int (*start)(u32 mpidr, u32 entry);
	/* It waits for an interrupt; those that get one without being asked for are parked. */
	bool wake;
};
void smp_method_register(const struct smp_method *method);

struct cpu_info {
	u32 mpidr;
	u32 midr;	  /* 0 if it is not online */
	const char *text; /* "online", or what became of it */
};
/* False: the tree names no such CPU. Any context. */
bool smp_query(u32 cpu, struct cpu_info *info);

/* ---- between smp.c and smp_start.c ---- */

/* -Exxx of irq_request(). Boot CPU. */
int __must_check smp_calls_init(void);
/* The calling CPU takes calls from now on. */
void smp_set_online(void);
