/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Accesses that may fault: they return an error where any other would end in an oops.
 * Synchronous external aborts are caught too, and asynchronous ones of a write if they
 * are unmasked. Any context, irq-safe; they do not lock and keep no state.
 */
#pragma once

#include <errno.h>
#include <types.h>

/* 0, or the fault status (DFSR, for probe_exec_status IFSR; arch/fault.h reads it). */
u32 probe_read_status(const void *addr, u32 *value) __must_check;
u32 probe_read8_status(const void *addr, u8 *value) __must_check;
/*
 * addr is aligned to 8 bytes: in normal memory one access, as of a table walk (A3.5.3).
 */
u32 probe_read64_status(const void *addr, u64 *value) __must_check;
u32 probe_write_status(void *addr, u32 value) __must_check;
u32 probe_write8_status(void *addr, u8 value) __must_check;
/* Calls addr, where a leaf routine such as `bx lr` is expected, if anything. */
u32 probe_exec_status(const void *addr) __must_check;

/* The same: 0 or -EFAULT. Nothing is stored in *value on error. */
int __must_check probe_read(const void *addr, u32 *value);
int __must_check probe_read8(const void *addr, u8 *value);
int __must_check probe_read64(const void *addr, u64 *value);
int __must_check probe_write(void *addr, u32 value);
int __must_check probe_write8(void *addr, u8 value);

static inline int __must_check probe_exec(const void *addr)
{
	return probe_exec_status(addr) ? -EFAULT : 0;
}
