/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The memory tester: takes every page that the page allocator can give, also those that no other
 * 32-bit program can address, and puts all CPUs to work on them through bigwin.
 *
 * Each check reads every location once, and what it reads came from the DRAM. HighMem is tested
 * uncached where a pass says so: its pages have that memory type meanwhile. Lowmem, whose type
 * never changes, and HighMem in the other passes are cleaned and invalidated to the point of
 * coherency between writing and reading.
 */
#pragma once

#include <lib/string.h>
#include <mm/page.h>

#define MEMTEST_MAX_PASSES 8
#define MEMTEST_MAX_BANKS  8

/* What is wrong with one 64-bit word. */
struct memtest_bad {
	phys_addr_t pa;
	u64 expected;
	u64 got;   /* by the check: its only read */
	u64 again; /* by a second read, for this report alone */
};

/* For tests: a broken chip. Called on any CPU, with preemption off and the window open. */
struct memtest_fault {
	/* Where the memory answers that should answer at pa, a multiple of 2 MiB. NULL: there. */
	phys_addr_t (*place)(phys_addr_t pa);
	/* Something was written to [pa, pa + bytes), which is at va. */
	void (*written)(void *va, phys_addr_t pa, u32 bytes);
	/* The 32 bytes at pa, which are at va, were read once and found wrong. */
	void (*was_read)(void *va, phys_addr_t pa);
	/* Each bad word. One call at a time. */
	void (*bad)(const struct memtest_bad *bad);
};

struct memtest_options {
	u32 sweeps; /* 0: until somebody stops it */
	u32 passes; /* a bit for each; 0: all */
	u32 seed;   /* of the random pass; 0: from the time */
	u32 fade_s; /* how long the fade pass waits, twice */
	u64 limit;  /* bytes to test; 0: all that there are */
	/* not what is free, but what memblock has reserved with exactly these flags; 0: free */
	u32 reserved;
	bool errors_only;
	bool silent; /* prints nothing at all */

	/*
	 * When all passes were through and before the pages are given back, in ascending order:
	 * each range that was tested, and each in which something was wrong. Process context. NULL:
	 * nobody wants to know.
	 */
	void (*tested)(pfn_t first, u32 pages);
	void (*bad)(phys_addr_t start, phys_addr_t end);

	const struct memtest_fault *fault; /* NULL: the memory as it is */
};

struct memtest_result {
	u64 tested; /* bytes, by every pass that was asked for */
	u32 errors; /* bad words; each time that it is seen counts */
	u32 errors_in_pass[MEMTEST_MAX_PASSES];
	u32 errors_in_bank[MEMTEST_MAX_BANKS]; /* the last: all others */
	u32 complete; /* passes that were through at least once, a bit for each */
	bool stopped; /* by a key */
};

/* Tests, and prints what it finds. All pages are free again when it returns, with junk in them. */
void memtest_run(const struct memtest_options *options, struct memtest_result *result);

/*
 * The words behind `memtest=`, separated by commas: SWEEPS, loop, errors, seed=N, fade=SECONDS,
 * size=BYTES, and globs of passes; seed: if none is given. 0, or -EINVAL: says which word makes no
 * sense.
 */
int __must_check memtest_parse(struct span words, u32 seed, struct memtest_options *options);

/* One run of that, with its account: coverage, KTAP results. True: as memtest_main(). */
bool __must_check memtest_account(const struct memtest_options *options,
				  struct memtest_result *result);

/* `memtest=…`: all of that, the coverage, KTAP results, and what to reserve. True: something was
 * tested, all words were right, and every page was given back. */
bool __must_check memtest_main(struct span words);
