/* SPDX-License-Identifier: BSD-2-Clause */
/* Speaking before there is an address space: used only to say why there will be none. */
#pragma once

#include <arch/early_boot.h>
#include <types.h>

#include <lib/fdt.h>

/* The device tree at physical address dtb, if there is one. Position-independent, MMU off. */
bool early_tree(u32 dtb, struct fdt *fdt);

/*
 * Prints why on the console that the device tree at physical address dtb names, or on
 * the last-resort table's, leaves error in r0 and at image + 0x40, and stops in wfi.
 * Position-independent, MMU off.
 */
void early_die(u32 dtb, enum early_error error, const char *why) __noreturn;
