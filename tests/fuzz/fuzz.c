/* SPDX-License-Identifier: BSD-2-Clause */
/* What the fuzz targets share: exact copies of the input, and the kernel's last words. */
#include "fuzz.h"

#include <stdarg.h>

void *fuzz_copy(const void *data, size_t size)
{
	void *copy = malloc(size);

	if (!copy) {
		abort();
	}
	memcpy(copy, data, size);
	return copy;
}

char *fuzz_string(const void *data, size_t size)
{
	char *copy = malloc(size + 1);

	if (!copy) {
		abort();
	}
	memcpy(copy, data, size);
	copy[size] = '\0';
	return copy;
}

uint8_t fuzz_byte(struct fuzz_input *in)
{
	return in->at < in->end ? *in->at++ : 0;
}

uint32_t fuzz_word(struct fuzz_input *in)
{
	uint32_t word = 0;

	for (int i = 0; i < 4; i++) {
		word = word << 8 | fuzz_byte(in);
	}
	return word;
}

/* The kernel's own: include/bug.h, include/printk.h. */
_Noreturn void bug(const char *rule, const char *fmt, ...);
void warn(const char *fmt, ...);
void printk(const char *fmt, ...);

_Noreturn void bug(const char *rule, const char *fmt, ...)
{
	fprintf(stderr, "BUG %s: %s\n", rule, fmt);
	abort();
}

void warn(const char *fmt, ...)
{
	(void)fmt;
}

void printk(const char *fmt, ...)
{
	(void)fmt;
}
