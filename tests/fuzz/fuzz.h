/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the fuzz targets share. Each is one program: libFuzzer's main, the kernel's own sources
 * under ASan and UBSan, and LLVMFuzzerTestOneInput(), which returns 0 for whatever bytes come, or
 * ends in FUZZ_CHECK. Stands in for the kernel's bug(), warn() and printk() too (fuzz.c).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Memory of exactly that many bytes, so that a step beyond it is seen; the caller frees it. */
void *fuzz_copy(const void *data, size_t size);
/* The same with a NUL behind it. */
char *fuzz_string(const void *data, size_t size);

/* The next byte of the input; 0 behind its end. */
struct fuzz_input {
	const uint8_t *at, *end;
};
uint8_t fuzz_byte(struct fuzz_input *in);
/* Four of them. */
uint32_t fuzz_word(struct fuzz_input *in);

#define FUZZ_CHECK(cond)                                                                          \
	do {                                                                                      \
		if (!(cond)) {                                                                    \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #cond); \
			abort();                                                                  \
		}                                                                                 \
	} while (0)
