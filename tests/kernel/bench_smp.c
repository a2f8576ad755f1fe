/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What operations cost when several CPUs do them at the same time. Under -icount QEMU runs the
 * CPUs in turn on one instruction count, and every CPU's PMCCNTR shows it: so what we read is the
 * sum over all CPUs, waiting included. Divided by the operations of all it is the cost of one, and
 * if that does not grow with the CPUs, none of them waits for another.
 *
 * ARM code: the Makefile says so.
 */
#include "bench.h"

#include <arch/cpreg.h>
#include <kernel/smp.h>
#include <lib/printf.h>
#include <mm/highmem.h>

#define CALL_ROUNDS 500
#define KMAP_ROUNDS 20000 /* on each CPU: a call's own cost vanishes in them */

static void nothing(__unused void *arg)
{
}

static void loop_nothing(__unused void *arg)
{
	for (u32 i = 0; i < KMAP_ROUNDS; i++) {
		compiler_barrier();
	}
}

static void loop_kmap_local(void *arg)
{
	struct page *page = arg;

	for (u32 i = 0; i < KMAP_ROUNDS; i++) {
		void *va = kmap_local_page(page);

		compiler_barrier();
		kunmap_local(va);
		compiler_barrier();
	}
}

static __noinline u32 cost(u32 cpus, void (*call)(void *arg), void *arg, u32 calls)
{
	u32 before = read_pmccntr();

	for (u32 i = 0; i < calls; i++) {
		smp_call(cpus, call, arg);
	}
	return read_pmccntr() - before;
}

/* The lowest `count` CPUs; we are CPU 0. */
static u32 first_cpus(u32 count)
{
	u32 all = cpus_online(), mask = 0;

	while (count-- > 0) {
		mask |= all & -all;
		all &= all - 1;
	}
	return mask;
}

void bench_smp(struct page *high, struct span globs)
{
	if (cpu_count() == 1) {
		return;
	}
	if (bench_wants("smp_call", globs)) {
		(void)cost(~0u, nothing, NULL, 10);
		bench_print("smp_call", cost(~0u, nothing, NULL, CALL_ROUNDS), CALL_ROUNDS);
	}
	for (u32 count = 1; count <= cpu_count(); count *= 2) {
		u32 cpus = first_cpus(count), sum;
		char name[32];

		(void)snprintf(name, sizeof(name), "kmap_local_high_%u_cpus", count);
		if (!bench_wants(name, globs)) {
			continue;
		}
		(void)cost(cpus, loop_kmap_local, high, 1);
		sum = cost(cpus, loop_kmap_local, high, 1);
		bench_print(name, sum - cost(cpus, loop_nothing, NULL, 1), KMAP_ROUNDS * count);
	}
}
