/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the run of the in-kernel tests: which, in what order, and whether a suite gave
 * back what it took. Must never print a name that is not in the ELF's symbol table, or
 * pass over one that is: the harness compares the two.
 *
 * One thread, no locks.
 */
#include <arch/current.h>
#include <arch/irqflags.h>
#include <kernel/console.h>
#include <kernel/test.h>
#include <layout.h>
#include <lib/ktap.h>
#include <lib/printf.h>
#include <mm/page_alloc.h>
#include <mm/pgtable.h>
#include <mm/slab.h>
#include <mm/vmalloc.h>
#include <printk.h>

#define SUITE_NAME_MAX 24

/* The linker gathers both sections. */
extern const struct test __tests_start[], __tests_end[];
extern const struct fatal_test __fatal_tests_start[], __fatal_tests_end[];

/* What a reader wants to see first; all others follow by name. */
static const char first_suites[][10] = { "highmem", "kmap", "fixmap", "vmalloc", "layout" };

static struct ktap ktap;

static struct {
	const struct test *test;
	u32 failures;
	const char *skipped; /* why */
} now;

static void tap(const char *line, size_t len)
{
	ktap_line(&ktap, line, len);
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

static void fail_at(u32 line, const char *expr, const char *values)
{
	now.failures++;
	test_note("%s:%u: %s%s", now.test->file, line, expr, values);
}

void test_fail(u32 line, const char *expr)
{
	fail_at(line, expr, "");
}

void test_fail_eq(u32 line, const char *expr, u32 got, u32 want)
{
	char values[72];

	(void)snprintf(values, sizeof(values), ": got 0x%x (%d), want 0x%x (%d)", got, (s32)got,
		       want, (s32)want);
	fail_at(line, expr, values);
}

void test_fail_eq64(u32 line, const char *expr, u64 got, u64 want)
{
	char values[72];

	(void)snprintf(values, sizeof(values), ": got 0x%llx, want 0x%llx", got, want);
	fail_at(line, expr, values);
}

void test_skip(const char *reason)
{
	now.skipped = reason;
}

/* ---- which tests, in what order ---- */

static bool selected(const struct test *test, struct span globs)
{
	return globs.len == 0 || span_globs_match(globs, test->name);
}

static void suite_of(const struct test *test, char *suite)
{
	size_t len = (size_t)(strchr(test->name, '.') - test->name);

	strlcpy(suite, test->name, min(len + 1, (size_t)SUITE_NAME_MAX));
}

static u32 rank_of(const char *suite)
{
	u32 rank = 0;

	while (rank < ARRAY_SIZE(first_suites) && strcmp(suite, first_suites[rank]) != 0) {
		rank++;
	}
	return rank;
}

static int suite_compare(const char *a, const char *b)
{
	u32 rank_a = rank_of(a), rank_b = rank_of(b);

	return rank_a != rank_b ? (int)rank_a - (int)rank_b : strcmp(a, b);
}

/* Replaces suite ("": before all) by the one that comes next; false if it was the last. */
static bool next_suite(struct span globs, char *suite)
{
	char best[SUITE_NAME_MAX] = "", candidate[SUITE_NAME_MAX];

	for (const struct test *test = __tests_start; test < __tests_end; test++) {
		if (!selected(test, globs)) {
			continue;
		}
		suite_of(test, candidate);
		if ((suite[0] == '\0' || suite_compare(candidate, suite) > 0) &&
		    (best[0] == '\0' || suite_compare(candidate, best) < 0)) {
			strlcpy(best, candidate, sizeof(best));
		}
	}
	strlcpy(suite, best, SUITE_NAME_MAX);
	return best[0] != '\0';
}

static bool in_suite(const struct test *test, const char *suite, struct span globs)
{
	char name[SUITE_NAME_MAX];

	suite_of(test, name);
	return strcmp(name, suite) == 0 && selected(test, globs);
}

/* ---- running them ---- */

/* Pages that nobody holds. Level-3 tables of the vmalloc area are kept for ever: they count too. */
static u32 baseline_pages(void)
{
	u32 tables = 0;

	vmalloc_purge(); /* gives descriptors back to the slab */
	slab_shrink();
	for (vaddr_t va = vmalloc_start(); va < VMALLOC_END; va += PMD_SIZE) {
		tables += pmd_is_table(*kernel_pmd(va));
	}
	return free_page_count() + tables;
}

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

static void run_test(const struct test *test, const u32 *baseline)
{
	enum ktap_outcome outcome;
	struct state before;

	now.test = test;
	now.failures = 0;
	now.skipped = NULL;
	state_get(&before);
	test->run();
	check_state(&before);
	if (baseline) {
		u32 pages = baseline_pages();

		if (pages != *baseline) {
			now.failures++;
			test_note("the suite began with %u free pages and ends with %u", *baseline,
				  pages);
		}
	}
	outcome = now.failures ? KTAP_FAIL : now.skipped ? KTAP_SKIP : KTAP_PASS;
	ktap_result(&ktap, test->name, outcome, now.skipped);
}

static void run_suite(const char *suite, struct span globs)
{
	u32 tests = 0, baseline = baseline_pages();

	for (const struct test *test = __tests_start; test < __tests_end; test++) {
		tests += in_suite(test, suite, globs);
	}
	ktap_suite_begin(&ktap, suite, tests);
	for (const struct test *test = __tests_start; test < __tests_end; test++) {
		if (in_suite(test, suite, globs)) {
			run_test(test, --tests == 0 ? &baseline : NULL);
		}
	}
	ktap_suite_end(&ktap, suite);
}

static void run_fatal(struct span name)
{
	for (const struct fatal_test *test = __fatal_tests_start; test < __fatal_tests_end;
	     test++) {
		if (span_eq(name, test->name)) {
			printk("# fatal: %s rule=%s", test->name, test->rule);
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
	char suite[SUITE_NAME_MAX] = "";
	u32 suites = 0;

	if (globs.len >= sizeof(prefix) - 1 && strncmp(globs.s, prefix, sizeof(prefix) - 1) == 0) {
		run_fatal((struct span){ globs.s + sizeof(prefix) - 1,
					 globs.len - sizeof(prefix) + 1 });
		return false;
	}
	while (next_suite(globs, suite)) {
		suites++;
	}
	if (suites == 0) {
		printk("error: selftest=%.*s matches no test", SPAN_ARG(globs));
		return false;
	}
	console_set_tap(tap);
	ktap_begin(&ktap, suites);
	while (next_suite(globs, suite)) {
		run_suite(suite, globs);
	}
	console_set_tap(NULL);
	return ktap_end(&ktap);
}

void run_end(bool passed)
{
	printk("@end {\"verdict\":\"%s\"}", passed ? "pass" : "fail");
}
