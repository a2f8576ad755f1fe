/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the portable memcpy, memmove and memset: correct on strictly aligned memory (MMU
 * off, Device), a word at a time where both sides allow. Weak: the architecture's own
 * take their place after boot-time code has used these.
 *
 * Must be compiled with -fno-tree-loop-distribute-patterns: else gcc knows these loops
 * for what they are, and replaces each by a call to itself.
 */
#include <lib/string.h>

#define __weak __attribute__((weak))

/* Words that may alias anything: the memory's real type is not ours to know. */
typedef u32 __attribute__((may_alias)) word_t;

#define WORD_MASK (sizeof(word_t) - 1)

static bool same_alignment(const void *a, const void *b)
{
	return (((uintptr_t)a ^ (uintptr_t)b) & WORD_MASK) == 0;
}

static void copy_up(u8 *d, const u8 *s, size_t len)
{
	if (same_alignment(d, s)) {
		while (len && ((uintptr_t)d & WORD_MASK)) {
			*d++ = *s++;
			len--;
		}
		for (; len >= 16; len -= 16, d += 16, s += 16) {
			word_t w0 = ((const word_t *)s)[0];
			word_t w1 = ((const word_t *)s)[1];
			word_t w2 = ((const word_t *)s)[2];
			word_t w3 = ((const word_t *)s)[3];

			((word_t *)d)[0] = w0;
			((word_t *)d)[1] = w1;
			((word_t *)d)[2] = w2;
			((word_t *)d)[3] = w3;
		}
		for (; len >= 4; len -= 4, d += 4, s += 4) {
			*(word_t *)d = *(const word_t *)s;
		}
	}
	while (len--) {
		*d++ = *s++;
	}
}

static void copy_down(u8 *d, const u8 *s, size_t len)
{
	d += len;
	s += len;
	if (same_alignment(d, s)) {
		while (len && ((uintptr_t)d & WORD_MASK)) {
			*--d = *--s;
			len--;
		}
		for (; len >= 4; len -= 4) {
			d -= 4;
			s -= 4;
			*(word_t *)d = *(const word_t *)s;
		}
	}
	while (len--) {
		*--d = *--s;
	}
}

__weak void *memcpy(void *restrict dst, const void *restrict src, size_t len)
{
	copy_up(dst, src, len);
	return dst;
}

__weak void *memmove(void *dst, const void *src, size_t len)
{
	if ((uintptr_t)dst - (uintptr_t)src >= len) {
		copy_up(dst, src, len);
	} else {
		copy_down(dst, src, len);
	}
	return dst;
}

__weak void *memset(void *dst, int byte, size_t len)
{
	u8 *d = dst;
	u32 fill = (u8)byte * 0x01010101u;

	while (len && ((uintptr_t)d & WORD_MASK)) {
		*d++ = (u8)byte;
		len--;
	}
	for (; len >= 16; len -= 16, d += 16) {
		((word_t *)d)[0] = fill;
		((word_t *)d)[1] = fill;
		((word_t *)d)[2] = fill;
		((word_t *)d)[3] = fill;
	}
	for (; len >= 4; len -= 4, d += 4) {
		*(word_t *)d = fill;
	}
	while (len--) {
		*d++ = (u8)byte;
	}
	return dst;
}
