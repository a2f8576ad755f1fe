/* SPDX-License-Identifier: BSD-2-Clause */
/* Versatile Express system registers: power-off, reboot, the start of CPUs. */
#pragma once

#include <lib/fdt.h>

/* Finds "arm,vexpress-sysreg", maps it and registers. Says nothing when there is none. */
void vexpress_sysreg_init(const struct fdt *f);
