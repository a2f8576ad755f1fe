/* SPDX-License-Identifier: BSD-2-Clause */
/* CRC-32 of IEEE 802.3: what closes each suite on the serial line (`@sum`). */
#pragma once

#include <types.h>

/*
 * The CRC of everything given so far: start with crc = 0 and pass each result on. Same
 * values as zlib's crc32. irq-safe.
 */
u32 crc32_update(u32 crc, const void *buf, size_t len);
