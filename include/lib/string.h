/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory and text, as in the C library where the names agree. Everything here is
 * irq-safe, allocates nothing, and works before the MMU is on when compiled with
 * -mno-unaligned-access.
 */
#pragma once

#include <types.h>

/* lib/mem.c: weak, so that an assembly version may take their place. */
void *memcpy(void *restrict dst, const void *restrict src, size_t len);
void *memmove(void *dst, const void *src, size_t len);
void *memset(void *dst, int byte, size_t len);

int memcmp(const void *a, const void *b, size_t len);
void *memchr(const void *buf, int byte, size_t len);

size_t strlen(const char *s);
/* At most `max`; reads no byte beyond it. */
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t max);
char *strchr(const char *s, int c);

/*
 * Copies as much of src as fits, always ends it with NUL unless size is 0, and pads
 * nothing. Returns strlen(src): a result >= size means that it was cut.
 */
size_t strlcpy(char *restrict dst, const char *restrict src, size_t size);

/*
 * A piece of somebody else's text: not NUL-terminated, valid as long as that text.
 * s == NULL means that there is none, which is not the same as an empty one.
 */
struct span {
	const char *s;
	size_t len;
};

/* For printk("%.*s", SPAN_ARG(span)). */
#define SPAN_ARG(span) (int)(span).len, (span).s

bool span_eq(struct span a, const char *text);

/*
 * Whole-text match: `*` stands for any run of characters, `?` for any one; nothing else
 * is special. Takes time at most |pattern| * |text| and no stack. span_glob_match takes
 * its pattern as a span; span_globs_match a comma-separated list of which one must match.
 */
bool glob_match(const char *pattern, const char *text);
bool span_glob_match(struct span pattern, const char *text);
bool span_globs_match(struct span patterns, const char *text);

/*
 * Reads an unsigned number, decimal or 0x-hexadecimal (no sign, no blanks, no octal:
 * 010 is ten), from [text, limit). Stores the value, and in *end (unless NULL) where it
 * stopped. 0, -EINVAL without a digit, -ERANGE beyond 64 bits (nothing is stored then).
 * parse_u64 itself accepts a tail; it is for the caller to look at *end.
 */
int parse_u64(const char *text, const char *limit, u64 *value, const char **end) __must_check;

/* The same, with an optional K, M, G or T (either case, powers of 1024) behind the number. */
int parse_size(const char *text, const char *limit, u64 *bytes, const char **end) __must_check;
