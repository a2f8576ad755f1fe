/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What to do when something is wrong: BUG for a broken invariant (never returns),
 * WARN_ONCE for what can be survived, panic() for "cannot go on" without a culprit.
 *
 * Every BUG names its rule, a stable word such as "kunmap.not_mapped": FATAL_TESTs
 * ask for exactly that rule, and a reader greps for it.
 */
#pragma once

#include <types.h>

/* Prints the rule and the message, registers and backtrace, then ends as panic= says. irq-safe. */
void bug(const char *rule, const char *fmt, ...) __printf(2, 3) __noreturn __cold;

/* The same without a rule: for "no memory node" and the like. irq-safe. */
void panic(const char *fmt, ...) __printf(1, 2) __noreturn __cold;

/* Prints one warning line. irq-safe. */
void warn(const char *fmt, ...) __printf(1, 2) __cold;

#define BUG_ON(cond, rule, ...)                 \
	do {                                    \
		if (unlikely(cond)) {           \
			bug(rule, __VA_ARGS__); \
		}                               \
	} while (0)

#define WARN_ONCE(cond, ...)                      \
	do {                                      \
		static bool warned_;              \
		if (unlikely(cond) && !warned_) { \
			warned_ = true;           \
			warn(__VA_ARGS__);        \
		}                                 \
	} while (0)
