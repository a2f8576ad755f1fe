/* SPDX-License-Identifier: BSD-2-Clause */
/* Errata of the CPUs we run on: what is decided for each, and whether it took effect. */
#pragma once

#include <lib/string.h>
#include <types.h>

/*
 * `errata=force:NAME`: that work-around runs although no CPU needs it. Before smp_start().
 * -ENOENT: no such name, or nothing that the kernel itself does about it.
 */
int __must_check errata_force(struct span name);

/* Each CPU, once: looks itself up and applies what it needs. Interrupts masked, or boot CPU. */
void errata_apply_cpu(void);

/*
 * One line for each that concerns a CPU here, or for all: name, what it is about, the decision,
 * the register read back.
 */
void errata_print(bool all);

/* 798181's work-around on or off, for tests: what it was. Process context. */
bool errata_798181_set(bool on);
/* How often it made another CPU execute a barrier. */
u32 errata_798181_count(void);
