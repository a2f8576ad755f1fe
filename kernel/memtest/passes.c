/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the passes: of which steps over all of the memory each consists. Adding one is adding its
 * steps here, and a row to the list in passes.h. Those with uncached HighMem come first, so that
 * its type changes twice.
 *
 *	lines	 address lines: words whose addresses differ in one bit hold their own addresses
 *	own	 each word its own address, then inverted: any two places that are one show it
 *	moving	 inversions: each line is read, checked and inverted before the next, upwards and
 *		 downwards, with zeros, ones, and a one that walks through each byte. (In lowmem
 *		 a cache may gather a piece's writes: RAM then sees its reads first.)
 *	fade	 zeros and ones that must last for a while
 *	random	 a sequence from the seed, then inverted; another one in each sweep
 *	checker	 alternating bits, inverted from word to word, then all inverted
 *	copy	 half of each piece is filled, moved by LDM and STM to the other half, and back
 */
#include "engine.h"

#include <kernel/sched.h>
#include <kernel/time.h>
#include <kernel/watchdog.h>

#define WAIT_SLICE_US 100000u
#define SLICES_A_LINE 300

#define WALK(one)                                    \
	{ OP_DOWN, BYTES, (u8) ~((one) >> 1), one }, \
	{                                            \
		OP_UP, BYTES, one, (u8) ~(one)       \
	}

static const struct step steps[] = {
	/* lines */
	{ OP_LINES, OWN, 0, 0 },
	{ OP_CHECK_LINES, OWN, 0, 0 },
	{ OP_LINES, OWN, 0xff, 0 },
	{ OP_CHECK_LINES, OWN, 0xff, 0 },
	/* own */
	{ OP_FILL, OWN, 0, 0 },
	{ OP_CHECK, OWN, 0, 0 },
	{ OP_FILL, OWN, 0xff, 0 },
	{ OP_CHECK, OWN, 0xff, 0 },
	/* moving */
	{ OP_FILL, BYTES, 0, 0 },
	{ OP_UP, BYTES, 0, 0xff },
	WALK(0x01),
	WALK(0x02),
	WALK(0x04),
	WALK(0x08),
	WALK(0x10),
	WALK(0x20),
	WALK(0x40),
	WALK(0x80),
	{ OP_DOWN, BYTES, 0x7f, 0 },
	{ OP_CHECK, BYTES, 0, 0 },
	/* fade */
	{ OP_FILL, BYTES, 0, 0 },
	{ OP_WAIT, 0, 0, 0 },
	{ OP_CHECK, BYTES, 0, 0 },
	{ OP_FILL, BYTES, 0xff, 0 },
	{ OP_WAIT, 0, 0, 0 },
	{ OP_CHECK, BYTES, 0xff, 0 },
	/* random */
	{ OP_FILL, RANDOM, 0, 0 },
	{ OP_CHECK, RANDOM, 0, 0 },
	{ OP_FILL, RANDOM, 0xff, 0 },
	{ OP_CHECK, RANDOM, 0xff, 0 },
	/* checker */
	{ OP_FILL, CHECKER, 0x55, 0 },
	{ OP_CHECK, CHECKER, 0x55, 0 },
	{ OP_FILL, CHECKER, 0xaa, 0 },
	{ OP_CHECK, CHECKER, 0xaa, 0 },
	/* copy */
	{ OP_COPY_UP, OWN, 0, 0 },
	{ OP_CHECK_COPY, OWN, 0, 0 },
	{ OP_COPY_DOWN, OWN, 0xff, 0 },
	{ OP_CHECK_COPY, OWN, 0xff, 0 },
};

const struct pass memtest_passes[] = { PASSES(PASS_ENTRY) };
STATIC_ASSERT(PASSES(PASS_STEPS) == ARRAY_SIZE(steps));
STATIC_ASSERT(PASS_COUNT <= MEMTEST_MAX_PASSES);

bool pass_wanted(const struct memtest_options *options, u32 number)
{
	return !options->passes || options->passes >> number & 1;
}

bool pass_all_complete(const struct memtest_options *options, const struct memtest_result *result)
{
	for (u32 n = 0; n < pass_count(); n++) {
		if (pass_wanted(options, n) && !(result->complete >> n & 1)) {
			return false;
		}
	}
	return true;
}

/* ---- a sweep ---- */

static void rest(struct run *run)
{
	u64 until = time_now_us() + run->options->fade_s * 1000000ull;

	report_rest(run);
	for (u32 slice = 1; time_now_us() < until && !run_stop_wanted(run); slice++) {
		u64 before = time_now_us();

		thread_sleep_us(min((u32)(until - time_now_us()), WAIT_SLICE_US));
		watchdog_beat();
		run->start_us += time_now_us() - before; /* MB/s is of the time that it works */
		if (slice % SLICES_A_LINE == 0) {
			report_progress(run);
		}
	}
	run->waits_left--;
}

/* What the sweep will do, for the time left. */
static void sweep_plan(struct run *run, u64 bytes)
{
	const struct step *step = steps;

	run->total = run->bytes_done = 0;
	run->waits_left = 0;
	for (u32 n = 0; n < pass_count(); n++) {
		for (u32 i = 0; i < memtest_passes[n].steps; i++, step++) {
			if (pass_wanted(run->options, n)) {
				run->total += step->op >= OP_FILL ? bytes : 0;
				run->waits_left += step->op == OP_WAIT;
			}
		}
	}
}

static void run_pass(struct run *run, const struct step *step)
{
	run_set_uncached(run, run->pass->uncached);
	report_pass(run);
	for (u32 i = 0; i < run->pass->steps && !run->stop; i++, step++) {
		if (step->op == OP_WAIT) {
			rest(run);
		} else {
			run_step(run, step);
		}
	}
}

void run_sweep(struct run *run, u64 bytes)
{
	const struct step *step = steps;

	sweep_plan(run, bytes);
	for (u32 n = 0; n < pass_count() && !run->stop; n++) {
		run->pass_number = n;
		run->pass = &memtest_passes[n];
		if (pass_wanted(run->options, n)) {
			run_pass(run, step);
			if (!run->stop) {
				run->result->complete |= 1u << n;
				report_progress(run);
			}
		}
		step += run->pass->steps;
	}
}
