/* SPDX-License-Identifier: BSD-2-Clause */
/* Between bench.c (one CPU) and bench_smp.c (all of them). */
#pragma once

#include <lib/string.h>
#include <mm/page.h>

/* One `@bench` line: insns for `rounds` operations, no other counts. */
void bench_print(const char *name, u32 insns, u32 rounds);

/* The rows that need several CPUs, as far as the globs and the CPUs there are allow; how many. */
u32 bench_smp(struct page *high, struct span globs);

/* The memory tester's rows; how many the globs allow. */
u32 bench_memtest(struct span globs);
