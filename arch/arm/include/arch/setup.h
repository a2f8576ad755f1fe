/* SPDX-License-Identifier: BSD-2-Clause */
/* Boot-time set-up that higher floors ask for. */
#pragma once

#include <arch/current.h>
#include <phys.h>

/* Where kernel_main() runs; head.S. */
extern char boot_stack[], boot_stack_top[];

/* Makes core the running thread of this CPU. */
void current_set(struct thread_core *core);

/* mm says how a page table outside the image is reached (the direct mapping). */
void table_set_resolver(void *(*resolver)(phys_addr_t table));
