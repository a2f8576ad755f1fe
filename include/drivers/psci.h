/* SPDX-License-Identifier: BSD-2-Clause */
/* PSCI (ARM DEN 0022): firmware's power interface, where the device tree has one. */
#pragma once

#include <lib/fdt.h>

/*
 * Finds the node and registers power-off, reboot, and the start of CPUs. Says nothing when there is
 * none.
 */
void psci_init(const struct fdt *f);
