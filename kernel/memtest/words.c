/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns what the words behind `memtest=`, and the monitor's `memtest`, mean. Pure but for what it
 * prints, so that a fuzzer can ask it.
 */
#include <kernel/memtest.h>

#include <errno.h>
#include <lib/bootargs.h>
#include <lib/printf.h>
#include <printk.h>

#include "passes.h"

#define MAX_SWEEPS 1000000
#define MAX_FADE_S 86400

/* A number behind `key`: 0 and *value, or -EINVAL if it makes no sense; -ENOENT: another word. */
static int word_value(struct span word, const char *key, u64 most, u64 *value)
{
	struct span text = { word.s + strlen(key), word.len - strlen(key) };
	u64 n;

	if (word.len < strlen(key) || strncmp(word.s, key, strlen(key)) != 0) {
		return -ENOENT;
	}
	if (bootargs_size(text, &n) < 0 || n > most) {
		return -EINVAL;
	}
	*value = n;
	return 0;
}

static int word_passes(struct span word, struct memtest_options *options)
{
	u32 found = 0;

	for (u32 n = 0; n < pass_count(); n++) {
		found |= (u32)span_glob_match(word, memtest_passes[n].name) << n;
	}
	options->passes |= found;
	return found ? 0 : -EINVAL;
}

static int word_parse(struct span word, struct memtest_options *options)
{
	u64 n = options->sweeps, seed = options->seed, fade = options->fade_s;
	int error = word_value(word, "seed=", UINT32_MAX, &seed);

	if (error == -ENOENT) {
		error = word_value(word, "fade=", MAX_FADE_S, &fade);
	}
	if (error == -ENOENT) {
		error = word_value(word, "size=", UINT64_MAX, &options->limit);
		error = error == 0 && options->limit == 0 ? -EINVAL : error;
	}
	if (error == -ENOENT && word.len && word.s[0] >= '0' && word.s[0] <= '9') {
		error = word_value(word, "", MAX_SWEEPS, &n);
		error = n == 0 ? -EINVAL : error;
	}
	options->seed = (u32)seed;
	options->fade_s = (u32)fade;
	options->sweeps = (u32)n;
	if (error != -ENOENT) {
		return error;
	}
	if (span_eq(word, "loop")) {
		options->sweeps = 0;
	} else if (span_eq(word, "errors")) {
		options->errors_only = true;
	} else {
		return word_passes(word, options);
	}
	return 0;
}

static void print_words(struct span words, struct span word)
{
	char names[MEMTEST_MAX_PASSES * 12] = "";
	u32 len = 0;

	for (u32 n = 0; n < pass_count(); n++) {
		len += (u32)snprintf(names + len, sizeof(names) - len, " %s",
				     memtest_passes[n].name);
	}
	printk("error: memtest=%.*s: \"%.*s\" makes no sense: SWEEPS, loop, errors, seed=N, "
	       "fade=SECONDS, size=BYTES, or passes:%s",
	       SPAN_ARG(words), SPAN_ARG(word), names);
}

int memtest_parse(struct span words, u32 seed, struct memtest_options *options)
{
	const char *at = words.s, *end = words.s + words.len;

	*options = (struct memtest_options){ .sweeps = 1, .fade_s = 1, .seed = seed };
	while (at < end) {
		const char *comma = memchr(at, ',', (size_t)(end - at));
		struct span word = { at, (size_t)((comma ? comma : end) - at) };

		if (word_parse(word, options) < 0) {
			print_words(words, word);
			return -EINVAL;
		}
		at = comma ? comma + 1 : end;
	}
	return 0;
}
