/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * printk: one call, one whole line on the console. The text is formatted first
 * and sent as a unit, so lines never tear; a trailing newline is not written by
 * the caller. irq-safe, any CPU.
 */
#pragma once

#include <types.h>

void printk(const char *fmt, ...) __printf(1, 2);
