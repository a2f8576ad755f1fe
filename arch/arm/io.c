/* SPDX-License-Identifier: BSD-2-Clause */
/* Device registers whose width only the device tree knows. Position-independent. */
#include <arch/io.h>

u32 io_read(const volatile void *reg, u32 width)
{
	u32 value;

	if (width == 1) {
		__asm__ volatile("ldrb %0, %1" : "=r"(value) : "Q"(*(const volatile u8 *)reg));
	} else if (width == 2) {
		__asm__ volatile("ldrh %0, %1" : "=r"(value) : "Q"(*(const volatile u16 *)reg));
	} else {
		value = io_read32(reg);
	}
	return value;
}

void io_write(volatile void *reg, u32 width, u32 value)
{
	if (width == 1) {
		__asm__ volatile("strb %1, %0" : "=Q"(*(volatile u8 *)reg) : "r"(value));
	} else if (width == 2) {
		__asm__ volatile("strh %1, %0" : "=Q"(*(volatile u16 *)reg) : "r"(value));
	} else {
		io_write32(reg, value);
	}
}
