/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Device registers, 32 bits at a time. Device memory keeps the order of accesses to one
 * device by itself; order against normal memory is the driver's business, by a barrier.
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
