/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The machine of fuzz targets that look at physical memory: where the image lies, and where panics
 * go. Banks and reservations are memblock's own; what memory holds is the target's to say. And
 * addresses out of the input: near the borders that matter, mostly.
 */
#pragma once

#include "fuzz.h"

#include "../host/include/rename.h"

#include <arch/early_tables.h>
#include <mm/memblock.h>

#define IMAGE_BYTES 0x40000u /* as long as the image is here */

/* False if it panicked. */
bool machine_survives(void (*call)(void *arg), void *arg);

/* Up to 40 bits. */
phys_addr_t machine_address(struct fuzz_input *in);
/* 1 byte to 4 GiB, whole pages mostly. */
u32 machine_size(struct fuzz_input *in);

/* Forgets all memory; a few banks and reservations out of the input. */
void machine_memory(struct fuzz_input *in);

/* In order, apart, none empty, all below 40 bits. */
void machine_check_list(const struct memblock_list *list);
/* Whether the list has the byte, looked for one by one; with its flags. */
bool machine_has(const struct memblock_list *list, phys_addr_t pa, u32 *flags);
/* Whether it has all of them. */
bool machine_has_all(const struct memblock_list *list, phys_addr_t start, phys_addr_t end);
/* The next place, above at, where some range begins or ends, or all there can be. */
phys_addr_t machine_border(const struct memblock_list *list, phys_addr_t at);
