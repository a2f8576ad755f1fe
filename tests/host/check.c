/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * main() of every host test program, and the stand-ins for what the code under test
 * calls in the kernel. Tests run one after the other, in one process.
 */
#include "check.h"

#include <bug.h>
#include <printk.h>

#include <stdarg.h>
#include <unistd.h>

#define EXIT_SKIP    77
#define DEFAULT_SEED 0x9e3779b97f4a7c15u

const char *check_bug_expected;
jmp_buf check_bug_jump;
unsigned check_warnings;
void (*check_printk)(const char *line);

static struct check_test *tests;
static struct check_test **tests_tail = &tests;
static jmp_buf test_jump;
static const char *test_name;
static char context[256];
static uint64_t random_state;

void check_register(struct check_test *test)
{
	*tests_tail = test;
	tests_tail = &test->next;
}

bool check_same(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

void check_context(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(context, sizeof(context), fmt, args);
	va_end(args);
}

static _Noreturn void fail_v(const char *where, int line, const char *fmt, va_list args)
{
	printf("not ok %s: %s:%d: ", test_name, where, line);
	vprintf(fmt, args);
	printf("%s%s\n", context[0] ? "; with " : "", context);
	longjmp(test_jump, 1);
}

void check_fail(const char *file, int line, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fail_v(file, line, fmt, args);
}

void check_skip(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	printf("skip %s: ", test_name);
	vprintf(fmt, args);
	printf("\n");
	va_end(args);
	longjmp(test_jump, 2);
}

static uint64_t seed(void)
{
	const char *text = getenv("FANLIGHT_SEED");
	uint64_t value = text ? strtoull(text, NULL, 0) : DEFAULT_SEED;

	return value ? value : 1;
}

/* xorshift64: Marsaglia, Xorshift RNGs, 2003. */
uint64_t check_random(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

uint64_t check_below(uint64_t limit)
{
	return check_random() % limit;
}

void bug(const char *rule, const char *fmt, ...)
{
	va_list args;

	if (check_bug_expected && strcmp(check_bug_expected, rule) == 0) {
		longjmp(check_bug_jump, 1);
	}
	check_context("BUG %s", rule);
	va_start(args, fmt);
	fail_v("bug()", 0, fmt, args);
}

void panic(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fail_v("panic()", 0, fmt, args);
}

void warn(const char *fmt, ...)
{
	va_list args;

	check_warnings++;
	va_start(args, fmt);
	printf("# warning: ");
	vprintf(fmt, args);
	printf("\n");
	va_end(args);
}

void printk(const char *fmt, ...)
{
	char line[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	if (check_printk) {
		check_printk(line);
	} else {
		printf("# %s\n", line);
	}
}

/* 0 passed, 1 failed, 2 skipped. */
static int run(const struct check_test *test)
{
	int result;

	test_name = test->name;
	context[0] = '\0';
	check_warnings = 0;
	check_printk = NULL;
	check_bug_expected = NULL;
	random_state = seed();
	result = setjmp(test_jump);
	if (result == 0) {
		test->run();
		printf("ok %s\n", test_name);
	} else if (result == 1) {
		printf("# seed: FANLIGHT_SEED=0x%llx\n", (unsigned long long)seed());
	}
	return result;
}

int main(int argc, char **argv)
{
	const struct check_test *test;
	int ran = 0;
	int failed = 0;
	int result = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 2 && strcmp(argv[1], "--list") == 0) {
		for (test = tests; test; test = test->next) {
			puts(test->name);
		}
		return tests ? 0 : 2;
	}
	for (test = tests; test; test = test->next) {
		if (argc < 2 || strcmp(argv[1], test->name) == 0) {
			result = run(test);
			failed += result == 1;
			ran++;
		}
	}
	if (ran == 0) {
		fprintf(stderr, "no test named %s\n", argc > 1 ? argv[1] : "at all");
		return 2;
	}
	if (failed) {
		fflush(stdout);
		_exit(1); /* without the report of what the failed test did not free */
	}
	return argc > 1 && result == 2 ? EXIT_SKIP : 0;
}
