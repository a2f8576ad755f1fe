/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TI's Keystone 2: all RAM begins at 0x8_0000_0000, and its first 2 GiB are seen at 0x80000000 too,
 * for a CPU whose MMU is off. To caches, and to other bus masters, the two are different memory: so
 * the low one is for CPUs without MMU alone, and everybody else means the high one, whatever he was
 * told. Pure and position-independent.
 */
#pragma once

#include <lib/fdt.h>
#include <phys.h>

#define RAM_ALIAS_SHIFT 31 /* 2 GiB, where bit 31 is the only one */
#define RAM_ALIAS_REAL	(phys_addr_t)0x800000000
#define RAM_ALIAS_LOW	(phys_addr_t)0x80000000

/* Whether the tree is of a board whose RAM has the two addresses. */
bool ram_has_alias(const struct fdt *f);

/* On such a board: the real address of what may be given by the low one. */
static inline phys_addr_t ram_alias_real(phys_addr_t pa)
{
	return pa_section(pa, RAM_ALIAS_SHIFT) == 1 ? pa + (RAM_ALIAS_REAL - RAM_ALIAS_LOW) : pa;
}

/* And back, for a CPU without MMU; beyond 2 GiB of RAM it sees nothing. */
static inline phys_addr_t ram_alias_low(phys_addr_t pa)
{
	return pa_section(pa, RAM_ALIAS_SHIFT) == pa_section(RAM_ALIAS_REAL, RAM_ALIAS_SHIFT) ?
		       pa - (RAM_ALIAS_REAL - RAM_ALIAS_LOW) :
		       pa;
}
