/* SPDX-License-Identifier: BSD-2-Clause */
/* Between bench.c (one CPU) and bench_smp.c (all of them). */
#pragma once

#include <lib/string.h>
#include <mm/page.h>

/* One `@bench` line: insns for `rounds` operations, no other counts. */
void bench_print(const char *name, u32 insns, u32 rounds);

/* Whether a row that there is on this machine is to be measured now. */
bool bench_wants(const char *name, struct span globs);

/* The rows that need several CPUs, as far as the globs and the CPUs there are allow. */
void bench_smp(struct page *high, struct span globs);

/* The memory tester's rows. */
void bench_memtest(struct span globs);
