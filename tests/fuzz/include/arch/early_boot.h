/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's own, but for what only an ARM compiler knows: r0 by its name. */
#pragma once

#include <types.h>

extern char boot_stack[], boot_stack_top[];
