/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns text and byte comparison, globs, and the reading of numbers. Bytes only: never an
 * unaligned or out-of-range access, whatever the pointers.
 *
 * Compile with -fno-tree-loop-distribute-patterns, or strlen's loop may become a call to
 * strlen.
 */
#include <lib/string.h>

#include <errno.h>

int memcmp(const void *a, const void *b, size_t len)
{
	const u8 *p = a;
	const u8 *q = b;

	for (; len; len--, p++, q++) {
		if (*p != *q) {
			return *p - *q;
		}
	}
	return 0;
}

void *memchr(const void *buf, int byte, size_t len)
{
	const u8 *p = buf;

	for (; len; len--, p++) {
		if (*p == (u8)byte) {
			return (void *)p;
		}
	}
	return NULL;
}

size_t strlen(const char *s)
{
	const char *p = s;

	while (*p) {
		p++;
	}
	return (size_t)(p - s);
}

size_t strnlen(const char *s, size_t max)
{
	size_t n = 0;

	while (n < max && s[n]) {
		n++;
	}
	return n;
}

int strcmp(const char *a, const char *b)
{
	return strncmp(a, b, SIZE_MAX);
}

int strncmp(const char *a, const char *b, size_t max)
{
	for (; max; max--, a++, b++) {
		if (*a != *b || *a == '\0') {
			return (u8)*a - (u8)*b;
		}
	}
	return 0;
}

char *strchr(const char *s, int c)
{
	for (; *s != (char)c; s++) {
		if (*s == '\0') {
			return NULL;
		}
	}
	return (char *)s;
}

size_t strlcpy(char *restrict dst, const char *restrict src, size_t size)
{
	size_t len = strlen(src);

	if (size) {
		size_t n = min(len, size - 1);

		memcpy(dst, src, n);
		dst[n] = '\0';
	}
	return len;
}

bool span_eq(struct span a, const char *text)
{
	return a.s && strlen(text) == a.len && memcmp(a.s, text, a.len) == 0;
}

/*
 * Only the last `*` ever needs to be revisited: what an earlier one matched was already
 * the shortest that works, and a longer match there gains nothing.
 */
bool span_glob_match(struct span pattern, const char *text)
{
	size_t at = 0;
	size_t star = SIZE_MAX;
	const char *resume = NULL;

	while (*text) {
		if (at < pattern.len && pattern.s[at] == '*') {
			star = at++;
			resume = text;
		} else if (at < pattern.len && (pattern.s[at] == '?' || pattern.s[at] == *text)) {
			at++;
			text++;
		} else if (star != SIZE_MAX) {
			at = star + 1;
			text = ++resume;
		} else {
			return false;
		}
	}
	while (at < pattern.len && pattern.s[at] == '*') {
		at++;
	}
	return at == pattern.len;
}

bool glob_match(const char *pattern, const char *text)
{
	return span_glob_match((struct span){ pattern, strlen(pattern) }, text);
}

bool span_globs_match(struct span patterns, const char *text)
{
	const char *end = patterns.s + patterns.len;
	const char *p = patterns.s;

	while (p < end) {
		const char *comma = memchr(p, ',', (size_t)(end - p));
		const char *stop = comma ? comma : end;

		if (span_glob_match((struct span){ p, (size_t)(stop - p) }, text)) {
			return true;
		}
		p = stop + 1;
	}
	return false;
}

/* The value of a digit in base 10 or 16, or -1. */
static int digit_value(char c, u32 base)
{
	int v = -1;

	if (c >= '0' && c <= '9') {
		v = c - '0';
	} else if (base == 16 && (c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
		v = (c | 0x20) - 'a' + 10;
	}
	return v;
}

int parse_u64(const char *text, const char *limit, u64 *value, const char **end)
{
	const char *p = text;
	u32 base = 10;
	u64 most = UINT64_MAX / 10;
	u64 v = 0;

	if (limit - p > 2 && p[0] == '0' && (p[1] | 0x20) == 'x' && digit_value(p[2], 16) >= 0) {
		base = 16;
		most = UINT64_MAX / 16;
		p += 2;
	}
	text = p;
	for (; p < limit; p++) {
		int digit = digit_value(*p, base);

		if (digit < 0) {
			break;
		}
		if (v > most || v * base > UINT64_MAX - (u32)digit) {
			return -ERANGE;
		}
		v = v * base + (u32)digit;
	}
	if (p == text) {
		return -EINVAL;
	}
	*value = v;
	if (end) {
		*end = p;
	}
	return 0;
}

int parse_size(const char *text, const char *limit, u64 *bytes, const char **end)
{
	const char *p;
	u32 shift = 0;
	u64 v;
	int err = parse_u64(text, limit, &v, &p);

	if (err) {
		return err;
	}
	if (p < limit) {
		switch (*p | 0x20) {
		case 'k':
			shift = 10;
			break;
		case 'm':
			shift = 20;
			break;
		case 'g':
			shift = 30;
			break;
		case 't':
			shift = 40;
			break;
		}
		p += shift ? 1 : 0;
	}
	if (v > (UINT64_MAX >> shift)) {
		return -ERANGE;
	}
	*bytes = v << shift;
	if (end) {
		*end = p;
	}
	return 0;
}
