/* SPDX-License-Identifier: BSD-2-Clause */
/* Owns the form of test results on the console. Must never decide what a result is. */
#include <lib/ktap.h>

#include <lib/crc32.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <printk.h>

#define SUITE_OPENS "    KTAP version 1"

void ktap_begin(struct ktap *k, u32 suites)
{
	memset(k, 0, sizeof(*k));
	printk("KTAP version 1");
	printk("1..%u", suites);
}

void ktap_suite_begin(struct ktap *k, const char *suite, u32 tests)
{
	k->suite++;
	k->test = 0;
	k->failed_before = k->count[KTAP_FAIL];
	printk(SUITE_OPENS);
	printk("    # Subtest: %s", suite);
	printk("    1..%u", tests);
}

void ktap_result(struct ktap *k, const char *test, enum ktap_outcome outcome, const char *reason)
{
	bool skipped = outcome == KTAP_SKIP;

	k->count[outcome]++;
	k->test++;
	printk("    %s %u %s%s%s", outcome == KTAP_FAIL ? "not ok" : "ok", k->test, test,
	       skipped ? " # SKIP " : "", skipped ? reason : "");
}

void ktap_suite_end(struct ktap *k, const char *suite)
{
	bool failed = k->count[KTAP_FAIL] != k->failed_before;

	k->name = suite;
	(void)snprintf(k->last, sizeof(k->last), "%s %u %s", failed ? "not ok" : "ok", k->suite,
		       suite);
	printk("%s", k->last);
}

bool ktap_end(struct ktap *k)
{
	printk("# Totals: pass:%u fail:%u skip:%u", k->count[KTAP_PASS], k->count[KTAP_FAIL],
	       k->count[KTAP_SKIP]);
	return k->test != 0 && k->count[KTAP_FAIL] == 0;
}

size_t ktap_line(struct ktap *k, const char *line, size_t len, char *next, size_t size)
{
	if (strcmp(line, SUITE_OPENS) == 0) {
		k->summing = true;
		k->lines = k->crc = 0;
	}
	if (!k->summing) {
		return 0;
	}
	k->lines++;
	k->crc = crc32_update(k->crc, line, len);
	k->crc = crc32_update(k->crc, "\n", 1);
	if (strcmp(line, k->last) != 0) {
		return 0;
	}
	k->summing = false;
	return min((size_t)snprintf(next, size,
				    "@sum {\"suite\":\"%s\",\"lines\":%u,\"crc32\":\"%08x\"}",
				    k->name, k->lines, k->crc),
		   size - 1);
}
