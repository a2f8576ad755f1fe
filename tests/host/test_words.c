/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lib/words.c: lines against a plain cutter, numbers against the same read digit by digit in
 * 128 bits, with every boundary, tail and wrong letter.
 */
#include "check.h"

#include <errno.h>
#include <lib/words.h>

#define ROUNDS 20000

/* ---- words ---- */

/* A copy that ends where the line does, so that a step too far is seen. */
static char *copy_of(const char *text)
{
	char *copy = strdup(text);

	CHECK(copy);
	return copy;
}

/* Cuts text by hand; how many words, the n-th one into `word`. */
static int word_by_hand(const char *text, int n, char *word)
{
	int count = 0;

	while (*text) {
		size_t blank = strspn(text, " \t"), len = strcspn(text + blank, " \t");

		if (len > 0 && count++ == n) {
			memcpy(word, text + blank, len);
			word[len] = '\0';
		}
		text += blank + len;
	}
	return count;
}

static void compare_split(const char *text)
{
	char *line = copy_of(text), word[256], *words[WORDS_MAX];
	int count = words_split(line, words), want = word_by_hand(text, -1, word);

	check_context("\"%s\"", text);
	CHECK_EQ(count, want > WORDS_MAX ? -E2BIG : want);
	for (int i = 0; i < count; i++) {
		word_by_hand(text, i, word);
		CHECK_STR_EQ(words[i], word);
		CHECK(words[i] >= line && words[i] <= line + strlen(text));
	}
	free(line);
}

TEST(lines_of_any_letters_are_cut_at_blanks)
{
	static const char letters[] = "  \t ab#0x\x01\x80\xff";
	char text[161];

	compare_split("");
	compare_split("1 2 3 4 5 6 7 8 9 10 11 12");
	compare_split("1 2 3 4 5 6 7 8 9 10 11 12 ");
	compare_split("1 2 3 4 5 6 7 8 9 10 11 12 13");
	for (int i = 0; i < ROUNDS; i++) {
		size_t len = check_below(i % 4 ? 30 : sizeof(text));

		for (size_t at = 0; at < len; at++) {
			text[at] = letters[check_below(sizeof(letters) - 1)];
		}
		text[len] = '\0';
		compare_split(text);
	}
}

/* ---- numbers ---- */

static int digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' :
	       c >= 'a' && c <= 'f' ? c - 'a' + 10 :
	       c >= 'A' && c <= 'F' ? c - 'A' + 10 :
				      99;
}

static unsigned unit_shift(char c)
{
	static const char units[] = "kmgt";
	const char *at = c ? strchr(units, c | 0x20) : NULL;

	return at ? 10 * (unsigned)(at - units + 1) : 0;
}

/* 0 and the value, saturated far above 64 bits; or -EINVAL. */
static int number_by_hand(const char *word, bool size, unsigned __int128 *value)
{
	const unsigned __int128 most = (unsigned __int128)1 << 80;
	int base = word[0] == '0' && (word[1] | 0x20) == 'x' ? 16 : 10;
	const char *at = base == 16 ? word + 2 : word, *first = at;
	unsigned shift;

	for (*value = 0; digit(*at) < base; at++) {
		*value = *value > most ? most : *value * (unsigned)base + (unsigned)digit(*at);
	}
	shift = size ? unit_shift(*at) : 0;
	*value = *value > most ? most : *value << shift;
	at += shift != 0;
	return at > first && *at == '\0' && digit(*first) < base ? 0 : -EINVAL;
}

static void compare_number(const char *text, u64 max, bool size)
{
	char *word = copy_of(text);
	unsigned __int128 want;
	int expected = number_by_hand(text, size, &want), error;
	u64 value = 0x5a5a;

	check_context("%s %s, at most 0x%llx", size ? "size" : "number", text,
		      (unsigned long long)max);
	error = size ? word_size(word, max, &value) : word_number(word, max, &value);
	if (expected) {
		CHECK(error == -EINVAL || error == -ERANGE); /* too many digits, and then a tail */
	} else {
		CHECK_EQ(error, want > max ? -ERANGE : 0);
	}
	CHECK_EQ(value, error ? 0x5a5a : (u64)want);
	free(word);
}

static void compare_both(const char *text)
{
	static const u64 limits[] = { 0, 1, 0xffffffff, 0xffffffffff, UINT64_MAX };

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		compare_number(text, limits[i], false);
		compare_number(text, limits[i], true);
	}
}

TEST(every_power_of_two_and_its_neighbours)
{
	static const char *const formats[] = { "%llu", "0x%llx", "0X%llX", "000%llu", "0x000%llx" };
	char text[64];

	for (unsigned bit = 0; bit < 64; bit++) {
		for (int off = -1; off <= 1; off++) {
			for (size_t f = 0; f < 5; f++) {
				snprintf(text, sizeof(text), formats[f], (1ull << bit) + (u64)off);
				compare_both(text);
			}
		}
	}
	compare_both("18446744073709551615");
	compare_both("18446744073709551616");
	compare_both("0x10000000000000000");
	compare_both("99999999999999999999999999999999999999999999999999");
}

/* Physical addresses: 40 bits are one, 41 bits are too many, however they are written. */
TEST(forty_one_bits_are_refused)
{
	const u64 most = (1ull << 40) - 1;
	u64 value = 0;

	CHECK_EQ(word_number("0xffffffffff", most, &value), 0);
	CHECK_EQ(value, most);
	CHECK_EQ(word_number("1099511627775", most, &value), 0);
	CHECK_EQ(word_number("0x10000000000", most, &value), -ERANGE);
	CHECK_EQ(word_number("1099511627776", most, &value), -ERANGE);
	CHECK_EQ(word_number("0x100000000000000ff", most, &value), -ERANGE);
	CHECK_EQ(word_size("1T", most, &value), -ERANGE);
	CHECK_EQ(word_size("1023G", most, &value), 0);
	CHECK_EQ(value, 1023ull << 30);
	CHECK_EQ(word_size("0x400000000000000T", most, &value), -ERANGE);
}

TEST(one_wrong_letter_anywhere)
{
	static const char *const good[] = { "0",   "4095",  "0x1f", "0xffffffffff",
					    "64K", "0x10m", "3g" };

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		for (size_t at = 0; at <= strlen(good[i]); at++) {
			for (int c = 1; c < 256; c++) {
				char text[32] = "";

				memcpy(text, good[i], strlen(good[i]) + 1);
				text[at] = (char)c; /* in its place */
				compare_both(text);
				snprintf(text, sizeof(text), "%.*s%c%s", (int)at, good[i], c,
					 good[i] + at); /* between */
				compare_both(text);
			}
		}
	}
}

TEST(words_of_any_letters_are_numbers_or_refused)
{
	static const char letters[] = "0011289afFxXkKmGt-+# .z";
	char text[32];

	for (int i = 0; i < 10 * ROUNDS; i++) {
		size_t len = check_below(i % 8 ? 6 : sizeof(text));

		for (size_t at = 0; at < len; at++) {
			text[at] = letters[check_below(sizeof(letters) - 1)];
		}
		text[len] = '\0';
		compare_number(text, check_random() >> check_below(64), i % 2);
	}
}
