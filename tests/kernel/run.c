/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the run of the in-kernel tests: which, in what order, and whether a suite gave
 * back what it took. Must never print a name that is not in the ELF's symbol table, or
 * pass over one that is: the harness compares the two.
 *
 * One thread, no locks.
 */
#include "globs.h"

#include <arch/current.h>
#include <arch/irqflags.h>
#include <kernel/console.h>
#include <kernel/memory.h>
#include <kernel/test.h>
#include <kernel/watchdog.h>
#include <lib/ktap.h>
#include <lib/printf.h>
#include <lib/symtab.h>
#include <printk.h>

#define TEST_NAME_MAX 64
#define TESTS_MAX     320 /* the linker script sees to it */

/* The linker gathers both sections. */
extern const struct test __tests_start[], __tests_end[];
extern const struct fatal_test __fatal_tests_start[], __fatal_tests_end[];

/* What a reader wants to see first; all others follow by file name. */
static const char first_suites[][10] = { "highmem", "kmap", "fixmap", "vmalloc", "layout" };

const char *check_text = "";

static struct ktap ktap;
static const char *ended;      /* the last run's verdict */
static u8 outcomes[TESTS_MAX]; /* of each test in the table: 1 + enum ktap_outcome, or 0 */

static struct {
	char test[TEST_NAME_MAX];
	u32 failures;
	const char *skipped; /* why */
} now;

static size_t tap(const char *line, size_t len, char *next, size_t size)
{
	return ktap_line(&ktap, line, len, next, size);
}

void test_note(const char *fmt, ...)
{
	char text[160];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	printk("    # %s", text);
}

/* What stands before the dot. */
static struct span suite_of(const char *test)
{
	return (struct span){ test, (size_t)(strchr(test, '.') - test) };
}

static void fail_at(u32 line, const char *what)
{
	now.failures++;
	test_note("test_%.*s.c:%u:%s %s", SPAN_ARG(suite_of(now.test)), line, check_text, what);
}

void test_fail(u32 line)
{
	fail_at(line, "does not hold");
}

bool check_eq(u32 got, u32 want, u32 line)
{
	char values[72];

	if (got != want) {
		(void)snprintf(values, sizeof(values), "got 0x%x (%d), want 0x%x (%d)", got,
			       (s32)got, want, (s32)want);
		fail_at(line, values);
	}
	return got == want;
}

bool check_eq64(u64 got, u64 want, u32 line)
{
	char values[72];

	if (got != want) {
		(void)snprintf(values, sizeof(values), "got 0x%llx, want 0x%llx", got, want);
		fail_at(line, values);
	}
	return got == want;
}

void test_skip(const char *reason)
{
	now.skipped = reason;
}

/* ---- which tests, in what order ---- */

/* A suite's tests follow each other in the table: one file, one suite. */
struct suite {
	const struct test *first, *end;
	u32 selected;
	char name[TEST_NAME_MAX];
};

/* A test is named by its function. */
static void name_get(void (*run)(void), char *name)
{
	u32 offset;

	(void)symtab_lookup((vaddr_t)run, name, TEST_NAME_MAX, &offset);
}

/* The suite that begins at suite->end; false if there is none. */
static bool suite_next(struct suite *suite, struct span globs)
{
	char name[TEST_NAME_MAX];

	suite->first = suite->end;
	suite->selected = 0;
	for (; suite->end < __tests_end; suite->end++) {
		name_get(suite->end->run, name);
		if (suite->end == suite->first) {
			strlcpy(suite->name, name, suite_of(name).len + 1);
		} else if (!span_eq(suite_of(name), suite->name)) {
			break;
		}
		suite->selected += globs_want(globs, name);
	}
	return suite->end > suite->first;
}

static u32 rank_of(const char *suite)
{
	u32 rank = 0;

	while (rank < ARRAY_SIZE(first_suites) && strcmp(suite, first_suites[rank]) != 0) {
		rank++;
	}
	return rank;
}

/* ---- running them ---- */

/* What a test must leave as it found it. */
struct state {
	u32 windows, atomic;
	bool masked;
};

static void state_get(struct state *state)
{
	const struct thread_core *core = current_core();

	*state = (struct state){ core->kmap_depth, core->atomic, irqs_masked() };
}

static void check_state(const struct state *before)
{
	struct state after;

	state_get(&after);
	if (after.windows != before->windows || after.atomic != before->atomic ||
	    after.masked != before->masked) {
		now.failures++;
		test_note(
			"left behind: windows %u, atomic 0x%x, interrupts masked %u; was %u, 0x%x, %u",
			after.windows, after.atomic, after.masked, before->windows, before->atomic,
			before->masked);
	}
}

/* Runs the test that now.test names. */
static void run_test(const struct test *test, const u32 *baseline)
{
	enum ktap_outcome outcome;
	struct state before;

	now.failures = 0;
	now.skipped = NULL;
	state_get(&before);
	watchdog_beat();
	test->run();
	check_state(&before);
	if (baseline) {
		u32 pages = memory_baseline();

		if (pages != *baseline) {
			now.failures++;
			test_note("the suite began with %u free pages and ends with %u", *baseline,
				  pages);
		}
	}
	outcome = now.failures ? KTAP_FAIL : now.skipped ? KTAP_SKIP : KTAP_PASS;
	ktap_result(&ktap, now.test, outcome, now.skipped);
	outcomes[test - __tests_start] = (u8)(1 + outcome);
}

static void run_suite(const struct suite *suite, struct span globs)
{
	u32 tests = suite->selected, baseline = memory_baseline();

	ktap_suite_begin(&ktap, suite->name, tests);
	for (const struct test *test = suite->first; test < suite->end; test++) {
		name_get(test->run, now.test);
		if (globs_want(globs, now.test)) {
			run_test(test, --tests == 0 ? &baseline : NULL);
		}
	}
	ktap_suite_end(&ktap, suite->name);
}

static void suites_run(struct span globs, u32 rank)
{
	struct suite suite = { .end = __tests_start };

	while (suite_next(&suite, globs)) {
		if (suite.selected && rank_of(suite.name) == rank) {
			run_suite(&suite, globs);
		}
	}
}

static u32 suites_selected(struct span globs)
{
	struct suite suite = { .end = __tests_start };
	u32 suites = 0;

	while (suite_next(&suite, globs)) {
		suites += suite.selected != 0;
	}
	return suites;
}

static void run_fatal(struct span name)
{
	for (const struct fatal_test *test = __fatal_tests_start; test < __fatal_tests_end;
	     test++) {
		name_get(test->run, now.test);
		if (span_eq(name, now.test)) {
			printk("# fatal: %s rule=%s", now.test, test->rule);
			test->run();
			printk("# the fatal test survived");
			return;
		}
	}
	printk("error: no fatal test is named %.*s", SPAN_ARG(name));
}

bool tests_run(struct span globs)
{
	static const char prefix[] = "fatal.";

	if (globs.len >= sizeof(prefix) - 1 && strncmp(globs.s, prefix, sizeof(prefix) - 1) == 0) {
		run_fatal((struct span){ globs.s + sizeof(prefix) - 1,
					 globs.len - sizeof(prefix) + 1 });
		return false;
	}
	if (!globs_all_fit(globs, suites_selected, "selftest", "test")) {
		return false;
	}
	memset(outcomes, 0, sizeof(outcomes));
	console_set_tap(tap);
	watchdog_start(WATCHDOG_PERIOD_US, WATCHDOG_PERIODS);
	ktap_begin(&ktap, suites_selected(globs));
	for (u32 rank = 0; rank <= ARRAY_SIZE(first_suites); rank++) {
		suites_run(globs, rank);
	}
	watchdog_stop();
	console_set_tap(NULL);
	return ktap_end(&ktap);
}

void results_print(const char *suite, const struct test_result *results, u32 count,
		   const char *reason)
{
	memset(outcomes, 0, sizeof(outcomes));
	console_set_tap(tap);
	ktap_begin(&ktap, 1);
	ktap_suite_begin(&ktap, suite, count);
	for (u32 i = 0; i < count; i++) {
		(void)snprintf(now.test, sizeof(now.test), "%s.%s", suite, results[i].name);
		ktap_result(&ktap, now.test, results[i].outcome, reason);
	}
	ktap_suite_end(&ktap, suite);
	console_set_tap(NULL);
	(void)ktap_end(&ktap);
}

void run_end(bool passed)
{
	ended = passed ? "pass" : "fail";
	printk("@end {\"verdict\":\"%s\"}", ended);
}

void tests_report(void)
{
	if (!ended) {
		printk("# nothing was run yet");
		return;
	}
	for (u32 i = 0; i < TESTS_MAX; i++) {
		if (outcomes[i]) {
			name_get(__tests_start[i].run, now.test);
			printk("# %.4s %s", &"passfailskip"[4 * (outcomes[i] - 1)], now.test);
		}
	}
	(void)ktap_end(&ktap);
	printk("@end {\"verdict\":\"%s\"}", ended);
}

bool test_name(u32 n, char *name, size_t size)
{
	u32 offset;

	return n < (u32)(__tests_end - __tests_start) &&
	       symtab_lookup((vaddr_t)__tests_start[n].run, name, size, &offset);
}
