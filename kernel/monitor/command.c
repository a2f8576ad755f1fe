/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the reading of the table of commands: which one a line means, and whether it has as many
 * words as that wants. Pure, so that a fuzzer can type into it.
 */
#include "monitor.h"

static struct span name_of(const struct command *c)
{
	const char *blank = strchr(c->usage, ' ');

	return (struct span){ c->usage, blank ? (size_t)(blank - c->usage) : strlen(c->usage) };
}

const struct command *command_find(const char *name, size_t len)
{
	for (const struct command *c = commands; c < commands + command_count; c++) {
		struct span own = name_of(c);

		if (c->run && own.len == len && memcmp(own.s, name, len) == 0) {
			return c;
		}
	}
	return NULL;
}

bool command_name(u32 n, char name[CANDIDATE_MAX])
{
	for (const struct command *c = commands; c < commands + command_count; c++) {
		if (c->run && n-- == 0) {
			strlcpy(name, c->usage, name_of(c).len + 1);
			return true;
		}
	}
	return false;
}

/* Whether as many words were given as usage wants. */
static bool right_count(const char *usage, u32 argc)
{
	u32 least = 0, most = 0;

	for (; *usage; usage++) {
		if (*usage == ' ') {
			least += usage[1] != '[';
			most++;
		}
	}
	return argc >= least && (argc <= most || usage[-1] == '.');
}

enum command_fault command_parse(char *line, char *words[WORDS_MAX], u32 *argc,
				 const struct command **found)
{
	int count = words_split(line, words);

	if (count <= 0) {
		return count < 0 ? COMMAND_WORDS : COMMAND_NOTHING;
	}
	*argc = (u32)count - 1;
	*found = command_find(words[0], strlen(words[0]));
	if (!*found) {
		return COMMAND_UNKNOWN;
	}
	return right_count((*found)->usage, *argc) ? COMMAND_FOUND : COMMAND_USAGE;
}
