/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns what is asked for by globs, of tests and of benchmarks. Must never let one that fits
 * nothing pass: who mistyped a name would take what else was run for it.
 */
#include "globs.h"

#include <printk.h>

bool globs_want(struct span globs, const char *name)
{
	return globs.len == 0 || span_globs_match(globs, name);
}

bool globs_all_fit(struct span globs, u32 (*fits)(struct span glob), const char *key,
		   const char *what)
{
	const char *at = globs.s, *end = globs.s + globs.len;
	bool good = true;

	while (at < end) {
		const char *comma = memchr(at, ',', (size_t)(end - at));
		struct span glob = { at, (size_t)((comma ? comma : end) - at) };

		if (glob.len == 0 || fits(glob) == 0) {
			printk("error: %s=%.*s matches no %s", key, SPAN_ARG(glob), what);
			good = false;
		}
		at += glob.len + 1;
	}
	return good;
}
