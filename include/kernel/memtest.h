/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The memory tester: sweeps every free page of the machine, also those no other 32-bit
 * program can address, through bigwin.
 *
 * Address in address: each 64-bit word holds its own physical address, so that two places
 * which are one behind a broken address line show each other's numbers; then the inverse,
 * so that every bit was 0 and 1. Everything is written before anything is verified, and in
 * the same order, so all but the last few megabytes have left the caches by then.
 *
 * One CPU, nothing else running: all free memory is taken meanwhile.
 */
#pragma once

#include <lib/string.h>
#include <mm/page.h>

struct memtest_options {
	u32 max_pages; /* about as many; 0: every free page */
	bool progress; /* print `@mem` lines */
	/* For tests: called when a pattern is written and not yet verified, with a block under test. */
	void (*between)(const char *pattern, pfn_t block);
	/* When all passes were through and before the pages are given back: each range that was tested. */
	void (*tested)(pfn_t first, u32 pages);
	/* Called for each bad word instead of printing it. */
	void (*bad)(phys_addr_t pa, u64 expected, u64 got);
};

struct memtest_result {
	u64 tested;  /* bytes */
	u64 refused; /* bytes that bigwin would not map */
	u32 errors;  /* bad words; a word that was bad in both patterns counts twice */
};

/* One sweep. All pages are free again when it returns, with junk in them. */
void memtest_run(const struct memtest_options *options, struct memtest_result *result);

/* `memtest=[N]`: N sweeps (default 1) with progress and coverage. True: something was tested, all
 * words were right, and every page was given back. */
bool __must_check memtest_main(struct span sweeps);
