/* SPDX-License-Identifier: BSD-2-Clause */
/* The image as it was loaded, made again from the one that runs. */
#pragma once

#include <arch/early_boot.h>
#include <types.h>

/*
 * Before anything is written to initialized data: keeps their first values, in INITIALIZED_MAX
 * bytes for good.
 */
void pristine_keep(void *place);

u32 pristine_bytes(void);

/* Writes pristine_bytes(), byte for byte what was loaded; returns their CRC-32. */
u32 pristine_copy(void *to);
