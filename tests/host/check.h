/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host tests' own small framework. Include it first.
 *
 *	TEST(name) { CHECK(x > 0); CHECK_EQ(f(x), 7); }
 *
 * One program per file; `prog` runs all its tests, `prog NAME` one, `prog --list` names
 * them. One line per test: "ok NAME", "not ok NAME", "skip NAME: reason". A failed check ends its
 * test at once. Exit status: 0, 1 a test failed, 2 no such test, 77 the named one skipped.
 *
 * check.c also stands in for the kernel's bug(), panic(), warn() and printk(): a BUG fails
 * the test, unless CHECK_BUG expects just that rule.
 */
#pragma once

#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct check_test {
	const char *name;
	void (*run)(void);
	struct check_test *next;
};

void check_register(struct check_test *test);
_Noreturn void check_fail(const char *file, int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
_Noreturn void check_skip(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Whether both are strings, and equal. (A function: a test may have renamed its strcmp.) */
bool check_same(const char *a, const char *b);
/* What is being looked at, for the message of a check that fails. */
void check_context(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * Random numbers, the same in every run unless FANLIGHT_SEED says otherwise; each test
 * starts anew. check_below: 0 <= result < limit.
 */
uint64_t check_random(void);
uint64_t check_below(uint64_t limit);

/* What bug() does when a rule is expected; CHECK_BUG's own. */
extern const char *check_bug_expected;
extern jmp_buf check_bug_jump;
/* How often warn() was called in this test. */
extern unsigned check_warnings;
/* Where printk's lines go, for a test that wants them; NULL: standard output. */
extern void (*check_printk)(const char *line);

#define TEST(id)                                                          \
	static void test_##id(void);                                      \
	__attribute__((constructor)) static void register_##id(void)      \
	{                                                                 \
		static struct check_test test = { #id, test_##id, NULL }; \
		check_register(&test);                                    \
	}                                                                 \
	static void test_##id(void)

#define CHECK(cond)                                                  \
	do {                                                         \
		if (!(cond)) {                                       \
			check_fail(__FILE__, __LINE__, "%s", #cond); \
		}                                                    \
	} while (0)

/* Integers of any type; a signed and an unsigned one compare as 64 bits. */
#define CHECK_EQ(got, want)                                                                      \
	do {                                                                                     \
		long long got_ = (long long)(got);                                               \
		long long want_ = (long long)(want);                                             \
		if (got_ != want_) {                                                             \
			check_fail(__FILE__, __LINE__, "%s is %lld (0x%llx), not %lld (0x%llx)", \
				   #got, got_, (unsigned long long)got_, want_,                  \
				   (unsigned long long)want_);                                   \
		}                                                                                \
	} while (0)

#define CHECK_STR_EQ(got, want)                                                          \
	do {                                                                             \
		const char *got_ = (got);                                                \
		const char *want_ = (want);                                              \
		if (!check_same(got_, want_)) {                                          \
			check_fail(__FILE__, __LINE__, "%s is \"%s\", not \"%s\"", #got, \
				   got_ ? got_ : "(null)", want_ ? want_ : "(null)");    \
		}                                                                        \
	} while (0)

/* The statement must end in bug() with exactly this rule; what it allocated is lost. */
#define CHECK_BUG(rule, ...)                                                                      \
	do {                                                                                      \
		check_bug_expected = (rule);                                                      \
		if (setjmp(check_bug_jump) == 0) {                                                \
			__VA_ARGS__;                                                              \
			check_bug_expected = NULL;                                                \
			check_fail(__FILE__, __LINE__, "no BUG %s from: %s", rule, #__VA_ARGS__); \
		}                                                                                 \
		check_bug_expected = NULL;                                                        \
	} while (0)
