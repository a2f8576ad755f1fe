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

typedef int parse_fn(const char *text, const char *limit, u64 *value, const char **end);

static int whole_word(parse_fn *parse, const char *word, u64 max, u64 *value)
{
	const char *end;
	u64 number;
	int error = parse(word, word + strlen(word), &number, &end);

	if (error) {
		return error;
	}
	if (*end) {
		return -EINVAL;
	}
	if (number > max) {
		return -ERANGE;
	}
	*value = number;
	return 0;
}

int word_number(const char *word, u64 max, u64 *value)
{
	return whole_word(parse_u64, word, max, value);
}

int word_size(const char *word, u64 max, u64 *bytes)
{
	return whole_word(parse_size, word, max, bytes);
}
