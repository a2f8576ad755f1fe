/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns what is printed while the test runs, for machines and for people, and the count of what is
 * wrong. Any worker calls it. Must never print more lines about bad words than MAX_BAD_LINES: the
 * rest is counted.
 */
#include "engine.h"

#include <kernel/time.h>
#include <kernel/watchdog.h>
#include <lib/div.h>
#include <lib/printf.h>
#include <mm/memblock.h>
#include <printk.h>

#define MAX_BAD_LINES 32

/* ---- progress ---- */

static bool quiet(const struct run *run)
{
	return run->options->silent || run->options->errors_only;
}

void report_begin(const struct run *run, u64 bytes)
{
	if (!run->options->silent) {
		printk("memtest: %llu KiB on %u CPU%s, seed=0x%x; ^C ends it", bytes / 1024,
		       run->workers, run->workers == 1 ? "" : "s", run->options->seed);
	}
}

void report_pass(const struct run *run)
{
	if (!quiet(run)) {
		printk("memtest: %s: read from DRAM, %scleaned and invalidated before each check",
		       run->pass->name, run->pass->uncached ? "HighMem uncached, lowmem " : "");
	}
}

void report_rest(const struct run *run)
{
	if (!quiet(run)) {
		printk("memtest: %s: rests for %u s", run->pass->name, run->options->fade_s);
	}
}

/* "null" where time is a guess, or nothing is done yet. */
static void number_text(char *buf, u64 dividend, u64 divisor)
{
	if (!time_is_measured() || divisor == 0 || divisor > UINT32_MAX) {
		strlcpy(buf, "null", 12);
	} else {
		(void)snprintf(buf, 12, "%llu", div_u64(dividend, (u32)divisor, NULL));
	}
}

void report_progress(struct run *run)
{
	u64 ms = div_u64(time_now_us() - run->start_us, 1000, NULL), done;
	char rate[12], left[12];
	u32 done_mib, left_mib;

	spin_lock(&run->lock);
	done = run->bytes_done;
	spin_unlock(&run->lock);
	if (quiet(run)) {
		return;
	}
	done_mib = (u32)(done / SZ_1M);
	left_mib = (u32)(run->total / SZ_1M) - done_mib;
	number_text(rate, (u64)done_mib * 1000, ms);
	number_text(left,
		    div_u64(ms * left_mib, 1000, NULL) +
			    (u64)run->waits_left * run->options->fade_s * done_mib,
		    done_mib);
	printk("@mem {\"phase\":\"run\",\"sweep\":%u,\"pass\":\"%s\",\"done\":%llu,\"total\":%llu,"
	       "\"mb_s\":%s,\"left_s\":%s,\"errors\":%u}",
	       run->sweep, run->pass->name, done, run->total, rate, left, run->result->errors);
}

/* ---- bad words ---- */

u32 bank_of(phys_addr_t pa)
{
	u32 n = 0;

	while (memblock.memory.range[n].start + memblock.memory.range[n].size <= pa) {
		n++;
	}
	return n;
}

/* The bytes of the bus that carried it. */
static u32 lanes(u64 bits)
{
	u32 mask = 0;

	for (u32 i = 0; i < 8; i++) {
		mask |= (bits >> 8 * i & 0xff ? 1u : 0u) << i;
	}
	return mask;
}

static void print_bad(struct run *run, const struct memtest_bad *bad)
{
	u64 bits = bad->expected ^ bad->got;
	u64 other = bad->got ^ (u64) - (s64)(run->step->byte & 1);
	const char *again = bad->again == bad->expected ? "right when read again" :
			    bad->again == bad->got	? "the same when read again" :
							  "different when read again";

	printk("@bad {\"pa\":\"0x%010llx\",\"expected\":\"0x%016llx\",\"got\":\"0x%016llx\","
	       "\"bits\":\"0x%016llx\",\"lanes\":\"0x%02x\",\"again\":\"0x%016llx\",\"bank\":%u,"
	       "\"pass\":\"%s\"}",
	       bad->pa, bad->expected, bad->got, bits, lanes(bits), bad->again, bank_of(bad->pa),
	       run->pass->name);
	if (run->step->kind == OWN && ranges_have(&run->memory, other)) {
		printk("bad memory at %010llx: shows the word of %010llx; %s", bad->pa, other,
		       again);
	} else {
		printk("bad memory at %010llx: bits %016llx; %s", bad->pa, bits, again);
	}
}

/* Does not wrap: 2^32 errors later it would be a pass. */
static void count_up(u32 *count)
{
	*count += *count != UINT32_MAX;
}

void report_bad(struct run *run, const struct memtest_bad *bad)
{
	struct memtest_result *result = run->result;
	u32 line;

	spin_lock(&run->lock);
	count_up(&result->errors);
	count_up(&result->errors_in_pass[run->pass_number]);
	count_up(&result->errors_in_bank[min(bank_of(bad->pa), (u32)MEMTEST_MAX_BANKS - 1)]);
	if (!ranges_add(&run->bad, bad->pa, bad->pa + sizeof(u64))) {
		ranges_cover(&run->bad, bad->pa, bad->pa + sizeof(u64));
	}
	line = run->bad_lines++;
	if (run->options->fault && run->options->fault->bad) {
		run->options->fault->bad(bad);
	}
	spin_unlock(&run->lock);
	watchdog_beat(); /* a piece that is all bad takes long */
	if (run->options->silent || line > MAX_BAD_LINES) {
		return;
	}
	if (line == MAX_BAD_LINES) {
		printk("bad memory: more is only counted");
	} else {
		print_bad(run, bad);
	}
}
