/* SPDX-License-Identifier: BSD-2-Clause */
/* What a person typed: words, and numbers in them. Pure; allocates nothing, irq-safe. */
#pragma once

#include <types.h>

#define WORDS_MAX 12

/* Cuts line into words, in place. How many there are, or -E2BIG: more than WORDS_MAX. */
int words_split(char *line, char *words[WORDS_MAX]) __must_check;

/*
 * A whole word as a number, decimal or 0x; as a size, with K, M, G or T behind it. -EINVAL: it is
 * none; -ERANGE: more than max. Nothing is stored then.
 */
int word_number(const char *word, u64 max, u64 *value) __must_check;
int word_size(const char *word, u64 max, u64 *bytes) __must_check;
