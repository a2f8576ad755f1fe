/* SPDX-License-Identifier: BSD-2-Clause */
/* Owns the reading of what a person typed. Must never accept a number with a tail. */
#include <lib/words.h>

#include <errno.h>
#include <lib/string.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

int words_split(char *line, char *words[WORDS_MAX])
{
	int count = 0;

	for (;;) {
		while (is_blank(*line)) {
			*line++ = '\0';
		}
		if (*line == '\0') {
			return count;
		}
		if (count == WORDS_MAX) {
			return -E2BIG;
		}
		words[count++] = line;
		while (*line && !is_blank(*line)) {
			line++;
		}
	}
}

static int check(int error, const char *word, const char *end, u64 max, u64 value)
{
	if (error) {
		return error;
	}
	return *end || *word == '\0' ? -EINVAL : value > max ? -ERANGE : 0;
}

int word_number(const char *word, u64 max, u64 *value)
{
	const char *end = word;
	u64 number = 0;
	int error = parse_u64(word, word + strlen(word), &number, &end);

	error = check(error, word, end, max, number);
	if (!error) {
		*value = number;
	}
	return error;
}

int word_size(const char *word, u64 max, u64 *bytes)
{
	const char *end = word;
	u64 number = 0;
	int error = parse_size(word, word + strlen(word), &number, &end);

	error = check(error, word, end, max, number);
	if (!error) {
		*bytes = number;
	}
	return error;
}
