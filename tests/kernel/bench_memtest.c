/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the memory tester costs beside its loops: a sweep of a pass through windows, with all that
 * the engine does for it, against the same loops over a lowmem buffer; for 2 MiB each. A sweep is
 * the difference between a run of three and a run of two, so that taking the memory does not count.
 */
#include "bench.h"

#include <arch/cpreg.h>
#include <arch/sweep.h>
#include <kernel/memtest.h>
#include <mm/bigwin.h>
#include <mm/page_alloc.h>
#include <mm/page_type.h>

#define PIECES 8

enum { OWN = 2, CHECKER = 32 };

static u32 run_cost(u32 passes, u32 sweeps)
{
	const struct memtest_options options = {
		.sweeps = sweeps, .passes = passes, .limit = PIECES * SZ_2M, .errors_only = true
	};
	struct memtest_result result;
	u32 before = read_pmccntr();

	memtest_run(&options, &result);
	return result.tested == options.limit ? read_pmccntr() - before : 0;
}

/* Both passes write and check twice; the cached one cleans before and behind. */
static u32 loop_cost(void *buffer, bool cached)
{
	struct sweep s = { .step = cached ? 0 : 8 };
	u32 before = read_pmccntr(), line = 4u << ((read_ctr() >> 16) & 0xf);

	for (u32 i = 0; i < 2; i++) {
		sweep_fill(buffer, SZ_2M, &s);
		if (cached) {
			sweep_clean(buffer, SZ_2M, line);
			sweep_clean(buffer, SZ_2M, line);
		}
		if (sweep_check(buffer, SZ_2M, &s)) {
			return 0;
		}
	}
	return read_pmccntr() - before;
}

/* As many windows as a sweep opens on 2 MiB. */
static u32 windows_cost(struct page *block)
{
	u32 before;
	void *va;

	page_types_set(page_to_pfn(block), SZ_2M / PAGE_SIZE, MT_NORMAL);
	before = read_pmccntr();
	for (u32 i = 0; i < 4; i++) {
		if (bigwin_map(page_to_pa(block), &va)) {
			return 0;
		}
		bigwin_unmap(va);
	}
	before = read_pmccntr() - before;
	page_types_reset(page_to_pfn(block), SZ_2M / PAGE_SIZE);
	return before;
}

static u32 cost(u32 row)
{
	struct page *block = alloc_pages(row == 4 ? GFP_HIGHONLY : GFP_KERNEL, 9);
	u32 insns = 0;

	switch (block ? row : 5) {
	case 0:
	case 1:
		insns = (run_cost(row ? CHECKER : OWN, 3) - run_cost(row ? CHECKER : OWN, 2)) /
			PIECES;
		break;
	case 2:
	case 3:
		insns = loop_cost(lowmem_page_address(block), row == 3);
		break;
	case 4:
		insns = windows_cost(block);
		break;
	}
	if (block) {
		free_pages(block, 9);
	}
	return insns;
}

void bench_memtest(struct span globs)
{
	static const char names[][24] = { "memtest_own", "memtest_checker", "memtest_own_loop",
					  "memtest_checker_loop", "memtest_windows" };

	for (u32 row = 0; row < ARRAY_SIZE(names); row++) {
		if (bench_wants(names[row], globs)) {
			u32 insns = cost(row);

			if (insns) { /* else it was not measured, and misses in the table */
				bench_print(names[row], insns, 1);
			}
		}
	}
}
