/* SPDX-License-Identifier: BSD-2-Clause */
/* The globs behind selftest= and bench=: which names they ask for (globs.c). */
#pragma once

#include <lib/string.h>

/* No globs at all are all names. */
bool globs_want(struct span globs, const char *name);

/*
 * True if each of the comma-separated globs alone fits at least one name, of as many as fits()
 * says. Names the others: `error: key=GLOB matches no what`. May sleep.
 */
bool globs_all_fit(struct span globs, u32 (*fits)(struct span glob), const char *key,
		   const char *what) __must_check;
