/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The words behind memtest=. What is taken is within the limits that the documentation names; what
 * is refused is refused in any company; and what a word is made of lies in the text alone.
 */
#include "fuzz.h"

#include "../host/include/rename.h"

#include "../../kernel/memtest/passes.h"

#include <lib/string.h>
#include <errno.h>
#include <kernel/memtest.h>

#define SEED 4711

const struct pass memtest_passes[] = { PASSES(PASS_ENTRY) };

static int parse(const char *text, size_t len, struct memtest_options *o)
{
	int error = memtest_parse((struct span){ text, len }, SEED, o);

	FUZZ_CHECK(error == 0 || error == -EINVAL);
	if (error == 0) {
		FUZZ_CHECK(o->sweeps <= 1000000 && o->fade_s <= 86400);
		FUZZ_CHECK(o->passes < 1u << PASS_COUNT);
		FUZZ_CHECK(!o->silent && !o->tested && !o->bad && !o->fault && !o->reserved);
	}
	return error;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_copy(data, size);
	struct memtest_options all, one;
	u32 passes = 0;
	size_t at = 0;
	int wrong = 0, whole = parse(text, size, &all);

	while (at < size) {
		char *comma = memchr(text + at, ',', size - at);
		size_t len = (comma ? (size_t)(comma - text) : size) - at;
		char *word = fuzz_copy(text + at, len);

		if (len == 0 || parse(word, len, &one) < 0) {
			wrong++;
		} else {
			passes |= one.passes;
		}
		free(word);
		at += len + 1;
	}
	FUZZ_CHECK((whole == 0) == (wrong == 0));
	FUZZ_CHECK(whole != 0 || all.passes == passes);
	free(text);
	return 0;
}
