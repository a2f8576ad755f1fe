/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * 64-bit by 32-bit division: the CPU has none and libgcc is not linked, so a plain
 * `/` on a u64 does not link. Division by a power of two is a shift, as always.
 */
#pragma once

#include <types.h>

/*
 * Returns n / d and, unless rem is NULL, stores n % d in *rem. d must not be 0 (the
 * result is then undefined, but nothing traps). irq-safe.
 */
u64 div_u64(u64 n, u32 d, u32 *rem);
