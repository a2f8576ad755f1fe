/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands that act: tests, benchmarks, memory test, a broken rule, the end. */
#include "monitor.h"

#include <bug.h>
#include <kernel/memtest.h>
#include <kernel/power.h>
#include <kernel/test.h>
#include <layout.h>

/* Suites use the same slots and count the same pages. */
static bool nothing_open(void)
{
	return opened_list() == 0 ||
	       say_error(
		       "close that first (close all): the tests count pages and use the same slots");
}

/* test, bench, memtest */
void cmd_run(u32 argc, char **argv)
{
	struct span what = { argc > 0 ? argv[0] : "", argc > 0 ? strlen(argv[0]) : 0 };

	if (nothing_open()) {
		run_end(argv[-1][0] == 't' ? tests_run(what) :
			argv[-1][0] == 'b' ? bench_run(what) == 0 :
					     memtest_main(what));
	}
}

/* ---- oops ---- */

static void read_null(void)
{
	(void)*(volatile u32 *)NULL;
}

static void write_text(void)
{
	*(volatile u32 *)IMAGE_START = 0;
}

static void execute_data(void)
{
	static u32 data[2];

	((void (*)(void))data)();
}

static void undefined(void)
{
	__asm__ volatile("udf #0");
}

static void broken_rule(void)
{
	bug("monitor.asked", "oops bug");
}

/* For ever, in effect; not a tail call. */
static u32 run_over(volatile u32 *depth)
{
	volatile u32 more[64];

	more[0] = *depth + 1;
	return more[0] ? run_over(more) + more[0] : 0;
}

static void stack_overflow(void)
{
	u32 depth = 0;

	(void)run_over(&depth);
}

void cmd_oops(u32 argc, char **argv)
{
	static const struct {
		char name[8];
		const char *what;
		void (*run)(void);
	} kinds[] = {
		{ "null", "reads through NULL", read_null },
		{ "text", "writes to the kernel's text", write_text },
		{ "exec", "executes data", execute_data },
		{ "undef", "executes an undefined instruction", undefined },
		{ "bug", "breaks a rule that is checked", broken_rule },
		{ "stack", "runs over the end of the stack", stack_overflow },
	};

	for (u32 i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (argc == 0) {
			say("  %-6s %s", kinds[i].name, kinds[i].what);
		} else if (strcmp(argv[0], kinds[i].name) == 0) {
			kinds[i].run();
		}
	}
	if (argc == 0) {
		say("and each fatal test: test fatal.NAME");
	} else {
		(void)say_error("no such kind: oops alone lists them");
	}
}

/* ---- the end ---- */

/* reboot, poweroff */
void cmd_end(__unused u32 argc, char **argv)
{
	if (!after_panic()) {
		(void)opened_list();
	}
	if (argv[-1][0] == 'r') {
		power_reboot();
	} else {
		power_off();
	}
	/* It does not come at once. */
	for (u32 i = 0; i < 1000000000; i++) {
		compiler_barrier();
	}
	(void)say_error("nothing here can do it");
}
