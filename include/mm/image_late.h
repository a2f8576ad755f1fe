/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The part of the image that nothing needs before the banner is loaded packed: suites, benchmarks,
 * monitor, most of the memory tester. It is unpacked to HighMem pages of its own, in the upper half
 * of the image's region. All other code and data run and stay where they were loaded.
 */
#pragma once

#include <types.h>

extern char __late_start[], __late_text_end[], __late_rodata_end[], __late_end[];

/*
 * Unpacks it. Panics if there is no memory for it, or if it is damaged. Once, on the boot CPU,
 * before any other is started; process context.
 */
void image_late_unpack(void);

/* True from then on: before, nothing of it may be called. Any context. */
bool image_late_ready(void);

/* The address at which the image, loaded or late, shows that place; 0: it is not the image's. */
vaddr_t image_va(phys_addr_t pa);
