/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Formatted text into a buffer. As in C11, with these conversions: %d %i %u %x %X %o %c
 * %s %p %%, flags - 0 + space #, width and precision (numbers or *), lengths hh h l ll z
 * t j. Differences: %p prints 0x and all digits of a pointer (0xc0001000); a NULL %s
 * prints (null), cut to its precision; anything else (%f, %n) is copied as it stands
 * and takes no argument.
 *
 * Both write at most size bytes, the last one NUL (nothing when size is 0), and return
 * the length that the whole text has without it: a result >= size means that it was cut.
 * irq-safe; about 100 bytes of stack; no allocation.
 */
#pragma once

#include <stdarg.h>
#include <types.h>

int vsnprintf(char *buf, size_t size, const char *fmt, va_list args) __printf(3, 0);
int snprintf(char *buf, size_t size, const char *fmt, ...) __printf(3, 4);
