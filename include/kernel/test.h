/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tests that run inside the kernel (tests/kernel/). A test is a function with a name,
 * registered in a linker section; its ELF symbol is its name, so the harness knows from
 * the image alone which tests must report.
 *
 *	TEST(kmap, counts)
 *	{
 *		struct page *page = alloc_page(GFP_HIGHONLY);
 *
 *		REQUIRE(page);
 *		CHECK_EQ(page_order(page), 0);
 *		free_page(page);
 *	}
 *
 *	FATAL_TEST(kunmap.double, "kunmap.not_mapped")
 *	{
 *		…
 *	}
 *
 * A suite is all tests that name it, in the order of the source. CHECKs that fail print a
 * `# file:line:` diagnostic and go on; REQUIRE and SKIP leave the test. Tests run on one
 * thread with interrupts enabled and give back what they took: a suite that ends with
 * another number of free pages than it began with (after slab_shrink() and vmalloc_purge())
 * fails, and its last test with it; so does a test that leaves a window open, preemption off or
 * interrupts masked. Checks are for what runs in the test's thread, not for interrupt handlers.
 */
#pragma once

#include <config.h>
#include <lib/ktap.h>
#include <lib/string.h>
#include <types.h>

/* "suite.test" is the name of its function: run.c has it from lib/symtab.h. */
struct test {
	void (*run)(void);
};

/* Runs alone, one boot each (`selftest=fatal.NAME`), and must end in a panic by that rule. */
struct fatal_test {
	const char *rule;
	void (*run)(void);
};

/* A function that the linker knows by that name. Never one with a like one: it would lose it. */
#define TEST_FUNCTION(function_, text_) \
	static void function_(void) __asm__(text_) __attribute__((no_icf))

#define TEST(suite_, name_)                                                                   \
	TEST_FUNCTION(test_##suite_##_##name_, #suite_ "." #name_);                           \
	_Static_assert(__builtin_strcmp(__FILE_NAME__, "test_" #suite_ ".c") == 0,            \
		       "a suite is in the file of its name");                                 \
	static const struct test entry_##suite_##_##name_ __asm__("test." #suite_ "." #name_) \
		__attribute__((no_reorder)) __section(".tests")                               \
			__used = { test_##suite_##_##name_ };                                 \
	static void test_##suite_##_##name_(void)

/* name_ is written bare, with its dots: FATAL_TEST(kunmap.double, "kunmap.not_mapped"). */
#define FATAL_TEST(name_, rule_)		  FATAL_TEST_(name_, #name_, rule_, __COUNTER__)
#define FATAL_TEST_(name_, text_, rule_, unique_) FATAL_TEST__(text_, rule_, unique_)
#define FATAL_TEST__(text_, rule_, unique_)                                          \
	TEST_FUNCTION(fatal_run_##unique_, text_);                                   \
	static const struct fatal_test fatal_entry_##unique_ __asm__("fatal." text_) \
		__section(".fatal_tests") __used = { rule_, fatal_run_##unique_ };   \
	static void fatal_run_##unique_(void)

/* True if cond holds; else the test has failed, and goes on. */
#define CHECK(cond)                                       \
	({                                                \
		bool held_ = (cond);                      \
		if (unlikely(!held_)) {                   \
			test_fail(CHECK_SITE(" " #cond)); \
		}                                         \
		held_;                                    \
	})

/*
 * True if the two are equal; else prints both. Integers and pointers; compared in got's type, so
 * want must not be wider. Each is evaluated once.
 */
#define CHECK_EQ(got, want)                                                                     \
	({                                                                                      \
		union {                                                                         \
			u32 word;                                                               \
			u64 both;                                                               \
			__typeof__(1 ? (got) : (got)) v; /* promoted, no bit-field */           \
		} got_, want_;                                                                  \
		_Static_assert(sizeof(1 ? (want) : (want)) <= sizeof(got_.v), "want is wider"); \
		got_.v = (got);                                                                 \
		want_.v = (__typeof__(got_.v))(want);                                           \
		sizeof(got_.v) > 4 ? check_eq64(got_.both, want_.both, CHECK_SITE(" " #got)) :  \
				     check_eq(got_.word, want_.word, CHECK_SITE(" " #got));     \
	})

/* True if an int function returned -error: CHECK_ERR(vmap_range(…), EINVAL). */
#define CHECK_ERR(call, error) CHECK_EQ((int)(call), -(int)(error))

/* Leaves the test as failed unless cond holds. */
#define REQUIRE(cond)               \
	do {                        \
		if (!CHECK(cond)) { \
			return;     \
		}                   \
	} while (0)

/* Leaves the test as skipped: the machine lacks what it needs. Earlier failures count. */
#define SKIP(reason)               \
	do {                       \
		test_skip(reason); \
		return;            \
	} while (0)

/* Prints a diagnostic line into the suite, without newline: measured values, seeds. */
void test_note(const char *fmt, ...) __printf(1, 2) __cold;

/*
 * What the macros call. check_eq is always called, and compares: the fewest bytes at each of
 * hundreds of places. File and line name a check; its text is in the image with DEBUG=1 alone,
 * elsewhere the runner prints the line of source.
 */
extern const char *check_text;
#define CHECK_SITE(text) (CONFIG_DEBUG ? (check_text = (text), __LINE__) : __LINE__)
void test_fail(u32 line) __cold;
bool check_eq(u32 got, u32 want, u32 line);
bool check_eq64(u64 got, u64 want, u32 line);
void test_skip(const char *reason) __cold;

/*
 * Runs every test whose name one of the comma-separated globs matches (an empty span is all),
 * suite by suite, and prints the run: KTAP version 1, `@sum` per suite, totals
 * (docs/serial-protocol.md). True if none failed; a glob that matches nothing is an error.
 * `fatal.NAME` instead of globs runs that fatal test, and returns only if it survived.
 */
bool tests_run(struct span globs) __must_check;

/* `stress=OPERATIONS[,SEED]`, for the suite of that name. False: that makes no sense. */
bool tests_set_stress(struct span text) __must_check;
/* DEBUG: `interleave=SEED[,COUNT]`, for the plays (tests/kernel/play.h). As above. */
bool tests_set_interleave(struct span text) __must_check;

/*
 * Runs the benchmarks that the globs match, printing one `@bench` line for each. 0, -ENOENT: a
 * glob matches no row (said), -ENOMEM.
 */
int bench_run(struct span globs) __must_check;

/* What came of something that is not a test of this image. */
struct test_result {
	const char *name;
	enum ktap_outcome outcome;
};
/* The same as a run of one suite; reason: why some were skipped. */
void results_print(const char *suite, const struct test_result *results, u32 count,
		   const char *reason);

/* Prints the last run's totals and verdict once more, or that there was none. */
void tests_report(void);

/* The n-th test's name into name, cut to size bytes; false beyond the last. */
bool test_name(u32 n, char *name, size_t size);

/* Prints `@end`, the last line of a run. */
void run_end(bool passed);
