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
/* Stops the calling CPU as if it had been told to, with interrupts masked: another one speaks. */
void smp_stop_here(void) __noreturn;

/* How a method starts a CPU: drivers (psci, vexpress) register by enable-method. */
struct smp_method {
	const char *name; /* "psci", "arm,vexpress" … */
	/* Makes the CPU with that MPIDR start at entry (physical, ARM state). 0 or -Exxx. */
	int (*start)(u32 mpidr, u32 entry);
	/* It waits for an interrupt; those that get one without being asked for are parked. */
	bool wake;
	/* It makes another cluster's CPUs coherent with ours before they run. */
	bool clusters;
	/*
	 * The way back, so that another kernel can start it again. Either off: gives up the calling
	 * CPU, interrupts masked, and is_off: whether that CPU is given up. Or pen_register: clears
	 * it, and says where in physical memory a waiting CPU reads its entry. All NULL: there is
	 * none.
	 */
	void (*off)(void);
	bool (*is_off)(u32 mpidr);
	u32 (*pen_register)(void);
};
void smp_method_register(const struct smp_method *method);

struct cpu_info {
	u32 mpidr;
	u32 midr;	  /* 0 if it did not come */
	const char *text; /* "online", or what became of it */
};
/* False: the tree names no such CPU. Any context. */
bool smp_query(u32 cpu, struct cpu_info *info);

/* ---- leaving for another kernel ---- */

/* Makes the boot table stand on two pages of lowmem, side by side: see arch/early_tables.h. */
void boot_table_stand(void *pages);

/*
 * Whether all others can be put where another kernel finds them: NULL, or what stands against it.
 * *pen: they wait in one. Changes nothing but what such CPUs read. Boot CPU.
 */
const char *__must_check smp_leave_check(bool *pen);
/*
 * Stops the others: all are off when it returns, or in the pen that it makes of this lowmem page
 * (NULL: it takes none); a panic where one is not. Nothing may call or wait for other CPUs any
 * more. The boot table stands. Boot CPU.
 */
void smp_leave(void *pen);

/* ---- between smp.c and the two others ---- */

/* What a CPU does that smp_stop_others() stops, instead of being parked: its end. NULL: nothing. */
extern void (*smp_stopped)(void);

/* -Exxx of irq_request(). Boot CPU. */
int __must_check smp_calls_init(void);
/* The calling CPU takes calls from now on. */
void smp_set_online(void);
