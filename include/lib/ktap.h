/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Results as KTAP version 1, nested once (suites, then tests), and the checksum line that
 * closes each suite. Formats and counts; knows nothing of what is tested. One run at a
 * time, by one thread; only ktap_line() may come from elsewhere, and it alone knows what was sent.
 */
#pragma once

#include <types.h>

enum ktap_outcome { KTAP_PASS, KTAP_FAIL, KTAP_SKIP, KTAP_OUTCOMES };

#define KTAP_LINE_MAX 80

struct ktap {
	u32 suite;		  /* number of the suite now running, from 1 */
	u32 test;		  /* number of the last result in it */
	u32 count[KTAP_OUTCOMES]; /* tests of all suites */
	u32 failed_before;	  /* count[KTAP_FAIL] when this suite began */
	/* written by ktap_line() alone */
	bool summing; /* inside a suite: lines count for its @sum */
	u32 lines;
	u32 crc;
	/* the suite that ends, and its result: where ktap_line() closes the sum */
	const char *name;
	char last[KTAP_LINE_MAX];
};

/* Starts a run and prints its plan: that many suites. */
void ktap_begin(struct ktap *k, u32 suites);

void ktap_suite_begin(struct ktap *k, const char *suite, u32 tests);
/* reason: why it was skipped; ignored otherwise. */
void ktap_result(struct ktap *k, const char *test, enum ktap_outcome outcome, const char *reason);
/* Prints the suite's own result and its @sum. */
void ktap_suite_end(struct ktap *k, const char *suite);

/* Prints the totals. True if there was a test and none failed. */
bool ktap_end(struct ktap *k);

/*
 * To be called for every line that is sent, by anybody, without its ending but with a NUL, before
 * another one can be sent. Returns the length of a line that is to be sent directly behind it,
 * written to `next`; 0: none. irq-safe.
 */
size_t ktap_line(struct ktap *k, const char *line, size_t len, char *next, size_t size);
