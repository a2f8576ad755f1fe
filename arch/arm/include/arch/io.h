/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Device registers, 32 bits at a time unless a device wants less. Device memory keeps the order of
 * accesses to one device by itself; order against normal memory is the driver's business, by a
 * barrier.
 */
#pragma once

#include <types.h>

static inline u32 io_read32(const volatile void *reg)
{
	u32 value;

	/* No write-back addressing: a hypervisor could not emulate it. */
	__asm__ volatile("ldr %0, %1" : "=r"(value) : "Q"(*(const volatile u32 *)reg));
	return value;
}

static inline void io_write32(volatile void *reg, u32 value)
{
	__asm__ volatile("str %1, %0" : "=Q"(*(volatile u32 *)reg) : "r"(value));
}

/* By width bytes: 1, 2 or 4. Position-independent, MMU on or off. */
u32 io_read(const volatile void *reg, u32 width);
void io_write(volatile void *reg, u32 width, u32 value);
