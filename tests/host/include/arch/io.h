/* SPDX-License-Identifier: BSD-2-Clause */
/* Device registers on the host: a test of a driver plays the device (tests/host/test_*_uart.c). */
#pragma once

#include <types.h>

u32 io_read(const volatile void *reg, u32 width);
void io_write(volatile void *reg, u32 width, u32 value);

static inline u32 io_read32(const volatile void *reg)
{
	return io_read(reg, 4);
}

static inline void io_write32(volatile void *reg, u32 value)
{
	io_write(reg, 4, value);
}
