/* SPDX-License-Identifier: BSD-2-Clause */
/* The log: what was printed, line by line, the newest kept. */
#pragma once

#include <types.h>

#define LOG_LINE_MAX 256 /* a line that is longer is cut */

/* Boot, after the page allocator: from here on 16 KiB are kept, a little before. */
void log_init(void);

/* Appends a line. One caller at a time: the console, under its lock. Any context. */
void log_append(const char *line, size_t len);

/*
 * Reading, from the oldest line on: a position, and the line there, or as much of it as there is
 * room for. False: there is no more. What is overwritten meanwhile is skipped. No lock, any
 * context.
 */
u32 log_start(void);
bool log_next(u32 *at, char *line, size_t size);
