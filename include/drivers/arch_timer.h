/* SPDX-License-Identifier: BSD-2-Clause */
/* The ARM generic timer (ARM DDI 0406C, B8). */
#pragma once

#include <lib/fdt.h>

/*
 * Finds it and registers the clock. After gic_init(), on the boot CPU. Says once what is missing.
 */
void arch_timer_init(const struct fdt *f);
